//! Checks that every metric in the alarms and on the dashboard exists, and that every text exists in both languages.

use std::collections::{BTreeMap, BTreeSet};

use connect_onboarding::runtime::metrics::{Metric, NAMESPACE};
use serde_json::{Value, json};

use super::{resources_of_type, template};

/// The metrics of AWS services that the alarms and the dashboard use.
const AWS: [(&str, &str); 7] = [
    ("AWS/Scheduler", "InvocationDroppedCount"),
    ("AWS/Lambda", "Errors"),
    ("AWS/States", "ExecutionsFailed"),
    ("AWS/States", "ExecutionsSucceeded"),
    ("AWS/Lambda", "Invocations"),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
];

fn alarms(template: &Value) -> BTreeMap<String, Value> {
    let alarms = resources_of_type(template, "AWS::CloudWatch::Alarm").into_iter();
    alarms.map(|(name, alarm)| (name, alarm["Properties"].clone())).collect()
}

/// Namespace and name of every metric that the stack emits or that an AWS service emits for it.
fn measured(template: &Value) -> BTreeSet<(String, String)> {
    let own = Metric::ALL.iter().map(|metric| json!(metric).as_str().unwrap().to_owned());
    let own = own.map(|metric| (NAMESPACE.to_owned(), metric));
    let filters = resources_of_type(template, "AWS::Logs::MetricFilter").into_values();
    let filtered = filters.map(|filter| {
        let transformation = &filter["Properties"]["MetricTransformations"][0];
        let text = |field: &str| transformation[field].as_str().unwrap().to_owned();
        (text("MetricNamespace"), text("MetricName"))
    });
    let aws = AWS.map(|(namespace, name)| (namespace.to_owned(), name.to_owned()));
    own.chain(filtered).chain(aws).collect()
}

/// The body of the dashboard. The placeholders for names of the stack are removed.
fn dashboard(template: &Value) -> Value {
    let body = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["!Sub"].as_str().unwrap();
    let mut plain = String::new();
    for part in body.split("${") {
        plain.push_str(part.split_once('}').filter(|_| !plain.is_empty()).map_or(part, |(_, rest)| rest));
    }
    serde_json::from_str(&plain).unwrap_or_else(|error| panic!("DashboardBody: {error}\n{plain}"))
}

#[test]
fn every_alarm_uses_an_existing_metric() {
    let template = template();
    let measured = measured(&template);
    for (name, alarm) in alarms(&template) {
        let metric =
            (alarm["Namespace"].as_str().unwrap().to_owned(), alarm["MetricName"].as_str().unwrap().to_owned());
        assert!(measured.contains(&metric), "{name} uses a metric that no function writes: {metric:?}");
    }
}

#[test]
fn every_alarm_notifies_the_topic_when_it_starts_and_when_it_ends() {
    for (name, alarm) in alarms(&template()) {
        let topic = json!([{ "!Ref": "NotificationTopic" }]);
        assert_eq!((&alarm["AlarmActions"], &alarm["OKActions"]), (&topic, &topic), "{name}");
    }
}

#[test]
fn every_alarm_has_a_description_in_both_languages_and_a_command() {
    let template = template();
    let words = &template["Mappings"]["Alarms"];
    let described: BTreeSet<String> = alarms(&template)
        .into_iter()
        .map(|(name, alarm)| {
            let parts = &alarm["AlarmDescription"]["!Join"][1];
            let key = parts[0]["!FindInMap"][2].as_str().unwrap_or_else(|| panic!("{name} has no words")).to_owned();
            let command =
                parts[1]["!Sub"].as_str().or(parts[1].as_str()).unwrap_or_else(|| panic!("{name} has no command"));
            assert!(command.starts_with("aws "), "{name}: {command}");
            for language in ["en", "ja"] {
                let text = words[language][&key].as_str().unwrap_or_else(|| panic!("{key} has no text in {language}"));
                // CloudWatch accepts descriptions of up to 1,024 characters. The remaining 200 characters are for the
                // names and ARNs that the command contains after the deployment.
                assert!(text.chars().count() + command.len() < 824, "{key} is too long in {language}");
            }
            assert_eq!(format!("{key}Alarm"), name);
            key
        })
        .collect();
    for language in ["en", "ja"] {
        let known: BTreeSet<String> = words[language].as_object().unwrap().keys().cloned().collect();
        assert_eq!(known, described, "texts in {language} (left) and alarms (right)");
    }
}

