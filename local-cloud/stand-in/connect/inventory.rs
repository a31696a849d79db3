//! The inventory of Connect for administrators. The inventory contains the names of resources instead of their IDs.

use serde_json::{Map, Value, json};

use super::{Connect, Instance, flows, instances, predefined_attributes, proficiencies::Proficiency, profiles};
use crate::stand_in::connect::users::User;
use crate::stand_in::world::Setting;

/// Every instance in the format of `DescribeInstance`, together with the resources in the instance.
pub(crate) fn inventory(setting: &Setting, connect: &Connect) -> Value {
    let instance = |instance: &Instance| {
        let mut shape = instances::description(setting, instance);
        let quick_connects = instance.quick_connects.all.values();
        shape["quickConnects"] =
            quick_connects.map(|one| json!({ "Name": one.name, "QuickConnectConfig": one.config })).collect();
        shape["users"] = instance.users.all.values().map(|one| user(instance, one)).collect();
        let own = connect.numbers.values().filter(|number| number.target == instance.arn);
        shape["phoneNumbers"] = own.map(|number| number.inventory(setting.clock.now())).collect();
        let storage = instance.storage.iter();
        shape["storageConfigs"] =
            storage.map(|one| json!({ "ResourceType": one.kind, "StorageConfig": one.config })).collect();
        shape["approvedOrigins"] = instance.origins.iter().map(|origin| json!(origin.url)).collect();
        shape["attributes"] = json!(instance.attributes);
        let predefined: Vec<Value> =
            instance.predefined.iter().filter_map(predefined_attributes::Predefined::inventory).collect();
        let made: Vec<Value> = instance.named.flows.iter().filter_map(flows::inventory).collect();
        if !made.is_empty() {
            shape["contactFlows"] = json!(made);
        }
        let test_cases = instance.test_cases.inventory();
        if !test_cases.is_empty() {
            shape["testCases"] = json!(test_cases);
        }
        if !predefined.is_empty() {
            shape["predefinedAttributes"] = json!(predefined);
        }
        shape
    };
    json!({ "instances": connect.instances.values().map(instance).collect::<Vec<_>>() })
}

fn user(instance: &Instance, user: &User) -> Value {
    let name = |things: &[profiles::NamedThing], id: &str| {
        profiles::find(things, id).map_or_else(|_| json!(id), |thing| json!(thing.name))
    };
    let named = &instance.named;
    let security: Vec<Value> = user.security.iter().map(|id| name(&named.security, id)).collect();
    let mut shape = json!({
        "Id": user.id,
        "Arn": user.arn,
        "Username": user.username,
        "IdentityInfo": user.identity,
        "SecurityProfiles": security,
        "RoutingProfile": name(&named.routing, &user.routing),
        "Tags": user.tags,
    });
    if let (Some(group), Some(members)) = (&user.hierarchy, shape.as_object_mut()) {
        members.insert("HierarchyGroup".into(), name(&named.hierarchy, group));
    }
    if let Some(group) = instance.group_of(&user.id) {
        shape["TrafficDistributionGroup"] = json!(group);
    }
    if !user.proficiencies.is_empty() {
        shape["Proficiencies"] = user.proficiencies.iter().map(Proficiency::shape).collect();
    }
    if let Some(members) = shape.as_object_mut() {
        let settings: Map<String, Value> = user.settings.clone();
        members.extend(settings);
    }
    shape
}
