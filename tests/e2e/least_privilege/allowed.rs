//! Reads the permissions in template.yaml.

use serde_json::{Value, json};

use super::Actions;
use crate::common::root;

/// The template, with CloudFormation's tags (`!Ref`, `!If`, …) as objects with one field.
pub(super) fn template() -> Value {
    fn plain(value: serde_norway::Value) -> Value {
        use serde_norway::Value as Yaml;
        match value {
            Yaml::Sequence(items) => items.into_iter().map(plain).collect(),
            Yaml::Mapping(fields) => {
                fields.into_iter().map(|(key, value)| (key.as_str().unwrap().to_owned(), plain(value))).collect()
            }
            Yaml::Tagged(tagged) => json!({ tagged.tag.to_string(): plain(tagged.value) }),
            other => serde_json::to_value(other).unwrap(),
        }
    }
    let text = std::fs::read_to_string(root().join("template.yaml")).unwrap();
    plain(serde_norway::from_str(&text).unwrap())
}

/// Logical id and definition of all resources of these types.
pub(super) fn resources(template: &Value, kinds: &[&str]) -> Vec<(String, Value)> {
    let all = template["Resources"].as_object().unwrap().iter();
    let fits = all.filter(|(_, resource)| kinds.contains(&resource["Type"].as_str().unwrap()));
    fits.map(|(name, resource)| (name.clone(), resource.clone())).collect()
}

/// The statements of a policy document, including the conditional statements.
fn document(document: &Value) -> Vec<Value> {
    let statements = document["Statement"].as_array().unwrap().iter();
    statements.map(|one| one["!If"].get(1).unwrap_or(one).clone()).collect()
}

/// The statements of all policies that apply to each function: its own policies, the shared policies, and the policies
/// attached to its role.
fn statements() -> Vec<(String, Value)> {
    let template = template();
    let mut found = Vec::new();
    for (name, function) in resources(&template, &["AWS::Serverless::Function"]) {
        for policy in function["Properties"]["Policies"].as_array().into_iter().flatten() {
            let shared = policy["!Ref"].as_str().map(|id| &template["Resources"][id]["Properties"]["PolicyDocument"]);
            found.extend(document(shared.unwrap_or(policy)).into_iter().map(|statement| (name.clone(), statement)));
        }
        let role = json!({ "!Ref": format!("{name}Role") });
        for (_, policy) in resources(&template, &["AWS::IAM::Policy"]) {
            let policy = &policy["Properties"];
            if policy["Roles"].as_array().unwrap().contains(&role) {
                found.extend(document(&policy["PolicyDocument"]).into_iter().map(|one| (name.clone(), one)));
            }
        }
    }
    found
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        list => list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
    }
}

/// The actions that each function is allowed to call, regardless of the resource.
pub(super) fn by_function() -> Actions {
    let mut allowed = Actions::new();
    for (function, statement) in statements() {
        assert_eq!(statement["Effect"], "Allow", "{statement}");
        allowed.entry(function).or_default().extend(texts(&statement["Action"]));
    }
    allowed
}

/// Function and action of the statements for resource `*` without a condition.
pub(super) fn everywhere() -> Vec<(String, String)> {
    let open = statements().into_iter().filter(|(_, statement)| {
        statement["Condition"].is_null() && texts(&statement["Resource"]).iter().any(|resource| resource == "*")
    });
    open.flat_map(|(function, statement)| {
        texts(&statement["Action"]).into_iter().map(move |action| (function.clone(), action)).collect::<Vec<_>>()
    })
    .collect()
}