/// The queue of failed events also receives events of `EventBridge` and Lambda. SQS can't move these events back
/// without a destination (API reference, `StartMessageMoveTask`).
#[test]
fn the_command_that_reprocesses_failed_events_names_both_queues() {
    let alarm = &alarms(&template())["FailedEventsAlarm"];
    let command = alarm["AlarmDescription"]["!Join"][1][1]["!Sub"].as_str().unwrap();
    for argument in ["--source-arn ${FailedEventQueue.Arn}", "--destination-arn ${HintQueue.Arn}"] {
        assert!(command.contains(argument), "{command}");
    }
}

/// Every metric that needs a reaction from an operator has an alarm.
#[test]
fn every_metric_that_needs_a_reaction_has_an_alarm() {
    let template = template();
    let looked_at: BTreeSet<(String, String)> = alarms(&template)
        .into_values()
        .map(|alarm| ["Namespace", "MetricName"].map(|field| alarm[field].as_str().unwrap().to_owned()).into())
        .collect();
    let own = [
        Metric::SecondsSinceSync,
        Metric::UsersFailed,
        Metric::SyncThrottles,
        Metric::UnsafePlans,
        Metric::SubscriptionHoursLeft,
        Metric::SigningCertificateDaysLeft,
        Metric::CredentialDaysLeft,
        Metric::UnreadableEntries,
    ];
    let own = own.map(|metric| (NAMESPACE.to_owned(), json!(metric).as_str().unwrap().to_owned()));
    let aws = [
        ("AWS/States", "ExecutionsFailed"),
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
        ("AWS/Scheduler", "InvocationDroppedCount"),
    ];
    let aws = aws.map(|(namespace, name)| (namespace.to_owned(), name.to_owned()));
    let missing: Vec<_> = own.into_iter().chain(aws).filter(|metric| !looked_at.contains(metric)).collect();
    assert!(missing.is_empty(), "no alarm uses {missing:?}");
}

/// Operators easily miss the failure of a daily run, so there is an alarm for runs that fail and an alarm for runs that
/// never start.
#[test]
fn every_schedule_has_an_alarm_for_failed_runs_and_for_missing_runs() {
    let template = template();
    let alarms = alarms(&template);
    let group = json!({ "!Ref": "ScheduleGroup" });
    let dropped = alarms.values().find(|alarm| alarm["MetricName"] == "InvocationDroppedCount").expect("an alarm");
    assert_eq!(dropped["Dimensions"], json!([{ "Name": "ScheduleGroup", "Value": group }]));
    let failures: BTreeSet<&str> = alarms
        .values()
        .filter(|alarm| ["ExecutionsFailed", "Errors"].contains(&alarm["MetricName"].as_str().unwrap()))
        .filter_map(|alarm| alarm["Dimensions"][0]["Value"]["!Ref"].as_str())
        .collect();
    // These two functions have no alarm for failed runs. Other alarms detect the effects of a failure, for example a
    // late sync.
    let by_effect = ["SyncMembersFunction", "SubscribeGroupsFunction"];
    for kind in ["AWS::Serverless::Function", "AWS::Serverless::StateMachine"] {
        for (name, resource) in resources_of_type(&template, kind) {
            let events = resource["Properties"]["Events"].as_object().cloned().unwrap_or_default();
            for (event, schedule) in events.iter().filter(|(_, event)| event["Type"] == "ScheduleV2") {
                assert_eq!(schedule["Properties"]["GroupName"], group, "{event} of {name}");
                assert!(failures.contains(name.as_str()) || by_effect.contains(&name.as_str()), "{name} has no alarm");
            }
        }
    }
}

/// A caller who floods the notification URL or its queue can use up only a part of the account's concurrency.
#[test]
fn the_concurrency_of_public_entry_points_is_limited() {
    let mut called = 0;
    for (name, function) in resources_of_type(&template(), "AWS::Serverless::Function") {
        let properties = &function["Properties"];
        if !properties["FunctionUrlConfig"].is_null() {
            called += 1;
            let bound = &properties["ReservedConcurrentExecutions"];
            assert_eq!(bound["!If"][1], json!({ "!Ref": "NotificationConcurrency" }), "{name}");
        }
    }
    for (name, source) in resources_of_type(&template(), "AWS::Lambda::EventSourceMapping") {
        called += 1;
        assert!(source["Properties"]["ScalingConfig"]["MaximumConcurrency"].is_u64(), "{name}");
    }
    assert_eq!(called, 2, "the notification URL and the hint queue");
}

