//! Checks the local cloud's assumptions about Amazon Connect's flows and test cases. For this purpose, the check
//! creates a flow and test cases. They are deleted together with the instance.

use onboarding_core::{
    onboarding::Language,
    telephony::{TEST_VERSIONS, flow_content, is_same_content, test_content},
};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    Findings, Reading,
    clouds::{Answer, Clouds},
    users::permission,
};
use crate::cloud::error::CommandError;

/// Creates the flow and the test cases. For the last test case, the check uses the credentials of a role. The policy of
/// this role allows the operation only through the IAM action with the same name.
pub(crate) async fn check(
    clouds: &Clouds,
    role: &Clouds,
    instance: &str,
    findings: &mut Findings,
) -> Result<(), CommandError> {
    let wanted = flow_content(Language::En);
    let new = json!({ "Name": "live-check", "Type": "CONTACT_FLOW", "Content": wanted.to_string() });
    let path = format!("/contact-flows/{instance}");
    let created = clouds.good("connect:CreateContactFlow", clouds.connect(Method::PUT, &path, &new).await?)?.json();
    let flow = created["ContactFlowId"].as_str().unwrap_or_default();
    let found = clouds.connect(Method::GET, &format!("{path}/{flow}"), &Value::Null).await?;
    let found = clouds.good("connect:DescribeContactFlow", found)?.json();
    findings.note("flow-content", content(found["ContactFlow"]["Content"].as_str().unwrap_or_default(), &wanted));

    let [assumed, other] = TEST_VERSIONS;
    let first = create(clouds, instance, flow, "live-check", assumed).await?;
    if is_unknown_operation(&first) {
        findings.note("test-case-region", Reading::Other);
        for name in ["testing-language", "test-case-actions"] {
            findings.note(name, Reading::Unknown(first.text.clone()));
        }
        return Ok(());
    }
    findings.note("test-case-region", Reading::Assumed);
    let mut version = assumed;
    let language = if first.is_ok() {
        Reading::Assumed
    } else {
        let second = create(clouds, instance, flow, "live-check", other).await?;
        version = other;
        if second.is_ok() { Reading::Other } else { Reading::Unknown(second.text) }
    };
    findings.note("testing-language", language);
    let by_role = create(role, instance, flow, "live-check-role", version).await?;
    findings.note("test-case-actions", permission(&by_role));
    Ok(())
}

/// Compares the content of a flow that Connect returns with the content that the check wrote.
fn content(found: &str, wanted: &Value) -> Reading {
    match serde_json::from_str::<Value>(found) {
        Ok(found) if found == *wanted => Reading::Assumed,
        _ if is_same_content(found, wanted) => Reading::Other,
        _ => Reading::Unknown(found.to_owned()),
    }
}

async fn create(
    clouds: &Clouds,
    instance: &str,
    flow: &str,
    name: &str,
    version: &str,
) -> Result<Answer, CommandError> {
    let entry = json!({ "Type": "VOICE_CALL", "VoiceCallEntryPointParameters": { "FlowId": flow } });
    let content = test_content(version).to_string();
    let body = json!({ "Name": name, "Content": content, "EntryPoint": entry, "Status": "PUBLISHED" });
    clouds.connect(Method::PUT, &format!("/test-cases/{instance}"), &body).await
}

/// Whether the response means that the operation does not exist in this Region. The instance and the flow exist, so the
/// status 404 can't mean that one of them is missing.
fn is_unknown_operation(answer: &Answer) -> bool {
    answer.status == 404 || answer.contains("UnknownOperation") || answer.contains("Unable to determine")
}
