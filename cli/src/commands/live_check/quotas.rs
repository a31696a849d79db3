//! Checks the assumptions about Service Quotas and AWS Support, read-only.

use serde_json::json;

use super::{Findings, Reading, clouds::Clouds};
use crate::cloud::{
    error::CommandError,
    signed::{QUOTAS, SUPPORT},
};

/// Code of the quota for users per instance. AWS raises this quota for single instances and rarely for a whole account.
const USERS: &str = "L-9A46857E";

pub(crate) async fn check(clouds: &Clouds, findings: &mut Findings) -> Result<(), CommandError> {
    let request = json!({ "ServiceCode": "connect", "QuotaCode": USERS });
    let applied = clouds.target(QUOTAS, "ServiceQuotasV20190624.GetServiceQuota", &request).await?;
    findings.note(
        "account-quota-values",
        match () {
            () if applied.is_ok() => Reading::Other,
            () if applied.contains("NoSuchResourceException") => Reading::Assumed,
            () => Reading::Unknown(applied.text),
        },
    );
    let services = clouds.target(SUPPORT, "AWSSupport_20130415.DescribeServices", &json!({ "language": "en" })).await?;
    let reading = if services.is_ok() {
        let listed = services.json()["services"].as_array().cloned().unwrap_or_default();
        let of_numbers = |service: &serde_json::Value| {
            let text = format!("{} {}", service["code"], service["name"]).to_lowercase();
            text.contains("connect") && text.contains("number")
        };
        Reading::other_if(!listed.iter().any(of_numbers))
    } else {
        Reading::Unknown(services.text)
    };
    findings.note("number-service", reading);
    Ok(())
}
