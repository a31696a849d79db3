//! The rehearsal at the end of a run: one of the new Connect users signs in, from Entra to Connect, by the settings that the
//! onboarding left in both clouds.

use local_cloud::{LocalCloud, SignIn};
use onboarding_core::{contract::Report, names};
use serde_json::Value;

use super::failure::Failure;

/// Signs one user in; the username, or none where the onboarding made no user.
///
/// # Errors
/// Where the sign-in ends on somebody's error page.
pub async fn run(stand_in: &LocalCloud, report: &Report) -> Result<Option<String>, Failure> {
    let Some(user) = somebody(&stand_in.inventory().await, &report.instance.instance_id) else { return Ok(None) };
    let wanted = SignIn { application: report.sign_on.application.app_id.clone(), user };
    let outcome = stand_in.sign_in(&wanted).await;
    match (outcome.signed_in, outcome.username) {
        (true, Some(username)) => Ok(Some(username)),
        (_, username) => Err(Failure::SignIn {
            user: username.unwrap_or(wanted.user),
            by: outcome.refused_by.unwrap_or_default(),
            message: outcome.message.unwrap_or_default(),
        }),
    }
}

/// The object id of a person who is a user of the instance.
fn somebody(inventory: &Value, instance_id: &str) -> Option<String> {
    let instances = inventory["connect"]["instances"].as_array()?;
    let instance = instances.iter().find(|instance| instance["Id"] == instance_id)?;
    let tag = |user: &Value| Some(user["Tags"][names::ENTRA_OBJECT_ID_KEY].as_str()?.to_owned());
    instance["users"].as_array()?.iter().find_map(tag)
}
