//! Reads an instance that may have been set up manually. Determines the enterprise application and the groups of the
//! instance, and chooses names of IAM objects that an onboarding can use.

use std::collections::BTreeSet;

use aws_sdk_connect::types::InstanceStorageResourceType;
use onboarding_core::{
    StepError, StepErrorKind,
    adoption::{DerivedUsers, FoundClaims, FoundInstance, derive, leads_to},
    contract::OpenItem,
    inspection::Presence,
    names,
    onboarding::{Assignment, Iam, Onboarding, Storage, UserGroup, UsernameAttribute},
    saml::{Metadata, read_metadata},
    sync::{Completeness, GroupRead},
    text::nearest,
};

use super::{
    entra::Found,
    federation::{Federation, policy_object, provider_object, role_object},
    instance, origins,
};
use crate::{
    aws::{iam, instances},
    connect::Directory,
    context::Context,
};

/// Maximum number of names to try for an IAM object: first the default name, then `<name>-2`, `<name>-3` and so on.
const NAMES: usize = 9;

/// Returns the instance with this alias.
///
/// # Errors
/// `InvalidInput` if no instance has this alias, or if an onboarding can't use the instance because it does not use
/// SAML or is a replica. If no instance has the alias, the error message contains the most similar alias.
pub(crate) async fn usable_instance(ctx: &Context, alias: &str) -> Result<aws_sdk_connect::types::Instance, StepError> {
    let Some(found) = instance::of_alias(ctx, alias).await? else {
        let listed = instances::list(ctx.connect()).await?;
        let similar = nearest(alias, listed.iter().filter_map(|instance| instance.instance_alias()));
        let hint = similar.map_or_else(String::new, |similar| format!("; did you mean {similar}?"));
        return Err(StepError::invalid_input(format!(
            "the account has no Amazon Connect instance with the alias {alias} in {}{hint}",
            ctx.region()
        )));
    };
    match instance::object(ctx.region(), alias, Some(&found)).presence {
        Presence::Foreign(why) => Err(StepError::invalid_input(format!("the instance {alias} cannot be used: {why}"))),
        _ => Ok(found.instance),
    }
}

/// Reads the settings of an instance.
///
/// # Errors
/// If Connect returns an error.
pub(crate) async fn settings(ctx: &Context, id: &str, alias: &str) -> Result<FoundInstance, StepError> {
    let mut stored = [false; 3];
    let kinds = [
        InstanceStorageResourceType::CallRecordings,
        InstanceStorageResourceType::ChatTranscripts,
        InstanceStorageResourceType::ScheduledReports,
    ];
    for (stored, kind) in stored.iter_mut().zip(&kinds) {
        *stored = !instance::storage_configs(ctx, id, kind).await?.is_empty();
    }
    let [call_recordings, chat_transcripts, scheduled_reports] = stored;
    Ok(FoundInstance {
        alias: alias.to_owned(),
        attributes: instance::attributes(ctx, id).await?,
        storage: Storage { call_recordings, chat_transcripts, scheduled_reports },
        origins: origins::listed(ctx, id).await?,
    })
}

/// Returns the enterprise application that signs users in to the instance. The relay state of this application contains
/// the instance ID.
///
/// # Errors
/// `Conflict` if the relay states of several applications contain the instance ID; `AccessDenied` if the runtime
/// identity has no permission to read applications.
pub(crate) async fn application(ctx: &Context, instance_id: &str) -> Result<Option<Found>, StepError> {
    let graph = ctx.graph();
    let template = graph.application_template(names::GALLERY_APPLICATION, names::GALLERY_APPLICATION_ID).await?;
    let mut found = Vec::new();
    for listed in graph.service_principals_of(&template).await? {
        // Graph does not document whether a list of service principals contains the relay state. Some properties are
        // returned only in requests for a single object.
        let relay_state = match listed.relay_state() {
            Some(relay_state) => Some(relay_state.to_owned()),
            None => graph.service_principal(&listed.id).await?.and_then(|one| one.relay_state().map(ToOwned::to_owned)),
        };
        if relay_state.is_some_and(|relay_state| leads_to(&relay_state, instance_id)) {
            found.push(listed);
        }
    }
    if found.len() > 1 {
        let mut labels: Vec<String> = found
            .iter()
            .map(|one| format!("\"{}\" (service principal {})", one.display_name.as_deref().unwrap_or("?"), one.id))
            .collect();
        labels.sort_unstable();
        return Err(StepError::conflict(format!(
            "{} enterprise applications have a relay state that leads to the instance {instance_id}: {}; an onboarding \
             uses one application, so remove the relay state of the others, or delete them",
            found.len(),
            labels.join(", ")
        )));
    }
    match found.pop() {
        Some(principal) => Found::read(graph, &principal.id, "").await,
        None => Ok(None),
    }
}

