//! Tests of flows and test cases over HTTP.

use crate::common::{Cloud, start};
use serde_json::{Value, json};

fn flow(text: &str) -> Value {
    let error = json!([{ "NextAction": "end", "ErrorType": "NoMatchingError" }]);
    json!({ "Version": "2019-10-30", "StartAction": "say", "Actions": [
        { "Identifier": "say", "Type": "MessageParticipant", "Parameters": { "Text": text },
          "Transitions": { "NextAction": "end", "Errors": error } },
        { "Identifier": "end", "Type": "DisconnectParticipant", "Parameters": {}, "Transitions": {} },
    ] })
}

fn test(text: &str) -> Value {
    let event = |kind: &str| json!({ "Identifier": kind, "Type": kind, "Actor": "System", "Properties": {} });
    let mut heard = event("MessageReceived");
    heard["Properties"]["Text"] = json!(text);
    heard["MatchingCriteria"] = json!("Inclusion");
    json!({ "Version": "2019-10-30", "Metadata": {}, "Observations": [
        { "Identifier": "start", "Event": event("TestInitiated"), "Actions": [],
          "Transitions": { "NextObservations": ["heard"] } },
        { "Identifier": "heard", "Event": heard, "Actions": [], "Transitions": { "NextObservations": [] } },
    ] })
}

async fn created(cloud: &Cloud, id: &str) -> String {
    let body = json!({ "Name": "Main", "Type": "CONTACT_FLOW", "Content": flow("Good morning.").to_string() });
    let made = cloud.connect("PUT", &format!("/contact-flows/{id}"), body).await;
    made.body["ContactFlowId"].as_str().unwrap().to_owned()
}

fn case(flow: &str, name: &str, content: &Value) -> Value {
    let entry = json!({ "Type": "VOICE_CALL", "VoiceCallEntryPointParameters": { "FlowId": flow } });
    json!({ "Name": name, "Content": content.to_string(), "EntryPoint": entry, "Status": "PUBLISHED" })
}

#[tokio::test]
async fn an_invalid_flow_is_rejected_with_its_problems_and_a_flow_of_a_number_is_not_deleted() {
    let cloud = start().await;
    let (id, arn) = cloud.instance("acme").await;
    let flows = format!("/contact-flows/{id}");
    let mut invalid = flow("Good morning.");
    invalid["Actions"][0]["Transitions"]["Errors"] = json!([]);
    let body = json!({ "Name": "Main", "Type": "CONTACT_FLOW", "Content": invalid.to_string() });
    let refused = cloud.connect("PUT", &flows, body).await;
    assert_eq!((refused.status, refused.code.as_str()), (400, "InvalidContactFlowException"));
    assert!(refused.body["problems"][0]["message"].as_str().unwrap().contains("NoMatchingError"), "{}", refused.text);

    let flow = created(&cloud, &id).await;
    let claim = json!({ "TargetArn": arn, "PhoneNumber": "+12065550000" });
    let number = cloud.connect("POST", "/phone-number/claim", claim).await.body["PhoneNumberId"].clone();
    let number = number.as_str().unwrap();
    cloud.cloud.advance(60.0);
    let path = format!("/phone-number/{number}/contact-flow");
    let associate = json!({ "InstanceId": id, "ContactFlowId": flow });
    assert_eq!(cloud.connect("PUT", &path, associate).await.status, 200);
    let listed = format!("/flow-associations-summary/{id}?ResourceType=VOICE_PHONE_NUMBER");
    let listed = cloud.connect("GET", &listed, Value::Null).await.body["FlowAssociationSummaryList"].clone();
    assert!(listed[0]["ResourceId"].as_str().unwrap().ends_with(number), "{listed}");
    let delete = format!("{flows}/{flow}");
    assert_eq!(cloud.connect("DELETE", &delete, Value::Null).await.code, "InvalidRequestException");
    cloud.connect("DELETE", &format!("{path}?instanceId={id}"), Value::Null).await;
    assert_eq!(cloud.connect("DELETE", &delete, Value::Null).await.status, 200);
    cloud.is_clean();
}

#[tokio::test]
async fn a_test_takes_half_a_minute_if_the_message_is_heard_and_fails_after_five_minutes() {
    let cloud = start().await;
    let (id, _) = cloud.instance("acme").await;
    let flow = created(&cloud, &id).await;
    for (name, text, seconds, end) in [("a", "good morning", 30.0, "PASSED"), ("b", "good night", 303.0, "FAILED")] {
        let made = cloud.connect("PUT", &format!("/test-cases/{id}"), case(&flow, name, &test(text))).await;
        let case = format!("/test-cases/{id}/{}", made.body["TestCaseId"].as_str().unwrap());
        let start = json!({ "ClientToken": "once" });
        let started = cloud.connect("PUT", &format!("{case}/start-execution"), start.clone()).await.body;
        let again = cloud.connect("PUT", &format!("{case}/start-execution"), start).await.body;
        assert_eq!(started["TestCaseExecutionId"], again["TestCaseExecutionId"]);
        let run = format!("{case}/{}", started["TestCaseExecutionId"].as_str().unwrap());
        let status = async || {
            let summary = cloud.connect("GET", &format!("{run}/summary"), Value::Null).await.body;
            summary["Status"].as_str().unwrap().to_owned()
        };
        assert_eq!(status().await, "INITIATED");
        cloud.cloud.advance(5.0);
        assert_eq!(status().await, "IN_PROGRESS");
        cloud.cloud.advance(seconds);
        assert_eq!(status().await, end, "{name}");
        let records =
            cloud.connect("GET", &format!("{run}/records"), Value::Null).await.body["ExecutionRecords"].clone();
        assert_eq!((&records[0]["Status"], &records[1]["Status"]), (&json!("PASSED"), &json!(end)));
        let listed = format!("/test-case-executions/{id}?status={end}");
        let listed = cloud.connect("GET", &listed, Value::Null).await.body["TestCaseExecutions"].clone();
        assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    }
    cloud.is_clean();
}

#[tokio::test]
async fn a_published_test_case_is_validated_and_a_saved_one_can_not_run() {
    let cloud = start().await;
    let (id, _) = cloud.instance("acme").await;
    let flow = created(&cloud, &id).await;
    let path = format!("/test-cases/{id}");
    let refused = async |pointer: &str, member: &str, value: Value| {
        let mut content = test("good morning");
        content.pointer_mut(pointer).unwrap()[member] = value;
        cloud.connect("PUT", &path, case(&flow, "bad", &content)).await.code
    };
    for (pointer, member, value) in [
        ("", "Version", json!("2025-06-21")),
        ("", "Observations", json!([])),
        ("/Observations/0", "Usage", json!({ "Type": "EXACTLY" })),
        ("/Observations/0/Transitions", "NextObservations", json!(["none"])),
        ("/Observations/1/Event/Properties", "Text", json!("")),
    ] {
        assert_eq!(refused(pointer, member, value.clone()).await, "InvalidTestCaseException", "{pointer} {value}");
    }
    let unknown = cloud.connect("PUT", &path, case("none", "bad", &test("good morning"))).await;
    assert_eq!(unknown.code, "InvalidParameterException");
    let mut saved = case(&flow, "saved", &json!({}));
    saved["Status"] = json!("SAVED");
    let made = cloud.connect("PUT", &path, saved).await;
    let run = format!("{path}/{}/start-execution", made.body["TestCaseId"].as_str().unwrap());
    assert_eq!(cloud.connect("PUT", &run, json!({})).await.code, "InvalidRequestException");
    cloud.is_clean();
}
