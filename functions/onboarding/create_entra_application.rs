//! `create-entra-application`: creates the enterprise application "AWS Single-Account Access" from the gallery (manual
//! procedure: the first half of エンタープライズアプリケーションの登録).
//!
//! * Reads: `GET /applicationTemplates`, `GET /servicePrincipals` and `GET /applications` (lists and single objects).
//! * Writes: `POST /applicationTemplates/{id}/instantiate`.
//! * Permission: `Application.ReadWrite.All`.
//! * Safe to repeat: if exactly one application has the template and the name in the input, it is adopted. If there are
//!   several such applications, the application with the tag of this onboarding is used; if none has the tag, the step
//!   fails with `Conflict`.
//!
//! The `instantiate` call is not idempotent, and Graph's lists contain a new application only after a delay. If an
//! attempt created an application and failed, a retry may not find this application immediately. Therefore:
//!
//! 1. The first invocation only searches, and records in `previous` that it has searched. An application that appears
//!    later is then known to come from this execution.
//! 2. The step returns the IDs of a new application immediately, and later invocations receive the IDs in `previous`.
//! 3. A retry, identified by the state machine's retry count, searches [`SEARCHES`] times before it creates an
//!    application.
//!
//! Each invocation polls once; the state machine waits between invocations.

use onboarding_core::{
    StepError, backoff,
    contract::{CreateEntraApplicationInput, EntraApplication},
    names,
};

use crate::{
    context::Context,
    entra::{AppRole, Graph, ServicePrincipal},
    inspect::entra::{ApplicationOwner, find_of_template, owner},
};

/// Number of times a retry searches for an application that the previous attempt may have created: one minute in
/// total.
const SEARCHES: u32 = 12;
/// Names of the app role for users: `msiam_access` is declared by Microsoft's gallery application, `User` is the
/// fallback.
const ROLE_NAMES: [&str; 2] = ["msiam_access", "User"];
/// The app role ID to assign if an application declares no roles.
const NO_ROLE: &str = "00000000-0000-0000-0000-000000000000";
const REPLICATING: &str = "REPLICATING";
const READY: &str = "READY";

/// Finds or creates the application, then checks whether it can be read.
///
/// # Errors
/// `Conflict` if several applications have the name, or if the application belongs to another instance.
pub async fn run(ctx: &Context, input: CreateEntraApplicationInput) -> Result<EntraApplication, StepError> {
    let graph = ctx.graph();
    let previous = input.previous.clone().unwrap_or_default();
    if !previous.service_principal_id.is_empty() {
        return poll(graph, previous).await;
    }
    let template = graph.application_template(names::GALLERY_APPLICATION, names::GALLERY_APPLICATION_ID).await?;
    let found = find_of_template(graph, (&input.alias, &input.application_name), &template).await?;
    if let Some(principal) = found {
        return poll(graph, existing(principal, &input.alias, previous.searched)).await;
    }
    let next = next_search(previous.attempt, input.retry_count);
    match next {
        // The first invocation returns before anything is created, so that an application found by the next attempt is
        // recognized as created by this execution.
        None if !previous.searched => {
            Ok(EntraApplication { searched: true, status: REPLICATING.into(), ..EntraApplication::default() })
        }
        Some(attempt) => Ok(replicating(EntraApplication { searched: true, attempt, ..previous })),
        // No other operation that can fail may follow this call, because the IDs would then be lost.
        None => instantiate(graph, &input.application_name, &template).await,
    }
}

/// Returns the number of the next search for an application that may already exist, or `None` if no such application
/// can exist.
const fn next_search(searches: u32, retry_count: u32) -> Option<u32> {
    match (searches, retry_count) {
        // This is the first attempt of the Task state: nothing has been created yet.
        (0, 0) => None,
        (1..SEARCHES, _) => Some(searches + 1),
        // All searches for an existing application are done, and this is the first attempt to create one.
        (_, 0) => None,
        // The previous attempt may have created the application.
        (_, _) => Some(1),
    }
}

/// Converts a found application. The application counts as adopted if it already existed when this execution first
/// searched for it, unless an onboarding of this alias created it.
fn existing(principal: ServicePrincipal, alias: &str, searched: bool) -> EntraApplication {
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
    tracing::info!(
        application = application.id,
        service_principal = principal.id,
        "created the enterprise application"
    );
    Ok(replicating(EntraApplication {
        application_id: application.id,
        app_id: application.app_id,
        service_principal_id: principal.id,
        ..EntraApplication::default()
    }))
}

/// Polls once whether the application and its service principal can be read.
async fn poll(graph: &Graph, mut application: EntraApplication) -> Result<EntraApplication, StepError> {
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
        _ if application.attempt >= backoff::LAST_REPLICATION_POLL => Err(StepError::not_consistent_yet(format!(
            "the application {} and the service principal {} can't both be read after {} polls; if one was deleted, \
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

/// Returns the role to assign. If an application declares roles, Entra accepts no assignment without a role.
fn app_role(roles: &[AppRole]) -> Result<String, StepError> {
    let usable =
        |role: &&AppRole| role.is_enabled != Some(false) && role.allowed_member_types.iter().any(|kind| kind == "User");
    let named = |name: &&str| roles.iter().filter(usable).find(|role| role.display_name.as_deref() == Some(*name));
    match ROLE_NAMES.iter().find_map(named).or_else(|| roles.iter().find(usable)) {
        Some(role) => Ok(role.id.clone()),
        None if roles.is_empty() => Ok(NO_ROLE.into()),
        None => Err(StepError::conflict(
            "the enterprise application has no app role that is enabled for users: enable msiam_access",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_attempt_creates_the_application_and_a_retry_searches_for_a_minute_first() {
        assert_eq!(next_search(0, 0), None);
        assert_eq!(next_search(0, 1), Some(1));
        assert_eq!(next_search(1, 0), Some(2));
        assert_eq!(next_search(SEARCHES, 0), None);
        let seconds: u64 = (1..=SEARCHES).map(backoff::entra_replication).sum();
        assert!(seconds >= 60);
    }

    #[test]
    fn a_retry_after_the_last_search_starts_searching_again() {
        assert_eq!(next_search(SEARCHES, 1), Some(1));
        assert_eq!(
            next_search(SEARCHES - 1, 3),
            Some(SEARCHES),
            "the previous attempt only searched and created nothing"
        );
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
    fn the_role_is_msiam_access_or_else_user_or_else_any_role_for_users() {
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