/// Returns the content of the application's claims mapping policy. The result does not include claims that an
/// administrator edited in the portal. Claims that were edited in the portal are stored in the custom claims policy of
/// the service principal (`customClaimsPolicy`), which only the beta version of Graph returns.
pub(crate) fn claims(found: &Found) -> Option<FoundClaims> {
    let text = found.claims.first()?.definition.first()?;
    Some(FoundClaims::of(&serde_json::from_str(text).ok()?))
}

/// The groups whose members are users of the instance. Also states whether an onboarding would assign groups or single
/// users to the application.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    pub(crate) reads: Vec<GroupRead>,
    pub(crate) assignment: Assignment,
}

impl Groups {
    /// Reads the groups with the names `named`. If `named` is empty, reads the groups that are assigned to the
    /// application.
    ///
    /// # Errors
    /// `InvalidInput` if a group does not exist.
    pub(crate) async fn read(ctx: &Context, found: Option<&Found>, named: &[String]) -> Result<Self, StepError> {
        let graph = ctx.graph();
        let assignments = found.map(|found| found.assignments.as_slice()).unwrap_or_default();
        let of = |kind: &'static str| {
            let those = assignments.iter().filter(move |one| one.principal_type.as_deref() == Some(kind));
            those.map(|one| one.principal_id.clone())
        };
        let mut assigned: Vec<String> = of("Group").collect();
        assigned.sort_unstable();
        assigned.dedup();
        let mut reads = Vec::new();
        for name in if named.is_empty() { assigned.as_slice() } else { named } {
            let group = graph.resolve_group(name).await?;
            let Some(read) = graph.group_members(&group.id, false).await? else { continue };
            // If several groups have the same name, the generated input contains the object ID of the group instead of
            // the name.
            let unique = match graph.resolve_group(&group.display_name).await {
                Ok(_) => group.display_name.clone(),
                Err(error) if matches!(error.kind, StepErrorKind::Conflict | StepErrorKind::InvalidInput) => {
                    group.id.clone()
                }
                Err(error) => return Err(error),
            };
            reads.push(GroupRead {
                group_id: group.id,
                display_name: group.display_name,
                settings: UserGroup { group: unique, ..UserGroup::default() },
                members: read.members,
                nested_groups: read.nested_groups,
                other_objects: read.other_objects,
                completeness: Completeness::Complete,
            });
        }
        if reads.is_empty() {
            let why = match (found, of("User").next()) {
                (None, _) => "no enterprise application of the gallery application has a relay state that leads to it",
                (Some(_), Some(_)) => "only single users are assigned to its enterprise application",
                (Some(_), None) => "nothing is assigned to its enterprise application",
            };
            return Err(StepError::invalid_input(format!(
                "the groups of the instance are unknown: {why}. Name the Entra groups whose members are its users: \
                 `onboard adopt ALIAS --group GROUP`"
            )));
        }
        let one_by_one = of("User").next().is_some() && !reads.iter().any(|read| assigned.contains(&read.group_id));
        let assignment = if one_by_one { Assignment::Users } else { Assignment::Groups };
        Ok(Self { reads, assignment })
    }

    /// Derives the settings for the groups in the generated input from the settings of the instance's users.
    ///
    /// # Errors
    /// If the users or profiles cannot be read completely from Connect.
    pub(crate) async fn derive(
        &self,
        ctx: &Context,
        (instance_id, alias): (&str, &str),
        username: Option<UsernameAttribute>,
    ) -> Result<DerivedUsers, StepError> {
        let directory = Directory::new(ctx.connect(), instance_id, alias, ctx.settings.clock());
        let (users, profiles) = tokio::try_join!(directory.users(), directory.profiles(&[]))?;
        let mut derived = derive(&self.reads, &users, &profiles, username);
        let ids: BTreeSet<String> =
            derived.groups.iter().filter_map(|group| group.hierarchy_group_id.clone()).collect();
        for id in ids {
            let path = directory.hierarchy_path(&id).await?;
            for group in derived.groups.iter_mut().filter(|group| group.hierarchy_group_id.as_ref() == Some(&id)) {
                group.settings.hierarchy_group.clone_from(&path);
            }
        }
        Ok(derived)
    }
}

/// A type of IAM object whose name is part of the input.
#[derive(Clone, Copy)]
enum Part {
    Provider,
    Policy,
    Role,
}

