//! Checks the local cloud's assumptions about Connect users and IAM permissions. For this purpose, the check creates
//! two users, a quick connect and a role.

use std::cell::RefCell;

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    Findings, Reading,
    clouds::{Answer, Clouds},
    created::{CreatedResources, Resource},
    waited,
};
use crate::cloud::{error::CommandError, signed::IAM};

const USERNAME: &str = "live.check@example.com";
/// The user's time limit for after-contact work, in seconds.
const WORK: u64 = 30;

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Creates the user and the role, and checks the assumptions. Returns the access to AWS that uses the credentials of
/// this role.
pub(crate) async fn check(
    clouds: &Clouds,
    instance: &str,
    resources: &mut CreatedResources,
    findings: &mut Findings,
) -> Result<Clouds, CommandError> {
    let new = new_user(clouds, instance).await?;
    let created = clouds.good("connect:CreateUser", create(clouds, instance, &new).await?)?.json();
    let (id, arn) = (text(&created["UserId"]), text(&created["UserArn"]));
    let list = format!("/users-summary/{instance}");
    let listed = async || Ok(clouds.connect(Method::GET, &list, &Value::Null).await?.contains(&id));
    findings.note("user-visibility", waited(clouds.words, clouds.poll(20.0, listed).await?, 60.0));
    clouds.poll(300.0, listed).await?;

    let found = clouds.connect(Method::POST, "/search-users", &json!({ "InstanceId": instance })).await?;
    let found = clouds.good("connect:SearchUsers", found)?.json();
    let work = &found["Users"][0]["AfterContactWorkConfigs"][0]["AfterContactWorkConfig"]["AfterContactWorkTimeLimit"];
    findings.note(
        "channel-work-unit",
        match work.as_u64() {
            Some(WORK) => Reading::Assumed,
            Some(work) if work == WORK * 1000 => Reading::Other,
            _ => Reading::Unknown(work.to_string()),
        },
    );
    findings.note("channel-settings", channels(clouds, instance, &id).await?);
    findings.note("proficiency-association", proficiencies(clouds, instance, &id).await?);

    let role = role(clouds, instance, &id, resources).await?;
    let tagged =
        role.connect(Method::POST, &format!("/tags/{}", encoded(&arn)), &json!({ "tags": { "a": "b" } })).await?;
    findings.note("tag-keys", permission(&tagged));
    let user = json!({ "InstanceId": instance, "EntityId": id, "EntityType": "USER" });
    let signed_out = role.connect(Method::POST, "/auth/sessions/delete-all-entity-sessions", &user).await?;
    findings.note("sign-out-action", permission(&signed_out));
    let path = format!("/users/{instance}/{id}");
    let deleted = role.connect(Method::DELETE, &path, &Value::Null).await?;
    findings.note("deletion-by-tags", permission(&deleted));
    if !deleted.is_ok() {
        clouds.good("connect:DeleteUser", clouds.connect(Method::DELETE, &path, &Value::Null).await?)?;
    }
    findings.note("quick-connects-of-user", quick_connects(clouds, instance, &new).await?);
    let reused = async || Ok(create(clouds, instance, &new).await?.is_ok());
    findings.note("username-reuse", Reading::other_if(clouds.poll(30.0, reused).await?.is_none()));
    Ok(role)
}

/// Determines from the response to a request with the role's credentials whether the role's permissions are sufficient.
pub(super) fn permission(answer: &Answer) -> Reading {
    match () {
        () if answer.is_ok() => Reading::Assumed,
        () if answer.contains("AccessDenied") || answer.status == 403 => Reading::Other,
        () => Reading::Unknown(answer.text.clone()),
    }
}

fn encoded(arn: &str) -> String {
    percent_encoding::utf8_percent_encode(arn, percent_encoding::NON_ALPHANUMERIC).to_string()
}

