//! The test sign-in at the end of a local run: the command signs in through the emulated Entra as one of the new
//! Connect users, with the settings that the onboarding configured.

use local_cloud::stand_in::{LocalCloud, SignIn, SignedIn};
use onboarding_core::{contract::Report, names};
use serde_json::Value;

use super::failure::Failure;

/// A successful test sign-in.
#[derive(Debug)]
pub struct Rehearsal {
    /// The username of the user who signed in.
    pub username: String,
    /// The URL of the page that opened after the sign-in, if the input specifies a page.
    pub page: Option<String>,
}

/// Signs in as one of the users. Returns `None` if no user of the instance is linked to an Entra account.
///
/// # Errors
/// Fails if the sign-in ends on an error page, or on a page other than the page in the report.
pub async fn run(stand_in: &LocalCloud, report: &Report) -> Result<Option<Rehearsal>, Failure> {
    let Some(user) = any_member(&stand_in.inventory().await, &report.instance.instance_id) else { return Ok(None) };
    let sign_in_request = SignIn { application: report.sign_on.application.app_id.clone(), user, session: None };
    let SignedIn { signed_in, username, page, refused_by, message, .. } = stand_in.sign_in(&sign_in_request).await;
    let is_expected = page == report.sign_on.claims.destination_url;
    match username {
        Some(username) if signed_in && is_expected => Ok(Some(Rehearsal { username, page })),
        username => Err(Failure::SignIn {
            user: username.unwrap_or(sign_in_request.user),
            by: refused_by.unwrap_or_else(|| "Amazon Connect".into()),
            message: message.or(page).unwrap_or_default(),
        }),
    }
}

/// The Entra object id of any user of the instance who is linked to an Entra account.
fn any_member(inventory: &Value, instance_id: &str) -> Option<String> {
    let instances = inventory["connect"]["instances"].as_array()?;
    let instance = instances.iter().find(|instance| instance["Id"] == instance_id)?;
    let tag = |user: &Value| Some(user["Tags"][names::ENTRA_OBJECT_ID_KEY].as_str()?.to_owned());
    instance["users"].as_array()?.iter().find_map(tag)
}
