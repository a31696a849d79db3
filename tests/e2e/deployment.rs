//! Tests that deployments are accepted or rejected as in an AWS account. The tests deploy a second stack, deploy to a
//! new account, and use names that already exist. The tests also cover the permissions that AWS checks when it creates
//! a resource or delivers an event.

use std::collections::BTreeMap;

use local_cloud::{
    emulator::{CredentialKind, Credentials, Deployment, Stack, Workspace, venv},
    stand_in::AppCredential,
};
use serde_json::{Value, json};
use test_support::member;

use super::{
    cloud::{Cloud, until},
    common::{local, out},
};

const GROUP: &str = "Support agents";

fn tenant() -> Value {
    let agent = |number: u32| {
        let id = format!("00000000-0000-4000-8000-00000000000{number}");
        member(&id, &format!("agent{number}@example.com"), &format!("Agent {number}"))
    };
    json!({ "groups": [{ "displayName": GROUP, "members": [agent(1), agent(2)] }] })
}

impl Cloud {
    /// Deploys the template as another stack. The functions run from `folder`, which must exist as long as they run.
    async fn deploy(&self, stack: &str, folder: &std::path::Path, kind: CredentialKind) -> Result<Stack, String> {
        let workspace = Workspace::find().unwrap();
        let venv = venv::prepare(&workspace, &mut |_| {}).await.map_err(|reason| reason.to_string())?;
        let mut credentials = Credentials::new(kind).map_err(|reason| reason.to_string())?;
        // The first stack has already enabled outbound federation for the account.
        credentials.federation = false;
        let mut parameters = BTreeMap::from([
            ("Stage", "local".to_owned()),
            ("GraphUrl", self.addresses.graph_url.clone()),
            ("LoginUrl", self.addresses.login_url.clone()),
        ]);
        parameters.extend(credentials.parameters.clone());
        let bootstrap = std::path::PathBuf::from(env!("CARGO_BIN_EXE_onboard")).with_file_name("bootstrap");
        let deployment = Deployment {
            venv: &venv,
            workspace: &workspace,
            bootstrap: &bootstrap,
            folder,
            emulator: &self.addresses.endpoint,
            stack,
            parameters: &parameters,
            credentials: &credentials,
            stand_in: &self.addresses.stand_in,
            documents: &[],
        };
        let deployed = deployment.run().await.map_err(|reason| reason.to_string())?;
        for registration in &credentials.registrations {
            let secrets = registration.credentials.iter().filter_map(|credential| match credential {
                AppCredential::Secret { value, .. } => Some(json!({ "secret": { "value": value } })),
                _ => None,
            });
            let body = json!({
                "clientId": registration.client_id, "permissions": registration.permissions,
                "credentials": secrets.collect::<Vec<_>>(),
            });
            self.admin("POST", "registrations", &body).await;
        }
        Ok(deployed)
    }

    /// Creates a stack with these resources. An error contains all reasons that CloudFormation reports.
    async fn create(&self, stack: &str, resources: &Value) -> Result<(), String> {
        let template = json!({ "AWSTemplateFormatVersion": "2010-09-09", "Resources": resources }).to_string();
        let name = ("StackName", stack);
        let capability = ("Capabilities.member.1", "CAPABILITY_NAMED_IAM");
        self.query("cloudformation", "CreateStack", &[name, ("TemplateBody", &template), capability]).await;
        let status = until("the stack has reached a final status", async || {
            let text = self.query("cloudformation", "DescribeStacks", &[name]).await;
            let status = text.split("<StackStatus>").nth(1)?.split('<').next()?.to_owned();
            (!status.ends_with("IN_PROGRESS")).then_some(status)
        })
        .await;
        if status == "CREATE_COMPLETE" {
            return Ok(());
        }
        Err(self.query("cloudformation", "DescribeStackEvents", &[name]).await)
    }

