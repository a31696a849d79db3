//! The application permissions that each operation requires (Microsoft's permission reference, 2026). The permissions
//! of an operation are a list of lists: the caller needs at least one permission from each inner list.

use super::schema::Endpoint;

type Needs = &'static [&'static [&'static str]];

const READ_APPLICATION: &[&str] = &[
    "Application.Read.All",
    "Application.ReadWrite.All",
    "Application.ReadWrite.OwnedBy",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];
// `Application.ReadWrite.OwnedBy` is not in this list, because it does not allow listing applications.
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
const WRITE_GROUP: &[&str] = &["Group.ReadWrite.All"];
const WRITE_MEMBERS: &[&str] = &["GroupMember.ReadWrite.All", "Group.ReadWrite.All"];
// `User.ReadBasic.All` can be granted to applications, but is not in this list, because these operations reject it.
const READ_USER: &[&str] = &["User.Read.All", "User.ReadWrite.All", "Directory.Read.All"];
const ASSIGN: &[&str] = &["AppRoleAssignment.ReadWrite.All"];

/// The permissions that an operation requires. For subscriptions, the required permissions depend on the resource and
/// are checked separately.
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
        // According to the permission reference, even reads require `WRITE_APPLICATION`.
        &[WRITE_APPLICATION, READ_POLICY]
    } else if path.contains("/appRoleAssignedTo") {
        if read { &[READ_APPLICATION] } else { &[ASSIGN, READ_APPLICATION] }
    } else if path == "/applications" || path == "/servicePrincipals" {
        &[LIST_APPLICATIONS]
    } else if below("/applications/") || below("/servicePrincipals/") {
        if read { &[READ_APPLICATION] } else { &[WRITE_APPLICATION] }
    } else if path.ends_with("/checkMemberGroups") {
        &[READ_USER, READ_MEMBERS]
    } else if path.contains("embers") {
        if read { &[READ_MEMBERS] } else { &[WRITE_MEMBERS] }
    } else if below("/groups") {
        if read { &[READ_GROUP] } else { &[WRITE_GROUP] }
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

/// Whether the roles in a token are sufficient for an operation.
pub(super) fn suffice(roles: &[String], endpoint: &Endpoint) -> bool {
    needs(endpoint).iter().all(|any_of| holds(roles, any_of))
}

/// Whether the roles in a token allow reading the properties of users in member lists.
pub(super) fn see_users(roles: &[String]) -> bool {
    holds(roles, READ_USER)
}

/// Whether the roles in a token allow changes of applications that the caller does not own.
pub(super) fn write_any_application(roles: &[String]) -> bool {
    holds(roles, &["Application.ReadWrite.All"])
}

/// Whether the roles in a token allow subscriptions to a resource (`groups` or `users`). Permissions that allow nothing
/// but reading the members of groups are not sufficient.
pub(super) fn subscribe(roles: &[String], kind: &str) -> bool {
    match kind {
        "groups" => holds(roles, &["Group.Read.All", "Directory.Read.All"]),
        _ => holds(roles, &["User.Read.All", "Directory.Read.All"]),
    }
}
