//! Tests of AWS Support over HTTP.

use crate::common::{Answer, Cloud, options, start, start_with};
use serde_json::{Value, json};

const SERVICE: &str = "service-connect-number-management";

/// The code of the support category for phone number orders, read from the service list.
async fn category(cloud: &Cloud) -> String {
    let found = cloud.support("DescribeServices", json!({ "serviceCodeList": [SERVICE], "language": "en" })).await.body;
    let categories = found["services"][0]["categories"].as_array().unwrap().clone();
    let order = categories.iter().find(|one| one["name"] == "Request New Phone Number").unwrap();
    order["code"].as_str().unwrap().to_owned()
}

async fn documents(cloud: &Cloud) -> String {
    let file = |name: &str| json!({ "fileName": name, "data": "cGFwZXI=" });
    let files = json!({ "attachments": [file("a.pdf"), file("b.pdf"), file("c.pdf")] });
    let set = cloud.support("AddAttachmentsToSet", files).await;
    assert_eq!(set.status, 200, "{}", set.text);
    set.body["attachmentSetId"].as_str().unwrap().to_owned()
}

async fn order(cloud: &Cloud, body: &str, set: Option<&str>) -> Answer {
    let mut case = json!({
        "subject": "Phone numbers", "communicationBody": body, "serviceCode": SERVICE, "issueType": "customer-service",
        "categoryCode": category(cloud).await, "language": "ja", "severityCode": "low",
    });
    if let Some(set) = set {
        case["attachmentSetId"] = json!(set);
    }
    cloud.support("CreateCase", case).await
}

async fn case(cloud: &Cloud, made: &Value) -> Value {
    let ask = json!({ "caseIdList": [made["caseId"]], "includeResolvedCases": true });
    cloud.support("DescribeCases", ask).await.body["cases"][0].clone()
}

async fn numbers(cloud: &Cloud, arn: &str) -> Vec<String> {
    let ask = json!({ "TargetArn": arn, "PhoneNumberCountryCodes": ["JP"] });
    let found = cloud.connect("POST", "/phone-number/list", ask).await.body;
    let list = found["ListPhoneNumbersSummaryList"].as_array().unwrap().clone();
    list.iter().map(|one| one["PhoneNumber"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn without_a_support_plan_every_operation_is_rejected() {
    let mut options = options();
    options.behaviour.support_subscribed = false;
    let cloud = start_with(options).await;
    let refused = cloud.support("DescribeServices", json!({})).await;
    assert_eq!((refused.status, refused.code.as_str()), (400, "SubscriptionRequiredException"));
    cloud.is_clean();
}

#[tokio::test]
async fn ordered_numbers_are_added_and_the_case_is_resolved() {
    let cloud = start().await;
    let (_, arn) = cloud.instance("acme").await;
    let set = documents(&cloud).await;
    let made = order(&cloud, &format!("{arn}\n- JP DID +813 × 2\n- JP TOLL_FREE +81120 × 1"), Some(&set)).await.body;
    assert_eq!(case(&cloud, &made).await["status"], "opened");
    cloud.cloud.advance(600.0);
    assert_eq!(case(&cloud, &made).await["status"], "work-in-progress");
    assert!(numbers(&cloud, &arn).await.is_empty());
    cloud.cloud.advance(13_800.0);
    let found = numbers(&cloud, &arn).await;
    assert_eq!(found.iter().filter(|number| number.starts_with("+813")).count(), 2);
    assert_eq!(found.iter().filter(|number| number.starts_with("+81120")).count(), 1);
    assert_eq!(case(&cloud, &made).await["status"], "resolved");
    let open = cloud.support("DescribeCases", json!({})).await.body;
    assert_eq!(open["cases"], json!([]));
    cloud.is_clean();
}

#[tokio::test]
async fn an_order_without_documents_waits_for_the_customer() {
    let cloud = start().await;
    let (_, arn) = cloud.instance("acme").await;
    let made = order(&cloud, &format!("{arn}\nJP DID +8150 × 1"), None).await.body;
    cloud.cloud.advance(600.0);
    let waiting = case(&cloud, &made).await;
    assert_eq!(waiting["status"], "pending-customer-action");
    let last = &waiting["recentCommunications"]["communications"][0];
    assert!(last["body"].as_str().unwrap().contains("three documents"));
    let set = documents(&cloud).await;
    let answer = json!({ "caseId": made["caseId"], "communicationBody": "Attached.", "attachmentSetId": set });
    assert_eq!(cloud.support("AddCommunicationToCase", answer).await.body["result"], true);
    assert_eq!(case(&cloud, &made).await["status"], "customer-action-completed");
    cloud.cloud.advance(14_400.0);
    assert_eq!(numbers(&cloud, &arn).await.len(), 1);
    cloud.is_clean();
}

#[tokio::test]
async fn a_question_and_a_rejection_of_support_can_be_configured() {
    let mut options = options();
    options.behaviour.support_path.question = Some("Is the address in Tokyo?".into());
    options.behaviour.support_path.granted = false;
    let cloud = start_with(options).await;
    let (_, arn) = cloud.instance("acme").await;
    let set = documents(&cloud).await;
    let made = order(&cloud, &format!("{arn}\nJP DID +813 × 1"), Some(&set)).await.body;
    cloud.cloud.advance(600.0);
    let asked = case(&cloud, &made).await;
    assert_eq!(asked["recentCommunications"]["communications"][0]["body"], "Is the address in Tokyo?");
    cloud.support("AddCommunicationToCase", json!({ "caseId": made["caseId"], "communicationBody": "Yes." })).await;
    cloud.cloud.advance(14_400.0);
    assert_eq!(case(&cloud, &made).await["status"], "resolved");
    assert!(numbers(&cloud, &arn).await.is_empty());
    cloud.is_clean();
}

#[tokio::test]
async fn attachment_sets_have_a_size_limit_and_expire_after_an_hour() {
    let cloud = start().await;
    let (_, arn) = cloud.instance("acme").await;
    let set = documents(&cloud).await;
    let file = json!([{ "fileName": "d.pdf", "data": "cGFwZXI=" }]);
    let fourth = cloud.support("AddAttachmentsToSet", json!({ "attachmentSetId": set, "attachments": file })).await;
    assert_eq!(fourth.code, "AttachmentSetSizeLimitExceeded");
    let none = cloud.support("AddAttachmentsToSet", json!({ "attachmentSetId": "as-none", "attachments": file })).await;
    assert_eq!(none.code, "AttachmentSetIdNotFound");
    cloud.cloud.advance(3600.0);
    assert_eq!(order(&cloud, &arn, Some(&set)).await.code, "AttachmentSetExpired");
    cloud.is_clean();
}
