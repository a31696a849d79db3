//! Groups and their members. Always the plain reads, never the "advanced queries": those ask an index that lags.

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
const USER_FIELDS: &str = "id,userPrincipalName,mail,givenName,surname,displayName,accountEnabled,userType";
/// The largest page that Graph gives of members.
const PAGE: &str = "999";
const USER: &str = "#microsoft.graph.user";
const READ_GROUPS: &str = "Group.Read.All";
const READ_USERS: &str = "User.Read.All";

/// A group's members, read to the last page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupMembers {
    /// The users, each once, by object id.
    pub members: Vec<Member>,
    /// The groups among the members.
    pub nested_groups: Vec<NestedGroup>,
    /// How many members are neither, by their type: `device`, `orgContact`, `agentUser`.
    pub other_objects: BTreeMap<String, usize>,
    /// How many pages it took.
    pub pages: usize,
}

impl Graph {
    /// The group that has this object id or exactly this display name.
    ///
    /// # Errors
    /// `InvalidInput` where there is none, `Conflict` with the ids where several share the name.
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
        // Whether the filter treats both forms of a voicing mark or an accent as the same is not documented.
        let decomposed = nfd(name_or_id);
        if decomposed != name && !found.iter().any(|group| group.display_name == name) {
            found.extend(self.groups_named(&decomposed).await?);
        }
        // The filter knows no case, and names that differ only in case are two groups.
        let (mut exact, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|group| group.display_name == name);
        match (exact.len(), exact.pop()) {
            (1, Some(group)) => Ok(group),
            (0, _) => {
                let spelt = others
                    .first()
                    .map_or_else(String::new, |group| format!("; there is one spelt \"{}\"", group.display_name));
                Err(StepError::invalid_input(format!(
                    "no group of the tenant is called \"{name_or_id}\"{spelt}; give the exact display name or the object id"
                )))
            }
            (count, last) => {
                let mut ids: Vec<String> = exact.into_iter().chain(last).map(|group| group.id).collect();
                ids.sort_unstable();
                Err(StepError::conflict(format!(
                    "{count} groups of the tenant are called \"{name_or_id}\"; give the object id of the right one: {}",
                    ids.join(", ")
                )))
            }
        }
    }

    /// The groups of this display name, whose case the filter ignores.
    async fn groups_named(&self, name: &str) -> Result<Vec<Group>, StepError> {
        let quoted = name.replace('\'', "''");
        let call = Call::get(&["groups"], format!("looking for the group \"{name}\""))
            .query("$filter", format!("displayName eq '{quoted}'"))
            .query("$select", GROUP_FIELDS)
            .needs(READ_GROUPS);
        let found: Vec<Group> = self.list(&call).await.map_err(StepError::from)?.items;
        Ok(found.into_iter().map(Group::normalized).collect())
    }

    /// The direct members of a group, or with `nested` all members of the groups in it as well; `None` where the group does
    /// not exist.
    ///
    /// # Errors
    /// Any page that fails fails the read: an incomplete list would look like people who left. `AccessDenied` where Graph
    /// hides the users' fields, which it does silently without `User.Read.All`.
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
                // Types that derive from user, such as `agentUser`, belong to no person who could sign in.
                Some(USER) => {
                    let member = Member::from(object);
                    if member.is_unreadable() {
                        return Err(StepError::access_denied(format!(
                            "Graph hides the fields of the user {} in the group {group_id}; \
                             it needs the application permission {READ_USERS} with admin consent",
                            member.id
                        )));
                    }
                    // A list that changes while it is read may name somebody twice; the fuller reading is the greater.
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

    /// One user; `None` if it does not exist, was deleted and waits in the bin, or is of a type that derives from user.
    ///
    /// # Errors
    /// What Graph refuses.
    pub async fn user(&self, user_id: &str) -> Result<Option<Member>, StepError> {
        let call = Call::get(&["users", user_id], format!("reading the user {user_id}"))
            .query("$select", USER_FIELDS)
            .needs(READ_USERS);
        let found = self.find::<DirectoryObject>(&call).await?;
        // Graph names the type of a single object only if it differs from that of its collection.
        Ok(found.filter(|object| object.kind.as_deref().is_none_or(|kind| kind == USER)).map(Member::from))
    }
}

/// `device` of `#microsoft.graph.device`.
fn type_name(kind: Option<&str>) -> &str {
    kind.map_or("unknown", |kind| kind.rsplit('.').next().unwrap_or(kind))
}
