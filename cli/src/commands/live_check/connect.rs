//! Checks the local cloud's assumptions about Amazon Connect. For this purpose, the check creates one instance and
//! deletes it at the end.

use futures_util::future::try_join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    Findings, Reading,
    clouds::{Answer, Clouds},
    created::{CreatedResources, Resource},
    flows, quotas, users, waited,
};
use crate::cloud::error::CommandError;

/// Number of simultaneous calls in one wave. One wave exceeds the default API rate limit of two calls per second.
const WAVE: usize = 20;
const WAVES: usize = 20;

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(crate) async fn check(
    clouds: &Clouds,
    requests_quota: bool,
    resources: &mut CreatedResources,
    findings: &mut Findings,
) -> Result<(), CommandError> {
    let created = clouds.good("connect:CreateInstance", create(clouds, resources.name()).await?)?.json();
    let id = text(&created["Id"]);
    resources.note(Resource::Instance(id.clone()));
    let again = create(clouds, resources.name()).await?;
    findings.note(
        "alias-taken-wording",
        match () {
            () if again.contains("Instance alias is already used") => Reading::Assumed,
            () if !again.is_ok() && again.contains("alias") => Reading::Other,
            () => Reading::Unknown(again.text),
        },
    );
    active(clouds, &id).await?;
    let role = users::check(clouds, &id, resources, findings).await?;
    flows::check(clouds, &role, &id, findings).await?;
    numbers(clouds, &id, resources, findings).await?;
    findings.note("rate-bucket", bucket(clouds, &id).await?);
    if requests_quota {
        quotas::request(clouds, &text(&created["Arn"]), findings).await?;
    }
    delete(clouds, &role, &id, findings).await?;
    resources.forget(&Resource::Instance(id.clone()));
    gone(clouds, &id, findings).await?;
    let reused = create(clouds, resources.name()).await?;
    findings.note("alias-reuse", Reading::other_if(!reused.is_ok()));
    if reused.is_ok() {
        let id = text(&reused.json()["Id"]);
        resources.note(Resource::Instance(id.clone()));
        active(clouds, &id).await?;
    }
    Ok(())
}

async fn create(clouds: &Clouds, alias: &str) -> Result<Answer, CommandError> {
    let body = json!({
        "IdentityManagementType": "SAML", "InstanceAlias": alias, "InboundCallsEnabled": false, "OutboundCallsEnabled": false,
    });
    clouds.connect(Method::PUT, "/instance", &body).await
}

async fn active(clouds: &Clouds, id: &str) -> Result<(), CommandError> {
    let path = format!("/instance/{id}");
    let active = async || Ok(clouds.connect(Method::GET, &path, &Value::Null).await?.contains("\"ACTIVE\""));
    clouds.poll(1_800.0, active).await.map(drop)
}

/// Deletes an instance as soon as its status allows deletion.
pub(crate) async fn delete_instance(clouds: &Clouds, id: &str) -> Result<Answer, CommandError> {
    active(clouds, id).await?;
    clouds.connect(Method::DELETE, &format!("/instance/{id}"), &Value::Null).await
}

async fn numbers(
    clouds: &Clouds,
    id: &str,
    resources: &mut CreatedResources,
    findings: &mut Findings,
) -> Result<(), CommandError> {
    let arn = format!("arn:aws:connect:{}:{}:instance/{id}", clouds.region(), clouds.account);
    let search = async |country: &str| {
        let body = json!({ "TargetArn": arn, "PhoneNumberCountryCode": country, "PhoneNumberType": "DID" });
        let answer = clouds.connect(Method::POST, "/phone-number/search-available", &body).await?;
        Ok::<_, CommandError>(
            clouds.good("connect:SearchAvailablePhoneNumbers", answer)?.json()["AvailableNumbersList"].clone(),
        )
    };
    let japanese = search("JP").await?;
    findings.note("japanese-numbers", Reading::other_if(japanese.as_array().is_some_and(|list| !list.is_empty())));
    let free = text(&search("US").await?[0]["PhoneNumber"]);
    let claim = json!({ "TargetArn": arn, "PhoneNumber": free });
    let claimed = clouds.connect(Method::POST, "/phone-number/claim", &claim).await?;
    if !claimed.is_ok() {
        findings.note("number-visibility", Reading::Unknown(claimed.text));
        return Ok(());
    }
    let number = text(&claimed.json()["PhoneNumberId"]);
    let resource = Resource::Number(number.clone());
    resources.note(resource.clone());
    let list = json!({ "TargetArn": arn });
    let listed = async || Ok(clouds.connect(Method::POST, "/phone-number/list", &list).await?.contains(&number));
    findings.note("number-visibility", waited(clouds.words, clouds.poll(40.0, listed).await?, 120.0));
    let released = clouds.connect(Method::DELETE, &format!("/phone-number/{number}"), &Value::Null).await?;
    if released.is_ok() {
        resources.forget(&resource);
    }
    Ok(())
}