    /// Updates a stack with one changed parameter. Returns the final stack status.
    async fn update(&self, stack: &str, changed: (&str, &str)) -> String {
        let name = ("StackName", stack);
        let text = self.query("cloudformation", "DescribeStacks", &[name]).await;
        let keys = text.split("<ParameterKey>").skip(1).map(|rest| rest.split('<').next().unwrap());
        let mut fields =
            vec![("StackName".to_owned(), stack.to_owned()), ("UsePreviousTemplate".into(), "true".into())];
        for (number, key) in keys.enumerate() {
            let member = |field: &str| format!("Parameters.member.{}.{field}", number + 1);
            fields.push((member("ParameterKey"), key.to_owned()));
            fields.push(match key == changed.0 {
                true => (member("ParameterValue"), changed.1.to_owned()),
                false => (member("UsePreviousValue"), "true".to_owned()),
            });
        }
        for (number, capability) in ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"].into_iter().enumerate() {
            fields.push((format!("Capabilities.member.{}", number + 1), capability.to_owned()));
        }
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.query("cloudformation", "UpdateStack", &fields).await;
        until("the update has reached a final status", async || {
            let text = self.query("cloudformation", "DescribeStacks", &[name]).await;
            let status = text.split("<StackStatus>").nth(1)?.split('<').next()?.to_owned();
            (!status.ends_with("IN_PROGRESS")).then_some(status)
        })
        .await
    }

    /// Asserts that CloudFormation rejects these resources for this reason.
    async fn refuses(&self, stack: &str, resources: &Value, reason: &str) {
        let refusal = self.create(stack, resources).await.unwrap_err();
        assert!(refusal.contains(reason), "{reason:?} is not among the reasons in:\n{refusal}");
    }

    /// The physical id of the resource with this logical id.
    async fn physical(&self, logical: &str) -> String {
        let fields = [("StackName", self.addresses.stack.as_str()), ("LogicalResourceId", logical)];
        let text = self.query("cloudformation", "DescribeStackResource", &fields).await;
        text.split("<PhysicalResourceId>").nth(1).unwrap().split('<').next().unwrap().to_owned()
    }

    async fn deny(&self, role: &str, action: &str) {
        let deny =
            json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Deny", "Action": action, "Resource": "*" }] });
        let document = deny.to_string();
        let form = [("RoleName", role), ("PolicyName", "Denied"), ("PolicyDocument", document.as_str())];
        self.query("iam", "PutRolePolicy", &form).await;
    }

    /// Number of messages in the queue of failed events.
    async fn failed_events(&self) -> u64 {
        let body = json!({ "QueueUrl": self.output("FailedEventQueue"), "AttributeNames": ["All"] });
        let found = self.call("sqs", "AmazonSQS.GetQueueAttributes", body).await;
        found["Attributes"]["ApproximateNumberOfMessages"].as_str().unwrap().parse().unwrap()
    }
}

fn role(name: &str) -> Value {
    json!({ "Type": "AWS::IAM::Role", "Properties": { "RoleName": name, "AssumeRolePolicyDocument": {
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Principal": { "Service": "lambda.amazonaws.com" }, "Action": "sts:AssumeRole" }],
    } } })
}

fn function(role: &Value, reserved: u32) -> Value {
    json!({ "Type": "AWS::Lambda::Function", "Properties": {
        "Code": { "ZipFile": "def handler(event, context): return event" }, "Handler": "index.handler", "Runtime": "python3.12",
        "Role": role, "ReservedConcurrentExecutions": reserved,
    } })
}

#[tokio::test]
async fn a_second_stack_deploys_beside_the_first_and_a_stack_name_that_is_too_long_leaves_nothing() {
    let mut cloud = Cloud::idle(&tenant());
    let folder = tempfile::tempdir().unwrap();
    let long = format!("contact-centre-{}", "x".repeat(40));
    let other = tempfile::tempdir().unwrap();
    let refusal = cloud.deploy(&long, other.path(), CredentialKind::Keyless).await.unwrap_err();
    assert!(refusal.contains("StackNameFitsRoleNames") && refusal.contains("AllowedPattern"), "{refusal}");
    let buckets = cloud.rest("s3", "GET", "/", &Value::Null).await;
    assert!(!buckets.to_string().contains("contact-centre"), "{buckets}");

    let second = cloud.deploy("contact-centre", folder.path(), CredentialKind::Secret).await.unwrap();
    for (name, value) in &second.outputs {
        assert_ne!(Some(value), cloud.addresses.outputs.get(name), "both stacks have the same {name}");
    }
    cloud.addresses.outputs = second.outputs;
    let input = json!({
        "instance": { "alias": "acme-second" },
        "users": { "groups": [{ "group": GROUP, "securityProfiles": ["Agent"] }] },
    });
    let execution = cloud.start("OnboardingStateMachineArn", &input).await;
    let ended = cloud.end_of(&execution).await;
    assert_eq!(ended.status, "SUCCEEDED", "{}", ended.output);
    assert_eq!(ended.output["signInVerified"], true);

    // A later deployment must not replace a resource that stores data.
    let before = cloud.addresses.outputs.clone();
    assert_eq!(cloud.update("contact-centre", ("LogRetentionDays", "30")).await, "UPDATE_COMPLETE");
    let text = cloud.query("cloudformation", "DescribeStacks", &[("StackName", "contact-centre")]).await;
    for (name, value) in before {
        assert!(
            text.contains(&format!("<OutputValue>{}</OutputValue>", value.replace('&', "&amp;"))),
            "{name}: {text}"
        );
    }
}

