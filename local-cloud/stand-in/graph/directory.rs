//! The users, groups and devices of the tenant. The objects are indexed, so that even a group with 100,000 members is
//! read fast. A change of membership becomes visible only after the replication delay.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{login::stamp, schema::MODEL};
use crate::stand_in::tenant::Tenant;

/// The `@odata.type` of a user.
pub(super) const USER: &str = "#microsoft.graph.user";
/// The `@odata.type` of an AI agent's user account. This type is derived from the type of a user.
const AGENT_USER: &str = "#microsoft.graph.agentUser";
/// The `@odata.type` of a group.
pub(super) const GROUP: &str = "#microsoft.graph.group";

/// The user properties that Graph returns if a request contains no `$select`.
const USER_DEFAULT: [&str; 11] = [
    "businessPhones",
    "displayName",
    "givenName",
    "id",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
];

/// A directory object.
pub(super) struct Object {
    /// The `@odata.type` of the object.
    pub(super) tag: String,
    /// The properties of the object, including `id`, without the type annotation.
    pub(super) fields: Map<String, Value>,
}

impl Object {
    /// Whether the object is a user, or of a type that derives from user.
    pub(super) fn is_user(&self) -> bool {
        [USER, AGENT_USER].contains(&self.tag.as_str())
    }

    /// Whether the object is in the recycle bin.
    pub(super) fn deleted(&self) -> bool {
        self.fields.get("deletedDateTime").is_some_and(|at| !at.is_null())
    }

    /// The properties of the object that a response contains: the selected properties, or the default set. If
    /// `readable` is false, only `id` has a value.
    pub(super) fn view(&self, select: Option<&[String]>, readable: bool) -> Map<String, Value> {
        let declared = MODEL.tagged(&self.tag);
        let exists = |name: &str| match declared {
            Some(kind) => name == "id" || kind.properties.contains_key(name),
            None => self.fields.contains_key(name),
        };
        let names: Vec<&str> = match (select, self.tag.as_str()) {
            (Some(names), _) => names.iter().map(String::as_str).filter(|name| exists(name)).collect(),
            (None, USER) => USER_DEFAULT.to_vec(),
            (None, _) => self.fields.keys().map(String::as_str).collect(),
        };
        let value = |name: &str| match self.fields.get(name) {
            Some(value) if readable || name == "id" => value.clone(),
            None if name == "businessPhones" && readable => json!([]),
            _ => Value::Null,
        };
        names.into_iter().map(|name| (name.to_owned(), value(name))).collect()
    }

    /// The same as [`Object::view`], with the type annotation that member lists contain.
    pub(super) fn member_view(&self, select: Option<&[String]>, readable: bool) -> Value {
        let mut fields = self.view(select, readable);
        fields.insert("@odata.type".into(), json!(self.tag));
        if !readable {
            fields.entry("id").or_insert_with(|| self.fields.get("id").cloned().unwrap_or_default());
        }
        Value::Object(fields)
    }
}

/// A change, as delta queries return it.
pub(super) enum Logged {
    Member { group: String, id: String, removed: bool },
    GroupDeleted { id: String },
    User { id: String, properties: Vec<String> },
}

/// A member of a group, with the period during which replicas list the member.
struct Membership {
    id: String,
    from: OffsetDateTime,
    until: Option<OffsetDateTime>,
}

#[derive(Default)]
struct Members {
    by_key: BTreeMap<u64, Membership>,
    key_of: HashMap<String, u64>,
    last: u64,
}

/// All objects of the tenant's directory, with indexes.
#[derive(Default)]
pub(super) struct Directory {
    objects: HashMap<String, Object>,
    groups: Vec<String>,
    by_name: HashMap<String, Vec<String>>,
    by_upn: HashMap<String, String>,
    members: HashMap<String, Members>,
    member_of: HashMap<String, BTreeSet<String>>,
    users: usize,
    /// All changes since the local cloud was started, each with its time.
    log: Vec<(OffsetDateTime, Logged)>,
}

impl Directory {
    /// Creates the directory from the initial data of a tenant.
    pub(super) fn load(tenant: Tenant, now: OffsetDateTime) -> Self {
        let mut directory = Self::default();
        let mut listed = Vec::new();
        for group in tenant.groups {
            let mut fields = group.other;
            fields.insert("displayName".into(), json!(group.display_name));
            if let Some(id) = group.id {
                fields.insert("id".into(), json!(id));
            }
            fields.insert("@odata.type".into(), json!(GROUP));
            listed.push((directory.put(fields, now), group.members));
        }
        for (group, members) in listed {
            for member in members {
                let id = directory.put(member, now);
                directory.link(&group, &id, (OffsetDateTime::UNIX_EPOCH, OffsetDateTime::UNIX_EPOCH));
            }
        }
        directory.log.clear();
        directory
    }

    /// The changes at the times for which `at` returns true.
    pub(super) fn log(&self, at: impl Fn(OffsetDateTime) -> bool) -> impl Iterator<Item = &Logged> {
        self.log.iter().filter(move |(time, _)| at(*time)).map(|(_, change)| change)
    }

