//! Named resources of an instance: the default profiles, queues, hours of operation and flows, and hierarchy groups.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Instance, bad_token, tags};
use crate::stand_in::aws_error::{Answer, Refusal};
use crate::stand_in::input::{Input, answer, epoch, nothing};
use crate::stand_in::paging::page;
use crate::stand_in::world::Setting;

/// A resource with an ID and a name.
#[derive(Clone, Debug)]
pub(crate) struct NamedThing {
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) name: String,
    /// The flow type, if the resource is a flow. Empty for other resources.
    pub(super) kind: &'static str,
    pub(super) at: OffsetDateTime,
    /// The content of a flow that a request has created. Empty for other resources.
    pub(super) content: String,
    /// The permissions of a security profile. Empty for other resources.
    pub(crate) permissions: Vec<String>,
    pub(crate) tags: Map<String, Value>,
}

/// The named resources of an instance.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) security: Vec<NamedThing>,
    pub(crate) routing: Vec<NamedThing>,
    queues: Vec<NamedThing>,
    hours: Vec<NamedThing>,
    pub(crate) flows: Vec<NamedThing>,
    pub(crate) hierarchy: Vec<NamedThing>,
}

fn thing(instance: &str, folder: &str, name: &str, kind: &'static str, at: OffsetDateTime) -> NamedThing {
    let id = Uuid::new_v4().to_string();
    let arn = format!("{instance}/{folder}/{id}");
    NamedThing {
        arn,
        id,
        name: name.into(),
        kind,
        at,
        content: String::new(),
        permissions: Vec::new(),
        tags: Map::new(),
    }
}

