//! The checks of the AWS account and the Region, which need no stack.

use std::collections::BTreeSet;

use aws_sdk_sfn::error::ProvideErrorMetadata;
use onboarding_core::{onboarding::INSTANCES_QUOTA, quota::QuotaValues, telephony::older_plans_end};
use roxmltree::Document;
use serde_json::json;
use time::OffsetDateTime;

use super::Check;
use crate::{
    cloud::{
        Cloud,
        error::CommandError,
        signed::{IAM, text},
    },
    output::Verdict,
    words::Words,
};

/// In most accounts, the limit of concurrent Lambda executions is higher than this value. A lower limit means that the
/// account is new. Lambda always keeps 100 executions unreserved (AWS Lambda developer guide, "Configuring reserved
/// concurrency for a function").
const USUAL_CONCURRENCY: u64 = 100;
/// The AWS services that the stack needs, each with the names that it can have in the public parameters of Systems
/// Manager. For some services, the AWS documentation does not state this name. A service is therefore reported as
/// missing only if one of its possible names is listed for another Region, and none of them is listed for this Region.
const SERVICES: [&[&str]; 10] = [
    &["connect"],
    &["lambda"],
    &["stepfunctions", "states"],
    &["dynamodb"],
    &["sqs"],
    &["sns"],
    &["kms"],
    &["secretsmanager"],
    &["events", "eventbridge"],
    &["scheduler", "eventbridge-scheduler"],
];
/// The maximum number of parameters in one call of `GetParameters` (Systems Manager API reference).
const PER_CALL: usize = 10;

/// The account and the ARN of the caller.
#[derive(Clone, Debug, Default)]
pub(super) struct Caller {
    pub(super) account: String,
    pub(super) arn: String,
}

pub(super) async fn caller(cloud: &Cloud) -> Result<Caller, CommandError> {
    let answer = aws_sdk_sts::Client::new(&cloud.config).get_caller_identity().send().await;
    let identity = answer.map_err(|error| CommandError::of(cloud.words, &cloud.words.identifying_caller(), &error))?;
    Ok(Caller { account: identity.account.unwrap_or_default(), arn: identity.arn.unwrap_or_default() })
}

pub(super) fn account(cloud: &Cloud, caller: &Result<Caller, CommandError>) -> Check {
    match caller {
        Ok(caller) => Check::good("account", cloud.words.account(&caller.account, cloud.region(), &caller.arn)),
        Err(error) => Check::unknown("account", error.clone()),
    }
}

/// Checks whether the Region offers all required services. The public parameters of Systems Manager list the services
/// of each Region (Systems Manager user guide, "Calling AWS service, Region, endpoint, Availability Zone, local zone,
/// and wavelength zone public parameters").
pub(super) async fn region(cloud: &Cloud) -> Check {
    let words = cloud.words;
    let here = format!("/aws/service/global-infrastructure/regions/{}/services/", cloud.region());
    let (here, anywhere) =
        tokio::join!(listed(cloud, &here), listed(cloud, "/aws/service/global-infrastructure/services/"));
    match (here, anywhere) {
        (Ok(here), Ok(anywhere)) => services(&here, &anywhere, cloud.region(), words),
        (Err(error), _) | (_, Err(error)) => Check::unknown("region", error),
    }
}

fn services(here: &BTreeSet<String>, anywhere: &BTreeSet<String>, region: &str, words: Words) -> Check {
    let any = |names: &[&str], of: &BTreeSet<String>| names.iter().any(|name| of.contains(*name));
    let known = SERVICES.iter().filter(|names| any(names, here) || any(names, anywhere));
    let (found, missing): (Vec<&&[&str]>, Vec<_>) = known.partition(|names| any(names, here));
    let missing: Vec<&str> = missing.iter().map(|names| names[0]).collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        return Check::new(
            "region",
            Verdict::Bad,
            words.services_missing(region, missing),
            words.choose_another_region(),
        );
    }
    if found.is_empty() {
        return Check::new("region", Verdict::Unknown, words.services_unknown(region), words.check_the_region());
    }
    Check::good("region", words.services_found(region, found.len()))
}

/// Those names in [`SERVICES`] for which a public parameter with this prefix exists.
async fn listed(cloud: &Cloud, prefix: &str) -> Result<BTreeSet<String>, CommandError> {
    let mut services = BTreeSet::new();
    for names in SERVICES.concat().chunks(PER_CALL) {
        let names: Vec<String> = names.iter().map(|name| format!("{prefix}{name}")).collect();
        let answer =
            cloud.signed.ssm(&cloud.words.reading_services(), "GetParameters", &json!({ "Names": names })).await?;
        let found = answer["Parameters"].as_array().into_iter().flatten();
        services.extend(found.filter_map(|found| Some(found["Name"].as_str()?.strip_prefix(prefix)?.to_owned())));
    }
    Ok(services)
}

/// Checks whether the account allows enough concurrent executions of Lambda functions. In a new account, only 10
/// executions may be allowed.
pub(super) async fn concurrency(cloud: &Cloud) -> Check {
    let words = cloud.words;
    let limits = match cloud.signed.lambda_account(&words.reading_concurrency()).await {
        Ok(settings) => settings["AccountLimit"].clone(),
        Err(error) => return Check::unknown("concurrency", error),
    };
    match (limits["ConcurrentExecutions"].as_u64(), limits["UnreservedConcurrentExecutions"].as_u64()) {
        (Some(limit), free) if limit < USUAL_CONCURRENCY => {
            let found = words.concurrency(limit, free.unwrap_or(limit));
            Check::new("concurrency", Verdict::Warning, found, words.raise_concurrency())
        }
        (Some(limit), free) => Check::good("concurrency", words.concurrency(limit, free.unwrap_or(limit))),
        (None, _) => Check::new("concurrency", Verdict::Unknown, words.reading_concurrency(), ""),
    }
}

