//! The Graph operations on groups, their members, and users.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::{
    Answer, Call, State,
    directory::{GROUP, Object, USER},
    error::GraphError,
    notify::Change,
    odata::Options,
    permissions,
    registration::refuse_read_only,
    schema,
};

impl Call<'_> {
    /// The point in time whose memberships this call returns. With `ConsistencyLevel: eventual`, this time is in the
    /// past, because the call reads the advanced index, which is updated with a delay.
    fn as_of(&self, options: &Options) -> OffsetDateTime {
        let behaviour = &self.graph.behaviour();
        let extra = (behaviour.list_replication_seconds - behaviour.membership_seconds).max(0.0);
        if options.eventual { self.now - self.graph.options.clock.lasts(extra) } else { self.now }
    }

    pub(super) fn list_groups(&self) -> Result<Answer, GraphError> {
        let options = self.options()?;
        if let Some(filter) = &options.filter {
            filter.only(
                &["displayName", "id", "mail", "mailNickname", "securityEnabled", "mailEnabled"],
                &["displayName", "mail", "mailNickname"],
                &["groupTypes"],
            )?;
        }
        let state = self.graph.state();
        let name = options.filter.as_ref().and_then(|filter| filter.equals("displayName"));
        let groups: Vec<&Map<String, Value>> = state
            .directory
            .groups(name)
            .map(|group| &group.fields)
            .filter(|group| options.filter.as_ref().is_none_or(|filter| filter.fits(group)))
            .collect();
        Ok(Answer::json(200, options.page_of(self.graph, self.request, &groups)))
    }

    pub(super) fn get_group(&self, id: &str) -> Result<Answer, GraphError> {
        let options = self.options()?;
        let state = self.graph.state();
        let group = state.directory.group(id).ok_or_else(|| unknown(id))?;
        Ok(self.entity("groups", group.view(options.select.as_deref(), true)))
    }

    /// Creates a security group. The local cloud creates no groups of other kinds.
    pub(super) fn create_group(&self) -> Result<Answer, GraphError> {
        let mut fields = self.fields()?.clone();
        refuse_read_only(&fields, &["id", "createdDateTime", "deletedDateTime"])?;
        if fields.get("securityEnabled") != Some(&json!(true)) || fields.get("mailEnabled") != Some(&json!(false)) {
            return Err(self.not_served());
        }
        fields.insert("@odata.type".into(), json!(GROUP));
        let mut state = self.graph.state();
        let id = state.directory.put(fields, self.now);
        let group = state.directory.group(&id).ok_or_else(|| unknown(&id))?;
        let mut answer = self.entity("groups", group.view(None, true));
        answer.status = 201;
        Ok(answer)
    }

    pub(super) fn delete_group(&self, id: &str) -> Result<Answer, GraphError> {
        let removed = self.graph.state().directory.remove_group(id, self.now);
        if removed { Ok(Answer::no_content()) } else { Err(unknown(id)) }
    }

    pub(super) fn add_group_member(&self, id: &str) -> Result<Answer, GraphError> {
        let member = self.referenced(&["directoryObjects", "groups", "users"])?;
        let mut guard = self.graph.state();
        let state: &mut State = &mut guard;
        state.directory.group(id).ok_or_else(|| unknown(id))?;
        state.directory.object(&member).filter(|object| !object.deleted()).ok_or_else(|| unknown(&member))?;
        let from = self.graph.options.clock.after(self.graph.behaviour().membership_seconds);
        if !state.directory.link(id, &member, (self.now, from)) {
            return Err(self.already_referenced("members"));
        }
        self.graph.announce(state, &Change::Member { group: id.to_owned(), id: member, removed: false });
        Ok(Answer::no_content())
    }

    pub(super) fn members(&self, id: &str, transitive: bool, cast: bool) -> Result<Answer, GraphError> {
        let options = self.options()?;
        if (cast || options.filter.is_some()) && !(options.eventual && self.request.query("$count") == Some("true")) {
            return Err(GraphError::unsupported_query(
                "The query is not supported without the 'ConsistencyLevel:eventual' header and '$count=true'. Refer to \
                 https://aka.ms/graph-docs/advanced-queries for more information.",
            ));
        }
        let state = self.graph.state();
        state.directory.group(id).ok_or_else(|| unknown(id))?;
        let at = self.as_of(&options);
        let fits = |object: &Object| {
            (!cast || object.is_user()) && options.filter.as_ref().is_none_or(|filter| filter.fits(&object.fields))
        };
        let see_users = permissions::see_users(&self.caller.roles);
        let select = options.select.as_deref();
        let row = |object: &Object| {
            let readable = !object.is_user() || see_users;
            if cast { Value::Object(object.view(select, readable)) } else { object.member_view(select, readable) }
        };
        let counted = options.count && options.first();
        let page = if transitive {
            let all: Vec<_> = state.directory.transitive_members(id, at).into_iter().filter(|o| fits(o)).collect();
            let rows = (1..).zip(&all).filter(|(key, _)| *key > options.after()).map(|(key, o)| (key, row(o)));
            options.page(self.graph, self.request, counted.then_some(all.len()), rows)
        } else {
            let all = |after| state.directory.members(id, after, at).filter(|(_, object)| fits(object));
            let total = counted.then(|| all(0).count());
            options.page(self.graph, self.request, total, all(options.after()).map(|(key, o)| (key, row(o))))
        };
        Ok(Answer::json(200, page))
    }

    pub(super) fn count_members(&self, id: &str, transitive: bool) -> Result<Answer, GraphError> {
        let options = self.options()?;
        if !options.eventual {
            return Err(GraphError::unsupported_query(
                "$count is not supported because the 'ConsistencyLevel:eventual' header is missing.",
            ));
        }
        let state = self.graph.state();
        state.directory.group(id).ok_or_else(|| unknown(id))?;
        let at = self.as_of(&options);
        let count = if transitive {
            state.directory.transitive_members(id, at).len()
        } else {
            state.directory.members(id, 0, at).count()
        };
        Ok(Answer { status: 200, body: Some(json!(count)), text: true })
    }

    pub(super) fn list_users(&self) -> Result<Answer, GraphError> {
        let options = self.options()?;
        let fields = ["displayName", "givenName", "id", "mail", "surname", "userPrincipalName", "employeeId"];
        if let Some(filter) = &options.filter {
            filter.only(&[&fields[..], &["accountEnabled", "userType"]].concat(), &fields, &[])?;
        }
        let state = self.graph.state();
        let key = options.filter.as_ref().and_then(|f| f.equals("userPrincipalName").or_else(|| f.equals("id")));
        let users = match key {
            Some(key) => state.directory.user(key).into_iter().collect(),
            None => state.directory.all_users(),
        };
        let fits = |user: &&Object| options.filter.as_ref().is_none_or(|filter| filter.fits(&user.fields));
        let users: Vec<_> = users.into_iter().filter(fits).collect();
        let total = (options.count && options.first()).then_some(users.len());
        let select = options.select.as_deref();
        let rows = (1..).zip(&users).filter(|(key, _)| *key > options.after());
        let rows = rows.map(|(key, user)| (key, Value::Object(user.view(select, true))));
        Ok(Answer::json(200, options.page(self.graph, self.request, total, rows)))
    }

    pub(super) fn get_user(&self, key: &str) -> Result<Answer, GraphError> {
        let options = self.options()?;
        let state = self.graph.state();
        let user = state.directory.user(key).ok_or_else(|| GraphError::not_found(key))?;
        let mut fields = user.view(options.select.as_deref(), true);
        // In `OData`, the response for a single object contains the object's type only if this type is derived from the
        // type of the collection.
        if user.tag != USER {
            fields.insert("@odata.type".into(), json!(user.tag));
        }
        Ok(self.entity("users", fields))
    }

    pub(super) fn member_of(&self, key: &str) -> Result<Answer, GraphError> {
        let options = self.options()?;
        let state = self.graph.state();
        let user = state.directory.user(key).ok_or_else(|| GraphError::not_found(key))?;
        let id = user.fields.get("id").and_then(Value::as_str).unwrap_or_default();
        let groups = state.directory.member_of(id);
        let rows = (1..).zip(&groups).filter(|(key, _)| *key > options.after());
        let rows = rows.map(|(key, group)| (key, group.member_view(options.select.as_deref(), true)));
        Ok(Answer::json(200, options.page(self.graph, self.request, None, rows)))
    }

    /// From the groups in the request, returns those of which the user is a direct member or a member through nested
    /// groups.
    pub(super) fn check_member_groups(&self, key: &str) -> Result<Answer, GraphError> {
        let ids = self.body.get("groupIds").and_then(Value::as_array).into_iter().flatten();
        let ids: Vec<&str> = ids.filter_map(Value::as_str).collect();
        if ids.len() > 20 {
            return Err(GraphError::bad_request("Too many group ids: at most 20 are checked in one request."));
        }
        let state = self.graph.state();
        let user = state.directory.user(key).ok_or_else(|| GraphError::not_found(key))?;
        let user = user.fields.get("id").cloned().unwrap_or_default();
        let is_member = |id: &&&str| {
            let members = state.directory.transitive_members(id, self.now);
            members.iter().any(|member| member.fields.get("id") == Some(&user))
        };
        let found: Vec<&str> = ids.iter().filter(is_member).copied().collect();
        let context = format!("{}/v1.0/$metadata#Collection(Edm.String)", self.graph.base());
        Ok(Answer::json(200, json!({"@odata.context": context, "value": found})))
    }

    pub(super) fn deleted_item(&self, id: &str) -> Result<Answer, GraphError> {
        let options = self.options()?;
        let state = self.graph.state();
        let object = state.directory.object(id).filter(|object| object.deleted());
        let object = object.ok_or_else(|| GraphError::not_found(id))?;
        let mut fields = match object.member_view(options.select.as_deref(), true) {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        if options.select.is_none() {
            let at = object.fields.get("deletedDateTime").cloned();
            fields.insert("deletedDateTime".into(), at.unwrap_or_default());
        }
        Ok(self.entity("directoryObjects", fields))
    }

    pub(super) fn objects_by_ids(&self) -> Result<Answer, GraphError> {
        let ids = self.body.get("ids").and_then(Value::as_array).cloned().unwrap_or_default();
        if ids.len() > 1000 {
            return Err(GraphError::bad_request("Too many ids: at most 1000 are read in one request."));
        }
        let types = self.body.get("types").and_then(Value::as_array).cloned().unwrap_or_default();
        let wanted = |object: &&Object| {
            let kind = object.tag.rsplit('.').next().unwrap_or_default();
            !object.deleted()
                && (types.is_empty() || types.iter().any(|name| name == kind || name == "directoryObject"))
        };
        let state = self.graph.state();
        let found: Vec<_> = ids
            .iter()
            .filter_map(|id| state.directory.object(id.as_str()?))
            .filter(wanted)
            .map(|object| object.member_view(None, true))
            .collect();
        let context = format!("{}/v1.0/$metadata#directoryObjects", self.graph.base());
        Ok(Answer::json(200, json!({"@odata.context": context, "value": found})))
    }
}

/// The error for an ID that is not a GUID or does not exist.
fn unknown(id: &str) -> GraphError {
    if schema::is_guid(id) {
        GraphError::not_found(id)
    } else {
        GraphError::bad_request(format!("Invalid object identifier '{id}'."))
    }
}

/// The principal type of an object in an assignment: `User` or `Group`.
pub(super) fn principal_type(object: &Object) -> Option<&'static str> {
    match object.tag.as_str() {
        GROUP => Some("Group"),
        _ if object.is_user() => Some("User"),
        _ => None,
    }
}
