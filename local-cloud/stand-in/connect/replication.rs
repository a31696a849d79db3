//! Replicated instances (Amazon Connect Global Resiliency): the replication of an instance, its traffic distribution
//! groups with their users, and its replication findings. Only the administration API sets up a replication; the
//! product never does.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Connect, Instance, bad_token};
use crate::stand_in::aws_error::{Answer, Refusal};
use crate::stand_in::input::{Input, answer, nothing};
use crate::stand_in::paging::page;
use crate::stand_in::world::{Setting, State};

/// The resource types that `ListReplicationFindings` accepts (Amazon Connect API reference).
const TYPES: [&str; 27] = [
    "AGENT",
    "AGENT_GROUP",
    "AGENT_GROUP_LEVEL",
    "AGENT_STATE",
    "ATTRIBUTE",
    "CONTACT_FLOW",
    "DATA_TABLE",
    "DATA_TABLE_ATTRIBUTE",
    "DATA_TABLE_RECORD",
    "DATA_TABLE_VALUE",
    "FLOW_MODULE",
    "FLOW_MODULE_ALIAS",
    "FLOW_MODULE_VERSION",
    "METRIC",
    "NOTIFICATION",
    "OPERATING_HOURS",
    "PHONE_NUMBER",
    "PROMPT",
    "QUEUE",
    "REPORT",
    "ROUTING_PROFILE",
    "SECURITY_PROFILE",
    "TASK_TEMPLATE",
    "TEST_CASE",
    "TRANSFER_DESTINATION",
    "VIEW",
    "WORKSPACE",
];

/// The replication of an instance.
#[derive(Debug)]
pub(crate) struct Replication {
    source_region: String,
    regions: [String; 2],
    group: Group,
    findings: Vec<Finding>,
}

/// The default traffic distribution group of a replicated instance.
#[derive(Debug)]
struct Group {
    id: String,
    status: String,
    users: BTreeSet<String>,
}

/// The body of `/_admin/replicate`, which sets up or changes the replication of an instance.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Replicate {
    instance_id: String,
    /// The Region of the source instance. If this is not the Region of the local cloud, the given instance is the
    /// replica.
    source_region: String,
    /// The Region of the replica instance.
    replica_region: String,
    /// The status of the default traffic distribution group.
    #[serde(default = "active")]
    group_status: String,
    /// All replication findings of the instance.
    #[serde(default)]
    findings: Vec<Finding>,
}

/// A resource that is not replicated completely.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Finding {
    resource_type: String,
    name: String,
    message: String,
}

fn active() -> String {
    "ACTIVE".to_owned()
}

/// Sets up or changes the replication of an instance. A change removes no users from their traffic distribution group.
///
/// # Errors
/// Fails if the instance does not exist.
pub(crate) fn replicate(state: &mut State, wanted: Replicate) -> Result<(), String> {
    let Replicate { instance_id, source_region, replica_region, group_status, findings } = wanted;
    let instance = state.connect.instance_mut(&instance_id).ok_or("The instance does not exist.")?;
    let known = instance.replication.take().map(|replication| replication.group);
    let group = known.unwrap_or_else(|| Group {
        id: Uuid::new_v4().to_string(),
        status: String::new(),
        users: BTreeSet::new(),
    });
    instance.replication = Some(Replication {
        regions: [source_region.clone(), replica_region],
        source_region,
        group: Group { status: group_status, ..group },
        findings,
    });
    Ok(())
}

impl Instance {
    /// The global sign-in endpoint of a replicated instance.
    pub(crate) fn global_sign_in_endpoint(&self) -> Option<String> {
        let replication = self.replication.as_ref()?;
        Some(format!("https://{}.{}.sign-in.connect.aws/saml", self.id, replication.source_region))
    }

    /// The traffic distribution group to which a user belongs, if any.
    pub(crate) fn group_of(&self, user: &str) -> Option<&str> {
        let group = &self.replication.as_ref()?.group;
        group.users.contains(user).then_some(group.id.as_str())
    }

    /// Removes a deleted user from the user's traffic distribution group.
    pub(super) fn leave_group(&mut self, user: &str) {
        if let Some(replication) = &mut self.replication {
            replication.group.users.remove(user);
        }
    }
}

/// The member `ReplicationConfiguration` in the response of `DescribeInstance`.
pub(super) fn configuration(instance: &Instance) -> Option<Value> {
    let replication = instance.replication.as_ref()?;
    let status = |region: &String| json!({ "Region": region, "ReplicationStatus": "INSTANCE_REPLICATION_COMPLETE" });
    Some(json!({
        "SourceRegion": replication.source_region,
        "GlobalSignInEndpoint": instance.global_sign_in_endpoint(),
        "ReplicationStatusSummaryList": replication.regions.iter().map(status).collect::<Vec<_>>(),
    }))
}