#[tokio::test]
async fn an_onboarding_works_in_a_new_account_and_the_emulator_is_as_strict_as_aws() {
    let mut command = local();
    command.args(["--keep", "--fresh-account", "--users", "12"]);
    let cloud = Cloud::of(&command, tempfile::tempdir().unwrap());
    // No quota was ever changed in this account, so the AWS default values apply.
    let doctor = cloud.onboard(&["doctor", "--json"]).output().unwrap();
    assert!(out(&doctor).contains("Connect instances: quota 2 in this account"), "{}", out(&doctor));
    let few = "\"action\":\"Onboardings work, but slowly.";
    assert!(
        out(&doctor).contains(few) && out(&doctor).contains("Lambda: 10 concurrent executions"),
        "{}",
        out(&doctor)
    );
    refused_at_deployment(&cloud).await;
    refused_at_delivery(&cloud).await;
    what_doctor_advises(&cloud).await;
}

/// Checks the findings of `doctor`, each with its advice, in an account that does not meet the requirements.
async fn what_doctor_advises(cloud: &Cloud) {
    let advises = |name: &str, advice: &str| {
        let output = cloud.onboard(&["doctor", "--json"]).output().unwrap();
        let result: Value = serde_json::from_str(&out(&output)).unwrap();
        let check = result["checks"].as_array().unwrap().iter().find(|check| check["name"] == name).unwrap();
        assert_eq!(check["verdict"], "look", "{check}");
        assert!(check["action"].as_str().unwrap().contains(advice), "{check}");
    };
    cloud.set_quota("L-AA17A6B9", 1).await;
    advises("quotas", "--quota-code L-AA17A6B9");
    cloud.iam("DisableOutboundWebIdentityFederation", &[]).await;
    advises("federation", "entra-setup --run");
    // The service model also contains the name of the exception. AWS may return this name as the error code.
    let rule = json!({
        "service": "iam", "match": "GetOutboundWebIdentityFederationInfo", "status": 404, "code": "FeatureDisabledException",
    });
    cloud.fault(&rule).await;
    advises("federation", "entra-setup --run");
}

async fn refused_at_deployment(cloud: &Cloud) {
    let arn = json!({ "Fn::GetAtt": ["Role", "Arn"] });
    let reserving = json!({ "Role": role("Reserving"), "Function": function(&arn, 1) });
    cloud.refuses("reserving", &reserving, "below its minimum value of [10]").await;

    let schedule = |name: &str, expression: &str| {
        json!({ "Type": "AWS::Scheduler::Schedule", "Properties": {
            "Name": name, "ScheduleExpression": expression, "FlexibleTimeWindow": { "Mode": "OFF" },
            "Target": { "Arn": cloud.output("PlanStateMachineArn"), "RoleArn": "arn:aws:iam::000000000000:role/r" },
        } })
    };
    cloud.create("one", &json!({ "Schedule": schedule("Daily", "rate(24 hours)") })).await.unwrap();
    cloud.refuses("two", &json!({ "Schedule": schedule("Daily", "rate(1 hour)") }), "already exists").await;
    for (number, expression) in ["rate(1 hours)", "cron(0 3 * * *)", "cron(0 3 ? * ? *)"].into_iter().enumerate() {
        let wrong = json!({ "Schedule": schedule("Wrong", expression) });
        cloud.refuses(&format!("wrong-{number}"), &wrong, "Invalid Schedule Expression").await;
    }

    cloud.create("upper", &json!({ "Role": role("Acme") })).await.unwrap();
    cloud.refuses("lower", &json!({ "Role": role("acme") }), "already exists").await;
    let trust = json!({ "Version": "2012-10-17", "Statement": [] }).to_string();
    let again = [("RoleName", "ACME"), ("AssumeRolePolicyDocument", trust.as_str())];
    let (created, refusal) = cloud.iam_attempt("CreateRole", &again).await;
    assert!(!created && refusal.contains("<Code>EntityAlreadyExists</Code>"), "{refusal}");
    cloud.refuses("long", &json!({ "Role": role(&"x".repeat(65)) }), "less than or equal to 64").await;

    let queue = cloud.physical("FailedEventQueue").await;
    let queue = format!(
        "arn:aws:sqs:{}:{}:{}",
        cloud.addresses.region,
        cloud.addresses.account,
        queue.rsplit('/').next().unwrap()
    );
    let undelivered = json!({
        "Role": role("Undelivered"),
        "Function": { "Type": "AWS::Lambda::Function", "Properties": {
            "Code": { "ZipFile": "def handler(event, context): return event" }, "Handler": "index.handler",
            "Runtime": "python3.12", "Role": arn,
        } },
        "Invocations": { "Type": "AWS::Lambda::EventInvokeConfig", "Properties": {
            "FunctionName": { "Ref": "Function" }, "Qualifier": "$LATEST",
            "DestinationConfig": { "OnFailure": { "Destination": queue } },
        } },
    });
    let mut unread = undelivered.clone();
    unread["Role"] = role("Unread");
    unread["Invocations"] = json!({ "Type": "AWS::Lambda::EventSourceMapping", "Properties": {
        "FunctionName": { "Ref": "Function" }, "EventSourceArn": queue,
    } });
    cloud.refuses("unread", &unread, "does not have permissions to call ReceiveMessage").await;
    let mut unbatched = unread.clone();
    unbatched["Role"] = role("Unbatched");
    unbatched["Invocations"]["Properties"]["BatchSize"] = json!(11);
    cloud.refuses("unbatched", &unbatched, "must be greater than 0 if maximum batch size is greater than 10").await;
    cloud.refuses("undelivered", &undelivered, "does not have permissions to call SendMessage").await;

    // Among the template's resource types, only state machines have generated names without the stack's name.
    let machine = cloud.output("TeardownStateMachineArn").rsplit(':').next().unwrap();
    assert!(machine.starts_with("TeardownStateMachine-"), "{machine}");
}