/// Checks whether outbound web identity federation is enabled in the account. With this setting, AWS issues the tokens
/// with which the functions sign in to Entra without a secret.
pub(super) async fn federation(cloud: &Cloud) -> Check {
    let words = cloud.words;
    let parameters = [("Action", "GetOutboundWebIdentityFederationInfo"), ("Version", "2010-05-08")];
    let found = cloud.signed.query(IAM, &words.reading_federation(), &parameters).await;
    let disabled = || Check::new("federation", Verdict::Warning, words.federation_off(), words.turn_federation_on());
    match found {
        Ok(xml) => {
            let document = Document::parse(&xml).ok();
            let read = |name: &str| document.as_ref().and_then(|xml| text(xml.root(), name));
            match (read("IssuerIdentifier"), read("JwtVendingEnabled").as_deref()) {
                (_, Some("false")) => disabled(),
                (Some(issuer), _) => Check::good("federation", words.federation_on(issuer)),
                (None, _) => Check::new("federation", Verdict::Unknown, words.reading_federation(), ""),
            }
        }
        // In the service model of IAM, the exception is named `FeatureDisabledException`, but its error code is
        // `FeatureDisabled`.
        Err(error) if error.name.starts_with("FeatureDisabled") => disabled(),
        Err(error) => Check::unknown("federation", error),
    }
}

/// Checks how many more Connect instances can be created. The quota limits the number of all instances that the account
/// has in the Region.
pub(super) async fn instances(cloud: &Cloud) -> Check {
    let words = cloud.words;
    let (values, count) = tokio::join!(instance_quota_values(cloud), instance_count(cloud));
    let (quota, count) = match (values, count) {
        (Ok(values), Ok(count)) => (values.in_force().unwrap_or_default(), count),
        (Err(error), _) | (_, Err(error)) => return Check::unknown("quotas", error),
    };
    #[expect(clippy::cast_precision_loss, reason = "the number of instances is far below 2^52")]
    let left = (quota - count as f64).max(0.0);
    let found = words.instance_quota(quota, count, left);
    if left >= 1.0 {
        Check::good("quotas", found)
    } else {
        Check::new("quotas", Verdict::Warning, found, words.no_instance_left())
    }
}

async fn instance_count(cloud: &Cloud) -> Result<usize, CommandError> {
    let client = aws_sdk_connect::Client::new(&cloud.config);
    let mut pages = client.list_instances().into_paginator().items().send();
    let mut count = 0;
    while let Some(instance) = pages.next().await {
        instance.map_err(|error| CommandError::of(cloud.words, &cloud.words.listing_instances(), &error))?;
        count += 1;
    }
    Ok(count)
}

/// Reads the quota for instances: the applied value of the account or, if the account has none, the AWS default value.
async fn instance_quota_values(cloud: &Cloud) -> Result<QuotaValues, CommandError> {
    let words = cloud.words;
    let client = aws_sdk_servicequotas::Client::new(&cloud.config);
    let mut values = QuotaValues::default();
    match client.get_service_quota().service_code("connect").quota_code(INSTANCES_QUOTA).send().await {
        Ok(output) => values.account = output.quota.and_then(|quota| quota.value),
        Err(error) if error.code() == Some("NoSuchResourceException") => {}
        Err(error) => return Err(CommandError::of(words, &words.reading_quotas(), &error)),
    }
    if !values.is_known() {
        let request = client.get_aws_default_service_quota().service_code("connect").quota_code(INSTANCES_QUOTA);
        let output = request.send().await.map_err(|error| CommandError::of(words, &words.reading_quotas(), &error))?;
        values.default = output.quota.and_then(|quota| quota.value);
    }
    Ok(values)
}

pub(super) async fn support_plan(cloud: &Cloud) -> Check {
    let words = cloud.words;
    // The Support API has an endpoint only in this Region.
    let config = aws_sdk_support::config::Builder::from(&cloud.config)
        .region(aws_sdk_support::config::Region::from_static("us-east-1"))
        .build();
    match aws_sdk_support::Client::from_conf(config).describe_severity_levels().send().await {
        Ok(_) => {
            let ends = older_plans_end(OffsetDateTime::now_utc().date()).map(|_| words.older_plans_end());
            Check::new("support plan", Verdict::Good, words.support_api(), ends.unwrap_or_default())
        }
        Err(error) => {
            if error.code() == Some("SubscriptionRequiredException") {
                Check::new("support plan", Verdict::Warning, words.no_support_api(), words.order_manually())
            } else {
                Check::unknown("support plan", CommandError::of(words, &words.calling_support(), &error))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Lang;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_service_is_missing_only_if_its_name_is_known() {
        let words = Words(Lang::En);
        let all: Vec<&str> = SERVICES.iter().map(|names| names[0]).collect();
        assert_eq!(services(&set(&all), &set(&all), "eu-west-1", words).verdict, Verdict::Good);
        let missing = services(&set(&all[1..]), &set(&all), "eu-west-3", words);
        assert_eq!((missing.verdict, missing.found.contains("connect")), (Verdict::Bad, true), "{}", missing.found);
        // The AWS documentation does not state under which name this service is listed.
        let other = set(&["connect", "lambda", "states"]);
        assert_eq!(services(&other, &set(&[]), "eu-west-1", words).verdict, Verdict::Good);
        assert_eq!(services(&set(&[]), &set(&[]), "eu-west-1", words).verdict, Verdict::Unknown);
    }
}
