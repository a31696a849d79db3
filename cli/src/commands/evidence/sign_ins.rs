//! Finds the last sign-in of each user. Amazon Connect does not return its time: the responses of `DescribeUser`,
//! `ListUsers` and `SearchUsers` have no field for it, and the login report of the Connect website is not available
//! through the API. However, CloudTrail records each sign-in as an event `AssumeRoleWithSAML`, whose role session name
//! is the username.
//!
//! `LookupEvents` returns the events of the last 90 days in one Region, newest first, with 50 events per page. Two
//! requests per second are allowed (CloudTrail API reference). A sign-in at the global endpoint is recorded in
//! us-east-1.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::{Value, json};

use crate::cloud::{Cloud, signed::Signed};

/// The Region that records sign-ins at AWS's global sign-in endpoint. This Region exists only in AWS's commercial
/// partition (`aws`).
const GLOBAL: &str = "us-east-1";
/// Maximum number of pages that are read in each Region. At two requests per second, this takes less than four minutes.
const MAX_PAGES: usize = 400;
/// The interval between two requests.
const INTERVAL: Duration = Duration::from_millis(500);

/// The last sign-ins that CloudTrail has recorded.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct SignIns {
    /// For each username, the time of the last sign-in, in seconds since the epoch.
    pub(super) last: BTreeMap<String, f64>,
    /// If a Region has too many events, only the events after this time were read (in seconds since the epoch). `None`
    /// if the events of all 90 days were read.
    pub(super) complete_since: Option<f64>,
    /// The reason why the events of a Region could not be read. `None` if the events of all Regions were read.
    pub(super) unknown: Option<String>,
}

/// Reads the last sign-in of each user. A sign-in is an event in which the user assumes the role `role`.
pub(super) async fn read(cloud: &Cloud, role: &str, users: &BTreeSet<&str>) -> SignIns {
    let mut found = SignIns::default();
    let region = cloud.region();
    let regions: BTreeSet<&str> = if region.starts_with("cn-") || region.starts_with("us-gov-") {
        BTreeSet::from([region])
    } else {
        BTreeSet::from([region, GLOBAL])
    };
    for region in regions {
        found.read_region(cloud, region, role, users).await;
    }
    found
}

impl SignIns {
    async fn read_region(&mut self, cloud: &Cloud, region: &str, role: &str, users: &BTreeSet<&str>) {
        let signed = Signed::in_region(&cloud.config, region, cloud.words);
        let mut request = json!({
            "LookupAttributes": [{ "AttributeKey": "EventName", "AttributeValue": "AssumeRoleWithSAML" }],
            "MaxResults": 50,
        });
        let mut seen = BTreeSet::new();
        for page in 0..MAX_PAGES {
            if page > 0 {
                tokio::time::sleep(INTERVAL.mul_f64(cloud.local.unwrap_or(1.0))).await;
            }
            let answer = match signed.cloud_trail(&cloud.words.reading_sign_ins(region), "LookupEvents", &request).await
            {
                Ok(answer) => answer,
                Err(error) => {
                    self.unknown = Some(format!("CloudTrail in {region} could not be read: {}", error.name));
                    return;
                }
            };
            let mut oldest = None;
            for event in answer["Events"].as_array().into_iter().flatten() {
                oldest = event["EventTime"].as_f64();
                if let Some((username, at)) = sign_in(event, role) {
                    let last = self.last.entry(username.clone()).or_default();
                    *last = last.max(at);
                    seen.insert(username);
                }
            }
            // CloudTrail returns the newest events first. If a sign-in of each user was found, older events are not
            // needed.
            if users.iter().all(|user| seen.contains(*user)) {
                return;
            }
            match answer["NextToken"].as_str() {
                Some(token) => request["NextToken"] = token.into(),
                None => return,
            }
            if page + 1 == MAX_PAGES {
                let since = oldest.unwrap_or_default();
                self.complete_since = Some(self.complete_since.map_or(since, |other| other.max(since)));
            }
        }
    }
}

/// The username and the time of a successful sign-in with this role. The username is the role session name, which is a
/// parameter of the request and also the last part of the session's ARN in the response.
fn sign_in(event: &Value, role: &str) -> Option<(String, f64)> {
    let record: Value = serde_json::from_str(event["CloudTrailEvent"].as_str()?).ok()?;
    let parameters = &record["requestParameters"];
    if record["errorCode"].is_string() || parameters["roleArn"] != role {
        return None;
    }
    let session = || record["responseElements"]["assumedRoleUser"]["arn"].as_str()?.rsplit('/').next();
    let username = parameters["roleSessionName"].as_str().or_else(session)?;
    Some((username.to_owned(), event["EventTime"].as_f64()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_successful_sign_ins_with_the_role_count() {
        let event = |record: Value| json!({ "EventTime": 7.5, "CloudTrailEvent": record.to_string() });
        let parameters = json!({ "roleArn": "arn:r", "roleSessionName": "taro" });
        let found = |record| sign_in(&event(record), "arn:r");
        assert_eq!(found(json!({ "requestParameters": parameters })), Some(("taro".into(), 7.5)));
        assert_eq!(found(json!({ "requestParameters": parameters, "errorCode": "AccessDenied" })), None);
        assert_eq!(found(json!({ "requestParameters": { "roleArn": "arn:other", "roleSessionName": "taro" } })), None);
        let answered = json!({
            "requestParameters": { "roleArn": "arn:r" },
            "responseElements": { "assumedRoleUser": { "arn": "arn:aws:sts::1:assumed-role/r/hana" } },
        });
        assert_eq!(found(answered), Some(("hana".into(), 7.5)));
    }
}
