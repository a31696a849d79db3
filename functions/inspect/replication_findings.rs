//! Reads which resources of a replicated instance are not completely replicated to the other Region
//! (`connect:ListReplicationFindings`).

use onboarding_core::{
    StepError,
    contract::Area,
    inspection::{Checks, Object, Presence},
};

use crate::{
    aws::error::{CallResult as _, code},
    context::Context,
};

/// The resource types that an onboarding and a user sync create or refer to: users, hierarchy groups, predefined
/// attributes, flows, phone numbers, queues, profiles and quick connects.
const TYPES: [&str; 9] = [
    "AGENT",
    "AGENT_GROUP",
    "ATTRIBUTE",
    "CONTACT_FLOW",
    "PHONE_NUMBER",
    "QUEUE",
    "ROUTING_PROFILE",
    "SECURITY_PROFILE",
    "TRANSFER_DESTINATION",
];
/// Maximum number of findings that are read for each resource type. The report of a drift check contains fewer
/// findings.
const MOST: usize = 100;
const ADVICE: &str = "No step changes this. Amazon Connect replicates from the source; correct the named cause in the Region of \
                      the source, and contact AWS Support if the finding stays";

/// Returns one object for each finding about an incomplete replication.
///
/// # Errors
/// If Connect returns an error. If Connect does not support a resource type yet, this is not an error, and there are no
/// findings for this type.
pub(crate) async fn objects(ctx: &Context, instance_id: &str) -> Result<Vec<Object>, StepError> {
    let mut objects = Vec::new();
    for kind in TYPES {
        let list = ctx.connect().list_replication_findings().instance_id(instance_id).resource_type(kind);
        let mut findings = list.into_paginator().items().send();
        let mut read = 0;
        while read < MOST
            && let Some(next) = findings.next().await
        {
            // For a resource type that it does not support yet, Connect returns this error code (API reference).
            if next.as_ref().is_err_and(|error| code(error) == Some("InvalidRequestException")) {
                break;
            }
            let finding = next.doing(format_args!("listing the replication findings of the type {kind}"))?;
            read += 1;
            let name = finding.name.unwrap_or(finding.id);
            let mut guards = Checks::default();
            let expected = format!("replicated to {}", finding.region.as_deref().unwrap_or("the other Region"));
            guards.that(
                "replication",
                false,
                expected,
                finding.message.as_deref().unwrap_or("not replicated completely"),
            );
            let object = Object::new(Area::Instance, "replicated", format!("{kind} {name}"), Presence::Ours);
            objects.push(object.guarded(guards).advising(ADVICE));
        }
    }
    Ok(objects)
}