async fn refused_at_delivery(cloud: &Cloud) {
    // If the daily expiry watch fails, Lambda sends the event to the queue of failed events. Without the permission to
    // use the queue's KMS key, Lambda would lose the event.
    let watcher = cloud.physical("WatchExpiryFunction").await;
    let fails = async || {
        let path = format!("/2015-03-31/functions/{watcher}/invocations");
        cloud
            .rest_with(
                "lambda",
                "POST",
                &path,
                &json!("no input of this function"),
                &[("x-amz-invocation-type", "Event")],
            )
            .await
    };
    fails().await;
    until("the failed event is in the queue", async || (cloud.failed_events().await == 1).then_some(())).await;
    cloud.deny(&cloud.physical("WatchExpiryFunctionRole").await, "kms:GenerateDataKey").await;
    fails().await;
    let attempts = async || {
        let lines = cloud.log().await.into_iter();
        lines.filter(|line| line.contains("step failed") && line.contains(r#""step":"watch-expiry""#)).count()
    };
    until("Lambda has retried three times", async || (attempts().await == 6).then_some(())).await;

    refused_by_resource_policies(cloud).await;

    // A state machine has only the permissions of its role.
    let instance = cloud.inventory().await["connect"]["instances"][0]["Id"].clone();
    for (machine, action) in
        [("PlanStateMachine", "lambda:InvokeFunction"), ("UserSyncStateMachine", "dynamodb:UpdateItem")]
    {
        cloud.deny(&cloud.physical(&format!("{machine}Role")).await, action).await;
        let execution = cloud.start(&format!("{machine}Arn"), &json!({ "instanceId": instance })).await;
        let ended = cloud.end_of(&execution).await;
        assert_eq!(ended.status, "FAILED", "{machine}: {}", ended.output);
        assert!(ended.output.to_string().contains("not authorized to perform"), "{machine}: {}", ended.output);
    }
    assert_eq!(cloud.failed_events().await, 2, "the event that Lambda could not encrypt is in the queue");
}

async fn refused_by_resource_policies(cloud: &Cloud) {
    // A rule may send to a queue only if the queue's policy allows it. An undeliverable event is sent to the
    // dead-letter queue.
    let queue = cloud.physical("HintQueue").await;
    let no_policy = json!({ "QueueUrl": queue, "Attributes": { "Policy": "" } });
    cloud.call("sqs", "AmazonSQS.SetQueueAttributes", no_policy).await;
    let hint = json!({ "Entries": [{
        "Source": "connect-onboarding.entra", "DetailType": "Entra Group Membership Changed",
        "EventBusName": cloud.output("EventBusName"), "Detail": json!({ "groupId": "g", "added": [], "removed": [] }).to_string(),
    }] });
    cloud.call("events", "AWSEvents.PutEvents", hint).await;
    until("the hint is in the dead-letter queue", async || (cloud.failed_events().await == 2).then_some(())).await;

    // The function URL accepts requests only if the function's resource-based policy allows them.
    let subscription = cloud.inventory().await["graph"]["subscriptions"][0].clone();
    assert_ne!(cloud.notify(&subscription, &json!({ "value": [] })).await, 403);
    let receiver = cloud.physical("ReceiveNotificationFunction").await;
    let policy = cloud.rest("lambda", "GET", &format!("/2015-03-31/functions/{receiver}/policy"), &Value::Null).await;
    let policy: Value = serde_json::from_str(policy["Policy"].as_str().unwrap()).unwrap();
    let by_url =
        policy["Statement"].as_array().unwrap().iter().find(|one| one["Action"] == "lambda:InvokeFunction").unwrap();
    let path = format!("/2015-03-31/functions/{receiver}/policy/{}", by_url["Sid"].as_str().unwrap());
    cloud.rest("lambda", "DELETE", &path, &Value::Null).await;
    assert_eq!(cloud.notify(&subscription, &json!({ "value": [] })).await, 403);
}
