//! Which application permissions each operation needs (Microsoft's permission reference, as of 2026): of each inner list the
//! caller must hold one.

use super::schema::Endpoint;

type Needs = &'static [&'static [&'static str]];

const READ_APPLICATION: &[&str] = &[
    "Application.Read.All",
    "Application.ReadWrite.All",
    "Application.ReadWrite.OwnedBy",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];
// Listing applications is not given to those who may only manage their own.
const LIST_APPLICATIONS: &[&str] =
    &["Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"];
const WRITE_APPLICATION: &[&str] = &["Application.ReadWrite.All", "Application.ReadWrite.OwnedBy"];
const READ_POLICY: &[&str] = &["Policy.Read.All", "Policy.ReadWrite.ApplicationConfiguration"];
const WRITE_POLICY: &[&str] = &["Policy.ReadWrite.ApplicationConfiguration"];
const READ_GROUP: &[&str] = &["GroupMember.Read.All", "Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All"];
const READ_MEMBERS: &[&str] = &[
    "GroupMember.ReadBasic.All",
    "GroupMember.Read.All",
    "GroupMember.ReadWrite.All",
    "Group.Read.All",
    "Group.ReadWrite.All",
    "Directory.Read.All",
];
// User.ReadBasic.All is declared for applications and refused all the same.
const READ_USER: &[&str] = &["User.Read.All", "User.ReadWrite.All", "Directory.Read.All"];
const ASSIGN: &[&str] = &["AppRoleAssignment.ReadWrite.All"];

/// What an operation needs. Subscriptions depend on their resource and are judged where it is known.
fn needs(endpoint: &Endpoint) -> Needs {
    let path = endpoint.path.as_str();
    let read = endpoint.method == "GET";
    let below = |prefix: &str| path.starts_with(prefix);
    if path.ends_with("/instantiate") {
        &[WRITE_APPLICATION]
    } else if below("/applicationTemplates") || below("/subscriptions") || path == "/$batch" {
        &[]
    } else if below("/policies/") {
        if read { &[READ_POLICY] } else { &[WRITE_POLICY] }
    } else if path.contains("/claimsMappingPolicies") {
        // Also to read: so the table has it.
        &[WRITE_APPLICATION, READ_POLICY]
    } else if path.contains("/appRoleAssignedTo") {
        if read { &[READ_APPLICATION] } else { &[ASSIGN, READ_APPLICATION] }
    } else if path == "/applications" || path == "/servicePrincipals" {
        &[LIST_APPLICATIONS]
    } else if below("/applications/") || below("/servicePrincipals/") {
        if read { &[READ_APPLICATION] } else { &[WRITE_APPLICATION] }
    } else if path.contains("embers") {
        &[READ_MEMBERS]
    } else if below("/groups") {
        &[READ_GROUP]
    } else if path.ends_with("/memberOf") {
        &[READ_USER, READ_GROUP]
    } else if below("/users") || below("/directory/deletedItems") {
        &[READ_USER]
    } else if below("/organization") {
        &[&["Organization.Read.All", "Directory.Read.All"]]
    } else {
        &[&["Directory.Read.All"]]
    }
}

fn holds(roles: &[String], any_of: &[&str]) -> bool {
    any_of.iter().any(|name| roles.iter().any(|role| role == name))
}

/// Whether roles suffice for an operation.
pub(super) fn suffice(roles: &[String], endpoint: &Endpoint) -> bool {
    needs(endpoint).iter().all(|any_of| holds(roles, any_of))
}

/// Whether roles let the caller see the fields of users that come along as members.
pub(super) fn see_users(roles: &[String]) -> bool {
    holds(roles, READ_USER)
}

/// Whether roles let the caller write applications that it does not own.
pub(super) fn write_any_application(roles: &[String]) -> bool {
    holds(roles, &["Application.ReadWrite.All"])
}

/// Whether roles let the caller subscribe to a resource (`groups` or `users`); the member permissions don't.
pub(super) fn subscribe(roles: &[String], kind: &str) -> bool {
    match kind {
        "groups" => holds(roles, &["Group.Read.All", "Directory.Read.All"]),
        _ => holds(roles, &["User.Read.All", "Directory.Read.All"]),
    }
}
