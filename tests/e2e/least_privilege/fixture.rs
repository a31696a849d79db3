//! Drives a stack so that its functions use their permissions: an onboarding with all options, manual changes that the
//! next onboarding reverts, joiners and leavers, an account at its quota, and scheduled functions.

use serde_json::{Value, json};

use crate::{
    common::root,
    kept::{Cloud, until},
};

const ROLE: &str = "AcmeTokyoConnect";

/// The example input with all options.
pub(super) fn input() -> Value {
    let text = std::fs::read_to_string(root().join("examples/everything.json")).unwrap();
    let mut input: Value = serde_json::from_str(&text).unwrap();
    input.as_object_mut().unwrap().remove("$schema");
    input
}

/// The example input with changed settings and this many phone numbers.
fn changed(numbers: u32) -> Value {
    let mut input = input();
    let agents = &mut input["users"]["groups"][2];
    agents["securityProfiles"] = json!(["Agent", "QualityAnalyst"]);
    agents["hierarchyGroup"] = json!("Japan");
    agents["phone"]["afterContactWorkSeconds"] = json!(60);
    input["users"]["removed"]["graceDays"] = json!(0);
    let claimed = json!({
        "country": "US", "type": "DID", "prefix": "+1206", "quantity": numbers,
        "contactFlow": "Sample inbound flow (first contact experience)",
    });
    input["phoneNumbers"].as_array_mut().unwrap().push(claimed);
    input
}

/// A local cloud with the example onboarded.
pub(super) struct House {
    pub(super) cloud: Cloud,
    instance: String,
    arn: String,
}

impl House {
    pub(super) async fn onboarded() -> Self {
        let cloud = Cloud::with_everything(12);
        let inventory = cloud.admin("GET", "inventory", &Value::Null).await;
        let instance = &inventory["connect"]["instances"][0];
        let text = |name: &str| instance[name].as_str().unwrap().to_owned();
        Self { instance: text("Id"), arn: text("Arn"), cloud }
    }

