//! Tests of Service Quotas over HTTP.

use crate::common::{Answer, Cloud, options, start, start_with};
use local_cloud::stand_in::{QuotaOutcome, QuotaPath};
use serde_json::{Value, json};

const CALLS: &str = "L-12AB7C57";

fn of(context: &str) -> Value {
    json!({ "ServiceCode": "connect", "QuotaCode": CALLS, "ContextId": context })
}

/// The applied quota value of an instance, if it has one.
async fn value(cloud: &Cloud, context: &str) -> Option<f64> {
    cloud.quotas("GetServiceQuota", of(context)).await.body["Quota"]["Value"].as_f64()
}

async fn request(cloud: &Cloud, context: &str, desired: f64) -> Answer {
    let mut request = of(context);
    request["DesiredValue"] = json!(desired);
    cloud.quotas("RequestServiceQuotaIncrease", request).await
}

#[tokio::test]
async fn the_history_contains_requests_for_an_instance_only_for_the_resource_level() {
    let cloud = start().await;
    let (_, arn) = cloud.instance("acme").await;
    request(&cloud, &arn, 20.0).await;
    let found = async |level: Value| {
        let mut ask = json!({ "ServiceCode": "connect", "QuotaCode": CALLS });
        if !level.is_null() {
            ask["QuotaRequestedAtLevel"] = level;
        }
        let found = cloud.quotas("ListRequestedServiceQuotaChangeHistoryByQuota", ask).await.body;
        found["RequestedQuotas"].as_array().unwrap().len()
    };
    assert_eq!(found(Value::Null).await, 0);
    assert_eq!(found(json!("RESOURCE")).await, 1);
    assert_eq!(found(json!("ALL")).await, 1);
    cloud.is_clean();
}

#[tokio::test]
async fn a_request_is_approved_before_its_value_applies() {
    let cloud = start().await;
    let (_, arn) = cloud.instance("acme").await;
    let made = request(&cloud, &arn, 20.0).await.body;
    let id = made["RequestedQuota"]["Id"].clone();
    let status = async || {
        let found = cloud.quotas("GetRequestedServiceQuotaChange", json!({ "RequestId": id })).await.body;
        found["RequestedQuota"]["Status"].as_str().unwrap().to_owned()
    };
    assert_eq!(status().await, "PENDING");
    cloud.cloud.advance(300.0);
    assert_eq!(status().await, "CASE_OPENED");
    cloud.cloud.advance(1500.0);
    assert_eq!((status().await, value(&cloud, &arn).await), ("APPROVED".into(), None));
    cloud.cloud.advance(60.0);
    assert_eq!(value(&cloud, &arn).await, Some(20.0));
    cloud.is_clean();
}

#[tokio::test]
async fn every_outcome_of_a_request_has_its_status_and_value() {
    let ends = [
        (QuotaOutcome::Denied, "DENIED", None),
        (QuotaOutcome::NotApproved, "NOT_APPROVED", None),
        (QuotaOutcome::CaseClosedGranted, "CASE_CLOSED", Some(20.0)),
        (QuotaOutcome::CaseClosedRefused, "CASE_CLOSED", None),
        (QuotaOutcome::InvalidRequest, "INVALID_REQUEST", None),
        (QuotaOutcome::Never, "CASE_OPENED", None),
    ];
    for (outcome, expected, granted) in ends {
        let mut options = options();
        options.behaviour.quota_path = QuotaPath::ending(outcome);
        let cloud = start_with(options).await;
        let (_, arn) = cloud.instance("acme").await;
        request(&cloud, &arn, 20.0).await;
        cloud.cloud.advance(1860.0);
        let ask = json!({ "QuotaRequestedAtLevel": "ALL" });
        let found = cloud.quotas("ListRequestedServiceQuotaChangeHistory", ask).await.body;
        assert_eq!(found["RequestedQuotas"][0]["Status"], expected);
        assert_eq!(value(&cloud, &arn).await, granted, "{outcome:?}");
        cloud.is_clean();
    }
}

#[tokio::test]
async fn each_invalid_request_has_its_own_error_code() {
    let cloud = start().await;
    let (_, arn) = cloud.instance("acme").await;
    let without = json!({ "ServiceCode": "connect", "QuotaCode": CALLS, "DesiredValue": 20.0 });
    assert_eq!(cloud.quotas("RequestServiceQuotaIncrease", without).await.code, "IllegalArgumentException");
    assert_eq!(request(&cloud, &arn, 10.0).await.code, "IllegalArgumentException");
    assert_eq!(request(&cloud, &arn.replace("instance/", "instance/0"), 20.0).await.code, "NoSuchResourceException");
    assert_eq!(request(&cloud, &arn, 20.0).await.status, 200);
    assert_eq!(request(&cloud, &arn, 30.0).await.code, "ResourceAlreadyExistsException");
    cloud.is_clean();
}

#[tokio::test]
async fn the_rate_quotas_equal_the_rates_of_the_buckets() {
    for (real, call, expected) in [(false, "GetServiceQuota", 200.0), (true, "GetAWSDefaultServiceQuota", 2.0)] {
        let mut options = options();
        options.real_rates = real;
        let cloud = start_with(options).await;
        let ask = json!({ "ServiceCode": "connect", "QuotaCode": "L-CBDEE3E4" });
        assert_eq!(cloud.quotas(call, ask).await.body["Quota"]["Value"], expected);
        cloud.is_clean();
    }
}

#[tokio::test]
async fn a_quota_that_was_never_raised_has_no_applied_value() {
    for applied in [false, true] {
        let mut options = options();
        options.behaviour.account_quotas_applied = applied;
        let cloud = start_with(options).await;
        let (_, arn) = cloud.instance("acme").await;
        let of_instance = cloud.quotas("GetServiceQuota", of(&arn)).await;
        assert_eq!(of_instance.code, "NoSuchResourceException");
        let ask = json!({ "ServiceCode": "connect", "QuotaCode": CALLS });
        let of_account = cloud.quotas("GetServiceQuota", ask.clone()).await;
        assert_eq!(of_account.code == "NoSuchResourceException", !applied);
        assert_eq!(cloud.quotas("GetAWSDefaultServiceQuota", ask).await.body["Quota"]["Value"], 10.0);
        let all = json!({ "ServiceCode": "connect", "QuotaCode": CALLS, "QuotaAppliedAtLevel": "ALL" });
        let listed = cloud.quotas("ListServiceQuotas", all).await.body["Quotas"].as_array().unwrap().len();
        assert_eq!(listed, usize::from(applied));
        // The instance still has the default value of 10, so a request for 10 is rejected.
        assert_eq!(request(&cloud, &arn, 10.0).await.code, "IllegalArgumentException");
        cloud.is_clean();
    }
}

#[tokio::test]
async fn a_request_that_needs_a_case_is_not_approved_without_one() {
    let cloud = start().await;
    let (_, arn) = cloud.instance("acme").await;
    let mut ask = of(&arn);
    ask["DesiredValue"] = json!(20.0);
    ask["SupportCaseAllowed"] = json!(false);
    let id = cloud.quotas("RequestServiceQuotaIncrease", ask).await.body["RequestedQuota"]["Id"].clone();
    cloud.cloud.advance(1800.0);
    let found = cloud.quotas("GetRequestedServiceQuotaChange", json!({ "RequestId": id })).await.body;
    assert_eq!(found["RequestedQuota"]["Status"], "NOT_APPROVED");
    assert!(found["RequestedQuota"].get("CaseId").is_none());
    cloud.is_clean();
}