/// Calls one operation until Connect throttles it. Then checks whether Connect also throttles another operation.
async fn bucket(clouds: &Clouds, id: &str) -> Result<Reading, CommandError> {
    let first = async |kind: &str, list: &str| {
        let answer = clouds.connect(Method::GET, &format!("/{kind}-profiles-summary/{id}"), &Value::Null).await?;
        let profile = text(&clouds.good("reading profiles", answer)?.json()[list][0]["Id"]);
        Ok::<_, CommandError>(format!("/{kind}-profiles/{id}/{profile}"))
    };
    let used = first("routing", "RoutingProfileSummaryList").await?;
    let other = first("security", "SecurityProfileSummaryList").await?;
    let call = |path| clouds.connect_once(Method::GET, path, &Value::Null);
    let throttled = |answers: &[(u16, String)]| answers.iter().any(|(status, _)| *status == 429);
    for _ in 0..WAVES {
        if throttled(&try_join_all((0..WAVE).map(|_| call(used.as_str()))).await?) {
            // The last two calls show whether the operations share one token bucket. If they do, the bucket is empty
            // and Connect throttles these calls. If each operation has its own token bucket, both calls succeed.
            let answers = try_join_all([call(used.as_str()), call(other.as_str()), call(other.as_str())]).await?;
            return Ok(Reading::other_if(throttled(&answers[1..])));
        }
    }
    Ok(Reading::Unknown(clouds.words.never_throttled(WAVE * WAVES)))
}

/// Deletes the instance with the credentials of a role whose permissions for directories apply only to directory ARNs.
/// If this fails, deletes the instance with the operator's credentials. Then tries to delete the instance a second
/// time.
async fn delete(clouds: &Clouds, role: &Clouds, id: &str, findings: &mut Findings) -> Result<(), CommandError> {
    let path = format!("/instance/{id}");
    let mut deleted = role.connect(Method::DELETE, &path, &Value::Null).await?;
    findings.note(
        "directory-arn",
        match () {
            () if deleted.is_ok() => Reading::Assumed,
            () if deleted.contains("ds:") => Reading::Other,
            () => Reading::Unknown(deleted.text.clone()),
        },
    );
    if !deleted.is_ok() {
        deleted = clouds.connect(Method::DELETE, &path, &Value::Null).await?;
    }
    clouds.good("connect:DeleteInstance", deleted)?;
    let again = clouds.connect(Method::DELETE, &path, &Value::Null).await?;
    let visible = clouds.connect(Method::GET, &path, &Value::Null).await?.is_ok();
    findings.note(
        "second-deletion",
        match () {
            () if again.contains("InvalidRequest") || again.status == 400 => Reading::Other,
            () if again.status == 404 && visible => Reading::Assumed,
            () if again.status == 404 => Reading::Unknown(clouds.words.deleted_too_early()),
            () => Reading::Unknown(again.text),
        },
    );
    Ok(())
}

/// Polls until Connect no longer returns the instance. The alias of the instance can't be used again before that.
async fn gone(clouds: &Clouds, id: &str, findings: &mut Findings) -> Result<(), CommandError> {
    let path = format!("/instance/{id}");
    let gone = async || Ok(!clouds.connect(Method::GET, &path, &Value::Null).await?.is_ok());
    findings.note("deleted-instance-visibility", waited(clouds.words, clouds.poll(90.0, gone).await?, 600.0));
    clouds.poll(1_800.0, gone).await.map(drop)
}
