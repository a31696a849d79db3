//! Fictitious users and a fictitious account for tests and benchmarks. The same number always produces the same user.

use serde_json::{Map, Value, json};

use crate::stand_in::options::{Behaviour, ClientCredentials, Options};
use crate::stand_in::tenant::{Group, Tenant};

/// The Region of the fictitious account.
pub const REGION: &str = "ap-northeast-1";
/// The ID of the fictitious AWS account.
pub const ACCOUNT: &str = "111122223333";
/// The ID of the fictitious Entra tenant.
pub const TENANT_ID: &str = "0f5a1de4-0000-4000-8000-00000000000a";
/// The client ID of the application that may request tokens. The client secret of this application is `secret`.
pub const CLIENT_ID: &str = "0f5a1de4-0000-4000-8000-00000000000b";

/// A user as Microsoft Graph represents it.
#[must_use]
pub fn person(number: usize) -> Map<String, Value> {
    let fields = [
        ("@odata.type", json!("#microsoft.graph.user")),
        ("id", json!(person_id(number))),
        ("userPrincipalName", json!(username(number))),
        ("givenName", json!("Agent")),
        ("surname", json!(format!("Number {number}"))),
        ("displayName", json!(format!("Agent Number {number}"))),
        ("mail", Value::Null),
        ("accountEnabled", json!(true)),
        ("userType", json!("Member")),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The object ID of [`person`].
#[must_use]
pub fn person_id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// The `userPrincipalName` of [`person`].
#[must_use]
pub fn username(number: usize) -> String {
    format!("agent{number:05}@contoso.onmicrosoft.com")
}

impl Tenant {
    /// A directory with this single group.
    #[must_use]
    pub fn with_group(id: &str, name: &str, members: Vec<Map<String, Value>>) -> Self {
        let group = Group { id: Some(id.to_owned()), display_name: name.to_owned(), members, other: Map::new() };
        Self { groups: vec![group] }
    }
}

impl Options {
    /// The options of a local cloud in front of the given emulator, with the fictitious account and tenant, the default
    /// behavior and an unscaled clock.
    #[must_use]
    pub fn made_up(upstream: impl Into<String>, tenant: Tenant) -> Self {
        Self {
            clock_scale: 1.0,
            upstream: upstream.into(),
            region: REGION.into(),
            account: ACCOUNT.into(),
            tenant,
            tenant_id: TENANT_ID.into(),
            client: ClientCredentials { client_id: CLIENT_ID.into(), client_secret: "secret".into() },
            record: None,
            real_rates: false,
            models: None,
            behaviour: Behaviour::default(),
            assume: Vec::new(),
        }
    }
}