/// The IAM objects that the enterprise application currently uses.
#[derive(Debug, Default)]
struct Present {
    saml_provider: Option<String>,
    policy: Option<String>,
    role: Option<String>,
    /// The ARN of the IAM role in the SAML claims.
    role_arn: Option<String>,
}

impl Present {
    /// Reads the IAM objects whose ARNs are in the SAML claims. An onboarding can use only roles and policies with its
    /// own IAM path.
    ///
    /// # Errors
    /// If IAM returns an error.
    async fn read(ctx: &Context, account: &str, claims: &FoundClaims) -> Result<Self, StepError> {
        let below = |prefix: String| move |arn: &String| arn.strip_prefix(&prefix).map(ToOwned::to_owned);
        let role = claims.role.as_ref().and_then(below(format!("{account}:role{}", names::IAM_PATH)));
        let attached = match &role {
            Some(role) if iam::role(ctx.iam(), role).await?.is_some() => {
                iam::attached_policies(ctx.iam(), role).await?
            }
            _ => Vec::new(),
        };
        Ok(Self {
            saml_provider: claims.saml_provider.as_ref().and_then(below(format!("{account}:saml-provider/"))),
            policy: attached.iter().find_map(below(format!("{account}:policy{}", names::IAM_PATH))),
            role,
            role_arn: claims.role.clone(),
        })
    }
}

/// Sets the names of the IAM objects in the generated input. If an onboarding can adopt the objects that the
/// application currently uses, the names of these objects are used. Otherwise, the default names are used. If another
/// object already has the default name, a number is added to the name.
///
/// # Errors
/// If STS, IAM or Entra returns an error.
pub(crate) async fn name_iam_objects(
    ctx: &Context,
    onboarding: &mut Onboarding,
    instance_id: &str,
    (found, claims): (&Found, &FoundClaims),
) -> Result<Vec<OpenItem>, StepError> {
    let account = iam::arn_prefix(ctx.sts()).await?;
    let alias = onboarding.instance.alias.clone();
    let present = Present::read(ctx, &account, claims).await?;
    let published = ctx.graph().federation_metadata(&found.principal.app_id).await?;
    let published = read_metadata(&published).ok();
    let entra = (published.as_ref(), found.active_certificate(), found.certificates());
    let parts = [
        (Part::Provider, present.saml_provider.clone(), names::saml_provider(&alias)),
        (Part::Policy, present.policy.clone(), names::policy(&alias)),
        (Part::Role, present.role.clone(), names::role(&alias)),
    ];
    for (part, now, default) in parts {
        let numbered = (1..=NAMES).map(|number| match number {
            1 => default.clone(),
            _ => format!("{default}-{number}"),
        });
        for name in now.into_iter().chain(numbered) {
            *name_of(&mut onboarding.iam, part) = name;
            let wanted = Federation::new(onboarding, (&account, ctx.region(), instance_id))?;
            if !matches!(presence(ctx, part, &wanted, &alias, &entra).await?, Presence::Foreign(_)) {
                break;
            }
        }
    }
    let role = format!("{account}:role{}{}", names::IAM_PATH, onboarding.iam.role_name);
    Ok(present.role_arn.filter(|now| *now != role).map(|now| another_role(&now, &onboarding.iam)).into_iter().collect())
}

fn name_of(iam: &mut Iam, part: Part) -> &mut String {
    match part {
        Part::Provider => &mut iam.saml_provider_name,
        Part::Policy => &mut iam.policy_name,
        Part::Role => &mut iam.role_name,
    }
}

async fn presence(
    ctx: &Context,
    part: Part,
    wanted: &Federation,
    alias: &str,
    (published, active, certificates): &(Option<&Metadata>, Option<&str>, Vec<String>),
) -> Result<Presence, StepError> {
    let object = match part {
        Part::Provider => provider_object(ctx, wanted, alias, (*published, *active, certificates.as_slice())).await?,
        Part::Policy => policy_object(ctx, wanted, alias).await?,
        Part::Role => role_object(ctx, wanted, alias).await?,
    };
    Ok(object.presence)
}

/// Returns the open item for an IAM role that an onboarding can't use.
fn another_role(arn: &str, iam: &Iam) -> OpenItem {
    OpenItem::new(
        format!("IAM role {arn}"),
        format!(
            "users sign in with it now, but an onboarding cannot use it: an onboarding uses only a role in the path {} \
             whose trust policy, policies and session duration are exactly those that it sets. The file names the role {} \
             instead",
            names::IAM_PATH,
            iam.role_name
        ),
        "Amazon Connect links each user to the role of the first sign-in. Plan a time for the change, try it with one \
         user first, and delete users who can no longer sign in: the user sync creates them again.",
    )
}
