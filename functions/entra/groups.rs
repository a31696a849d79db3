//! Reads groups and their members. The requests do not use Graph's "advanced queries", because these query an index
//! that is updated with a delay.

use std::collections::BTreeMap;

use onboarding_core::{
    StepError,
    sync::{Member, NestedGroup},
    text::{nfc, nfd},
};

use super::{
    Graph,
    call::Call,
    model::{DirectoryObject, Group},
};

const GROUP_FIELDS: &str = "id,displayName,securityEnabled";
/// The properties of a user that the user sync reads.
pub(super) const USER_FIELDS: &str = "id,userPrincipalName,mail,givenName,surname,displayName,accountEnabled,userType";
/// Graph's maximum page size for members.
const PAGE: &str = "999";
const USER: &str = "#microsoft.graph.user";
const READ_GROUPS: &str = "Group.Read.All";
const READ_USERS: &str = "User.Read.All";

/// A group's members, from all pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupMembers {
    /// The users, without duplicates, sorted by object ID.
    pub members: Vec<Member>,
    /// The members that are groups.
    pub nested_groups: Vec<NestedGroup>,
    /// The number of members that are neither users nor groups, by type, for example `device`, `orgContact` or
    /// `agentUser`.
    pub other_objects: BTreeMap<String, usize>,
    /// The number of pages that were read.
    pub pages: usize,
}

impl Graph {
    /// Returns the group that has this object ID or exactly this display name.
    ///
    /// # Errors
    /// `InvalidInput` if no group has this ID or name; `Conflict`, with the object IDs of the groups, if several groups
    /// have this name.
    pub async fn resolve_group(&self, name_or_id: &str) -> Result<Group, StepError> {
        if uuid::Uuid::try_parse(name_or_id)
            .is_ok_and(|id| id.hyphenated().to_string().eq_ignore_ascii_case(name_or_id))
        {
            let call = Call::get(&["groups", name_or_id], format!("reading the group {name_or_id}"))
                .query("$select", GROUP_FIELDS)
                .needs(READ_GROUPS);
            let found: Option<Group> = self.find(&call).await?;
            return found.map(Group::normalized).ok_or_else(|| {
                StepError::invalid_input(format!("no group of the tenant has the object id {name_or_id}; check the id"))
            });
        }
        let name = nfc(name_or_id);
        let mut found = self.groups_named(&name).await?;
        // Microsoft does not document whether the filter treats the composed and the decomposed Unicode form of a
        // character as equal. So the search uses both forms of the name.
        let decomposed = nfd(name_or_id);
        if decomposed != name && !found.iter().any(|group| group.display_name == name) {
            found.extend(self.groups_named(&decomposed).await?);
        }
        // The filter is not case-sensitive, so it also returns groups whose names differ only in case.
        let (mut exact, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|group| group.display_name == name);
        match (exact.len(), exact.pop()) {
            (1, Some(group)) => Ok(group),
            (0, _) => {
                let spelt = others
                    .first()
                    .map_or_else(String::new, |group| format!("; there is a group named \"{}\"", group.display_name));
                Err(StepError::invalid_input(format!(
                    "the tenant has no group named \"{name_or_id}\"{spelt}; specify the exact display name or the \
                     object id"
                )))
            }
            (count, last) => {
                let mut ids: Vec<String> = exact.into_iter().chain(last).map(|group| group.id).collect();
                ids.sort_unstable();
                Err(StepError::conflict(format!(
                    "the tenant has {count} groups named \"{name_or_id}\"; specify the object id of the right group: \
                     {}",
                    ids.join(", ")
                )))
            }
        }
    }

    /// Returns the groups with this display name, regardless of case.
    async fn groups_named(&self, name: &str) -> Result<Vec<Group>, StepError> {
        let quoted = name.replace('\'', "''");
        let call = Call::get(&["groups"], format!("searching for the group \"{name}\""))
            .query("$filter", format!("displayName eq '{quoted}'"))
            .query("$select", GROUP_FIELDS)
            .needs(READ_GROUPS);
        let found: Vec<Group> = self.list(&call).await.map_err(StepError::from)?.items;
        Ok(found.into_iter().map(Group::normalized).collect())
    }

    /// Returns the direct members of a group, or `None` if the group does not exist. With `nested`, the result also
    /// contains the members of all nested groups.
    ///
    /// # Errors
    /// If a page can't be read. An incomplete list is not returned, because the sync would treat the missing members as
    /// users who left. `AccessDenied` if Graph omits the properties of the users, which Graph does without an error if
    /// `User.Read.All` is missing.
    pub async fn group_members(&self, group_id: &str, nested: bool) -> Result<Option<GroupMembers>, StepError> {
        let relation = if nested { "transitiveMembers" } else { "members" };
        let call = Call::get(&["groups", group_id, relation], format!("reading the members of the group {group_id}"))
            .query("$select", USER_FIELDS)
            .query("$top", PAGE)
            .needs(READ_GROUPS);
        let listing = match self.list::<DirectoryObject>(&call).await {
            Ok(listing) => listing,
            Err(super::GraphError::Refused(refusal)) if refusal.is_not_found() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut result = GroupMembers { pages: listing.pages, ..GroupMembers::default() };
        let mut users: BTreeMap<String, Member> = BTreeMap::new();
        for object in listing.items {
            match object.kind.as_deref() {
                // Objects whose type is derived from `user`, such as `agentUser`, are not users who can sign in.
                Some(USER) => {
                    let member = Member::from(object);
                    if member.is_unreadable() {
                        return Err(StepError::access_denied(format!(
                            "Graph hides the properties of the user {} in the group {group_id}; grant the application \
                             permission {READ_USERS} with admin consent",
                            member.id
                        )));
                    }
                    // If the list changes while it is read, it may contain a user twice. The entry with more fields,
                    // which is the greater one in a comparison, is kept.
                    let known = users.entry(member.id.clone()).or_default();
                    if member > *known {
                        *known = member;
                    }
                }
                Some("#microsoft.graph.group") => {
                    result.nested_groups.push(NestedGroup { id: object.id, display_name: object.display_name });
                }
                kind => *result.other_objects.entry(type_name(kind).to_owned()).or_default() += 1,
            }
        }
        result.members = users.into_values().collect();
        result.nested_groups.sort_unstable();
        result.nested_groups.dedup();
        Ok(Some(result))
    }

    /// Returns a user. Returns `None` if the user does not exist, was deleted (even if the user can still be restored),
    /// or has a type that is derived from `user`.
    ///
    /// # Errors
    /// The error that Graph returns.
    pub async fn user(&self, user_id: &str) -> Result<Option<Member>, StepError> {
        let call = Call::get(&["users", user_id], format!("reading the user {user_id}"))
            .query("$select", USER_FIELDS)
            .needs(READ_USERS);
        let found = self.find::<DirectoryObject>(&call).await?;
        // In a response with a single object, Graph returns the type only if it differs from the type of the
        // collection.
        Ok(found.filter(|object| object.kind.as_deref().is_none_or(|kind| kind == USER)).map(Member::from))
    }
}

/// Returns the short type name, for example `device` for `#microsoft.graph.device`.
fn type_name(kind: Option<&str>) -> &str {
    kind.map_or("unknown", |kind| kind.rsplit('.').next().unwrap_or(kind))
}
