//! Calls to the AWS services of a local cloud, as the account's administrator.

use serde_json::{Value, json};
use test_support::{Aws, http};

use super::{Cloud, until};

impl Cloud {
    fn emulator(&self) -> Aws<'_> {
        Aws { url: &self.addresses.endpoint, region: &self.addresses.region }
    }

    fn stand_in(&self) -> Aws<'_> {
        Aws { url: &self.addresses.stand_in, region: &self.addresses.region }
    }

    /// Calls the emulator in the AWS JSON protocol.
    pub(crate) async fn call(&self, service: &str, target: &str, body: Value) -> Value {
        self.attempt(service, target, body).await.unwrap_or_else(|error| panic!("{target}: {error}"))
    }

    /// Calls the emulator in the AWS JSON protocol. Returns an error response as an error.
    pub(crate) async fn attempt(&self, service: &str, target: &str, body: Value) -> Result<Value, String> {
        let response = self.emulator().json(service, target, &body).await;
        if response.succeeded() { Ok(response.json()) } else { Err(response.text) }
    }

    /// Calls an AWS service in the REST protocol. Calls to Amazon Connect are sent to the stand-in, and all other calls
    /// to the emulator.
    pub(crate) async fn rest(&self, service: &str, method: &str, path: &str, body: &Value) -> Value {
        self.rest_with(service, method, path, body, &[]).await
    }

    /// Calls an AWS service in the REST protocol with additional headers.
    pub(crate) async fn rest_with(
        &self,
        service: &str,
        method: &str,
        path: &str,
        body: &Value,
        headers: &[(&'static str, &'static str)],
    ) -> Value {
        let endpoint = if service == "connect" { self.stand_in() } else { self.emulator() };
        let response = endpoint.rest_with(service, method, path, body, headers).await;
        response.success(&format!("{method} {path}")).json()
    }

    /// Calls the emulator in the AWS query protocol. Returns the XML response.
    pub(crate) async fn query(&self, service: &str, action: &str, fields: &[(&str, &str)]) -> String {
        self.emulator().query(service, action, fields).await.success(action).text
    }

    /// Calls IAM; the call must succeed.
    pub(crate) async fn iam(&self, action: &str, fields: &[(&str, &str)]) -> String {
        let (succeeded, text) = self.iam_attempt(action, fields).await;
        assert!(succeeded, "{action} {fields:?}: {text}");
        text
    }

    /// Calls IAM. Returns whether the call succeeded, and the response.
    pub(crate) async fn iam_attempt(&self, action: &str, fields: &[(&str, &str)]) -> (bool, String) {
        let global = Aws { region: "us-east-1", ..self.stand_in() };
        let response = global.query("iam", action, &[fields, &[("Version", "2010-05-08")]].concat()).await;
        (response.succeeded(), response.text)
    }

    /// Assumes a role, and returns access key, secret key and session token.
    pub(crate) async fn assume(&self, role: &str) -> [String; 3] {
        let fields = [("RoleArn", role), ("RoleSessionName", "operator"), ("Version", "2011-06-15")];
        let response = self.stand_in().query("sts", "AssumeRole", &fields).await;
        assert!(response.succeeded(), "{}", response.text);
        let element =
            |name: &str| response.text.split(['<', '>']).skip_while(|part| *part != name).nth(1).unwrap().to_owned();
        ["AccessKeyId", "SecretAccessKey", "SessionToken"].map(element)
    }

    /// Calls the stand-in's administration API.
    pub(crate) async fn admin(&self, method: &str, path: &str, body: &Value) -> Value {
        self.stand_in().rest("connect", method, &format!("/_admin/{path}"), body).await.success(path).json()
    }

    /// Creates a Connect instance without an onboarding. Returns the id and the ARN of the instance.
    pub(crate) async fn create_instance(&self, alias: &str) -> (String, String) {
        let body = json!({
            "IdentityManagementType": "SAML", "InstanceAlias": alias,
            "InboundCallsEnabled": true, "OutboundCallsEnabled": true,
        });
        let made = self.rest("connect", "PUT", "/instance", &body).await;
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        (text("Id"), text("Arn"))
    }

    /// Creates a quick connect that transfers contacts to a user of a Connect instance.
    pub(crate) async fn quick_connect(&self, instance: &str, user_id: &Value, name: &str) {
        let flows = self.rest("connect", "GET", &format!("/contact-flows-summary/{instance}"), &Value::Null).await;
        let flow = &flows["ContactFlowSummaryList"][0]["Id"];
        let config = json!({ "UserId": user_id, "ContactFlowId": flow });
        let config = json!({ "QuickConnectType": "USER", "UserConfig": config });
        let body = json!({ "Name": name, "QuickConnectConfig": config });
        self.rest("connect", "PUT", &format!("/quick-connects/{instance}"), &body).await;
    }

    /// Name and role of the function whose name contains this text.
    pub(crate) async fn function(&self, part: &str) -> (String, String) {
        let found = self.rest("lambda", "GET", "/2015-03-31/functions/?MaxItems=200", &Value::Null).await;
        let mut functions = found["Functions"].as_array().unwrap().iter();
        let function = functions.find(|function| function["FunctionName"].as_str().unwrap().contains(part)).unwrap();
        let last = |name: &str| function[name].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        (last("FunctionName"), last("Role"))
    }

    /// Invokes the function whose name contains this text; the invocation must succeed.
    pub(crate) async fn invoke(&self, part: &str, event: &Value) -> Value {
        let (name, _) = self.function(part).await;
        let output = self.rest("lambda", "POST", &format!("/2015-03-31/functions/{name}/invocations"), event).await;
        assert!(output["errorType"].is_null(), "{part}: {output}");
        output
    }

    /// Passes an event about the members of a group to `sync-members`, as the queue does. Returns the output.
    pub(crate) async fn report_change(&self, change: &Value) -> Value {
        let body = json!({ "source": "connect-onboarding.entra", "detail": change }).to_string();
        self.invoke("SyncMembersFunction", &json!({ "Records": [{ "messageId": "1", "body": body }] })).await
    }

    /// Sends a notification to the URL of a subscription, as Graph does. Returns the HTTP status.
    pub(crate) async fn notify(&self, subscription: &Value, body: &Value) -> u16 {
        let url: reqwest::Url = subscription["notificationUrl"].as_str().unwrap().parse().unwrap();
        let request = http().post(format!("{}{}", self.addresses.endpoint, url.path()));
        request.header("host", url.host_str().unwrap()).json(body).send().await.unwrap().status().as_u16()
    }

    /// The functions' logs.
    pub(crate) async fn log(&self) -> Vec<String> {
        let groups = self.call("logs", "Logs_20140328.DescribeLogGroups", json!({})).await;
        let mut lines = Vec::new();
        for group in groups["logGroups"].as_array().unwrap() {
            let mut page = json!({ "logGroupName": group["logGroupName"] });
            loop {
                let found = self.call("logs", "Logs_20140328.FilterLogEvents", page.clone()).await;
                let events = found["events"].as_array().unwrap().iter();
                lines.extend(events.map(|event| event["message"].as_str().unwrap().trim_end().to_owned()));
                if found["nextToken"].is_null() {
                    break;
                }
                page["nextToken"] = found["nextToken"].clone();
            }
        }
        lines
    }

    /// The lines of the functions' logs that are JSON: records of steps, and metrics.
    pub(crate) async fn log_records(&self) -> Vec<Value> {
        self.log().await.iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The schedules that invoke the function whose name contains `function`.
    pub(crate) async fn schedules(&self, function: &str) -> Vec<Value> {
        let listed = self.rest("scheduler", "GET", "/schedules", &Value::Null).await;
        let mut found = Vec::new();
        for listed in listed["Schedules"].as_array().unwrap() {
            let (name, group) = (listed["Name"].as_str().unwrap(), listed["GroupName"].as_str().unwrap());
            let path = format!("/schedules/{name}?groupName={group}");
            let schedule = self.rest("scheduler", "GET", &path, &Value::Null).await;
            if schedule["Target"]["Arn"].as_str().unwrap().contains(function) {
                found.push(schedule);
            }
        }
        found
    }

    /// Disables the schedule of the user sync. On a busy machine, a test can run for longer than the interval of this
    /// schedule, and a scheduled sync would then make the changes that the test expects from its own sync.
    pub(super) async fn disable_scheduled_syncs(&self) {
        for mut schedule in self.schedules("SyncMembers").await {
            schedule["State"] = json!("DISABLED");
            let path = format!("/schedules/{}", schedule["Name"].as_str().unwrap());
            self.rest("scheduler", "PUT", &path, &schedule).await;
        }
    }

    /// Waits until all queues of the stack are empty.
    pub(crate) async fn until_queues_are_empty(&self) {
        let queues = self.call("sqs", "AmazonSQS.ListQueues", json!({})).await;
        for url in queues["QueueUrls"].as_array().unwrap() {
            until(&format!("the queue {url} is empty"), async || {
                let body = json!({ "QueueUrl": url, "AttributeNames": ["All"] });
                let found = self.call("sqs", "AmazonSQS.GetQueueAttributes", body).await;
                let counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
                counts.iter().all(|count| found["Attributes"][*count] == "0").then_some(())
            })
            .await;
        }
    }
}
