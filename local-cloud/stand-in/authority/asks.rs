//! The IAM permissions that requests to services other than Connect require.
//!
//! The emulator itself checks the permissions for DynamoDB, S3, Secrets Manager, EventBridge, SNS and Step Functions.
//! The stand-in checks the permissions for IAM, Service Quotas and Support.

use std::collections::BTreeMap;

use serde_json::Value;

use super::policy::Ask;
use crate::stand_in::http::Request;
use crate::stand_in::route::Destination;
use crate::stand_in::world::Setting;

/// The parameters of a request in AWS's query protocol.
pub(super) fn form(request: &Request) -> BTreeMap<String, String> {
    form_urlencoded::parse(&request.body).into_owned().chain(request.query.iter().cloned()).collect()
}

/// The permissions that a request in one of AWS's JSON protocols, or a request to S3, requires.
pub(super) fn asks(setting: &Setting, way: &Destination, request: &Request) -> Vec<Ask> {
    let body = request.json().unwrap_or_default();
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let operation = way.operation.as_str();
    let arn = |service: &str, what: &str| {
        if what.starts_with("arn:") {
            return what.to_owned();
        }
        format!("arn:aws:{service}:{}:{}:{what}", setting.region, setting.account)
    };
    let one = |action: &str, resource: String| vec![Ask::new(action, resource)];
    match way.service.as_str() {
        "servicequotas" if operation == "RequestServiceQuotaIncrease" => {
            let role = format!(
                "arn:aws:iam::{}:role/aws-service-role/servicequotas.amazonaws.com/AWSServiceRoleForServiceQuotas",
                setting.account
            );
            let quota = arn("servicequotas", &format!("{}/{}", text("ServiceCode"), text("QuotaCode")));
            vec![
                Ask::new("servicequotas:RequestServiceQuotaIncrease", quota)
                    .with("servicequotas:service", text("ServiceCode")),
                Ask::new("iam:CreateServiceLinkedRole", role).with("iam:AWSServiceName", "servicequotas.amazonaws.com"),
            ]
        }
        // Of the Service Quotas operations that the functions use, only `RequestServiceQuotaIncrease` and these two
        // support resource-level permissions.
        "servicequotas"
            if ["GetServiceQuota", "ListRequestedServiceQuotaChangeHistoryByQuota"].contains(&operation) =>
        {
            let quota = arn("servicequotas", &format!("{}/{}", text("ServiceCode"), text("QuotaCode")));
            let ask = Ask::new(format!("servicequotas:{operation}"), quota);
            vec![ask.with("servicequotas:service", text("ServiceCode"))]
        }
        "dynamodb" => {
            // A batch request contains the table names as keys of `RequestItems`. The functions use only one table, so
            // the first name is sufficient.
            let batch = body["RequestItems"].as_object().and_then(|tables| tables.keys().next().cloned());
            let name = batch.unwrap_or_else(|| text("TableName"));
            let table = if name.starts_with("arn:") { name } else { arn("dynamodb", &format!("table/{name}")) };
            one(&format!("dynamodb:{operation}"), table)
        }
        "secretsmanager" => one(&format!("secretsmanager:{operation}"), text("SecretId")),
        "events" if operation == "PutEvents" => {
            let entries = body["Entries"].as_array().into_iter().flatten();
            let buses: std::collections::BTreeSet<String> = entries
                .map(|entry| {
                    let bus = entry["EventBusName"].as_str().unwrap_or("default");
                    if bus.starts_with("arn:") { bus.to_owned() } else { arn("events", &format!("event-bus/{bus}")) }
                })
                .collect();
            buses.into_iter().map(|bus| Ask::new("events:PutEvents", bus)).collect()
        }
        "states" => {
            let named = ["stateMachineArn", "executionArn"].map(text).into_iter().find(|arn| !arn.is_empty());
            one(&format!("states:{operation}"), named.unwrap_or_else(|| "*".into()))
        }
        "s3" => s3(request),
        service => one(&format!("{service}:{operation}"), "*".into()),
    }
}

fn s3(request: &Request) -> Vec<Ask> {
    let path = percent_encoding::percent_decode_str(request.path.trim_matches('/')).decode_utf8_lossy().into_owned();
    let (bucket, key) = path.split_once('/').map_or((path.as_str(), None), |(bucket, key)| (bucket, Some(key)));
    let action = match (request.method.as_str(), key) {
        ("GET" | "HEAD", Some(_)) => "s3:GetObject",
        ("PUT" | "POST", Some(_)) => "s3:PutObject",
        ("DELETE", Some(_)) => "s3:DeleteObject",
        ("GET" | "HEAD", None) => "s3:ListBucket",
        _ => "s3:Unknown",
    };
    let object = key.map(|key| format!("/{key}")).unwrap_or_default();
    vec![Ask::new(action, format!("arn:aws:s3:::{bucket}{object}"))]
}

