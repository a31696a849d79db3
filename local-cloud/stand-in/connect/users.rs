//! Users. `CreateUser` succeeds immediately, but the new user becomes visible only later.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Instance, bad_token, proficiencies::Proficiency, tags, user_rules};
use crate::stand_in::aws_error::{Answer, Refusal};
use crate::stand_in::input::{Input, answer, epoch, nothing};
use crate::stand_in::paging::page;
use crate::stand_in::quotas;
use crate::stand_in::world::{Setting, State};

/// One Connect user.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) username: String,
    pub(crate) identity: Map<String, Value>,
    pub(crate) security: Vec<String>,
    pub(crate) routing: String,
    pub(crate) hierarchy: Option<String>,
    /// The phone settings by member name: either `PhoneConfig` or the configurations per channel.
    pub(crate) settings: Map<String, Value>,
    pub(crate) tags: Map<String, Value>,
    pub(crate) proficiencies: Vec<Proficiency>,
    /// The time from which operations on a single user recognize this user.
    visible: OffsetDateTime,
    /// The time from which list and search operations return the user.
    listed: OffsetDateTime,
    pub(super) modified: OffsetDateTime,
}

/// The users of an instance, in order of creation.
#[derive(Debug, Default)]
pub(crate) struct Users {
    pub(crate) all: BTreeMap<u64, User>,
    by_id: HashMap<String, u64>,
    names: HashMap<String, u64>,
    /// The usernames of deleted users.
    former_names: HashSet<String>,
    sequence: u64,
}

impl Users {
    /// The users that list operations return at the time `now`, each with its sequence number.
    pub(super) fn listed(&self, now: OffsetDateTime) -> impl Iterator<Item = (u64, &User)> {
        self.all.iter().filter(move |(_, user)| user.listed <= now).map(|(key, user)| (*key, user))
    }

    /// The user with this ID or ARN, if it is visible.
    pub(super) fn named(&mut self, id: &str, now: OffsetDateTime) -> Option<&mut User> {
        let id = id.rsplit('/').next().unwrap_or(id);
        let user = self.all.get_mut(self.by_id.get(id)?)?;
        (user.visible <= now).then_some(user)
    }

    /// The visible user with exactly this name.
    pub(crate) fn by_name(&self, name: &str, now: OffsetDateTime) -> Option<&User> {
        self.names.get(name).and_then(|key| self.all.get(key)).filter(|user| user.visible <= now)
    }

    /// Whether the user exists, visible or not.
    pub(super) fn exists(&self, id: &str) -> bool {
        self.by_id.contains_key(id)
    }
}

pub(super) fn create(setting: &Setting, state: &mut State, input: &Input) -> Answer {
    let instance = state.connect.ready(setting, input.need("InstanceId")?)?;
    let username = input.need("Username")?.to_owned();
    user_rules::username(&username)?;
    for forbidden in ["Password", "DirectoryUserId"] {
        if instance.is_saml() && input.text(forbidden).is_some() {
            return Err(Refusal::invalid_request(format!("{forbidden} must not be given when SAML is used.")));
        }
    }
    let identity = user_rules::identity(instance, input.object("IdentityInfo"))?;
    let security = user_rules::security_profiles(instance, input)?;
    let routing = user_rules::routing_profile(instance, input)?;
    let hierarchy = user_rules::hierarchy_group(instance, input)?;
    let settings = user_rules::phone_settings(input)?;
    let tags = input.object("Tags").cloned().unwrap_or_default();
    tags::check(&tags)?;
    // Usernames are case-sensitive, so they are compared exactly.
    let former = !setting.behaviour.usernames_reusable && instance.users.former_names.contains(&username);
    if former || instance.users.names.contains_key(&username) {
        let message = format!("A user with the username {username} already exists.");
        return Err(Refusal::new(409, "DuplicateResourceException", message));
    }
    let arn = instance.arn.clone();
    let quota = quotas::in_force(setting, &state.quotas, "L-9A46857E", Some(&arn));
    let instance = state.connect.ready(setting, &arn)?;
    if !u32::try_from(instance.users.all.len()).is_ok_and(|count| f64::from(count) < quota) {
        // Throttling errors have the same HTTP status as this error, but another error code.
        let message = format!("The limit of {quota} users for this instance is exceeded.");
        return Err(Refusal::new(429, "LimitExceededException", message));
    }
    let id = Uuid::new_v4().to_string();
    let user = User {
        arn: format!("{arn}/agent/{id}"),
        id: id.clone(),
        username: username.clone(),
        identity,
        security,
        routing,
        hierarchy,
        settings,
        tags,
        proficiencies: Vec::new(),
        visible: setting.clock.after(setting.behaviour.user_visible_seconds),
        listed: setting.clock.after(setting.behaviour.user_listed_seconds),
        modified: setting.clock.now(),
    };
    let shape = json!({ "UserId": user.id, "UserArn": user.arn });
    let users = &mut instance.users;
    users.sequence += 1;
    users.by_id.insert(id, users.sequence);
    users.names.insert(username, users.sequence);
    users.all.insert(users.sequence, user);
    answer(shape)
}

