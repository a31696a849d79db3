//! A plan above the removal limit requests approval once and is applied exactly as approved.

use super::fixture::House;
use crate::kept::until;
use serde_json::{Value, json};

/// A queue that receives the notifications.
struct Mailbox<'a> {
    house: &'a House,
    queue: String,
}

impl<'a> Mailbox<'a> {
    async fn of(house: &'a House) -> Self {
        let cloud = house.cloud;
        let arn = format!("arn:aws:sqs:{}:{}:{}", cloud.kept.region, cloud.kept.account, house.alias());
        let policy = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": { "Service": "sns.amazonaws.com" }, "Action": "sqs:SendMessage", "Resource": arn,
        }] });
        let wish = json!({ "QueueName": house.alias(), "Attributes": { "Policy": policy.to_string() } });
        let made = cloud.call("sqs", "AmazonSQS.CreateQueue", wish).await;
        let queue = made["QueueUrl"].as_str().unwrap().to_owned();
        cloud.subscribe(&arn).await;
        Self { house, queue }
    }

    /// Removes and returns the next message about this instance.
    async fn next(&self) -> String {
        until("a notification", async || self.taken().await).await
    }

    async fn taken(&self) -> Option<String> {
        let body = json!({ "QueueUrl": self.queue, "MaxNumberOfMessages": 1 });
        let found = self.house.cloud.call("sqs", "AmazonSQS.ReceiveMessage", body).await;
        let message = found["Messages"].as_array()?.first()?.clone();
        let body = json!({ "QueueUrl": self.queue, "ReceiptHandle": message["ReceiptHandle"] });
        self.house.cloud.call("sqs", "AmazonSQS.DeleteMessage", body).await;
        let envelope: Value = serde_json::from_str(message["Body"].as_str().unwrap()).unwrap();
        let text = envelope["Message"].as_str().unwrap().to_owned();
        // Instances of other tests share the topic.
        text.contains(&self.house.instance).then_some(text)
    }

    /// Whether there are no messages after all deliveries.
    async fn is_empty(&self) -> bool {
        let body = json!({ "QueueUrl": self.queue, "AttributeNames": ["All"] });
        loop {
            if self.taken().await.is_some() {
                return false;
            }
            let found = self.house.cloud.call("sqs", "AmazonSQS.GetQueueAttributes", body.clone()).await;
            if found["Attributes"]["ApproximateNumberOfMessages"] == "0" {
                return true;
            }
        }
    }
}

/// The text between two markers.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let from = text.find(before).unwrap_or_else(|| panic!("{before:?} is missing in:\n{text}")) + before.len();
    &text[from..from + text[from..].find(after).unwrap()]
}

/// Five users, four of whom left the group: two more than the removal limit allows.
async fn house_above_the_brake() -> House {
    let house = House::with_members(5).await;
    assert_eq!(house.sync(json!({})).await["counts"]["created"], 5);
    for person in 1..5 {
        house.leaves(person).await;
    }
    house
}

/// Starts a sync that requests approval. Returns the execution and the notification.
async fn asks(house: &House, mail: &Mailbox<'_>) -> (String, String) {
    let execution = house.start(json!({ "reason": "schedule" })).await;
    (execution, mail.next().await)
}

async fn answer(house: &House, operation: &str, message: &str, fields: Value) {
    let token = between(message, "--task-token '", "'");
    let mut body = json!({ "taskToken": token });
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    house.cloud.call("states", &format!("AWSStepFunctions.{operation}"), body).await;
}

/// Approves the plan of a notification with the exact output from its command.
async fn approve(house: &House, message: &str) {
    let output = between(message, "--task-output '", "'");
    answer(house, "SendTaskSuccess", message, json!({ "output": output })).await;
}

#[tokio::test]
async fn an_unsafe_plan_is_told_once_with_counts_names_and_commands_and_applied_exactly_when_approved() {
    let house = house_above_the_brake().await;
    let mail = Mailbox::of(&house).await;
    let (execution, message) = asks(&house, &mail).await;
    let deletes = ["delete 4 (of 5 managed users)", "4 users would be removed, but the removal limit is 2"];
    let names: Vec<String> = house.of(1..5);
    for part in deletes.into_iter().chain(names.iter().map(String::as_str)) {
        assert!(message.contains(part), "{part:?} is missing in:\n{message}");
    }
    assert_eq!(house.usernames().await, house.of(0..5), "nothing is changed before the approval");
    assert!(!house.entry().await.contains_key("lease"), "waiting for approval holds no lease");

    // Another sync finds the same plan, requests no approval and ends.
    assert_eq!(house.sync(json!({ "reason": "event" })).await["status"], "UNSAFE_PLAN");
    assert!(mail.is_empty().await);

    let digest = between(&message, "Digest: ", "\n").to_owned();
    approve(&house, &message).await;
    let output = house.succeeded(&execution).await;
    assert_eq!((&output["status"], &output["digest"]), (&json!("DONE"), &json!(digest)));
    assert_eq!((&output["counts"]["removed"], house.usernames().await), (&json!(4), house.of(0..1)));
    assert!(!house.entry().await.contains_key("approvalDigest"));
}

#[tokio::test]
async fn the_approval_of_an_outdated_plan_asks_again_and_a_refusal_changes_nothing() {
    let house = house_above_the_brake().await;
    let mail = Mailbox::of(&house).await;
    let (execution, first) = asks(&house, &mail).await;
    // A member returns, so the current plan differs from the approved one.
    house.joins(4).await;
    approve(&house, &first).await;
    let second = mail.next().await;
    let digest = |message: &str| between(message, "Digest: ", "\n").to_owned();
    assert_ne!(digest(&first), digest(&second));
    assert!(second.contains("delete 3 (of 5 managed users)"), "{second}");
    assert_eq!(house.usernames().await, house.of(0..5));

    answer(&house, "SendTaskFailure", &second, json!({ "error": "NotApproved" })).await;
    assert_eq!(house.succeeded(&execution).await["status"], "NOT_APPROVED");
    assert_eq!(house.usernames().await, house.of(0..5));
    assert!(!house.entry().await.contains_key("lease"));
}
