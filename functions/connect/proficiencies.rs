//! The requests that change the proficiencies of a user.
//!
//! `onboarding_core::sync` compares a user's current proficiencies with the desired proficiencies, and returns the
//! steps of the change. The whole change can be repeated. After an error, the change starts again and first reads the
//! current proficiencies ([`Request::again`](super::request::Request::again)).

use aws_sdk_connect::types::{UserProficiency, UserProficiencyDisassociate};
use aws_smithy_types::error::operation::BuildError;
use onboarding_core::{
    onboarding::Proficiency,
    sync::{PROFICIENCIES_KEY, ProficiencyChange, ProficiencyStep, UserRef},
};

use super::{
    request::{RequestError, Write},
    user_api::{UserApi, invalid, outcome},
};

/// Connect's maximum page size for proficiencies.
const PAGE: i32 = 100;

impl UserApi<'_> {
    /// Reads the proficiencies of a user, and returns the steps of the change.
    pub(super) async fn read_proficiencies<'p>(
        &self,
        user: &UserRef,
        change: &ProficiencyChange,
    ) -> Result<Write<'p>, RequestError> {
        let doing = format!("reading the proficiencies of the user {}", user.username);
        let list = self.client.list_user_proficiencies().instance_id(self.instance_id).user_id(&user.id);
        let mut pages = list.into_paginator().page_size(PAGE).items().send();
        let mut current = Vec::new();
        while let Some(one) = pages.next().await {
            current.push(from_connect(one.map_err(|error| RequestError::new(&doing, &error))?));
        }
        let steps = change.steps(&current);
        Ok(Write::Proficiencies { user: user.clone(), change: change.clone(), steps })
    }

    /// Performs the first of the given steps, and returns a request for the remaining steps.
    pub(super) async fn take_step<'p>(
        &self,
        user: &UserRef,
        change: &ProficiencyChange,
        steps: &[ProficiencyStep],
    ) -> Result<Option<Write<'p>>, RequestError> {
        let Some((step, rest)) = steps.split_first() else { return Ok(None) };
        let doing = format!("changing the proficiencies of the user {}", user.username);
        let (client, instance, id) = (&self.client, self.instance_id, user.id.as_str());
        match step {
            ProficiencyStep::Remove(list) => {
                let call = client.disassociate_user_proficiencies().instance_id(instance).user_id(id);
                let list: Result<_, _> = list.iter().map(without_level).collect();
                outcome(&doing, call.set_user_proficiencies(Some(list.map_err(invalid)?)).send().await)?;
            }
            ProficiencyStep::Add(list) => {
                let call = client.associate_user_proficiencies().instance_id(instance).user_id(id);
                let list: Result<_, _> = list.iter().map(to_connect).collect();
                outcome(&doing, call.set_user_proficiencies(Some(list.map_err(invalid)?)).send().await)?;
            }
            ProficiencyStep::SetLevel(list) => {
                let call = client.update_user_proficiencies().instance_id(instance).user_id(id);
                let list: Result<_, _> = list.iter().map(to_connect).collect();
                outcome(&doing, call.set_user_proficiencies(Some(list.map_err(invalid)?)).send().await)?;
            }
            ProficiencyStep::Announce(record) => self.tag_proficiencies(&doing, user, Some(record)).await?,
            ProficiencyStep::Record => {
                self.tag_proficiencies(&doing, user, change.desired.record()).await?;
            }
        }
        Ok((!rest.is_empty()).then(|| Write::Proficiencies {
            user: user.clone(),
            change: change.clone(),
            steps: rest.to_vec(),
        }))
    }

    /// Sets the tag that records which proficiencies the sync assigned to the user. If `record` is `None`, removes the
    /// tag.
    async fn tag_proficiencies(&self, doing: &str, user: &UserRef, record: Option<&str>) -> Result<(), RequestError> {
        match record {
            Some(record) => {
                let call = self.client.tag_resource().resource_arn(&user.arn).tags(PROFICIENCIES_KEY, record);
                outcome(doing, call.send().await)
            }
            None => {
                let call = self.client.untag_resource().resource_arn(&user.arn).tag_keys(PROFICIENCIES_KEY);
                outcome(doing, call.send().await)
            }
        }
    }
}

/// Converts a proficiency. Connect returns the level as a floating-point number, but documents only integers from 1 to
/// 5.
fn from_connect(one: UserProficiency) -> Proficiency {
    let level = (1..=5_u8).rev().find(|level| f32::from(*level) <= one.level).unwrap_or_default();
    Proficiency { attribute: one.attribute_name, value: one.attribute_value, level }
}

fn to_connect(one: &Proficiency) -> Result<UserProficiency, BuildError> {
    UserProficiency::builder()
        .attribute_name(&one.attribute)
        .attribute_value(&one.value)
        .level(f32::from(one.level))
        .build()
}

fn without_level(one: &Proficiency) -> Result<UserProficiencyDisassociate, BuildError> {
    UserProficiencyDisassociate::builder().attribute_name(&one.attribute).attribute_value(&one.value).build()
}
