//! Describes the starter flow, and the phone numbers that use this flow, in the Terraform configuration. The test case
//! of the flow is not described, because the AWS provider has no resource for it.

use super::{
    Writer,
    hcl::{Block, Value},
    tags,
};
use crate::cloud::iam::Tags;

/// The starter flow of an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StarterFlow {
    /// Id of the flow.
    pub id: String,
    /// Name of the flow.
    pub name: String,
    /// Description of the flow, if there is one.
    pub description: Option<String>,
    /// Content of the flow, in the flow language (JSON).
    pub content: String,
    /// Tags of the flow.
    pub tags: Tags,
    /// Ids of the phone numbers that use the flow.
    pub numbers: Vec<String>,
}

impl Writer {
    /// Adds the flow, and one association for each phone number. The import id of the flow consists of the ids of
    /// instance and flow, separated by a colon. The import id of an association consists of the ids of number, instance
    /// and flow, separated by commas (documentation of both resources, "Import").
    pub(super) fn starter_flow(&mut self, flow: &StarterFlow, (instance, instance_id): (&str, &str)) {
        let instance = format!("{instance}.id");
        let import = format!("{instance_id}:{}", flow.id);
        let address = self.resource("aws_connect_contact_flow", "starter", &import, |block| {
            block
                .with("instance_id", Value::Reference(instance.clone()))
                .with("name", flow.name.as_str())
                .with_some("description", flow.description.as_deref())
                .with("type", "CONTACT_FLOW")
                .with("content", flow.content.as_str())
                .with("tags", tags(&flow.tags))
        });
        for number in &flow.numbers {
            let import = format!("{number},{instance_id},{}", flow.id);
            let name = format!("of_{}", number.replace('-', "_"));
            self.resource("aws_connect_phone_number_contact_flow_association", &name, &import, |block: Block| {
                block
                    .with("phone_number_id", number.as_str())
                    .with("instance_id", Value::Reference(instance.clone()))
                    .with("contact_flow_id", Value::Reference(format!("{address}.contact_flow_id")))
            });
        }
    }
}