impl Named {
    /// The named resources that every instance created through the API has.
    pub(super) fn defaults(arn: &str, at: OffsetDateTime) -> Self {
        let all = |folder: &str, names: &[(&str, &'static str)]| {
            names.iter().map(|(name, kind)| thing(arn, folder, name, kind, at)).collect()
        };
        let profiles = [("Admin", ""), ("Agent", ""), ("CallCenterManager", ""), ("QualityAnalyst", "")];
        let mut security: Vec<NamedThing> = all("security-profile", &profiles);
        security.iter_mut().for_each(|profile| profile.permissions = vec!["BasicAgentAccess".into()]);
        Self {
            security,
            routing: all("routing-profile", &[("Basic Routing Profile", "")]),
            queues: all("queue", &[("BasicQueue", "")]),
            hours: all("operating-hours", &[("Basic Hours", "")]),
            flows: all(
                "contact-flow",
                &[
                    ("Sample inbound flow (first contact experience)", "CONTACT_FLOW"),
                    ("Default agent hold", "AGENT_HOLD"),
                    ("Default agent transfer", "AGENT_TRANSFER"),
                    ("Default agent whisper", "AGENT_WHISPER"),
                    ("Default customer hold", "CUSTOMER_HOLD"),
                    ("Default customer queue", "CUSTOMER_QUEUE"),
                    ("Default customer whisper", "CUSTOMER_WHISPER"),
                    ("Default outbound", "OUTBOUND_WHISPER"),
                    ("Default queue transfer", "QUEUE_TRANSFER"),
                ],
            ),
            hierarchy: Vec::new(),
        }
    }
}

/// Runs an operation on named resources.
pub(super) fn call(setting: &Setting, instance: &mut Instance, operation: &str, input: &Input) -> Answer {
    match operation {
        "CreateUserHierarchyGroup" => {
            let group =
                create(setting, &instance.arn, "agent-group", input.need("Name")?, &mut instance.named.hierarchy)?;
            answer(json!({ "HierarchyGroupId": group.id, "HierarchyGroupArn": group.arn }))
        }
        "CreateSecurityProfile" => {
            let name = input.need("SecurityProfileName")?;
            let tags = input.object("Tags").cloned().unwrap_or_default();
            tags::check(&tags)?;
            let profile = create(setting, &instance.arn, "security-profile", name, &mut instance.named.security)?;
            if let Some(made) = instance.named.security.last_mut() {
                made.permissions = input.texts("Permissions").into_iter().map(ToOwned::to_owned).collect();
                made.tags = tags;
            }
            answer(json!({ "SecurityProfileId": profile.id, "SecurityProfileArn": profile.arn }))
        }
        "ListSecurityProfilePermissions" => {
            let profile = find(&instance.named.security, input.need("SecurityProfileId")?)?;
            answer(json!({ "Permissions": profile.permissions }))
        }
        "UpdateSecurityProfile" => {
            let id = find(&instance.named.security, input.need("SecurityProfileId")?)?.id.clone();
            let permissions = input.0.contains_key("Permissions").then(|| input.texts("Permissions"));
            let profile = instance.named.security.iter_mut().find(|profile| profile.id == id);
            if let (Some(profile), Some(permissions)) = (profile, permissions) {
                profile.permissions = permissions.into_iter().map(ToOwned::to_owned).collect();
            }
            nothing()
        }
        "DeleteSecurityProfile" => {
            let id = find(&instance.named.security, input.need("SecurityProfileId")?)?.id.clone();
            if instance.users.all.values().any(|user| user.security.contains(&id)) {
                return Err(Refusal::new(400, "ResourceInUseException", "The security profile is assigned to users."));
            }
            instance.named.security.retain(|profile| profile.id != id);
            nothing()
        }
        _ if operation.starts_with("Describe") => describe(setting, instance, operation, input),
        _ => list(setting, instance, operation, input),
    }
}

fn unknown(operation: &str) -> Answer {
    Err(Refusal::new(404, "UnknownOperationException", format!("{operation} is not part of the local cloud.")))
}

/// A resource in the format of list responses.
fn summary(setting: &Setting, thing: &NamedThing) -> Value {
    json!({
        "Id": thing.id, "Arn": thing.arn, "Name": thing.name, "LastModifiedTime": epoch(thing.at),
        "LastModifiedRegion": setting.region,
    })
}

fn list(setting: &Setting, instance: &Instance, operation: &str, input: &Input) -> Answer {
    let page_of = |key: &str, things: &[NamedThing], shape: &dyn Fn(&NamedThing) -> Value| {
        let scope = format!("{operation} {}", instance.id);
        let all = (1..).zip(things.iter().map(shape));
        let (found, next) =
            page(all, &scope, input.text("NextToken"), input.page_size(100, 1000), setting.paging(), bad_token)?;
        let mut answered = json!({ key: found });
        if let Some(next) = next {
            answered["NextToken"] = json!(next);
        }
        answer(answered)
    };
    let brief = |thing: &NamedThing| summary(setting, thing);
    let named = &instance.named;
    match operation {
        "ListSecurityProfiles" => page_of("SecurityProfileSummaryList", &named.security, &brief),
        "ListRoutingProfiles" => page_of("RoutingProfileSummaryList", &named.routing, &brief),
        "ListUserHierarchyGroups" => page_of("UserHierarchyGroupSummaryList", &named.hierarchy, &brief),
        "ListHoursOfOperations" => page_of("HoursOfOperationSummaryList", &named.hours, &brief),
        "ListQueues" => {
            let queue = |thing: &NamedThing| {
                let mut shape = brief(thing);
                shape["QueueType"] = json!("STANDARD");
                shape
            };
            page_of("QueueSummaryList", &named.queues, &queue)
        }
        "ListContactFlows" => {
            let wanted = input.texts("ContactFlowTypes");
            let fits = |thing: &&NamedThing| wanted.is_empty() || wanted.contains(&thing.kind);
            let flows: Vec<NamedThing> = named.flows.iter().filter(fits).cloned().collect();
            let flow = |thing: &NamedThing| {
                json!({
                    "Id": thing.id, "Arn": thing.arn, "Name": thing.name, "ContactFlowType": thing.kind,
                    "ContactFlowState": "ACTIVE", "ContactFlowStatus": "PUBLISHED",
                })
            };
            page_of("ContactFlowSummaryList", &flows, &flow)
        }
        _ => unknown(operation),
    }
}

fn describe(setting: &Setting, instance: &Instance, operation: &str, input: &Input) -> Answer {
    let named = &instance.named;
    match operation {
        "DescribeSecurityProfile" => {
            let profile = find(&named.security, input.need("SecurityProfileId")?)?;
            let mut shape = json!({
                "Id": profile.id, "OrganizationResourceId": instance.id, "Arn": profile.arn,
                "SecurityProfileName": profile.name, "LastModifiedTime": epoch(profile.at),
                "LastModifiedRegion": setting.region,
            });
            if !profile.tags.is_empty() {
                shape["Tags"] = json!(profile.tags);
            }
            answer(json!({ "SecurityProfile": shape }))
        }
        "DescribeRoutingProfile" => {
            let profile = find(&named.routing, input.need("RoutingProfileId")?)?;
            answer(json!({ "RoutingProfile": {
                "InstanceId": instance.id, "Name": profile.name, "RoutingProfileArn": profile.arn,
                "RoutingProfileId": profile.id, "Description": "A simple routing profile",
                "MediaConcurrencies": [{ "Channel": "VOICE", "Concurrency": 1 }, { "Channel": "CHAT", "Concurrency": 2 }],
                "LastModifiedTime": epoch(profile.at), "LastModifiedRegion": setting.region,
            } }))
        }
        "DescribeUserHierarchyGroup" => {
            let group = find(&named.hierarchy, input.need("HierarchyGroupId")?)?;
            answer(json!({ "HierarchyGroup": {
                "Id": group.id, "Arn": group.arn, "Name": group.name, "LevelId": "1",
                "HierarchyPath": { "LevelOne": summary(setting, group) },
                "LastModifiedTime": epoch(group.at), "LastModifiedRegion": setting.region,
            } }))
        }
        _ => unknown(operation),
    }
}

/// Creates a resource. Returns an error if another resource in `things` already has the name.
pub(super) fn create(
    setting: &Setting,
    arn: &str,
    folder: &str,
    name: &str,
    things: &mut Vec<NamedThing>,
) -> Result<NamedThing, Refusal> {
    if things.iter().any(|thing| thing.name == name) {
        return Err(Refusal::new(409, "DuplicateResourceException", format!("The name {name} is already used.")));
    }
    let made = thing(arn, folder, name, "", setting.clock.now());
    things.push(made.clone());
    Ok(made)
}

/// The resource with this ID or ARN.
pub(super) fn find<'a>(things: &'a [NamedThing], id: &str) -> Result<&'a NamedThing, Refusal> {
    let found = things.iter().find(|thing| thing.id == id || thing.arn == id);
    found.ok_or_else(|| Refusal::not_found(format!("The resource with the id {id} was not found.")))
}
