//! The approved origins of an instance. Approved origins have no tags in Amazon Connect, so the registry records which
//! origins this onboarding has added.

use std::collections::BTreeSet;

use onboarding_core::{
    StepError,
    contract::Area,
    inspection::{Checks, Object, Presence},
    onboarding::Instance,
    origin::same,
};

use super::instance::fresh;
use crate::{context::Context, registry::Registry};

/// The object type that a plan shows for an approved origin.
pub(crate) const ORIGIN: &str = "approved origin";
/// The recommended action for an approved origin that the input does not contain.
pub(crate) const ADD_OR_REMOVE: &str = "If the website may embed Amazon Connect, add its origin to \
                                        instance.approvedOrigins. Otherwise, remove the origin under Approved origins \
                                        in the Amazon Connect console.";

/// The approved origins of an instance.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins {
    /// The approved origins that Connect lists.
    pub(crate) listed: Vec<String>,
    /// The approved origins that, according to the registry, this onboarding added. Each origin is recorded before it
    /// is added in Connect.
    pub(crate) added: BTreeSet<String>,
}

impl Origins {
    /// Reads the approved origins of an instance from Connect and the registry.
    ///
    /// # Errors
    /// See [`fresh`]. Also if `DynamoDB` returns an error.
    pub(crate) async fn read(ctx: &Context, instance_id: &str, wanted: &Instance) -> Result<Self, StepError> {
        let listed = listed(ctx, instance_id).await?;
        // The registry is read only if Connect or the input contains approved origins. Most instances have none.
        let added = match listed.is_empty() && wanted.approved_origins().is_empty() {
            true => BTreeSet::new(),
            false => Registry::new(ctx)?.added_origins(instance_id).await?,
        };
        Ok(Self { listed, added })
    }

    /// Returns whether Connect lists an approved origin. If an administrator entered the origin in the console, Connect
    /// may list it in another form.
    pub(crate) fn lists(&self, origin: &str) -> bool {
        self.listed.iter().any(|listed| same(listed, origin))
    }

    /// Returns the listed origins that this onboarding has added.
    pub(crate) fn ours(&self) -> impl Iterator<Item = &String> {
        self.listed.iter().filter(|listed| self.added.contains(*listed))
    }

    /// Returns the listed origins that this onboarding has not added.
    pub(crate) fn of_others(&self) -> impl Iterator<Item = &String> {
        self.listed.iter().filter(|listed| !self.added.contains(*listed))
    }

    /// Compares the approved origins with the input.
    fn objects(&self, wanted: &Instance) -> Vec<Object> {
        let object = |name: &str, presence| Object::new(Area::Instance, ORIGIN, name, presence);
        let declared = wanted.approved_origins().iter().map(|origin| {
            let presence = match (self.lists(origin), self.added.contains(origin)) {
                (false, _) => Presence::Absent,
                (true, true) => Presence::Ours,
                (true, false) => Presence::Adoptable,
            };
            object(origin, presence)
        });
        let is_declared = |origin: &&String| wanted.approved_origins().iter().any(|declared| same(declared, origin));
        let former = self.ours().filter(|origin| !is_declared(origin));
        let former = former.map(|origin| object(origin, Presence::Surplus));
        // If the input does not contain the setting for approved origins, origins that this onboarding has not added
        // are not compared.
        let others = self.of_others().filter(|origin| wanted.approved_origins.is_some() && !is_declared(origin));
        let others = others.map(|origin| {
            let mut guards = Checks::default();
            guards.equal("listed in the input", "true", "false");
            let kept = Presence::Elsewhere("it is not in the input, and this onboarding did not add it".into());
            object(origin, kept).guarded(guards).advising(ADD_OR_REMOVE)
        });
        declared.chain(former).chain(others).collect()
    }
}

/// Returns the origins that Connect lists for an instance.
///
/// # Errors
/// See [`fresh`].
pub(crate) async fn listed(ctx: &Context, instance_id: &str) -> Result<Vec<String>, StepError> {
    let doing = format!("reading the approved origins of the instance {instance_id}");
    let found = ctx.connect().list_approved_origins().instance_id(instance_id).into_paginator().items().send();
    found.try_collect().await.map_err(|error| fresh(&doing, &error))
}

/// Compares the approved origins of an instance with the input. `id` is `None` if the instance does not exist yet.
///
/// # Errors
/// If Connect or `DynamoDB` returns an error.
pub(crate) async fn origin_objects(
    ctx: &Context,
    id: Option<&str>,
    wanted: &Instance,
) -> Result<Vec<Object>, StepError> {
    let found = match id {
        Some(id) => Origins::read(ctx, id, wanted).await?,
        None => Origins::default(),
    };
    Ok(found.objects(wanted))
}

#[cfg(test)]
mod tests {
    use onboarding_core::contract::Action;

    use super::*;

    fn planned(declared: Option<&[&str]>, listed: &[&str], added: &[&str]) -> Vec<(String, Action)> {
        let text = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let wanted = Instance { approved_origins: declared.map(text), ..Instance::default() };
        let origins = Origins { listed: text(listed), added: text(added).into_iter().collect() };
        let items = origins.objects(&wanted).into_iter().map(|object| object.planned(false));
        items.map(|item| (item.name, item.action)).collect()
    }

    #[test]
    fn only_origins_that_this_onboarding_added_are_removed() {
        let (crm, desk, old) = ("https://crm.example", "https://desk.example", "https://old.example");
        for (declared, listed, added, expected) in [
            (Some(&[crm][..]), &[][..], &[][..], vec![(crm, Action::Create)]),
            (Some(&[crm]), &[crm], &[crm], vec![(crm, Action::Leave)]),
            (Some(&[crm]), &["https://CRM.example/"], &[], vec![(crm, Action::Adopt)]),
            (Some(&[crm]), &[crm, desk], &[crm, desk], vec![(crm, Action::Leave), (desk, Action::Delete)]),
            (Some(&[crm]), &[crm, old], &[crm], vec![(crm, Action::Leave), (old, Action::Leave)]),
            (Some(&[]), &[old], &[], vec![(old, Action::Leave)]),
            (None, &[desk, old], &[desk], vec![(desk, Action::Delete)]),
            (None, &[], &[desk], vec![]),
        ] {
            let expected: Vec<_> = expected.into_iter().map(|(name, action)| (name.to_owned(), action)).collect();
            assert_eq!(planned(declared, listed, added), expected, "{declared:?} {listed:?} {added:?}");
        }
    }

    #[test]
    fn an_origin_of_others_is_a_security_finding_that_no_step_reverts() {
        let wanted = Instance { approved_origins: Some(Vec::new()), ..Instance::default() };
        let origins = Origins { listed: vec!["https://evil.example".into()], added: BTreeSet::new() };
        let findings: Vec<_> = origins.objects(&wanted).iter().flat_map(Object::drifted).collect();
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!(findings[0].place, "approved origin https://evil.example: listed in the input");
        assert!(findings[0].security && !findings[0].revertible && findings[0].advice == ADD_OR_REMOVE);
        assert!(origins.objects(&Instance::default()).is_empty(), "the input does not declare origins");
    }
}
