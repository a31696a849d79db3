//! Finds the calls with which a second onboarding changed a resource. If an onboarding is repeated with the same input,
//! it must not change any resource.

use std::collections::BTreeMap;

/// One recorded call to AWS or Entra.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The service: `connect`, `iam`, `graph`, …
    pub service: &'a str,
    /// The name of the operation, or the HTTP method and the path if the operation has no name.
    pub operation: &'a str,
    /// The HTTP method.
    pub method: &'a str,
    /// The path in the URL of the request.
    pub path: &'a str,
    /// The HTTP status of the response. The value is 499 if the caller was killed before the response arrived.
    pub status: u16,
}

/// AWS operations whose names start with one of these words are read-only.
const READING: [&str; 12] = [
    "Assume", "BatchGet", "Check", "Decrypt", "Describe", "Get", "Head", "List", "Query", "Scan", "Search", "Simulate",
];

/// Operations that only send messages and change no resource.
const SENDING: [&str; 3] = ["Publish", "PublishBatch", "PutEvents"];

/// Operations of Microsoft Graph that are read-only although their HTTP method is `POST`.
const GRAPH_READING: [&str; 7] = [
    "$batch",
    "checkMemberGroups",
    "checkMemberObjects",
    "getByIds",
    "getMemberGroups",
    "getMemberObjects",
    "validateProperties",
];

/// Whether a call creates, updates or deletes a resource.
#[must_use]
pub fn changes(call: Call<'_>) -> bool {
    // A rejected call has no effect. The status 499 is not included, because a call whose response was lost may have
    // had an effect.
    let refused = (400..499).contains(&call.status);
    if refused || matches!(call.method, "GET" | "HEAD" | "OPTIONS") {
        return false;
    }
    match call.service {
        "login" => false,
        "graph" => !GRAPH_READING.iter().any(|action| call.path.trim_end_matches('/').ends_with(action)),
        _ => {
            let name = call.operation.rsplit('.').next().unwrap_or(call.operation);
            !READING.iter().any(|prefix| name.starts_with(prefix)) && !SENDING.contains(&name)
        }
    }
}

/// Lists the calls that change a resource, each with the number of times that it occurs in `calls`.
#[must_use]
pub fn changing<'a>(calls: impl Iterator<Item = Call<'a>>) -> Vec<String> {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for call in calls.filter(|call| changes(*call)) {
        *counts.entry(format!("{} {}", call.service, call.operation)).or_default() += 1;
    }
    counts.into_iter().map(|(name, count)| if count == 1 { name } else { format!("{name} ({count} times)") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call<'a>(service: &'a str, operation: &'a str, method: &'a str, path: &'a str) -> Call<'a> {
        Call { service, operation, method, path, status: 200 }
    }

    #[test]
    fn a_rejected_call_changes_nothing_and_a_call_without_a_response_may() {
        for (status, counts) in [(200, true), (402, false), (429, false), (499, true), (503, true)] {
            let claim = Call { status, ..call("connect", "ClaimPhoneNumber", "POST", "/phone-number/claim") };
            assert_eq!(changes(claim), counts, "{status}");
        }
    }

    #[test]
    fn read_only_calls_change_nothing() {
        for call in [
            call("connect", "SearchUsers", "POST", "/search-users"),
            call("servicequotas", "GetServiceQuota", "POST", "/"),
            call("dynamodb", "DynamoDB_20120810.GetItem", "POST", "/"),
            call("graph", "GET /v1.0/groups", "GET", "/v1.0/groups"),
            call("graph", "POST /v1.0/$batch", "POST", "/v1.0/$batch"),
            call("login", "token", "POST", "/t/oauth2/v2.0/token"),
            call("sns", "Publish", "POST", "/"),
        ] {
            assert!(!changes(call), "{call:?}");
        }
    }

    #[test]
    fn changing_calls_are_listed_with_their_number() {
        let calls = [
            call("connect", "CreateUser", "PUT", "/users/i"),
            call("connect", "CreateUser", "PUT", "/users/i"),
            call("graph", "PATCH /v1.0/applications/{id}", "PATCH", "/v1.0/applications/a"),
            call("dynamodb", "DynamoDB_20120810.UpdateItem", "POST", "/"),
            call("iam", "ListRoles", "POST", "/"),
        ];
        assert_eq!(
            changing(calls.into_iter()),
            [
                "connect CreateUser (2 times)",
                "dynamodb DynamoDB_20120810.UpdateItem",
                "graph PATCH /v1.0/applications/{id}"
            ]
        );
    }
}
