//! A queue that receives the stack's notifications.

use serde_json::{Value, json};

use super::{Cloud, until};

/// A queue that is subscribed to the notification topic.
pub(crate) struct Mailbox<'a> {
    pub(crate) cloud: &'a Cloud,
    pub(crate) queue: String,
}

/// A notification.
#[derive(Debug)]
pub(crate) struct Mail {
    pub(crate) subject: String,
    pub(crate) text: String,
}

impl<'a> Mailbox<'a> {
    /// Creates the queue and subscribes it to the notification topic.
    pub(crate) async fn open(cloud: &'a Cloud, name: &str) -> Self {
        let made = cloud.call("sqs", "AmazonSQS.CreateQueue", json!({ "QueueName": name })).await;
        let queue = made["QueueUrl"].as_str().unwrap().to_owned();
        let arn = format!("arn:aws:sqs:{}:{}:{name}", cloud.addresses.region, cloud.addresses.account);
        let topic = cloud.output("NotificationTopicArn");
        let policy = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": { "Service": "sns.amazonaws.com" }, "Action": "sqs:SendMessage", "Resource": arn,
            "Condition": { "ArnEquals": { "aws:SourceArn": topic } },
        }] });
        let body = json!({ "QueueUrl": queue, "Attributes": { "Policy": policy.to_string() } });
        cloud.call("sqs", "AmazonSQS.SetQueueAttributes", body).await;
        cloud.query("sns", "Subscribe", &[("TopicArn", topic), ("Protocol", "sqs"), ("Endpoint", &arn)]).await;
        Self { cloud, queue }
    }

    /// Removes and returns the next message, in the format of SQS.
    pub(crate) async fn receive(&self) -> Option<Value> {
        let body = json!({ "QueueUrl": self.queue, "MaxNumberOfMessages": 1 });
        let found = self.cloud.call("sqs", "AmazonSQS.ReceiveMessage", body).await;
        let message = found["Messages"].as_array()?.first()?.clone();
        let body = json!({ "QueueUrl": self.queue, "ReceiptHandle": message["ReceiptHandle"] });
        self.cloud.call("sqs", "AmazonSQS.DeleteMessage", body).await;
        Some(message)
    }

    /// Removes and returns all messages that have been delivered.
    pub(crate) async fn all(&self) -> Vec<Mail> {
        let mut mails = Vec::new();
        while let Some(message) = self.receive().await {
            mails.push(Mail::of(&message));
        }
        mails
    }

    /// Returns the next message that contains this text, and discards all earlier messages.
    pub(crate) async fn next(&self, part: &str) -> Mail {
        until(&format!("a notification with {part:?}"), async || {
            self.receive().await.map(|message| Mail::of(&message)).filter(|mail| mail.text.contains(part))
        })
        .await
    }
}

impl Mail {
    fn of(message: &Value) -> Self {
        let envelope: Value = serde_json::from_str(message["Body"].as_str().unwrap()).unwrap();
        let text = |name: &str| envelope[name].as_str().unwrap_or_default().to_owned();
        Self { subject: text("Subject"), text: text("Message") }
    }
}