/// The expiry metrics get only one value a day. So each alarm on an expiry metric has a period of one day, and uses the
/// minimum of the period.
#[test]
fn everything_that_expires_has_an_alarm_that_leaves_time_to_act() {
    let template = template();
    let alarms = alarms(&template);
    let function = &template["Resources"]["WatchExpiryFunction"]["Properties"]["Events"]["Daily"];
    assert_eq!(function["Properties"]["ScheduleExpression"], "rate(24 hours)");
    for (metric, hours) in
        [(Metric::SigningCertificateDaysLeft, 24), (Metric::CredentialDaysLeft, 24), (Metric::SubscriptionHoursLeft, 1)]
    {
        let name = json!(metric);
        let alarm =
            alarms.values().find(|alarm| alarm["MetricName"] == name).unwrap_or_else(|| panic!("no alarm: {name}"));
        let left = alarm["Threshold"].as_u64().unwrap() * hours;
        assert!(left >= 7 * 24, "{name}: {left} hours are too short");
        assert_eq!(
            (&alarm["Statistic"], &alarm["Period"], &alarm["ComparisonOperator"], &alarm["TreatMissingData"]),
            (&json!("Minimum"), &json!(86_400), &json!("LessThanThreshold"), &json!("ignore")),
            "{name}"
        );
    }
}

/// The only state machine without an alarm. Only operators start this state machine, and they wait for the result. The
/// state machine changes nothing.
const UNWATCHED: &str = "PlanStateMachine";

#[test]
fn every_state_machine_has_an_alarm_for_its_failed_executions() {
    let template = template();
    let watched: BTreeSet<String> = alarms(&template)
        .into_values()
        .filter(|alarm| alarm["MetricName"] == "ExecutionsFailed")
        .map(|alarm| alarm["Dimensions"][0]["Value"]["!Ref"].as_str().unwrap().to_owned())
        .collect();
    let mut machines: BTreeSet<String> =
        resources_of_type(&template, "AWS::Serverless::StateMachine").into_keys().collect();
    assert!(machines.remove(UNWATCHED), "{UNWATCHED}");
    assert_eq!(machines, watched, "state machines (left) and state machines with an alarm for failures (right)");
}

#[test]
fn the_dashboard_shows_every_alarm_and_only_existing_metrics() {
    let template = template();
    let body = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["!Sub"].as_str().unwrap();
    for name in alarms(&template).into_keys() {
        assert!(body.contains(&format!("\"${{{name}.Arn}}\"")), "the dashboard does not show {name}");
    }
    let measured = measured(&template);
    let mut shown = BTreeSet::new();
    for widget in dashboard(&template)["widgets"].as_array().unwrap() {
        // In a widget's list of metrics, `.` repeats a field of the previous row, and `...` repeats the whole row.
        let mut above: Vec<String> = Vec::new();
        for line in widget["properties"]["metrics"].as_array().into_iter().flatten() {
            let fields: Vec<&str> = line.as_array().unwrap().iter().filter_map(Value::as_str).collect();
            if fields.is_empty() || fields == ["..."] {
                continue;
            }
            let repeated =
                |(at, field): (usize, &&str)| if *field == "." { above[at].clone() } else { (*field).to_owned() };
            above = fields.iter().enumerate().map(repeated).collect();
            shown.insert((above[0].clone(), above[1].clone()));
        }
    }
    let unknown: Vec<_> = shown.difference(&measured).collect();
    assert!(shown.len() > 5 && unknown.is_empty(), "the dashboard shows metrics that no function writes: {unknown:?}");
}

#[test]
fn everything_is_traced() {
    let template = template();
    assert_eq!(template["Globals"]["Function"]["Tracing"], "Active");
    for (name, machine) in resources_of_type(&template, "AWS::Serverless::StateMachine") {
        assert_eq!(machine["Properties"]["Tracing"]["Enabled"], true, "{name}");
    }
}
