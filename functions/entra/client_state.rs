//! The `clientState` of subscriptions. This value proves that a notification belongs to a subscription of this stack.
//!
//! Graph does not sign notifications. Instead, each subscription has its own `clientState` value, and Graph repeats
//! this value in each notification. The value is an HMAC of the tenant ID and the group ID. The HMAC uses a secret key
//! that only this stack has, so the values need not be stored.
//! This stack sends the value only to Graph, when it creates the subscription. So only Graph can send a notification
//! that contains the value. If one value leaks, the values of other groups remain secret.

use std::fmt;

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::SecretString;
use uuid::Uuid;

/// The group ID from which the `clientState` of a subscription to all groups of a tenant is derived. No group has this
/// ID.
pub const ALL_GROUPS: Uuid = Uuid::nil();

/// A constant part of the input of each HMAC. A value that is derived from the same key for another purpose is
/// therefore not a valid `clientState`.
const PURPOSE: &[u8] = b"connect-onboarding clientState 1";

/// Creates and verifies `clientState` values.
pub struct ClientStates {
    key: hmac::Key,
}

impl fmt::Debug for ClientStates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientStates(***)")
    }
}

impl ClientStates {
    /// Creates an object that derives all `clientState` values from this secret key.
    #[must_use]
    pub fn new(key: &str) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()) }
    }

    /// Returns the `clientState` for the subscription to a group. The value has 43 characters.
    #[must_use]
    pub fn of(&self, tenant: Uuid, group: Uuid) -> SecretString {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.key, &message(tenant, group))).into()
    }

    /// Returns whether `client_state` is the `clientState` of the subscription to this group. The comparison takes
    /// constant time.
    #[must_use]
    pub fn proves(&self, tenant: Uuid, group: Uuid, client_state: &str) -> bool {
        URL_SAFE_NO_PAD
            .decode(client_state)
            .is_ok_and(|tag| hmac::verify(&self.key, &message(tenant, group), &tag).is_ok())
    }
}

fn message(tenant: Uuid, group: Uuid) -> Vec<u8> {
    [PURPOSE, tenant.as_bytes(), group.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    const TENANT: Uuid = Uuid::from_u128(1);
    const GROUP: Uuid = Uuid::from_u128(2);

    #[test]
    fn a_client_state_is_valid_only_for_its_own_tenant_and_group() {
        let states = ClientStates::new("key");
        let state = states.of(TENANT, GROUP);
        let state = state.expose_secret();
        assert!(states.proves(TENANT, GROUP, state) && state.len() <= 128);
        assert!(!states.proves(GROUP, TENANT, state));
        assert!(!states.proves(TENANT, TENANT, state));
        assert!(!ClientStates::new("another key").proves(TENANT, GROUP, state));
        for wrong in ["", "AAAA", &state[1..], &format!("{state}A"), "ü"] {
            assert!(!states.proves(TENANT, GROUP, wrong), "{wrong}");
        }
    }

    #[test]
    fn the_debug_output_does_not_contain_the_key() {
        assert!(!format!("{:?}", ClientStates::new("hunter2")).contains("hunter2"));
    }
}