async fn new_user(clouds: &Clouds, instance: &str) -> Result<Value, CommandError> {
    let profiles = async |kind: &str, list: &str| {
        let answer = clouds.connect(Method::GET, &format!("/{kind}-profiles-summary/{instance}"), &Value::Null).await?;
        Ok::<_, CommandError>(text(&clouds.good("reading profiles", answer)?.json()[list][0]["Id"]))
    };
    let security = profiles("security", "SecurityProfileSummaryList").await?;
    let routing = profiles("routing", "RoutingProfileSummaryList").await?;
    Ok(json!({
        "Username": USERNAME, "IdentityInfo": { "FirstName": "Live", "LastName": "Check" },
        "SecurityProfileIds": [security], "RoutingProfileId": routing,
        "AutoAcceptConfigs": [{ "Channel": "VOICE", "AutoAccept": false }],
        "AfterContactWorkConfigs": [
            { "Channel": "VOICE", "AfterContactWorkConfig": { "AfterContactWorkTimeLimit": WORK } },
        ],
        "PhoneNumberConfigs": [{ "Channel": "VOICE", "PhoneType": "SOFT_PHONE" }],
        "Tags": { "live-check": "yes" },
    }))
}

async fn create(clouds: &Clouds, instance: &str, user: &Value) -> Result<Answer, CommandError> {
    clouds.connect(Method::PUT, &format!("/users/{instance}"), user).await
}

/// Sets auto-accept for two channels, then for only one of them, and checks whether the other channel keeps its
/// setting.
async fn channels(clouds: &Clouds, instance: &str, id: &str) -> Result<Reading, CommandError> {
    let path = format!("/users/{instance}/{id}/config");
    let accept = |channel: &str, accept: bool| json!({ "Channel": channel, "AutoAccept": accept });
    for configs in [vec![accept("VOICE", false), accept("CHAT", true)], vec![accept("VOICE", true)]] {
        let body = json!({ "AutoAcceptConfigs": configs });
        let set = async || Ok(clouds.connect(Method::POST, &path, &body).await?.is_ok());
        clouds.poll(120.0, set).await?;
    }
    let user = clouds.connect(Method::GET, &format!("/users/{instance}/{id}"), &Value::Null).await?;
    let user = clouds.good("connect:DescribeUser", user)?.json();
    let configs = user["User"]["AutoAcceptConfigs"].as_array().cloned().unwrap_or_default();
    Ok(Reading::other_if(configs.iter().any(|config| config["Channel"] == "CHAT")))
}

/// Assigns the same proficiency twice, and checks whether Connect accepts the second request. The predefined attribute
/// is deleted with the instance.
async fn proficiencies(clouds: &Clouds, instance: &str, id: &str) -> Result<Reading, CommandError> {
    let attribute = json!({ "Name": "live-check", "Values": { "StringList": ["a"] } });
    let path = format!("/predefined-attributes/{instance}");
    clouds.good("connect:CreatePredefinedAttribute", clouds.connect(Method::PUT, &path, &attribute).await?)?;
    let path = format!("/users/{instance}/{id}/associate-proficiencies");
    let of_level = |level: u8| json!({ "UserProficiencies": [{ "AttributeName": "live-check", "AttributeValue": "a", "Level": level }] });
    let assigned = async || Ok(clouds.connect(Method::POST, &path, &of_level(1)).await?.is_ok());
    if clouds.poll(120.0, assigned).await?.is_none() {
        return Ok(Reading::Unknown(clouds.connect(Method::POST, &path, &of_level(1)).await?.text));
    }
    Ok(Reading::other_if(clouds.connect(Method::POST, &path, &of_level(2)).await?.is_ok()))
}

