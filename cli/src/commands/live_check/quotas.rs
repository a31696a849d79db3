//! Checks the local cloud's assumptions about Service Quotas and AWS Support. The check reads the account's history of
//! quota requests. With `--request-quota-increase`, it also sends a quota request for the instance that the command
//! creates.

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    Findings, Reading,
    clouds::{Answer, Clouds},
    waited,
};
use crate::cloud::{
    error::CommandError,
    signed::{QUOTAS, SUPPORT},
};

/// Code of the quota for users per instance. AWS usually increases this quota for a single instance, and rarely for a
/// whole account.
const USERS: &str = "L-9A46857E";
/// The option that allows the command to send a request.
const OPTION: &str = "--request-quota-increase";
/// According to the other reading, a new quota value becomes visible after this number of seconds.
const LATE: f64 = 3_600.0;
/// If the quota value has not changed after this number of seconds, the assumed reading is not true.
const SOON: f64 = 240.0;
/// How long the command waits for the decision on its request, in seconds.
const LONGEST: f64 = 7.0 * 86_400.0;

/// A quota request that AWS has granted, or closed without stating a result.
#[derive(Clone, Copy, Debug)]
struct Decided {
    /// Whether the request is for one instance.
    of_instance: bool,
    /// Whether the status is `CASE_CLOSED` instead of `APPROVED`.
    closed: bool,
    /// Whether the quota has the requested value. `None` if the instance that the request concerns no longer exists.
    in_force: Option<bool>,
    /// Seconds since the decision on the request.
    age: f64,
}

pub(crate) async fn check(clouds: &Clouds, requests: bool, findings: &mut Findings) -> Result<(), CommandError> {
    let request = json!({ "ServiceCode": "connect", "QuotaCode": USERS });
    let applied = call(clouds, "GetServiceQuota", &request).await?;
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
        let of_numbers = |service: &Value| {
            let text = format!("{} {}", service["code"], service["name"]).to_lowercase();
            text.contains("connect") && text.contains("number")
        };
        Reading::other_if(!listed.iter().any(of_numbers))
    } else {
        Reading::Unknown(services.text)
    };
    findings.note("number-service", reading);

    let decided = decided(clouds).await?;
    for (name, found) in [("quota-value-delay", delay(&decided)), ("quota-case-closed", last_status(&decided))] {
        match found {
            Some(reading) => findings.note(name, reading),
            None if !requests => findings.note(name, Reading::NotChecked(clouds.words.no_quota_request(OPTION))),
            None => {}
        }
    }
    Ok(())
}

async fn call(clouds: &Clouds, operation: &str, body: &Value) -> Result<Answer, CommandError> {
    clouds.target(QUOTAS, &format!("ServiceQuotasV20190624.{operation}"), body).await
}

/// The requests in the account's history on which AWS has decided, newest first.
async fn decided(clouds: &Clouds) -> Result<Vec<Decided>, CommandError> {
    let mut body = json!({ "ServiceCode": "connect", "QuotaRequestedAtLevel": "ALL" });
    let mut requests = Vec::new();
    loop {
        let answer = call(clouds, "ListRequestedServiceQuotaChangeHistory", &body).await?;
        let page = clouds.good("servicequotas:ListRequestedServiceQuotaChangeHistory", answer)?.json();
        requests.extend(page["RequestedQuotas"].as_array().cloned().unwrap_or_default());
        match page["NextToken"].as_str().filter(|token| !token.is_empty()) {
            Some(token) => body["NextToken"] = token.into(),
            None => break,
        }
    }
    requests.retain(|request| request["Status"] == "APPROVED" || request["Status"] == "CASE_CLOSED");
    let updated = |request: &Value| request["LastUpdated"].as_f64().unwrap_or_default();
    requests.sort_by(|one, other| updated(other).total_cmp(&updated(one)));
    let mut decided = Vec::new();
    for request in &requests {
        let context = &request["QuotaContext"]["ContextId"];
        decided.push(Decided {
            of_instance: context.is_string(),
            closed: request["Status"] == "CASE_CLOSED",
            in_force: is_in_force(clouds, request).await?,
            age: clouds.seconds_since(updated(request)),
        });
    }
    Ok(decided)
}

/// Whether the quota has the requested value. `None` if the instance that the request concerns no longer exists.
async fn is_in_force(clouds: &Clouds, request: &Value) -> Result<Option<bool>, CommandError> {
    let mut body = json!({ "ServiceCode": "connect", "QuotaCode": request["QuotaCode"] });
    if let Some(context) = request["QuotaContext"]["ContextId"].as_str() {
        body["ContextId"] = context.into();
        // If the instance does not exist, the response is the same as for an existing instance to which no value was
        // applied.
        let id = context.rsplit('/').next().unwrap_or_default();
        if !clouds.connect(Method::GET, &format!("/instance/{id}"), &Value::Null).await?.is_ok() {
            return Ok(None);
        }
    }
    let value = call(clouds, "GetServiceQuota", &body).await?.json()["Quota"]["Value"].as_f64();
    Ok(Some(value.zip(request["DesiredValue"].as_f64()).is_some_and(|(value, desired)| value >= desired)))
}

/// Determines which reading about the delay of a quota increase is true, from the requests that AWS approved within the
/// last hour.
fn delay(decided: &[Decided]) -> Option<Reading> {
    let recent = |request: &&Decided| (0.0..LATE).contains(&request.age);
    decided.iter().filter(recent).find_map(|request| match request {
        Decided { in_force: Some(true), .. } => Some(Reading::Assumed),
        Decided { in_force: Some(false), closed: false, age, .. } if *age > SOON => Some(Reading::Other),
        _ => None,
    })
}