    /// The number of users, including those in the recycle bin.
    pub(super) fn users(&self) -> usize {
        self.users
    }

    /// The object with this ID.
    pub(super) fn object(&self, id: &str) -> Option<&Object> {
        self.objects.get(id)
    }

    /// A user by object id or user principal name.
    pub(super) fn user(&self, key: &str) -> Option<&Object> {
        let id = self.by_upn.get(&key.to_lowercase()).map_or(key, String::as_str);
        self.objects.get(id).filter(|object| object.is_user() && !object.deleted())
    }

    /// The group with this ID, if it is not deleted.
    pub(super) fn group(&self, id: &str) -> Option<&Object> {
        self.objects.get(id).filter(|object| object.tag == GROUP && !object.deleted())
    }

    /// The ID of a group given by ID or by a unique display name.
    ///
    /// # Errors
    /// Fails if no group or more than one group matches.
    pub(super) fn group_id(&self, name: &str) -> Result<String, String> {
        if self.group(name).is_some() {
            return Ok(name.to_owned());
        }
        match self.by_name.get(&name.to_lowercase()).map(Vec::as_slice) {
            Some([only]) => Ok(only.clone()),
            Some(many) if many.len() > 1 => {
                Err(format!("{} groups are named '{name}': specify the id instead", many.len()))
            }
            _ => Err(format!("the tenant has no group '{name}'")),
        }
    }

    /// All groups, or the groups with the given name, in order of creation.
    pub(super) fn groups(&self, name: Option<&str>) -> impl Iterator<Item = &Object> {
        let ids = match name {
            Some(name) => self.by_name.get(&name.to_lowercase()),
            None => Some(&self.groups),
        };
        ids.into_iter().flatten().filter_map(|id| self.group(id))
    }

    /// All users who are not deleted. This function is slow, so it is used only for lists that no index supports.
    pub(super) fn all_users(&self) -> Vec<&Object> {
        let mut users: Vec<_> = self.objects.values().filter(|object| object.is_user() && !object.deleted()).collect();
        users.sort_by_key(|user| user.fields.get("id").and_then(Value::as_str).map(String::from));
        users
    }

    /// Adds an object, or updates the existing object with the same ID. Returns the ID.
    pub(super) fn put(&mut self, mut fields: Map<String, Value>, now: OffsetDateTime) -> String {
        let given = fields.get("id").and_then(Value::as_str).map(String::from);
        let id = given.unwrap_or_else(|| Uuid::new_v4().to_string());
        let tag = fields.get("@odata.type").and_then(Value::as_str).map(String::from);
        let tag = tag.or_else(|| self.objects.get(&id).map(|object| object.tag.clone())).unwrap_or_else(|| USER.into());
        fields.insert("id".into(), json!(id));
        let declared = MODEL.tagged(&tag);
        // The initial data can come from an export that contains annotations or properties of other API versions. Such
        // annotations and properties are removed, because Graph v1.0 does not return them.
        fields.retain(|name, _| !name.contains('@') && declared.is_none_or(|kind| kind.properties.contains_key(name)));
        if !self.objects.contains_key(&id) {
            let defaults = if tag == GROUP { group_defaults(now) } else { Map::new() };
            if tag == GROUP {
                self.groups.push(id.clone());
                self.members.entry(id.clone()).or_default();
            }
            let object = Object { tag, fields: defaults };
            self.users += usize::from(object.is_user());
            self.objects.insert(id.clone(), object);
        }
        self.update(&id, fields, now);
        id
    }

    /// Sets properties of an object and updates the indexes. Returns whether the object exists.
    pub(super) fn update(&mut self, id: &str, patch: Map<String, Value>, now: OffsetDateTime) -> bool {
        let Some(object) = self.objects.get_mut(id) else {
            return false;
        };
        let text =
            |fields: &Map<String, Value>, name: &str| fields.get(name).and_then(Value::as_str).map(str::to_lowercase);
        let changed = patch.iter().filter(|(name, value)| object.fields.get(*name) != Some(value));
        let properties: Vec<String> = changed.map(|(name, _)| name.clone()).collect();
        if object.is_user() && !properties.is_empty() {
            self.log.push((now, Logged::User { id: id.to_owned(), properties }));
        }
        let before = (text(&object.fields, "userPrincipalName"), text(&object.fields, "displayName"));
        object.fields.extend(patch);
        let after = (text(&object.fields, "userPrincipalName"), text(&object.fields, "displayName"));
        if object.is_user() && before.0 != after.0 {
            before.0.map(|upn| self.by_upn.remove(&upn));
            after.0.map(|upn| self.by_upn.insert(upn, id.to_owned()));
        } else if object.tag == GROUP && before.1 != after.1 {
            if let Some(ids) = before.1.and_then(|name| self.by_name.get_mut(&name)) {
                ids.retain(|other| other != id);
            }
            if let Some(name) = after.1 {
                self.by_name.entry(name).or_default().push(id.to_owned());
            }
        }
        true
    }