/// Creates another user, and a quick connect to this user. Checks whether the user can be deleted while the quick
/// connect exists. Then deletes both.
async fn quick_connects(clouds: &Clouds, instance: &str, user: &Value) -> Result<Reading, CommandError> {
    let mut user = user.clone();
    user["Username"] = json!(format!("quick.{USERNAME}"));
    let created = clouds.good("connect:CreateUser", create(clouds, instance, &user).await?)?.json();
    let flows = format!("/contact-flows-summary/{instance}?contactFlowTypes=AGENT_TRANSFER");
    let flows = clouds.good("connect:ListContactFlows", clouds.connect(Method::GET, &flows, &Value::Null).await?)?;
    let flow = text(&flows.json()["ContactFlowSummaryList"][0]["Id"]);
    let config = json!({ "UserId": created["UserId"], "ContactFlowId": flow });
    let config = json!({ "QuickConnectType": "USER", "UserConfig": config });
    let body = json!({ "Name": "live-check", "QuickConnectConfig": config });
    let path = format!("/quick-connects/{instance}");
    let last = RefCell::new(String::new());
    // The call is retried, because Connect may not return the new user immediately.
    let made = async || {
        let answer = clouds.connect(Method::PUT, &path, &body).await?;
        let is_ok = answer.is_ok();
        last.replace(if is_ok { text(&answer.json()["QuickConnectId"]) } else { answer.text });
        Ok(is_ok)
    };
    let made = clouds.poll(120.0, made).await?.is_some();
    let id = last.into_inner();
    if !made {
        return Ok(Reading::Unknown(id));
    }
    let of_user = format!("/users/{instance}/{}", text(&created["UserId"]));
    let deleted = clouds.connect(Method::DELETE, &of_user, &Value::Null).await?;
    let quick_connect = format!("{path}/{id}");
    clouds.good("connect:DeleteQuickConnect", clouds.connect(Method::DELETE, &quick_connect, &Value::Null).await?)?;
    if !deleted.is_ok() {
        clouds.good("connect:DeleteUser", clouds.connect(Method::DELETE, &of_user, &Value::Null).await?)?;
    }
    Ok(match () {
        () if deleted.is_ok() => Reading::Assumed,
        () if deleted.status == 400 => Reading::Other,
        () => Reading::Unknown(deleted.text),
    })
}

/// Creates a role whose permissions are sufficient only under the assumed readings, and waits until the permissions are
/// effective.
async fn role(
    clouds: &Clouds,
    instance: &str,
    user: &str,
    resources: &mut CreatedResources,
) -> Result<Clouds, CommandError> {
    let name = format!("{}-caller", resources.name());
    let trust = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{}:root", clouds.account) }, "Action": "sts:AssumeRole",
    }] });
    let directories = format!("arn:aws:ds:{}:{}:directory/*", clouds.region(), clouds.account);
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": ["connect:DescribeUser", "connect:DeleteInstance", "ds:DescribeDirectories"], "Resource": "*" },
        { "Effect": "Allow", "Action": ["connect:DeleteAllEntitySessions", "connect:CreateTestCase"], "Resource": "*" },
        { "Effect": "Allow", "Action": "connect:DeleteUser", "Resource": "*",
          "Condition": { "StringEquals": { "aws:ResourceTag/live-check": "yes" } } },
        { "Effect": "Allow", "Action": "connect:TagResource", "Resource": "*", "Condition": { "Null": { "aws:TagKeys": "false" } } },
        { "Effect": "Allow", "Action": ["ds:DeleteDirectory", "ds:UnauthorizeApplication"], "Resource": directories },
    ] });
    let (trust, policy) = (trust.to_string(), policy.to_string());
    resources.note(Resource::RoleWithPolicy(name.clone()));
    let form = [("RoleName", name.as_str()), ("AssumeRolePolicyDocument", trust.as_str())];
    clouds.good("iam:CreateRole", clouds.query(IAM, "CreateRole", &form).await?)?;
    let form = [("RoleName", name.as_str()), ("PolicyName", name.as_str()), ("PolicyDocument", policy.as_str())];
    clouds.good("iam:PutRolePolicy", clouds.query(IAM, "PutRolePolicy", &form).await?)?;
    let role = clouds.in_role(&format!("arn:aws:iam::{}:role/{name}", clouds.account)).await?;
    let path = format!("/users/{instance}/{user}");
    let allowed = async || Ok(role.connect(Method::GET, &path, &Value::Null).await?.is_ok());
    role.poll(300.0, allowed).await?;
    Ok(role)
}