/// Determines which reading about the last status of a granted request for one instance is true. A request with the
/// status `CASE_CLOSED` is treated as granted only if the quota has the requested value.
fn last_status(decided: &[Decided]) -> Option<Reading> {
    let granted = |request: &&Decided| request.of_instance && (!request.closed || request.in_force == Some(true));
    decided.iter().find(granted).map(|request| Reading::other_if(request.closed))
}

/// Requests a quota increase by one user for the instance, and observes the status of the request and the value of the
/// quota. Sends no request if the account's history has already shown which readings are true.
pub(crate) async fn request(clouds: &Clouds, instance: &str, findings: &mut Findings) -> Result<(), CommandError> {
    let names = ["quota-value-delay", "quota-case-closed"];
    if names.iter().all(|name| findings.has(name)) {
        return Ok(());
    }
    let request = json!({
        "ServiceCode": "connect", "QuotaCode": USERS, "ContextId": instance, "DesiredValue": value(clouds).await? + 1.0,
        "SupportCaseAllowed": true,
    });
    let answer = call(clouds, "RequestServiceQuotaIncrease", &request).await?;
    let [delay, status] = if answer.is_ok() {
        outcome(clouds, &answer.json()["RequestedQuota"]).await?
    } else {
        [Reading::Unknown(answer.text.clone()), Reading::Unknown(answer.text)]
    };
    for (name, reading) in names.into_iter().zip([delay, status]) {
        if !findings.has(name) {
            findings.note(name, reading);
        }
    }
    Ok(())
}

/// The value that the quota has for a new instance: the value that AWS applied to the account or, if there is none, the
/// AWS default value.
async fn value(clouds: &Clouds) -> Result<f64, CommandError> {
    let body = json!({ "ServiceCode": "connect", "QuotaCode": USERS });
    let mut answer = call(clouds, "GetServiceQuota", &body).await?;
    if !answer.is_ok() {
        answer = call(clouds, "GetAWSDefaultServiceQuota", &body).await?;
    }
    let answer = clouds.good("servicequotas:GetAWSDefaultServiceQuota", answer)?;
    Ok(answer.json()["Quota"]["Value"].as_f64().unwrap_or_default())
}

/// Waits for the decision on a request. Returns which reading about the delay of the new value is true, and which
/// reading about the status of the request is true.
async fn outcome(clouds: &Clouds, request: &Value) -> Result<[Reading; 2], CommandError> {
    let body = json!({ "RequestId": request["Id"] });
    let status = async || {
        let read = call(clouds, "GetRequestedServiceQuotaChange", &body).await?.json();
        Ok::<_, CommandError>(read["RequestedQuota"]["Status"].as_str().unwrap_or_default().to_owned())
    };
    let undecided = |status: &str| ["", "PENDING", "CASE_OPENED"].contains(&status);
    clouds.poll(LONGEST, async || Ok(!undecided(&status().await?))).await?;
    let status = status().await?;
    let unknown = || [status.as_str(); 2].map(|status| Reading::Unknown(clouds.words.quota_status(status)));
    let raised = async || Ok(is_in_force(clouds, request).await? == Some(true));
    match status.as_str() {
        "APPROVED" => Ok([waited(clouds.words, clouds.poll(SOON, raised).await?, LATE), Reading::Assumed]),
        "CASE_CLOSED" => {
            let soon = clouds.poll(SOON, raised).await?;
            // The status `CASE_CLOSED` does not state whether AWS granted the request. AWS granted it only if the quota
            // value increases.
            if soon.is_none() && clouds.poll(LATE * 1.5, raised).await?.is_none() {
                return Ok(unknown());
            }
            Ok([waited(clouds.words, soon, LATE), Reading::Other])
        }
        _ => Ok(unknown()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APPROVED: Decided = Decided { of_instance: true, closed: false, in_force: Some(true), age: 90_000.0 };

    #[test]
    fn only_requests_of_the_last_hour_show_the_delay_of_the_value() {
        let with = |in_force, age| delay(&[Decided { in_force: Some(in_force), age, ..APPROVED }]);
        assert_eq!(with(true, 90_000.0), None, "an old request");
        assert_eq!(with(false, 90_000.0), None, "another value was set later");
        assert_eq!(with(false, 30.0), None, "the value can still change soon");
        assert_eq!(with(true, 600.0), Some(Reading::Assumed));
        assert_eq!(with(false, 600.0), Some(Reading::Other));
        let closed = Decided { closed: true, in_force: Some(false), age: 600.0, ..APPROVED };
        assert_eq!(delay(&[closed]), None, "a closed request may have been denied");
        let of_deleted = Decided { in_force: None, age: 600.0, ..APPROVED };
        assert_eq!(delay(&[of_deleted]), None, "the instance was deleted");
    }

    #[test]
    fn only_granted_requests_for_an_instance_show_the_last_status() {
        let refused = Decided { closed: true, in_force: Some(false), ..APPROVED };
        let closed = Decided { closed: true, ..APPROVED };
        let of_account = Decided { of_instance: false, ..APPROVED };
        assert_eq!(last_status(&[of_account, refused]), None);
        assert_eq!(last_status(&[of_account, refused, APPROVED, closed]), Some(Reading::Assumed));
        assert_eq!(last_status(&[refused, closed, APPROVED]), Some(Reading::Other));
    }
}
