//! Claims mapping policies and their assignment to service principals.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Answer, Call, State,
    error::GraphError,
    registration::{object, refuse_read_only, text},
};

const ENTRY_KEYS: [&str; 8] =
    ["Value", "Source", "ID", "ExtensionID", "TransformationId", "SamlClaimType", "JwtClaimType", "SamlNameFormat"];
const SOURCES: [&str; 7] = ["user", "application", "resource", "audience", "company", "transformation", "device"];
/// The user attributes that a claim can have as its source: the IDs for the source `user` in Microsoft's reference.
const USER_IDS: [&str; 31] = [
    "surname",
    "givenname",
    "displayname",
    "objectid",
    "mail",
    "userprincipalname",
    "department",
    "onpremisessamaccountname",
    "netbiosname",
    "dnsdomainname",
    "onpremisesecurityidentifier",
    "companyname",
    "streetaddress",
    "postalcode",
    "preferredlanguage",
    "onpremisesuserprincipalname",
    "mailnickname",
    "othermail",
    "country",
    "city",
    "state",
    "jobtitle",
    "employeeid",
    "facsimiletelephonenumber",
    "assignedroles",
    "accountenabled",
    "consentprovidedforminor",
    "createddatetime",
    "creationtype",
    "usertype",
    "localuserprincipalname",
];

/// A claims mapping policy.
pub(super) struct Policy {
    pub(super) fields: Map<String, Value>,
    /// The time from which the policy can be referenced.
    referable_at: OffsetDateTime,
}

impl State {
    fn policy(&mut self, id: &str) -> Result<&mut Policy, GraphError> {
        let found = self.policies.iter_mut().find(|policy| text(&policy.fields, "id") == id);
        found.ok_or_else(|| GraphError::not_found(id))
    }
}

impl Call<'_> {
    pub(super) fn list_policies(&self) -> Result<Answer, GraphError> {
        let options = self.options()?;
        if let Some(filter) = &options.filter {
            filter.only(&["id", "displayName", "isOrganizationDefault"], &["displayName"], &[])?;
        }
        let state = self.graph.state();
        let fitting: Vec<_> = state
            .policies
            .iter()
            .map(|policy| &policy.fields)
            .filter(|fields| options.filter.as_ref().is_none_or(|filter| filter.fits(fields)))
            .collect();
        Ok(Answer::json(200, options.page_of(self.graph, self.request, &fitting)))
    }

    pub(super) fn get_policy(&self, id: &str) -> Result<Answer, GraphError> {
        let options = self.options()?;
        let mut state = self.graph.state();
        let fields = options.project(&state.policy(id)?.fields);
        Ok(self.entity("policies/claimsMappingPolicies", fields))
    }

    pub(super) fn create_policy(&self) -> Result<Answer, GraphError> {
        let body = self.fields()?;
        refuse_read_only(body, &["id", "deletedDateTime"])?;
        check_definition(&body["definition"])?;
        let fields = object(json!({
            "id": Uuid::new_v4().to_string(), "deletedDateTime": null, "definition": body["definition"],
            "displayName": body["displayName"],
            "isOrganizationDefault": body.get("isOrganizationDefault").and_then(Value::as_bool).unwrap_or(false),
        }));
        let referable_at = self.graph.options.clock.after(self.graph.behaviour().policy_replication_seconds);
        self.graph.state().policies.push(Policy { fields: fields.clone(), referable_at });
        let mut answer = self.entity("policies/claimsMappingPolicies", fields);
        answer.status = 201;
        Ok(answer)
    }

    pub(super) fn patch_policy(&self, id: &str) -> Result<Answer, GraphError> {
        let body = self.fields()?;
        refuse_read_only(body, &["id", "deletedDateTime"])?;
        if let Some(definition) = body.get("definition") {
            check_definition(definition)?;
        }
        let mut state = self.graph.state();
        let policy = state.policy(id)?;
        policy.fields.extend(body.iter().filter(|(name, _)| !name.contains('@')).map(|(k, v)| (k.clone(), v.clone())));
        Ok(Answer::no_content())
    }

    pub(super) fn delete_policy(&self, id: &str) -> Result<Answer, GraphError> {
        let mut state = self.graph.state();
        state.policy(id)?;
        state.policies.retain(|policy| text(&policy.fields, "id") != id);
        for registration in &mut state.registrations {
            registration.policies.retain(|assigned| assigned != id);
        }
        Ok(Answer::no_content())
    }

    /// The service principals to which a policy is assigned.
    pub(super) fn policy_applies_to(&self, id: &str) -> Result<Answer, GraphError> {
        let options = self.options()?;
        let mut state = self.graph.state();
        state.policy(id)?;
        let carriers = state.registrations.iter().filter(|one| {
            let removed = one.removed_policies.iter().filter(|(_, until)| *until > self.now);
            let mut listed = one.policies.iter().chain(removed.map(|(policy, _)| policy));
            !one.principal_deleted && listed.any(|policy| policy == id)
        });
        let carriers: Vec<_> = carriers
            .map(|one| {
                object(json!({"@odata.type": "#microsoft.graph.servicePrincipal", "id": text(&one.principal, "id")}))
            })
            .collect();
        Ok(Answer::json(200, options.page_of(self.graph, self.request, &carriers.iter().collect::<Vec<_>>())))
    }

    pub(super) fn list_assigned_policies(&self, principal: &str) -> Result<Answer, GraphError> {
        let options = self.options()?;
        let mut state = self.graph.state();
        let assigned = state.principal(self, principal)?.policies.clone();
        let all = state.policies.iter().map(|policy| &policy.fields);
        let fitting: Vec<_> = all.filter(|fields| assigned.iter().any(|id| id == text(fields, "id"))).collect();
        Ok(Answer::json(200, options.page_of(self.graph, self.request, &fitting)))
    }

    pub(super) fn assign_policy(&self, principal: &str) -> Result<Answer, GraphError> {
        let id = self.referenced(&["policies/claimsMappingPolicies", "directoryObjects"])?;
        let mut state = self.graph.state();
        self.check_owner(state.principal(self, principal)?)?;
        if state.policy(&id)?.referable_at > self.now {
            return Err(GraphError::not_found(&id));
        }
        let registration = state.principal(self, principal)?;
        if registration.policies.contains(&id) {
            return Err(self.already_referenced("claimsMappingPolicies"));
        }
        if !registration.policies.is_empty() {
            return Err(GraphError::bad_request(
                "A conflicting object with one or more of the specified property values is present in the directory.",
            ));
        }
        registration.policies.push(id);
        Ok(Answer::no_content())
    }

    pub(super) fn unassign_policy(&self, principal: &str, id: &str) -> Result<Answer, GraphError> {
        let mut state = self.graph.state();
        let registration = state.principal(self, principal)?;
        self.check_owner(registration)?;
        if !registration.policies.iter().any(|assigned| assigned == id) {
            return Err(GraphError::not_found(id));
        }
        registration.policies.retain(|assigned| assigned != id);
        let until = self.graph.options.clock.after(self.graph.behaviour().policy_removal_seconds);
        registration.removed_policies.push((id.to_owned(), until));
        Ok(Answer::no_content())
    }
}