/// Runs an operation on traffic distribution groups or replication findings.
pub(super) fn call(setting: &Setting, state: &mut State, operation: &str, input: &Input) -> Answer {
    match operation {
        "ListTrafficDistributionGroups" => list_groups(setting, &state.connect, input),
        "ListTrafficDistributionGroupUsers" => list_users(setting, &state.connect, input),
        "ListReplicationFindings" => list_findings(setting, state, input),
        _ => {
            let conflicts = setting.behaviour.group_associations_conflict;
            let instance = state.connect.ready(setting, input.need("InstanceId")?)?;
            let user = instance.users.named(input.need("UserId")?, setting.clock.now());
            let user = user.ok_or_else(|| Refusal::not_found("The user was not found."))?.id.clone();
            let group = group(setting, instance, input.need("TrafficDistributionGroupId")?)?;
            if operation == "DisassociateTrafficDistributionGroupUser" {
                let left = group.users.remove(&user);
                return if left { nothing() } else { Err(Refusal::not_found("The user is not in the group.")) };
            }
            if !group.users.insert(user) && conflicts {
                return Err(Refusal::new(409, "ResourceConflictException", "The user is already in the group."));
            }
            nothing()
        }
    }
}

/// Returns the traffic distribution group with this ID or ARN. Users can be associated with the group only in the
/// source Region, and only if the group is active (Amazon Connect Administrator Guide, "Associate agents to Connect
/// Customer instances across multiple AWS Regions").
fn group<'i>(setting: &Setting, instance: &'i mut Instance, id: &str) -> Result<&'i mut Group, Refusal> {
    let missing = || Refusal::not_found("The traffic distribution group was not found.");
    let replication = instance.replication.as_mut().ok_or_else(missing)?;
    let here = replication.source_region == setting.region && replication.group.status == "ACTIVE";
    let id = id.rsplit('/').next().unwrap_or(id);
    if here && replication.group.id == id { Ok(&mut replication.group) } else { Err(missing()) }
}

fn list_groups(setting: &Setting, connect: &Connect, input: &Input) -> Answer {
    let wanted = input.text("InstanceId");
    let of = |instance: &&Instance| wanted.is_none_or(|id| instance.id == id || instance.arn == id);
    let summary = |instance: &Instance| {
        let replication = instance.replication.as_ref()?;
        Some(json!({
            "Id": replication.group.id,
            "Arn": setting.arn(&format!("traffic-distribution-group/{}", replication.group.id)),
            "Name": "default",
            "InstanceArn": instance.arn,
            "Status": replication.group.status,
            "IsDefault": true,
        }))
    };
    let all = (1..).zip(connect.instances.values().filter(of).filter_map(summary));
    let scope = "ListTrafficDistributionGroups";
    let (found, next) =
        page(all, scope, input.text("NextToken"), input.page_size(10, 10), setting.paging(), bad_token)?;
    with_token("TrafficDistributionGroupSummaryList", found, next)
}

fn list_users(setting: &Setting, connect: &Connect, input: &Input) -> Answer {
    let id = input.need("TrafficDistributionGroupId")?;
    let id = id.rsplit('/').next().unwrap_or(id);
    let replications = connect.instances.values().filter_map(|instance| instance.replication.as_ref());
    let group = replications.map(|replication| &replication.group).find(|group| group.id == id);
    let group = group.ok_or_else(|| Refusal::not_found("The traffic distribution group was not found."))?;
    let all = (1..).zip(group.users.iter().map(|user| json!({ "UserId": user })));
    let scope = format!("ListTrafficDistributionGroupUsers {id}");
    let (found, next) =
        page(all, &scope, input.text("NextToken"), input.page_size(10, 10), setting.paging(), bad_token)?;
    with_token("TrafficDistributionGroupUserSummaryList", found, next)
}

fn list_findings(setting: &Setting, state: &mut State, input: &Input) -> Answer {
    let kind = input.need("ResourceType")?;
    let instance = state.connect.ready(setting, input.need("InstanceId")?)?;
    let Some(replication) = instance.replication.as_ref().filter(|_| TYPES.contains(&kind)) else {
        return Err(Refusal::invalid_request("The resource type is not supported, or the instance is not replicated."));
    };
    let found = replication.findings.iter().filter(|finding| finding.resource_type == kind);
    let shape = |finding: &Finding| {
        json!({
            "Arn": format!("{}/{}", instance.arn, finding.name),
            "Id": finding.name,
            "ResourceType": finding.resource_type,
            "Name": finding.name,
            "Message": finding.message,
            "Region": replication.regions[1],
        })
    };
    let scope = format!("ListReplicationFindings {} {kind}", instance.id);
    let all = (1..).zip(found.map(shape));
    let (found, next) =
        page(all, &scope, input.text("NextToken"), input.page_size(100, 100), setting.paging(), bad_token)?;
    with_token("ReplicationFindingsList", found, next)
}

fn with_token(name: &str, found: Vec<Value>, next: Option<String>) -> Answer {
    let mut shape = json!({ name: found });
    if let Some(next) = next {
        shape["NextToken"] = json!(next);
    }
    answer(shape)
}
