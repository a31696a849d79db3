//! `create-entra-application`: the enterprise application "AWS Single-Account Access" (the how-to's エンタープライズ
//! アプリケーションの登録, first half: adding it from the gallery).
//!
//! * Reads: `GET /applicationTemplates`, `GET /servicePrincipals` and `/applications` (lists), each of the two by id.
//! * Writes: `POST /applicationTemplates/{id}/instantiate`.
//! * Permission: `Application.ReadWrite.All`.
//! * Safe to repeat: the only application of the template and the name in the input is adopted; of several, the one that
//!   carries our tag; anything else is a conflict. Instantiating is not idempotent and lists are late, so an application
//!   that an attempt made without living to tell is invisible for some time. Hence (1) the first invocation only looks, and
//!   `previous` then says that an application which appears later was made by this execution, (2) the ids leave the step at
//!   once and come back in `previous`, and (3) a retry, which the state machine's retry count tells from a first attempt,
//!   looks for [`LOOKS`] times before it makes one.
//!
//! One look per invocation: the state machine does the waiting.

use onboarding_core::{
    StepError, backoff,
    contract::{CreateEntraApplicationInput, EntraApplication},
    names,
};

use crate::{
    clients::Clients,
    graph::{AppRole, Graph, ServicePrincipal},
    inspect::entra::{ApplicationOwner, find_of_template, owner},
};

/// How often a retry looks for an application that the attempt before may have made: a minute in all.
const LOOKS: u32 = 12;
/// The role that Microsoft's gallery application declares for its users; `User` is the other one.
const ROLE_NAMES: [&str; 2] = ["msiam_access", "User"];
/// What stands for a role where an application declares none.
const NO_ROLE: &str = "00000000-0000-0000-0000-000000000000";
const REPLICATING: &str = "REPLICATING";
const READY: &str = "READY";

/// Finds or makes the application, then looks whether it can be read.
///
/// # Errors
/// `Conflict` where several applications answer to the name or it is another instance's.
pub async fn run(cx: &Clients, input: CreateEntraApplicationInput) -> Result<EntraApplication, StepError> {
    let graph = cx.graph();
    let previous = input.previous.clone().unwrap_or_default();
    if !previous.service_principal_id.is_empty() {
        return look(graph, previous).await;
    }
    let template = graph.application_template(names::GALLERY_APPLICATION, names::GALLERY_APPLICATION_ID).await?;
    let found = find_of_template(graph, (&input.alias, &input.application_name), &template).await?;
    if let Some(principal) = found {
        return look(graph, taken(principal, &input.alias, previous.searched)).await;
    }
    let next = next_look(previous.attempt, input.retry_count);
    match next {
        // Leaves the step before anything is made, so that a later attempt knows whose the application is that it finds.
        None if !previous.searched => {
            Ok(EntraApplication { searched: true, status: REPLICATING.into(), ..EntraApplication::default() })
        }
        Some(attempt) => Ok(replicating(EntraApplication { searched: true, attempt, ..previous })),
        // Nothing that could fail comes between this call and the ids' way out.
        None => instantiate(graph, &input.application_name, &template).await,
    }
}

/// The number of the next look for an application that may exist already; `None` where there is no such doubt any more.
const fn next_look(looked: u32, retry_count: u32) -> Option<u32> {
    match (looked, retry_count) {
        // This state's first attempt has made nothing yet.
        (0, 0) => None,
        (1..LOOKS, _) => Some(looked + 1),
        // Enough looks, and this is the first attempt after them.
        (_, 0) => None,
        // The attempt before this one may have made it.
        (_, _) => Some(1),
    }
}

/// An application that was found. It is adopted if it was there before this execution looked for it, unless an onboarding of
/// this alias made it.
fn taken(principal: ServicePrincipal, alias: &str, searched: bool) -> EntraApplication {
    let adopted = match owner(&principal, alias) {
        ApplicationOwner::Ours => false,
        ApplicationOwner::Adopted => true,
        ApplicationOwner::Unknown => !searched,
    };
    EntraApplication {
        app_id: principal.app_id,
        service_principal_id: principal.id,
        adopted,
        ..EntraApplication::default()
    }
}