/// The permissions that a request to IAM requires. `found` contains the ARN, tags and permissions boundary of the
/// existing role, policy or SAML provider that the request names.
pub(super) fn iam(setting: &Setting, action: &str, form: &BTreeMap<String, String>, found: &Found) -> Vec<Ask> {
    let get = |name: &str| form.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let account = &setting.account;
    let path = get("Path").unwrap_or("/");
    let resource = match action {
        "CreateRole" => format!("arn:aws:iam::{account}:role{path}{}", get("RoleName").unwrap_or_default()),
        "CreatePolicy" => format!("arn:aws:iam::{account}:policy{path}{}", get("PolicyName").unwrap_or_default()),
        "CreateSAMLProvider" => format!("arn:aws:iam::{account}:saml-provider/{}", get("Name").unwrap_or_default()),
        "CreateServiceLinkedRole" => format!(
            "arn:aws:iam::{account}:role/aws-service-role/{}/AWSServiceRole",
            get("AWSServiceName").unwrap_or_default()
        ),
        // If the role does not exist, only its name is known, so this ARN contains no path.
        _ if get("RoleName").is_some() => found
            .arn
            .clone()
            .unwrap_or_else(|| format!("arn:aws:iam::{account}:role/{}", get("RoleName").unwrap_or_default())),
        _ => get("SAMLProviderArn").or_else(|| get("PolicyArn")).unwrap_or("*").to_owned(),
    };
    let mut ask = Ask::new(format!("iam:{action}"), resource);
    for (key, value) in &found.tags {
        ask = ask.with(&format!("aws:ResourceTag/{key}"), value);
        // The condition key `iam:ResourceTag` applies only to roles and users. AWS lists this condition key neither for
        // policies nor for SAML providers.
        if get("RoleName").is_some() {
            ask = ask.with(&format!("iam:ResourceTag/{key}"), value);
        }
    }
    if let Some(policy) = get("PolicyArn").filter(|_| get("RoleName").is_some()) {
        ask = ask.with("iam:PolicyARN", policy);
    }
    if let Some(boundary) = get("PermissionsBoundary").or(found.boundary.as_deref()) {
        ask = ask.with("iam:PermissionsBoundary", boundary);
    }
    if let Some(service) = get("AWSServiceName") {
        ask = ask.with("iam:AWSServiceName", service);
    }
    let tags = form.iter().filter(|(name, _)| name.starts_with("Tags.member.") && name.ends_with(".Key"));
    let mut tagged = false;
    for (name, key) in tags {
        let value = form.get(&format!("{}.Value", name.trim_end_matches(".Key"))).cloned().unwrap_or_default();
        ask = ask.with(&format!("aws:RequestTag/{key}"), value).with("aws:TagKeys", key);
        tagged = true;
    }
    for (_, key) in form.iter().filter(|(name, _)| name.starts_with("TagKeys.member.")) {
        ask = ask.with("aws:TagKeys", key);
    }
    // A creation request that contains tags also requires the permission to tag.
    let tagging = match action {
        "CreateRole" => Some("iam:TagRole"),
        "CreatePolicy" => Some("iam:TagPolicy"),
        "CreateSAMLProvider" => Some("iam:TagSAMLProvider"),
        _ => None,
    };
    let tagging = tagging.filter(|_| tagged).map(|action| Ask { action: action.into(), ..ask.clone() });
    [Some(ask), tagging].into_iter().flatten().collect()
}

/// The existing IAM resource that a request names.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) arn: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) boundary: Option<String>,
}

/// The permissions that a request to STS requires.
pub(super) fn sts(action: &str, form: &BTreeMap<String, String>) -> Vec<Ask> {
    match action {
        // `GetCallerIdentity` requires no permission and cannot be denied.
        "GetCallerIdentity" => Vec::new(),
        "GetWebIdentityToken" => {
            let mut ask = Ask::new("sts:GetWebIdentityToken", "*")
                .with("sts:DurationSeconds", form.get("DurationSeconds").map_or("300", String::as_str))
                .with("sts:SigningAlgorithm", form.get("SigningAlgorithm").map(String::as_str).unwrap_or_default());
            for (_, audience) in form.iter().filter(|(name, _)| name.starts_with("Audience.member.")) {
                ask = ask.with("sts:IdentityTokenAudience", audience);
            }
            vec![ask]
        }
        _ => vec![Ask::new(format!("sts:{action}"), form.get("RoleArn").map_or("*", String::as_str))],
    }
}

/// Parses a JSON policy document, either plain or percent-encoded as in IAM's responses.
pub(super) fn document(text: &str) -> Option<Value> {
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    serde_json::from_str(text).or_else(|_| serde_json::from_str(&decoded)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_condition_key_iam_resource_tag_applies_only_to_roles() {
        let setting = Setting::for_tests();
        let keys = |action: &str, name: &str, value: &str| {
            let form = BTreeMap::from([(name.to_owned(), value.to_owned())]);
            let tags = BTreeMap::from([("managed-by".to_owned(), "us".to_owned())]);
            let asks = iam(&setting, action, &form, &Found { tags, ..Found::default() });
            ["aws:resourcetag/managed-by", "iam:resourcetag/managed-by"].map(|key| asks[0].context.contains_key(key))
        };
        assert_eq!(keys("UpdateRole", "RoleName", "a"), [true, true]);
        assert_eq!(keys("DeletePolicy", "PolicyArn", "arn:aws:iam::1:policy/a"), [true, false]);
        assert_eq!(keys("UpdateSAMLProvider", "SAMLProviderArn", "arn:aws:iam::1:saml-provider/a"), [true, false]);
    }
}