    /// The name of a function's role.
    pub(super) async fn role_of(&self, function: &str) -> String {
        let found = self.cloud.rest("lambda", "GET", "/2015-03-31/functions/?MaxItems=200", &Value::Null).await;
        let all = found["Functions"].as_array().unwrap().clone();
        let one = all.iter().find(|one| one["FunctionName"].as_str().unwrap().contains(function)).unwrap();
        one["Role"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
    }

    async fn invoke(&self, function: &str, event: &Value) {
        let found = self.cloud.rest("lambda", "GET", "/2015-03-31/functions/?MaxItems=200", &Value::Null).await;
        let all = found["Functions"].as_array().unwrap().clone();
        let one = all.iter().find(|one| one["FunctionName"].as_str().unwrap().contains(function)).unwrap();
        let path = format!("/2015-03-31/functions/{}/invocations", one["FunctionName"].as_str().unwrap());
        let answer = self.cloud.rest("lambda", "POST", &path, event).await;
        assert!(answer["errorType"].is_null(), "{function}: {answer}");
    }

    async fn succeeds(&self, machine: &str, input: &Value) {
        let execution = self.cloud.start(machine, input).await;
        let ended = self.cloud.end_of(&execution).await;
        assert_eq!(ended.status, "SUCCEEDED", "{}", ended.output);
    }

    async fn connect(&self, method: &str, path: &str, body: &Value) -> Value {
        self.cloud.rest("connect", method, path, body).await
    }

    async fn members(&self, group: &str) -> Vec<Value> {
        let inventory = self.cloud.admin("GET", "inventory", &Value::Null).await;
        let groups = inventory["graph"]["groups"].as_array().unwrap().clone();
        let group = groups.iter().find(|one| one["displayName"] == group).unwrap();
        group["members"].as_array().unwrap().clone()
    }

    async fn leaves(&self, group: &str, member: &Value) {
        self.cloud.admin("POST", "members/remove", &json!({ "group": group, "memberId": member["id"] })).await;
    }

    /// Changes settings manually; the next onboarding reverts the changes.
    pub(super) async fn changed_by_hand_and_onboarded_again(&self) {
        self.iam_changed().await;
        self.connect_changed().await;
        let group = "Support agents";
        let members = self.members(group).await;
        // A member leaves and is scheduled for deletion, then returns.
        self.leaves(group, &members[0]).await;
        self.succeeds("UserSyncStateMachineArn", &json!({ "instanceId": self.instance })).await;
        self.cloud.admin("POST", "members/add", &json!({ "group": group, "member": members[0] })).await;
        self.succeeds("OnboardingStateMachineArn", &changed(1)).await;
    }

    async fn iam_changed(&self) {
        let account = &self.cloud.kept.account;
        let trust = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Principal": { "AWS": account }, "Action": "sts:AssumeRole" },
        ] })
        .to_string();
        let policy = format!("arn:aws:iam::{account}:policy/connect-onboarding/AcmeTokyoConnectFederation");
        let other = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Deny", "Action": "*", "Resource": "*" },
        ] })
        .to_string();
        let detach = [("Action", "DetachRolePolicy"), ("RoleName", ROLE), ("PolicyArn", &policy)];
        self.cloud.iam(&[("Action", "UpdateAssumeRolePolicy"), ("RoleName", ROLE), ("PolicyDocument", &trust)]).await;
        self.cloud.iam(&[("Action", "UpdateRole"), ("RoleName", ROLE), ("MaxSessionDuration", "3600")]).await;
        self.cloud.iam(&detach).await;
        // The maximum number of versions that IAM keeps.
        for _ in 0..4 {
            let version =
                [("Action", "CreatePolicyVersion"), ("PolicyArn", policy.as_str()), ("PolicyDocument", &other)];
            self.cloud.iam(&[&version[..], &[("SetAsDefault", "true")]].concat()).await;
        }
        let inventory = self.cloud.admin("GET", "inventory", &Value::Null).await;
        let application = inventory["graph"]["applications"][0]["appId"].as_str().unwrap().to_owned();
        let metadata = self.cloud.metadata(&application).await;
        let tenant = metadata.split("sts.windows.net/").nth(1).unwrap().split('/').next().unwrap();
        let elsewhere = metadata.replace(tenant, "00000000-0000-4000-8000-00000000ffff");
        let provider = format!("arn:aws:iam::{account}:saml-provider/AcmeTokyoEntra");
        let update = [
            ("Action", "UpdateSAMLProvider"),
            ("SAMLProviderArn", provider.as_str()),
            ("SAMLMetadataDocument", elsewhere.as_str()),
        ];
        self.cloud.iam(&update).await;
    }

    async fn connect_changed(&self) {
        let id = &self.instance;
        let configs = format!("/instance/{id}/storage-configs?resourceType=CALL_RECORDINGS");
        let config = self.connect("GET", &configs, &Value::Null).await["StorageConfigs"][0].clone();
        let association = config["AssociationId"].as_str().unwrap().to_owned();
        let mut other = config;
        other["S3Config"]["EncryptionConfig"]["KeyId"] =
            json!(format!("arn:aws:kms:{}:{}:key/of-somebody-else", self.cloud.kept.region, self.cloud.kept.account));
        let path = format!("/instance/{id}/storage-config/{association}?resourceType=CALL_RECORDINGS");
        self.connect("POST", &path, &json!({ "StorageConfig": other })).await;
        self.connect("PUT", &format!("/user-hierarchy-groups/{id}"), &json!({ "Name": "Japan" })).await;
        let search = json!({ "InstanceId": self.arn, "MaxResults": 100 });
        let users = self.connect("POST", "/search-users", &search).await;
        let user = users["Users"][0]["Id"].as_str().unwrap();
        let named = json!({ "IdentityInfo": { "FirstName": "Somebody", "LastName": "Else" } });
        self.connect("POST", &format!("/users/{id}/{user}/identity-info"), &named).await;
    }

    /// Onboards another instance in an account at its quota, so that an increase is requested first.
    pub(super) async fn without_room_for_another_instance(&self) {
        self.cloud.admin("POST", "quota", &json!({ "code": "L-AA17A6B9", "value": 1.0 })).await;
        let input = json!({
            "instance": { "alias": "acme-osaka" },
            "users": { "groups": [{ "group": "Support agents", "securityProfiles": ["Agent"] }] },
        });
        self.succeeds("OnboardingStateMachineArn", &input).await;
    }

    /// Runs all read-only state machines, then the teardown.
    pub(super) async fn looked_at_and_torn_down(&self) {
        self.succeeds("PlanStateMachineArn", &changed(2)).await;
        let mut new = input();
        new["instance"]["alias"] = json!("acme-nagoya");
        self.succeeds("PlanStateMachineArn", &new).await;
        self.succeeds("DriftStateMachineArn", &json!({})).await;
        self.succeeds("DriftStateMachineArn", &json!({ "instanceId": self.instance })).await;
        self.invoke("WatchExpiryFunction", &json!({})).await;
        let inventory = self.cloud.admin("GET", "inventory", &Value::Null).await;
        for instance in inventory["connect"]["instances"].as_array().unwrap() {
            // One instance is deleted with its users; of the other one, only the users.
            let disposition = if instance["Id"] == self.instance.as_str() { "delete" } else { "keep" };
            self.torn_down(instance, disposition).await;
        }
    }

    async fn torn_down(&self, instance: &Value, disposition: &str) {
        let mut teardown = json!({
            "instanceId": instance["Id"], "mode": "plan", "confirmAlias": instance["InstanceAlias"],
            "users": "delete", "instance": disposition, "application": "delete",
        });
        let execution = self.cloud.start("TeardownStateMachineArn", &teardown).await;
        let planned = self.cloud.end_of(&execution).await;
        assert_eq!(planned.output["status"], "PLANNED", "{}", planned.output);
        teardown["mode"] = json!("apply");
        teardown["approvedDigest"] = planned.output["digest"].clone();
        self.succeeds("TeardownStateMachineArn", &teardown).await;
    }

    /// Runs the scheduled functions and sends a notification.
    pub(super) async fn schedules_and_notifications(&self) {
        let inventory = self.cloud.admin("GET", "inventory", &Value::Null).await;
        let subscription = inventory["graph"]["subscriptions"][0]["id"].as_str().unwrap().to_owned();
        self.cloud.unsubscribe(&subscription).await;
        self.invoke("SubscribeGroupsFunction", &json!({})).await;
        self.invoke("SyncMembersFunction", &json!({})).await;
        let rotation = json!({ "instanceId": self.instance, "force": true });
        self.succeeds("RotateCertificateStateMachineArn", &rotation).await;
        self.succeeds("RotateCertificateStateMachineArn", &json!({})).await;
        // A member leaves for good; the grace period is now zero.
        let groups = ["Connect administrators", "Support supervisors", "Support agents"];
        let mut leaver = None;
        for group in groups {
            let members = self.members(group).await;
            leaver = leaver.or_else(|| members.first().cloned());
        }
        let leaver = leaver.unwrap();
        for group in groups {
            if self.members(group).await.contains(&leaver) {
                self.leaves(group, &leaver).await;
            }
        }
        until("the notified sync has deleted the user", async || {
            let used = super::used(&self.cloud).await;
            let done = |function: &str, action: &str| used.get(function).is_some_and(|all| all.contains(action));
            (done("ReceiveNotificationFunction", "events:PutEvents") && done("SyncUsersFunction", "connect:DeleteUser"))
                .then_some(())
        })
        .await;
    }
}
