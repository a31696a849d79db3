//! The checks of a deployed stack.

use onboarding_core::StepErrorKind;
use roxmltree::Document;
use serde_json::{Value, json};

use super::Check;
use crate::{
    cloud::{
        Cloud, Machine,
        signed::{CLOUD_FORMATION, CLOUD_WATCH, SNS, elements, text},
    },
    commands::replay,
    output::Verdict,
    words::Words,
};

/// Stack outputs that the commands require.
const OUTPUTS: [&str; 4] = ["NotificationTopicArn", "RegistryTable", "FailedEventQueue", "DocumentsBucket"];

pub(super) fn stack(cloud: &Cloud) -> Check {
    let words = cloud.words;
    let stack = &cloud.stack;
    let machines = Machine::ALL.into_iter().map(Machine::output);
    let missing: Vec<&str> =
        OUTPUTS.into_iter().chain(machines).filter(|name| !stack.outputs.contains_key(*name)).collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        return Check::new("stack", Verdict::Bad, words.outputs_missing(&stack.name, missing), words.deploy_again());
    }
    // A stack whose last update was rolled back is usable, because the stack still runs the previous release.
    let settled = stack.status.ends_with("_COMPLETE") && stack.status != "ROLLBACK_COMPLETE";
    if settled {
        Check::good("stack", words.stack_is(&stack.name, &stack.status))
    } else {
        Check::new("stack", Verdict::Warning, words.stack_is(&stack.name, &stack.status), words.wait_for_stack())
    }
}

/// Checks the consent in Entra, and the groups of the input, by invoking the function `preflight` of the stack.
pub(super) async fn preflight(cloud: &Cloud, input: Option<&Value>) -> Check {
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
        Err(error) if StepErrorKind::from_name(&error.name).is_some() => {
            Check::new("entra", Verdict::Bad, error.what, words.advice(&error.name))
        }
        Err(error) => Check::unknown("entra", error),
    }
}

pub(super) async fn subscription(cloud: &Cloud) -> Check {
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
    let (confirmed, pending) = subscriptions(&xml);
    subscribed(confirmed + pending, pending, words)
}

/// The numbers of confirmed and unconfirmed subscriptions to the SNS topic. A deleted subscription is listed for some
/// days with the text `Deleted` instead of an ARN.
fn subscriptions(xml: &Document<'_>) -> (usize, usize) {
    let arns = || elements(xml.root(), "SubscriptionArn").filter_map(|arn| arn.text());
    let pending = arns().filter(|arn| *arn == "PendingConfirmation").count();
    (arns().filter(|arn| arn.starts_with("arn:")).count(), pending)
}

/// The names of the stack's alarms. CloudFormation names an alarm `{stack}-{logical ID}-{random text}`, and a logical
/// ID contains no hyphen. So the alarms of another stack are not included, even if its name starts with the name of
/// this stack.
fn alarm_names(xml: &Document<'_>, prefix: &str) -> Vec<String> {
    let ours = |name: &&str| name.strip_prefix(prefix).is_some_and(|rest| rest.matches('-').count() == 1);
    elements(xml.root(), "AlarmName").filter_map(|name| name.text()).filter(ours).map(ToOwned::to_owned).collect()
}

fn subscribed(all: usize, pending: usize, words: Words) -> Check {
    match (all, pending) {
        (0, _) => Check::new("notifications", Verdict::Warning, words.no_subscription(), words.add_a_subscription()),
        (_, 0) => Check::good("notifications", words.confirmed_subscriptions(all)),
        _ => Check::new(
            "notifications",
            Verdict::Warning,
            words.unconfirmed_subscriptions(pending),
            words.confirm_the_mail(),
        ),
    }
}

pub(super) async fn alarms(cloud: &Cloud) -> Check {
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
    let names: Vec<String> = Document::parse(&xml).map_or_else(|_| Vec::new(), |xml| alarm_names(&xml, &prefix));
    if names.is_empty() {
        Check::good("alarms", words.no_alarm())
    } else {
        Check::new("alarms", Verdict::Warning, words.alarms_on(names.join(", ")), words.check_alarms())
    }
}

pub(super) async fn failed_events(cloud: &Cloud) -> Check {
    match replay::waiting(cloud).await {
        Ok((0, _)) => Check::good("events", cloud.words.events_wait(0)),
        Ok((count, _)) => {
            Check::new("events", Verdict::Warning, cloud.words.events_wait(count), cloud.words.replay_them())
        }
        Err(error) => Check::unknown("events", error),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;
    use crate::words::Lang;

    #[test]
    fn an_unconfirmed_subscription_needs_review() {
        let words = Words(Lang::En);
        assert_eq!(subscribed(0, 0, words).verdict, Verdict::Warning);
        assert_eq!(subscribed(2, 1, words).verdict, Verdict::Warning);
        assert_eq!(subscribed(2, 0, words).verdict, Verdict::Good);
    }

    #[test]
    fn deleted_subscriptions_and_alarms_of_other_stacks_do_not_count() {
        let list = |name: &str, texts: &[&str]| {
            let members = texts.iter().map(|text| format!("<member><{name}>{text}</{name}></member>"));
            format!("<Result>{}</Result>", members.collect::<String>())
        };
        let text = list("SubscriptionArn", &["arn:aws:sns:eu-west-1:1:t:s", "PendingConfirmation", "Deleted"]);
        assert_eq!(subscriptions(&Document::parse(&text).unwrap()), (1, 1));
        let text = list("AlarmName", &["onboarding-SyncLate-1A2B", "onboarding-test-SyncLate-3C4D"]);
        assert_eq!(alarm_names(&Document::parse(&text).unwrap(), "onboarding-"), ["onboarding-SyncLate-1A2B"]);
    }
}