async fn instantiate(graph: &Graph, name: &str, template: &str) -> Result<EntraApplication, StepError> {
    let (application, principal) = graph.instantiate(template, name).await?;
    tracing::info!(application = application.id, service_principal = principal.id, "made the enterprise application");
    Ok(replicating(EntraApplication {
        application_id: application.id,
        app_id: application.app_id,
        service_principal_id: principal.id,
        ..EntraApplication::default()
    }))
}

/// Looks once whether both objects can be read.
async fn look(graph: &Graph, mut application: EntraApplication) -> Result<EntraApplication, StepError> {
    if application.application_id.is_empty() {
        let found = graph.application_by_app_id(&application.app_id).await?;
        application.application_id = found.map(|found| found.id).unwrap_or_default();
    }
    let known =
        !application.application_id.is_empty() && graph.application(&application.application_id).await?.is_some();
    let principal = graph.service_principal(&application.service_principal_id).await?;
    match principal {
        Some(principal) if known => {
            application.app_role_id = app_role(&principal.app_roles)?;
            Ok(EntraApplication { status: READY.into(), wait_seconds: 0, ..application })
        }
        _ if application.attempt >= backoff::LAST_REPLICATION_LOOK => Err(StepError::not_consistent_yet(format!(
            "the application {} and the service principal {} can't both be read after {} looks; if one was deleted, \
             delete the other as well and start again",
            application.application_id, application.service_principal_id, application.attempt
        ))),
        _ => {
            let attempt = application.attempt + 1;
            Ok(replicating(EntraApplication { attempt, ..application }))
        }
    }
}

fn replicating(application: EntraApplication) -> EntraApplication {
    let wait_seconds = backoff::entra_replication(application.attempt);
    EntraApplication { status: REPLICATING.into(), wait_seconds, ..application }
}

/// The role that people are assigned: an application that declares roles takes no assignment without one.
fn app_role(roles: &[AppRole]) -> Result<String, StepError> {
    let usable =
        |role: &&AppRole| role.is_enabled != Some(false) && role.allowed_member_types.iter().any(|kind| kind == "User");
    let named = |name: &&str| roles.iter().filter(usable).find(|role| role.display_name.as_deref() == Some(*name));
    match ROLE_NAMES.iter().find_map(named).or_else(|| roles.iter().find(usable)) {
        Some(role) => Ok(role.id.clone()),
        None if roles.is_empty() => Ok(NO_ROLE.into()),
        None => Err(StepError::conflict(
            "the enterprise application has app roles, but none that is enabled for users: enable msiam_access",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_attempt_makes_the_application_at_once_and_a_retry_looks_for_a_minute_first() {
        assert_eq!(next_look(0, 0), None);
        assert_eq!(next_look(0, 1), Some(1));
        assert_eq!(next_look(1, 0), Some(2));
        assert_eq!(next_look(LOOKS, 0), None);
        let seconds: u64 = (1..=LOOKS).map(backoff::entra_replication).sum();
        assert!(seconds >= 60);
    }

    #[test]
    fn a_retry_of_the_attempt_after_the_looks_starts_looking_again() {
        assert_eq!(next_look(LOOKS, 1), Some(1));
        assert_eq!(next_look(LOOKS - 1, 3), Some(LOOKS), "a retry of a mere look has made nothing");
    }

    fn role(id: &str, name: &str, enabled: bool, kind: &str) -> AppRole {
        AppRole {
            id: id.into(),
            display_name: Some(name.into()),
            is_enabled: Some(enabled),
            allowed_member_types: vec![kind.into()],
        }
    }

    #[test]
    fn the_role_is_msiam_access_then_user_then_any_that_people_can_have() {
        let roles = [role("1", "User", true, "User"), role("2", "msiam_access", true, "User")];
        assert_eq!(app_role(&roles), Ok("2".into()));
        assert_eq!(app_role(&roles[..1]), Ok("1".into()));
        let roles = [
            role("1", "User", false, "User"),
            role("2", "Daemon", true, "Application"),
            role("3", "AWS", true, "User"),
        ];
        assert_eq!(app_role(&roles), Ok("3".into()));
        assert_eq!(app_role(&[]), Ok(NO_ROLE.into()));
        assert!(app_role(&roles[..2]).is_err_and(|error| error.name() == "Conflict"));
    }
}
