//! Tests of requests that pass to the emulator, fault rules, the record, administration calls, and the additions to
//! IAM.
use std::process::Command;

use crate::common::{instance, options, start, start_with};
use serde_json::{Value, json};

fn metadata() -> String {
    let filler = "x".repeat(1000);
    format!(
        "<EntityDescriptor entityID='https://sts.windows.net/t/'><IDPSSODescriptor/><!--{filler}--></EntityDescriptor>"
    )
}

fn trust(provider: &str) -> String {
    let principal = json!({ "Federated": format!("arn:aws:iam::000000000000:saml-provider/{provider}") });
    json!({ "Statement": [{ "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRoleWithSAML" }] })
        .to_string()
}

#[tokio::test]
async fn requests_to_other_services_pass_unchanged_to_the_emulator_and_back() {
    let cloud = start().await;
    let answer = cloud.target("dynamodb", "DynamoDB_20120810.GetItem", json!({ "TableName": "t" })).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "hello from the emulator"));
    let host = cloud.cloud.aws_url().replace("http://", "");
    let seen = cloud.notebook.lock().unwrap().clone();
    assert_eq!(seen, [("POST".into(), format!("{host}/"), r#"{"TableName":"t"}"#.into())]);
    let call = cloud.cloud.calls().remove(0);
    assert_eq!((call.service.as_str(), call.operation.as_str()), ("dynamodb", "GetItem"));
}

#[tokio::test]
async fn a_fault_rule_returns_an_error_in_the_format_of_the_service_and_is_recorded() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut options = options();
    options.record = Some(file.path().into());
    let cloud = start_with(options).await;
    let rules = json!([
        { "service": "connect", "match": "ListInstances", "status": 429, "retryAfter": 7 },
        { "match": "GetServiceQuota", "code": "AccessDeniedException" },
        { "match": "GetRole", "status": 503 },
    ]);
    assert_eq!(cloud.admin("POST", "fault", rules).await.status, 200);
    cloud.cloud.set_run(2);
    let throttled = cloud.connect("GET", "/instance", Value::Null).await;
    assert_eq!((throttled.status, throttled.code.as_str()), (429, "ThrottlingException"));
    assert_eq!(cloud.connect("GET", "/instance", Value::Null).await.status, 200);
    assert_eq!(cloud.quotas("GetServiceQuota", json!({})).await.code, "AccessDeniedException");
    let role = cloud.iam(&[("Action", "GetRole"), ("RoleName", "r")]).await;
    assert!(role.status == 503 && role.text.contains("<Code>ServiceUnavailable</Code>"), "{}", role.text);
    let text = std::fs::read_to_string(file.path()).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let simulated: Vec<bool> = lines.iter().map(|line| line["simulated"].as_bool().unwrap()).collect();
    assert_eq!(simulated, [true, false, true, true]);
    assert_eq!(lines[0]["responseHeaders"]["retry-after"], "7");
    assert!(lines.iter().all(|line| line["run"] == 2 && line["headers"].get("authorization").is_none()));
    assert!(lines[0]["headers"].as_object().unwrap().keys().all(|name| *name == name.to_lowercase()));
}

#[tokio::test]
async fn an_invalid_rule_is_rejected_with_a_reason() {
    let cloud = start().await;
    let refused = cloud.admin("POST", "fault", json!({ "match": "(", "status": 500 })).await;
    assert_eq!(refused.status, 400);
    assert!(refused.body["message"].as_str().unwrap().contains("not a regular expression"));
    assert_eq!(cloud.admin("POST", "fault", json!({ "match": "x", "status": 500, "often": 1 })).await.status, 400);
}

#[tokio::test]
async fn a_response_can_be_delayed_and_truncated_after_the_call_takes_effect() {
    let cloud = start().await;
    cloud.admin("POST", "fault", json!({ "match": "PUT /instance", "delayMs": 200, "truncate": true })).await;
    let begun = std::time::Instant::now();
    let cut = cloud.connect("PUT", "/instance", instance("acme")).await;
    assert!(begun.elapsed().as_millis() >= 200);
    assert_eq!((cut.status, cut.body), (200, Value::Null));
    let listed = cloud.connect("GET", "/instance", Value::Null).await.body;
    assert_eq!(listed["InstanceSummaryList"][0]["InstanceAlias"], "acme");
}

/// Starts a process that sends one request and waits for the response.
fn caller(url: &str, alias: &str) -> std::process::Child {
    let body = instance(alias).to_string();
    let address = url.replace("http://", "").replace(':', "/");
    let request = format!(
        "PUT /instance HTTP/1.1\\r\\nhost: x\\r\\ncontent-type: application/json\\r\\nauthorization: AWS4-HMAC-SHA256 \
         Credential=test/20261122/us-east-1/connect/aws4_request, SignedHeaders=host\\r\\ncontent-length: {}\\r\\n\\r\\n",
        body.len()
    );
    let script =
        format!("exec 3<>/dev/tcp/{address}; printf '{request}' >&3; printf '%s' '{body}' >&3; read -u 3 line");
    Command::new("bash").args(["-c", &script]).spawn().unwrap()
}

#[tokio::test]
async fn a_caller_is_killed_before_or_after_its_call_takes_effect() {
    for (when, effect) in [("before", 0), ("after", 1)] {
        let cloud = start().await;
        cloud.admin("POST", "fault", json!({ "match": "CreateInstance", "kill": when })).await;
        let url = cloud.cloud.aws_url();
        let ended = tokio::task::spawn_blocking(move || caller(&url, "acme").wait().unwrap()).await.unwrap();
        assert_eq!(ended.code(), None, "the caller ended by itself: {ended}");
        let listed = cloud.connect("GET", "/instance", Value::Null).await.body;
        assert_eq!(listed["InstanceSummaryList"].as_array().unwrap().len(), effect, "{when}");
        cloud.is_clean();
    }
}

#[tokio::test]
async fn iam_stores_the_tags_of_saml_providers() {
    let cloud = start().await;
    let metadata = metadata();
    let create = [
        ("Action", "CreateSAMLProvider"),
        ("Name", "known"),
        ("SAMLMetadataDocument", &metadata),
        ("Tags.member.1.Key", "a"),
        ("Tags.member.1.Value", "1"),
    ];
    assert!(cloud.iam(&create).await.text.contains("<Key>a</Key><Value>1</Value>"));
    let arn = ("SAMLProviderArn", "arn:aws:iam::000000000000:saml-provider/known");
    let tag = [("Action", "TagSAMLProvider"), arn, ("Tags.member.1.Key", "b"), ("Tags.member.1.Value", "2")];
    assert_eq!(cloud.iam(&tag).await.status, 200);
    assert_eq!(cloud.iam(&[("Action", "UntagSAMLProvider"), arn, ("TagKeys.member.1", "a")]).await.status, 200);
    for action in ["GetSAMLProvider", "ListSAMLProviderTags"] {
        let found = cloud.iam(&[("Action", action), arn]).await.text;
        assert!(found.contains("<Key>b</Key>") && !found.contains("<Key>a</Key>"), "{found}");
    }
    let refused = cloud.iam(&[("Action", "CreateSAMLProvider"), ("Name", "x"), ("SAMLMetadataDocument", "<x/>")]).await;
    assert!(refused.status == 400 && refused.text.contains("<Code>InvalidInput</Code>"));
}

#[tokio::test]
async fn a_trust_policy_cannot_name_a_provider_that_is_not_visible_yet() {
    let cloud = start().await;
    let metadata = metadata();
    cloud.iam(&[("Action", "CreateSAMLProvider"), ("Name", "known"), ("SAMLMetadataDocument", &metadata)]).await;
    let trusting = trust("known");
    let create = [("Action", "CreateRole"), ("RoleName", "r"), ("AssumeRolePolicyDocument", trusting.as_str())];
    let early = cloud.iam(&create).await;
    assert!(early.status == 400 && early.text.contains("<Code>MalformedPolicyDocument</Code>"), "{}", early.text);
    assert!(early.text.contains("Invalid principal in policy"));
    cloud.cloud.advance(10.0);
    assert_eq!(cloud.iam(&create).await.text, "hello from the emulator");
}

#[tokio::test]
async fn outbound_federation_can_be_enabled_only_once() {
    let cloud = start().await;
    let call = async |action: &str| cloud.iam(&[("Action", action)]).await;
    assert_eq!(call("GetOutboundWebIdentityFederationInfo").await.status, 404);
    assert!(call("EnableOutboundWebIdentityFederation").await.text.contains("tokens.sts.global.api.aws"));
    assert_eq!(call("EnableOutboundWebIdentityFederation").await.status, 409);
    assert!(call("GetOutboundWebIdentityFederationInfo").await.text.contains("<JwtVendingEnabled>true"));
}

#[tokio::test]
async fn an_administrator_can_read_calls_and_set_quotas_and_time() {
    let cloud = start().await;
    let made = cloud.connect("PUT", "/instance", instance("acme")).await.body;
    cloud.admin("POST", "clock", json!({ "advanceSeconds": 45 })).await;
    cloud.admin("POST", "quota", json!({ "code": "L-8F812903", "contextId": made["Arn"], "value": 7 })).await;
    let ask = json!({ "ServiceCode": "connect", "QuotaCode": "L-8F812903", "ContextId": made["Arn"] });
    assert_eq!(cloud.quotas("GetServiceQuota", ask).await.body["Quota"]["Value"], 7.0);
    let calls = cloud.admin("GET", "calls", Value::Null).await.body;
    let operations: Vec<&str> =
        calls.as_array().unwrap().iter().map(|call| call["operation"].as_str().unwrap()).collect();
    assert_eq!(operations, ["CreateInstance", "GetServiceQuota"]);
    let inventory = cloud.admin("GET", "inventory", Value::Null).await.body;
    let found = &inventory["connect"]["instances"][0];
    assert_eq!((&found["InstanceStatus"], &found["users"]), (&json!("ACTIVE"), &json!([])));
    assert_eq!(inventory["serviceQuotas"]["values"][0]["Value"], 7.0);
    for part in ["graph", "iam", "support"] {
        assert!(inventory[part].is_object(), "{part}");
    }
}

#[tokio::test]
async fn an_administrator_can_add_and_remove_members() {
    let mut options = options();
    options.tenant = serde_json::from_value(json!({ "groups": [{ "displayName": "Agents", "members": [] }] })).unwrap();
    let cloud = start_with(options).await;
    let member = json!({
        "@odata.type": "#microsoft.graph.user", "id": "33333333-3333-4333-8333-333333333333",
        "userPrincipalName": "taro@example.com", "displayName": "Taro", "accountEnabled": true,
    });
    let added = cloud.admin("POST", "members/add", json!({ "group": "Agents", "member": member })).await;
    assert_eq!(added.status, 200, "{}", added.text);
    let members = async || cloud.cloud.inventory().await["graph"]["groups"][0]["members"].as_array().unwrap().len();
    assert_eq!(members().await, 1);
    let gone = json!({ "group": "Agents", "memberId": "33333333-3333-4333-8333-333333333333" });
    assert_eq!(cloud.admin("POST", "members/remove", gone).await.status, 200);
    assert_eq!(members().await, 0);
    assert_eq!(cloud.admin("POST", "members/add", json!({ "group": "Nobody", "member": {} })).await.status, 400);
}
