//! `onboard doctor`: checks the requirements of an onboarding. The command changes nothing.
//!
//! The Graph credential, Entra's consent and the groups are checked by the stack's own preflight function with the
//! given input. The operator therefore needs no permission in Entra, and no secret leaves the stack.

use std::path::Path;

use aws_sdk_sfn::error::ProvideErrorMetadata;
use onboarding_core::{onboarding::INSTANCES_QUOTA, quota::QuotaValues, telephony::older_plans_end};
use roxmltree::Document;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::{
    args::{DoctorArgs, input},
    cloud::{
        Cloud, Machine,
        error::CommandError,
        signed::{CLOUD_FORMATION, CLOUD_WATCH, SNS, elements, text},
    },
    exit::Exit,
    output::{Diagnosis, DoctorCheck, Verdict},
    ui::{Console, Tone},
    words::Words,
};

/// Stack outputs that the commands require.
const OUTPUTS: [&str; 4] = ["NotificationTopicArn", "RegistryTable", "FailedEventQueue", "DocumentsBucket"];

/// A check with its result.
struct Check {
    name: &'static str,
    verdict: Verdict,
    found: String,
    action: String,
}

/// Runs the command.
///
/// # Errors
/// Fails if the input is invalid or the stack does not exist.
pub async fn run(args: DoctorArgs, console: &Console) -> Result<Exit, CommandError> {
    let words = console.words();
    let file = args.file.clone().or_else(|| Path::new("onboarding.json").exists().then(|| "onboarding.json".into()));
    let input = match &file {
        Some(file) => Some(input::onboarding(file).map_err(|bad| CommandError::file(&bad, words))?.0),
        None => None,
    };
    let cloud = Cloud::open(&args.target, words).await?;
    let mut checks = vec![account(&cloud).await, stack(&cloud)];
    checks.push(preflight(&cloud, input.as_ref()).await);
    checks.push(instance_quota(&cloud).await);
    checks.push(support_plan(&cloud).await);
    checks.push(subscription(&cloud).await);
    checks.push(alarms(&cloud).await);
    checks.push(failed_events(&cloud).await);
    checks.push(Check::new("licences", Verdict::Unknown, words.licences(), words.look_at_licences()));
    console.result(&Diagnosis { checks: checks.iter().map(|check| check.output(console)).collect() });
    for check in &checks {
        check.print(console);
    }
    let worst = |verdict: Verdict| checks.iter().any(|check| check.verdict == verdict);
    Ok(match (worst(Verdict::Bad), worst(Verdict::Look)) {
        (true, _) => Exit::Failed,
        (false, true) => Exit::Undecided,
        (false, false) => Exit::Done,
    })
}

impl Check {
    fn new(name: &'static str, verdict: Verdict, found: impl Into<String>, action: impl Into<String>) -> Self {
        Self { name, verdict, found: found.into(), action: action.into() }
    }

    fn good(name: &'static str, found: impl Into<String>) -> Self {
        Self::new(name, Verdict::Good, found, "")
    }

    /// A check whose request failed.
    fn unknown(name: &'static str, error: CommandError) -> Self {
        Self::new(name, Verdict::Unknown, error.what, error.action)
    }

    fn print(&self, console: &Console) {
        let (tone, mark) = match self.verdict {
            Verdict::Good => (Tone::Good, "✓"),
            Verdict::Look => (Tone::Warn, "!"),
            Verdict::Bad => (Tone::Bad, "✗"),
            Verdict::Unknown => (Tone::Faint, "?"),
        };
        console.line(&format!("{} {:<16} {}", console.paint(tone, mark), self.name, self.found));
        if !self.action.is_empty() {
            console.line(&format!("  {:<16} {}", "", console.paint(Tone::Faint, &self.action)));
        }
    }

    fn output(&self, console: &Console) -> DoctorCheck {
        DoctorCheck {
            name: self.name.to_owned(),
            verdict: self.verdict,
            found: self.found.clone(),
            action: console.complete(&self.action),
        }
    }
}

async fn account(cloud: &Cloud) -> Check {
    let words = cloud.words;
    match aws_sdk_sts::Client::new(&cloud.config).get_caller_identity().send().await {
        Ok(identity) => {
            let (account, arn) = (identity.account.unwrap_or_default(), identity.arn.unwrap_or_default());
            Check::good("account", words.account(account, cloud.region(), arn))
        }
        Err(error) => Check::unknown("account", CommandError::of(words, &words.identifying_caller(), &error)),
    }
}

fn stack(cloud: &Cloud) -> Check {
    let words = cloud.words;
    let stack = &cloud.stack;
    let machines = Machine::ALL.into_iter().map(Machine::output);
    let missing: Vec<&str> =
        OUTPUTS.into_iter().chain(machines).filter(|name| !stack.outputs.contains_key(*name)).collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        return Check::new("stack", Verdict::Bad, words.outputs_missing(&stack.name, missing), words.deploy_again());
    }
    // A stack whose last update was rolled back is usable: it still runs the previous release.
    let settled = stack.status.ends_with("_COMPLETE") && stack.status != "ROLLBACK_COMPLETE";
    if settled {
        Check::good("stack", words.stack_is(&stack.name, &stack.status))
    } else {
        Check::new("stack", Verdict::Look, words.stack_is(&stack.name, &stack.status), words.wait_for_stack())
    }
}

