//! The inventory: everything that exists in the local cloud. Each resource has the format of its service.

use std::collections::BTreeMap;

use roxmltree::{Document, Node};
use serde_json::{Map, Value, json};

use crate::stand_in::connect;
use crate::stand_in::front::Cloud;
use crate::stand_in::upstream::Upstream;

/// The page size of IAM list requests, which is the maximum that IAM allows.
const PAGE: &str = "1000";

pub(crate) async fn of(cloud: &Cloud) -> Value {
    let iam = iam(cloud).await;
    let state = cloud.world.state();
    let setting = &cloud.world.setting();
    json!({
        "graph": cloud.graph.inventory(),
        "iam": iam,
        "connect": connect::inventory(setting, &state.connect),
        "serviceQuotas": state.quotas.inventory(setting),
        "support": state.support.inventory(setting),
    })
}

async fn iam(cloud: &Cloud) -> Value {
    let upstream = &cloud.upstream;
    let mut providers = Vec::new();
    for mut provider in list(upstream, "ListSAMLProviders", &[], "SAMLProviderList").await {
        let arn = text(&provider, "Arn");
        let found = ask(upstream, "GetSAMLProvider", &[("SAMLProviderArn", &arn)]).await;
        merge(&mut provider, found);
        provider.insert("Tags".into(), json!(cloud.iam.tags(&arn)));
        providers.push(provider);
    }
    let mut policies = Vec::new();
    for mut policy in list(upstream, "ListPolicies", &[("Scope", "Local")], "Policies").await {
        let (arn, version) = (text(&policy, "Arn"), text(&policy, "DefaultVersionId"));
        let found = ask(upstream, "GetPolicyVersion", &[("PolicyArn", &arn), ("VersionId", &version)]).await;
        let document = found.get("PolicyVersion").and_then(|version| version.get("Document"));
        policy.insert("Document".into(), document.map(document_of).unwrap_or_default());
        policies.push(policy);
    }
    let mut roles = Vec::new();
    let details = [("Filter.member.1", "Role")];
    let details = list(upstream, "GetAccountAuthorizationDetails", &details, "RoleDetailList").await;
    for mut role in list(upstream, "ListRoles", &[], "Roles").await {
        let detail = details.iter().find(|detail| detail.get("RoleName") == role.get("RoleName"));
        let members = |name| detail.and_then(|detail| detail.get(name)).filter(|value| value.is_array()).cloned();
        if let Some(trust) = role.get("AssumeRolePolicyDocument").map(document_of) {
            role.insert("AssumeRolePolicyDocument".into(), trust);
        }
        role.insert("AttachedPolicies".into(), members("AttachedManagedPolicies").unwrap_or_else(|| json!([])));
        role.insert("Tags".into(), members("Tags").unwrap_or_else(|| json!([])));
        roles.push(role);
    }
    json!({ "samlProviders": providers, "policies": policies, "roles": roles })
}

fn text(members: &Map<String, Value>, name: &str) -> String {
    members.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn merge(into: &mut Map<String, Value>, from: Map<String, Value>) {
    into.extend(from);
}

/// Decodes a policy document, which IAM returns percent-encoded.
pub(crate) fn document_of(value: &Value) -> Value {
    let text = value.as_str().unwrap_or_default();
    let text = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
    serde_json::from_str(&text).unwrap_or_else(|_| json!(text))
}

/// All entries that an IAM list operation returns, from all pages.
pub(crate) async fn list(
    upstream: &Upstream,
    action: &str,
    with: &[(&str, &str)],
    key: &str,
) -> Vec<Map<String, Value>> {
    let mut found = Vec::new();
    let mut marker = String::new();
    loop {
        let mut form = with.to_vec();
        if action != "ListSAMLProviders" {
            form.push(("MaxItems", PAGE));
        }
        if !marker.is_empty() {
            form.push(("Marker", &marker));
        }
        let page = ask(upstream, action, &form).await;
        let entries = page.get(key).and_then(Value::as_array).into_iter().flatten();
        found.extend(entries.filter_map(Value::as_object).cloned());
        let next = text(&page, "Marker");
        if page.get("IsTruncated") != Some(&json!(true)) || next.is_empty() || next == marker {
            return found;
        }
        marker = next;
    }
}

/// The members of the result of an IAM operation. Empty if the operation fails.
pub(crate) async fn ask(upstream: &Upstream, action: &str, with: &[(&str, &str)]) -> Map<String, Value> {
    let mut form = vec![("Action", action), ("Version", "2010-05-08")];
    form.extend_from_slice(with);
    let answer = upstream.query("iam", &form).await;
    let body = String::from_utf8_lossy(&answer.body);
    let Ok(document) = Document::parse(&body) else { return Map::new() };
    let result = document.root_element().children().find(|node| node.tag_name().name().ends_with("Result"));
    match result.map(value_of) {
        Some(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

/// Converts an XML element to JSON. An element that contains `member` elements becomes a list, and an element that
/// contains other elements becomes an object. Any other element becomes text, or a value of the type that IAM's model
/// defines.
fn value_of(node: Node<'_, '_>) -> Value {
    let children: Vec<Node<'_, '_>> = node.children().filter(Node::is_element).collect();
    if children.is_empty() {
        let name = node.tag_name().name();
        let text = node.text().map(str::trim).unwrap_or_default();
        return match name {
            "Tags" | "PrivateKeyList" => json!([]),
            "IsTruncated" | "IsAttachable" | "IsDefaultVersion" => json!(text == "true"),
            "MaxSessionDuration" | "AttachmentCount" | "PermissionsBoundaryUsageCount" => {
                json!(text.parse::<u64>().ok())
            }
            _ => json!(text),
        };
    }
    if children.iter().all(|child| child.tag_name().name() == "member") {
        return children.into_iter().map(value_of).collect();
    }
    let members: BTreeMap<String, Value> =
        children.into_iter().map(|child| (child.tag_name().name().to_owned(), value_of(child))).collect();
    json!(members)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "unreadable XML fails the test")]
    use super::*;

    #[test]
    fn xml_responses_become_json_as_in_the_sdks() {
        let text = "<R><Role><Name>7</Name><Tags><member><Key>a</Key></member></Tags><Empty/>\
                    <MaxSessionDuration>3600</MaxSessionDuration></Role></R>";
        let document = Document::parse(text).unwrap();
        let expected =
            json!({ "Role": { "Name": "7", "Tags": [{ "Key": "a" }], "Empty": "", "MaxSessionDuration": 3600 } });
        assert_eq!(value_of(document.root_element()), expected);
    }

    #[test]
    fn policy_documents_are_decoded() {
        assert_eq!(document_of(&json!("%7B%22Version%22%3A%222012-10-17%22%7D")), json!({ "Version": "2012-10-17" }));
    }
}
