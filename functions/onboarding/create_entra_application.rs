//! `create-entra-application`: creates the enterprise application "AWS Single-Account Access" from the gallery (manual
//! procedure: the first half of エンタープライズアプリケーションの登録).
//!
//! * Reads: `GET /applicationTemplates`, `GET /servicePrincipals` and `GET /applications` (lists and single objects).
//! * Writes: `POST /applicationTemplates/{id}/instantiate`.
//! * Permission: `Application.ReadWrite.All`.
//! * Safe to repeat: if exactly one application was created from the template and has the name in the input, the step
//!   adopts it. If there are several such applications, the step uses the application that has the tag of this
//!   onboarding. If none of the applications has this tag, the step fails with `Conflict`.
//!
//! The `instantiate` call is not idempotent, and Graph's lists contain a new application only after a delay. If an
//! attempt created an application and then failed, a retry may not find this application immediately. Therefore:
//!
//! 1. The first invocation only searches for the application, and records the search in `previous`. If an application
//!    appears in a later search, this execution must have created it.
//! 2. The step returns the IDs of a new application immediately, and later invocations receive these IDs in `previous`.
//! 3. A retry of the state machine, which the step detects by the retry count, searches [`SEARCHES`] times before it
//!    creates an application.
//!
//! Each invocation polls Graph once. The state machine waits between the invocations.

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

/// How many times a retry searches for an application that the previous attempt may have created. All searches together
/// take one minute.
const SEARCHES: u32 = 12;
/// Names of the app role for users. Microsoft's gallery application declares `msiam_access`. If this app role does not
/// exist, `User` is used.
const ROLE_NAMES: [&str; 2] = ["msiam_access", "User"];
/// The app role ID to assign if an application declares no app roles.
const NO_ROLE: &str = "00000000-0000-0000-0000-000000000000";
const REPLICATING: &str = "REPLICATING";
const READY: &str = "READY";

/// Finds or creates the application, then checks whether Graph returns it.
///
/// # Errors
/// `Conflict` if several applications have the name and none has the tag of this onboarding, or if the application
/// belongs to another instance.
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
        // The first invocation returns before anything is created. So if a later invocation finds an application, this
        // execution created it.
        None if !previous.searched => {
            Ok(EntraApplication { searched: true, status: REPLICATING.into(), ..EntraApplication::default() })
        }
        Some(attempt) => Ok(replicating(EntraApplication { searched: true, attempt, ..previous })),
        // After this call, no operation that can fail may follow. Otherwise, the IDs of the new application could be
        // lost.
        None => instantiate(graph, &input.application_name, &template).await,
    }
}

/// Returns the number of the next search for an application that may already exist. Returns `None` if no further search
/// is necessary before the step creates an application.
const fn next_search(searches: u32, retry_count: u32) -> Option<u32> {
    match (searches, retry_count) {
        // This is the first attempt of the Task state. No application has been created yet.
        (0, 0) => None,
        (1..SEARCHES, _) => Some(searches + 1),
        // All searches are completed, and there has been no attempt to create an application since then.
        (_, 0) => None,
        // The previous attempt may have created the application, so the searches start again.
        (_, _) => Some(1),
    }
}

/// Converts an application that was found. The application counts as adopted if it already existed when this execution
/// first searched for it, unless an onboarding of the instance with this alias created it.
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

/// Checks once whether Graph returns the application and its service principal.
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

/// Returns the ID of the app role to assign. If an application declares app roles, Entra rejects assignments without an
/// app role.
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