/// Checks Entra's consent and the groups by invoking the preflight function.
async fn preflight(cloud: &Cloud, input: Option<&Value>) -> Check {
    let words = cloud.words;
    let Some(input) = input else {
        return Check::new("entra", Verdict::Unknown, words.entra_not_checked(), words.specify_an_input());
    };
    let doing = words.invoking_preflight();
    let parameters = [
        ("Action", "DescribeStackResource"),
        ("Version", "2010-05-15"),
        ("StackName", cloud.stack.name.as_str()),
        ("LogicalResourceId", "PreflightFunction"),
    ];
    let found = cloud.signed.query(CLOUD_FORMATION, &doing, &parameters).await;
    let function = match found {
        Ok(xml) => {
            Document::parse(&xml).ok().and_then(|xml| text(xml.root(), "PhysicalResourceId")).unwrap_or_default()
        }
        Err(error) => return Check::unknown("entra", error),
    };
    match cloud.signed.invoke(&doing, &function, &json!({ "onboarding": input })).await {
        Ok(output) => {
            let groups = output["groups"].as_array().map_or(0, Vec::len);
            let tenant = output["tenantId"].as_str().unwrap_or_default();
            Check::good("entra", words.entra_ok(tenant, groups, &output["users"]))
        }
        Err(error) if onboarding_core::StepErrorKind::from_name(&error.name).is_some() => {
            Check::new("entra", Verdict::Bad, error.what, words.advice(&error.name))
        }
        Err(error) => Check::unknown("entra", error),
    }
}

async fn instance_quota(cloud: &Cloud) -> Check {
    let words = cloud.words;
    match instance_quota_values(cloud).await {
        Ok(values) => {
            let used = cloud.entries().await.map_or(0, |entries| entries.len());
            Check::good("quotas", words.instance_quota(values.in_force().unwrap_or_default(), used))
        }
        Err(error) => Check::unknown("quotas", error),
    }
}

/// Reads the quota for instances: the value applied to the account or, if no value was ever applied, the AWS default.
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

async fn support_plan(cloud: &Cloud) -> Check {
    let words = cloud.words;
    // The Support API has an endpoint in one Region only.
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
                Check::new("support plan", Verdict::Look, words.no_support_api(), words.order_manually())
            } else {
                Check::unknown("support plan", CommandError::of(words, &words.calling_support(), &error))
            }
        }
    }
}

async fn subscription(cloud: &Cloud) -> Check {
    let words = cloud.words;
    let topic = match cloud.stack.output("NotificationTopicArn", words) {
        Ok(topic) => topic,
        Err(error) => return Check::unknown("notifications", error),
    };
    let parameters = [("Action", "ListSubscriptionsByTopic"), ("Version", "2010-03-31"), ("TopicArn", topic)];
    let xml = match cloud.signed.query(SNS, &words.reading_subscriptions(), &parameters).await {
        Ok(xml) => xml,
        Err(error) => return Check::unknown("notifications", error),
    };
    let Ok(xml) = Document::parse(&xml) else {
        return Check::new("notifications", Verdict::Unknown, words.reading_subscriptions(), "");
    };
    let arns: Vec<String> =
        elements(xml.root(), "SubscriptionArn").filter_map(|arn| arn.text().map(ToOwned::to_owned)).collect();
    let pending = arns.iter().filter(|arn| arn.as_str() == "PendingConfirmation").count();
    subscribed(arns.len(), pending, words)
}

fn subscribed(all: usize, pending: usize, words: Words) -> Check {
    match (all, pending) {
        (0, _) => Check::new("notifications", Verdict::Look, words.no_subscription(), words.add_a_subscription()),
        (_, 0) => Check::good("notifications", words.confirmed_subscriptions(all)),
        _ => Check::new(
            "notifications",
            Verdict::Look,
            words.unconfirmed_subscriptions(pending),
            words.confirm_the_mail(),
        ),
    }
}

async fn alarms(cloud: &Cloud) -> Check {
    let words = cloud.words;
    let prefix = format!("{}-", cloud.stack.name);
    let parameters = [
        ("Action", "DescribeAlarms"),
        ("Version", "2010-08-01"),
        ("AlarmNamePrefix", prefix.as_str()),
        ("StateValue", "ALARM"),
    ];
    let xml = match cloud.signed.query(CLOUD_WATCH, &words.reading_alarms(), &parameters).await {
        Ok(xml) => xml,
        Err(error) => return Check::unknown("alarms", error),
    };
    let names: Vec<String> = Document::parse(&xml).map_or_else(
        |_| Vec::new(),
        |xml| elements(xml.root(), "AlarmName").filter_map(|name| name.text().map(ToOwned::to_owned)).collect(),
    );
    if names.is_empty() {
        Check::good("alarms", words.no_alarm())
    } else {
        Check::new("alarms", Verdict::Look, words.alarms_on(names.join(", ")), words.check_alarms())
    }
}

async fn failed_events(cloud: &Cloud) -> Check {
    match super::replay::waiting(cloud).await {
        Ok((0, _)) => Check::good("events", cloud.words.events_wait(0)),
        Ok((count, _)) => {
            Check::new("events", Verdict::Look, cloud.words.events_wait(count), cloud.words.replay_them())
        }
        Err(error) => Check::unknown("events", error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Lang;

    #[test]
    fn an_unconfirmed_subscription_needs_review() {
        let words = Words(Lang::En);
        assert_eq!(subscribed(0, 0, words).verdict, Verdict::Look);
        assert_eq!(subscribed(2, 1, words).verdict, Verdict::Look);
        assert_eq!(subscribed(2, 0, words).verdict, Verdict::Good);
    }
}