/// The user that a request names. As in Connect, returns "not found" if the user is not visible yet.
pub(super) fn named<'a>(setting: &Setting, instance: &'a mut Instance, input: &Input) -> Result<&'a mut User, Refusal> {
    let user = instance.users.named(input.need("UserId")?, setting.clock.now());
    user.ok_or_else(|| Refusal::not_found("User not found."))
}

/// The user that a request changes. As long as a new user is not visible yet, a change returns an invalid request
/// error, although a read of the user returns "not found".
pub(super) fn to_change<'a>(
    setting: &Setting,
    instance: &'a mut Instance,
    input: &Input,
) -> Result<&'a mut User, Refusal> {
    let id = input.need("UserId")?;
    let exists = instance.users.exists(id);
    instance.users.named(id, setting.clock.now()).ok_or_else(|| match exists {
        true => Refusal::invalid_request("The user is not valid."),
        false => Refusal::not_found("User not found."),
    })
}

pub(super) fn describe(setting: &Setting, instance: &mut Instance, input: &Input) -> Answer {
    let user = named(setting, instance, input)?;
    let mut shape = common(user);
    shape.insert("IdentityInfo".into(), json!(user.identity));
    shape.insert("LastModifiedTime".into(), epoch(user.modified));
    shape.insert("LastModifiedRegion".into(), json!(setting.region));
    shape.extend(user.settings.clone());
    answer(json!({ "User": shape }))
}

/// The members that `DescribeUser` and `SearchUsers` have in common.
pub(super) fn common(user: &User) -> Map<String, Value> {
    let mut shape = Map::new();
    shape.insert("Id".into(), json!(user.id));
    shape.insert("Arn".into(), json!(user.arn));
    shape.insert("Username".into(), json!(user.username));
    shape.insert("SecurityProfileIds".into(), json!(user.security));
    shape.insert("RoutingProfileId".into(), json!(user.routing));
    if let Some(group) = &user.hierarchy {
        shape.insert("HierarchyGroupId".into(), json!(group));
    }
    if !user.tags.is_empty() {
        shape.insert("Tags".into(), json!(user.tags));
    }
    shape
}

pub(super) fn delete(setting: &Setting, instance: &mut Instance, input: &Input) -> Answer {
    let user = named(setting, instance, input)?;
    let (id, username) = (user.id.clone(), user.username.clone());
    if setting.behaviour.quick_connects_block_deletion && instance.quick_connects.any_transfers_to(&id) {
        return Err(Refusal::invalid_request("The user has associated quick connects."));
    }
    if setting.behaviour.groups_block_deletion && instance.group_of(&id).is_some() {
        return Err(Refusal::invalid_request("The user is in a traffic distribution group."));
    }
    instance.leave_group(&id);
    let users = &mut instance.users;
    users.names.remove(&username);
    users.former_names.insert(username);
    if let Some(key) = users.by_id.remove(&id) {
        users.all.remove(&key);
    }
    nothing()
}

pub(super) fn list(setting: &Setting, instance: &Instance, input: &Input) -> Answer {
    let shape = |user: &User| {
        let at = epoch(user.modified);
        json!({
            "Id": user.id, "Arn": user.arn, "Username": user.username,
            "LastModifiedTime": at, "LastModifiedRegion": setting.region,
        })
    };
    let all = instance.users.listed(setting.clock.now());
    let scope = format!("ListUsers {}", instance.id);
    let (found, next) =
        page(all, &scope, input.text("NextToken"), input.page_size(100, 1000), setting.paging(), bad_token)?;
    let mut listed = json!({ "UserSummaryList": found.into_iter().map(shape).collect::<Vec<_>>() });
    if let Some(next) = next {
        listed["NextToken"] = json!(next);
    }
    answer(listed)
}