/// Validates the JSON in a policy. The error message of Entra contains only "invalid value". This emulation also
/// returns the reason in the details of the error.
fn check_definition(definition: &Value) -> Result<(), GraphError> {
    judge(definition).map_err(|reason| {
        GraphError::bad_request("Property has an invalid value.").detail("InvalidValue", "definition", &reason)
    })
}

fn judge(definition: &Value) -> Result<(), String> {
    let [Value::String(text)] = definition.as_array().map(Vec::as_slice).unwrap_or_default() else {
        return Err("definition must be a list of exactly one string".into());
    };
    let parsed: Value = serde_json::from_str(text).map_err(|error| format!("the string is not JSON: {error}"))?;
    let only = |value: &Value, known: &[&str], place: &str| match value.as_object() {
        None => Err(format!("{place} is not an object")),
        Some(fields) => match fields.keys().find(|key| !known.contains(&key.as_str())) {
            Some(key) => Err(format!("{place} has no '{key}' (names are case-sensitive)")),
            None => Ok(()),
        },
    };
    only(&parsed, &["ClaimsMappingPolicy"], "the definition")?;
    let policy = &parsed["ClaimsMappingPolicy"];
    only(policy, &["Version", "IncludeBasicClaimSet", "ClaimsSchema", "ClaimsTransformation"], "ClaimsMappingPolicy")?;
    if policy["Version"] != 1 {
        return Err("Version must be 1".into());
    }
    if !policy["IncludeBasicClaimSet"]
        .as_str()
        .is_some_and(|flag| ["true", "false"].contains(&flag.to_lowercase().as_str()))
    {
        return Err("IncludeBasicClaimSet must be the string true or false".into());
    }
    let entries = match policy.get("ClaimsSchema") {
        None => &Vec::new(),
        Some(schema) => schema.as_array().ok_or("ClaimsSchema must be a list")?,
    };
    for entry in entries {
        only(entry, &ENTRY_KEYS, "an entry of ClaimsSchema")?;
        if entry.as_object().into_iter().flatten().any(|(_, value)| value.as_str().is_none_or(str::is_empty)) {
            return Err("each value in an entry of ClaimsSchema must be a string".into());
        }
        if entry.get("SamlClaimType").or(entry.get("JwtClaimType")).is_none() {
            return Err("an entry of ClaimsSchema must contain SamlClaimType or JwtClaimType".into());
        }
        judge_source(entry)?;
    }
    Ok(())
}

fn judge_source(entry: &Value) -> Result<(), String> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str);
    match (text("Value"), text("Source"), text("ID"), text("ExtensionID")) {
        (Some(_), None, None, None) | (None, Some("user"), None, Some(_)) => Ok(()),
        (None, Some("user"), Some(id), None) => {
            let number = id.strip_prefix("extensionattribute").and_then(|number| number.parse::<u8>().ok());
            if USER_IDS.contains(&id.to_lowercase().as_str()) || number.is_some_and(|number| (1..=15).contains(&number))
            {
                Ok(())
            } else {
                Err(format!("the source user has no '{id}'"))
            }
        }
        (None, Some(source), Some(_), None) if SOURCES.contains(&source) => Ok(()),
        _ => Err("an entry of ClaimsSchema must contain either Value, or Source and ID".into()),
    }
}