    /// Adds an object to a group at the time `now`. Delta queries return this change immediately. Lists contain the
    /// membership only from the time `from` on. Returns whether the object is a new member.
    pub(super) fn link(&mut self, group: &str, id: &str, (now, from): (OffsetDateTime, OffsetDateTime)) -> bool {
        let members = self.members.entry(group.to_owned()).or_default();
        if let Some(membership) = members.key_of.get(id).and_then(|key| members.by_key.get_mut(key)) {
            let was_removed = membership.until.take().is_some_and(|until| {
                // If the earlier removal is already visible, the new membership becomes visible only after its own
                // replication delay.
                membership.from = if until <= from { from } else { membership.from };
                true
            });
            if was_removed {
                self.log.push((now, Logged::Member { group: group.to_owned(), id: id.to_owned(), removed: false }));
                self.member_of.entry(id.to_owned()).or_default().insert(group.to_owned());
            }
            return was_removed;
        }
        self.log.push((now, Logged::Member { group: group.to_owned(), id: id.to_owned(), removed: false }));
        members.last += 1;
        members.by_key.insert(members.last, Membership { id: id.to_owned(), from, until: None });
        members.key_of.insert(id.to_owned(), members.last);
        self.member_of.entry(id.to_owned()).or_default().insert(group.to_owned());
        true
    }

    /// Removes an object from a group at the time `now`. Delta queries return this change immediately. Lists contain
    /// the membership until the time `until`. Returns whether the object was a member.
    pub(super) fn unlink(&mut self, group: &str, id: &str, (now, until): (OffsetDateTime, OffsetDateTime)) -> bool {
        let Some(members) = self.members.get_mut(group) else {
            return false;
        };
        let Some(membership) = members.key_of.get(id).and_then(|key| members.by_key.get_mut(key)) else {
            return false;
        };
        if membership.until.is_some() {
            return false;
        }
        membership.until = Some(until);
        self.log.push((now, Logged::Member { group: group.to_owned(), id: id.to_owned(), removed: true }));
        if let Some(groups) = self.member_of.get_mut(id) {
            groups.remove(group);
        }
        true
    }

    /// Deletes a group. A security group cannot be restored. Returns whether the group existed.
    pub(super) fn remove_group(&mut self, id: &str, now: OffsetDateTime) -> bool {
        if self.group(id).is_none() {
            return false;
        }
        self.log.push((now, Logged::GroupDeleted { id: id.to_owned() }));
        self.objects.remove(id);
        self.groups.retain(|group| group != id);
        self.by_name.values_mut().for_each(|ids| ids.retain(|group| group != id));
        self.members.remove(id);
        self.member_of.values_mut().for_each(|groups| {
            groups.remove(id);
        });
        true
    }

    /// The direct members of a group that replicas return at the time `at`, each with its position in the list of
    /// members. Members up to the position `after` are skipped.
    pub(super) fn members(
        &self,
        group: &str,
        after: u64,
        at: OffsetDateTime,
    ) -> impl Iterator<Item = (u64, &Object)> + use<'_> {
        let rows = self.members.get(group).into_iter().flat_map(move |members| members.by_key.range(after + 1..));
        rows.filter(move |(_, membership)| membership.from <= at && membership.until.is_none_or(|until| until > at))
            .filter_map(|(key, membership)| Some((*key, self.objects.get(&membership.id)?)))
            .filter(|(_, object)| !object.deleted())
    }

    /// The members of a group and of its nested groups, without duplicates, in the order in which they are found.
    pub(super) fn transitive_members(&self, group: &str, at: OffsetDateTime) -> Vec<&Object> {
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        let mut open = VecDeque::from([group.to_owned()]);
        while let Some(group) = open.pop_front() {
            for (_, object) in self.members(&group, 0, at) {
                let id = object.fields.get("id").and_then(Value::as_str).unwrap_or_default();
                if seen.insert(id) {
                    found.push(object);
                    if object.tag == GROUP {
                        open.push_back(id.to_owned());
                    }
                }
            }
        }
        found
    }

    /// The groups of which the object is a direct member.
    pub(super) fn member_of(&self, id: &str) -> Vec<&Object> {
        self.member_of.get(id).into_iter().flatten().filter_map(|group| self.group(group)).collect()
    }
}

fn group_defaults(now: OffsetDateTime) -> Map<String, Value> {
    let fields = json!({
        "deletedDateTime": null, "classification": null, "createdDateTime": stamp(now), "description": null,
        "displayName": null, "expirationDateTime": null, "groupTypes": [], "isAssignableToRole": null, "mail": null,
        "mailEnabled": false, "mailNickname": Uuid::new_v4().simple().to_string()[..10], "membershipRule": null,
        "membershipRuleProcessingState": null, "onPremisesLastSyncDateTime": null, "onPremisesSecurityIdentifier": null,
        "onPremisesSyncEnabled": null, "preferredDataLocation": null, "preferredLanguage": null, "proxyAddresses": [],
        "renewedDateTime": stamp(now), "securityEnabled": true, "theme": null, "uniqueName": null, "visibility": null,
    });
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
