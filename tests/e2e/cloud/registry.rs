//! The entries of the stack's registry.

use serde_json::{Map, Value, json};
use test_support::registry_config;

use super::{Cloud, until};

impl Cloud {
    /// The registry entry of an instance, with plain values instead of DynamoDB's typed values.
    pub(crate) async fn entry(&self, instance: &str) -> Map<String, Value> {
        let key = json!({ "instanceId": { "S": instance } });
        let body = json!({ "TableName": self.output("RegistryTable"), "Key": key, "ConsistentRead": true });
        let found = self.call("dynamodb", "DynamoDB_20120810.GetItem", body).await;
        let plain = |value: &Value| value.as_object().unwrap().values().next().unwrap().clone();
        found["Item"].as_object().unwrap().iter().map(|(name, value)| (name.clone(), plain(value))).collect()
    }

    /// Whether the registry has an item with this key.
    pub(crate) async fn has_item(&self, key: &str) -> bool {
        let key = json!({ "instanceId": { "S": key } });
        let body = json!({ "TableName": self.output("RegistryTable"), "Key": key, "ConsistentRead": true });
        self.call("dynamodb", "DynamoDB_20120810.GetItem", body).await["Item"].is_object()
    }

    /// Creates an instance for groups with these ids and display names, and writes the registry entry that
    /// `register-instance` writes, with a limit of two removals. Returns the ID of the instance.
    pub(crate) async fn registered_instance(&self, alias: &str, groups: &[(String, String)]) -> String {
        let (instance, arn) = self.create_instance(alias).await;
        until("the instance is active", async || {
            let found = self.rest("connect", "GET", &format!("/instance/{instance}"), &Value::Null).await;
            (found["Instance"]["InstanceStatus"] == "ACTIVE").then_some(())
        })
        .await;
        let config = registry_config(&instance, &arn, alias, groups);
        let values = json!({ ":config": { "S": config.to_string() } });
        self.update_entry(&instance, "SET config = :config", &values).await;
        instance
    }

    /// Updates the registry entry of an instance. `values` may be `null`.
    pub(crate) async fn update_entry(&self, instance: &str, expression: &str, values: &Value) {
        let mut body = json!({
            "TableName": self.output("RegistryTable"), "Key": { "instanceId": { "S": instance } },
            "UpdateExpression": expression,
        });
        if !values.is_null() {
            body["ExpressionAttributeValues"] = values.clone();
        }
        self.call("dynamodb", "DynamoDB_20120810.UpdateItem", body).await;
    }
}
