//! The sessions of users who are signed in to an instance.

use std::collections::HashMap;

use uuid::Uuid;

use super::{Instance, profiles};
use crate::stand_in::aws_error::{Answer, Refusal};
use crate::stand_in::input::{Input, nothing};
use crate::stand_in::world::Setting;

/// The active sessions of an instance. The deletion of a user does not end the sessions of the user.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    /// The user ID and the username by session ID.
    active: HashMap<String, (String, String)>,
}

impl Instance {
    /// Starts a session of the visible user with exactly this name. Returns the session ID.
    ///
    /// # Errors
    /// Fails if no user has this name, or if the user's security profiles contain no permission or lack the required
    /// permission. The error is the message that Connect's page shows.
    pub(crate) fn sign_in(
        &mut self,
        setting: &Setting,
        username: &str,
        permission: Option<&str>,
    ) -> Result<String, &'static str> {
        const UNKNOWN: &str =
            "Access denied. Your account has been authenticated, but has not been onboarded to this application.";
        let user = self.users.by_name(username, setting.clock.now()).ok_or(UNKNOWN)?;
        let granted =
            |id: &String| profiles::find(&self.named.security, id).is_ok_and(|one| !one.permissions.is_empty());
        if !user.security.iter().any(granted) {
            return Err("Access denied. The security profiles of your account grant no permission.");
        }
        let grants = |id: &String, permission: &str| {
            let profile = profiles::find(&self.named.security, id);
            profile.is_ok_and(|profile| profile.permissions.iter().any(|granted| granted == permission))
        };
        if permission.is_some_and(|permission| !user.security.iter().any(|id| grants(id, permission))) {
            return Err("Access denied. The security profiles of your account grant no access to this page.");
        }
        let user_id = user.id.clone();
        let session = Uuid::new_v4().to_string();
        self.sessions.active.insert(session.clone(), (user_id, username.to_owned()));
        Ok(session)
    }

    /// The username of an active session.
    pub(crate) fn signed_in(&self, session: &str) -> Option<&str> {
        self.sessions.active.get(session).map(|(_, username)| username.as_str())
    }
}

/// The operation `DeleteAllEntitySessions`. The entity is a user, given by ID or ARN.
pub(super) fn delete_all(setting: &Setting, instance: &mut Instance, input: &Input) -> Answer {
    if input.need("EntityType")? != "USER" {
        return Err(Refusal::invalid_parameter("EntityType must be USER."));
    }
    let user = instance.users.named(input.need("EntityId")?, setting.clock.now());
    let id = user.ok_or_else(|| Refusal::not_found("User not found."))?.id.clone();
    instance.sessions.active.retain(|_, (user, _)| *user != id);
    nothing()
}
