//! Makes the functions of a stack use all their permissions. For this, the fixture runs an onboarding with all options,
//! makes manual changes that the next onboarding reverts, and invokes the scheduled functions. Members join and leave,
//! and the account's quota is used up.

use serde_json::{Value, json};

use crate::{
    cloud::{Cloud, until},
    common::root,
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
    // The level of one proficiency changes, another proficiency is removed, and a third proficiency needs a new
    // attribute value.
    agents["proficiencies"] = json!([
        { "attribute": "Language", "value": "Japanese", "level": 4 },
        { "attribute": "Language", "value": "Chinese", "level": 3 },
    ]);
    input["users"]["removed"]["graceDays"] = json!(0);
    input["instance"]["approvedOrigins"] = json!(["https://crm.example.com"]);
    let claimed = json!({
        "country": "US", "type": "DID", "prefix": "+1206", "quantity": numbers,
        "contactFlow": "Sample inbound flow (first contact experience)",
    });
    input["phoneNumbers"].as_array_mut().unwrap().push(claimed);
    input
}

/// A local cloud in which the example input was onboarded.
pub(super) struct Fixture {
    pub(super) cloud: Cloud,
    instance: String,
    arn: String,
}

impl Fixture {
    pub(super) async fn onboarded() -> Self {
        let cloud = Cloud::with_everything(12);
        let inventory = cloud.inventory().await;
        let instance = &inventory["connect"]["instances"][0];
        let text = |name: &str| instance[name].as_str().unwrap().to_owned();
        Self { instance: text("Id"), arn: text("Arn"), cloud }
    }

    async fn connect(&self, method: &str, path: &str, body: &Value) -> Value {
        self.cloud.rest("connect", method, path, body).await
    }

    async fn members(&self, group: &str) -> Vec<Value> {
        let inventory = self.cloud.inventory().await;
        let groups = inventory["graph"]["groups"].as_array().unwrap().clone();
        let group = groups.iter().find(|one| one["displayName"] == group).unwrap();
        group["members"].as_array().unwrap().clone()
    }

    async fn leaves(&self, group: &str, member: &Value) {
        self.cloud.remove_member(group, member["id"].as_str().unwrap()).await;
    }

    /// Changes settings manually; the next onboarding reverts the changes.
    pub(super) async fn changed_by_hand_and_onboarded_again(&self) {
        self.iam_changed().await;
        self.connect_changed().await;
        let group = "Support agents";
        let members = self.members(group).await;
        // A member leaves, and the user is scheduled for deletion. Then the member returns.
        self.leaves(group, &members[0]).await;
        self.cloud.run("UserSyncStateMachineArn", &json!({ "instanceId": self.instance })).await;
        self.cloud.add_member(group, &members[0]).await;
        self.cloud.run("OnboardingStateMachineArn", &changed(1)).await;
    }

    async fn iam_changed(&self) {
        let account = &self.cloud.addresses.account;
        let trust = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Principal": { "AWS": account }, "Action": "sts:AssumeRole" },
        ] })
        .to_string();
        let policy = format!("arn:aws:iam::{account}:policy/connect-onboarding/AcmeTokyoConnectFederation");
        let other = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Deny", "Action": "*", "Resource": "*" },
        ] })
        .to_string();
        let role = ("RoleName", ROLE);
        self.cloud.iam("UpdateAssumeRolePolicy", &[role, ("PolicyDocument", &trust)]).await;
        self.cloud.iam("UpdateRole", &[role, ("MaxSessionDuration", "3600")]).await;
        self.cloud.iam("DetachRolePolicy", &[role, ("PolicyArn", &policy)]).await;
        // IAM keeps at most five versions of a policy. After this loop, the policy has five versions: the first version
        // and the four versions from the loop.
        for _ in 0..4 {
            let version = [("PolicyArn", policy.as_str()), ("PolicyDocument", &other), ("SetAsDefault", "true")];
            self.cloud.iam("CreatePolicyVersion", &version).await;
        }
        let inventory = self.cloud.inventory().await;
        let application = inventory["graph"]["applications"][0]["appId"].as_str().unwrap().to_owned();
        let metadata = self.cloud.metadata(&application).await;
        let tenant = metadata.split("sts.windows.net/").nth(1).unwrap().split('/').next().unwrap();
        let elsewhere = metadata.replace(tenant, "00000000-0000-4000-8000-00000000ffff");
        let provider = format!("arn:aws:iam::{account}:saml-provider/AcmeTokyoEntra");
        let update = [("SAMLProviderArn", provider.as_str()), ("SAMLMetadataDocument", elsewhere.as_str())];
        self.cloud.iam("UpdateSAMLProvider", &update).await;
    }

    async fn connect_changed(&self) {
        let id = &self.instance;
        let configs = format!("/instance/{id}/storage-configs?resourceType=CALL_RECORDINGS");
        let config = self.connect("GET", &configs, &Value::Null).await["StorageConfigs"][0].clone();
        let association = config["AssociationId"].as_str().unwrap().to_owned();
        let mut other = config;
        other["S3Config"]["EncryptionConfig"]["KeyId"] = json!(format!(
            "arn:aws:kms:{}:{}:key/of-another-team",
            self.cloud.addresses.region, self.cloud.addresses.account
        ));
        let path = format!("/instance/{id}/storage-config/{association}?resourceType=CALL_RECORDINGS");
        self.connect("POST", &path, &json!({ "StorageConfig": other })).await;
        self.connect("PUT", &format!("/user-hierarchy-groups/{id}"), &json!({ "Name": "Japan" })).await;
        let search = json!({ "InstanceId": self.arn, "MaxResults": 100 });
        let users = self.connect("POST", "/search-users", &search).await;
        self.quick_connects(id).await;
        let user = users["Users"][0]["Id"].as_str().unwrap();
        let named = json!({ "IdentityInfo": { "FirstName": "Somebody", "LastName": "Else" } });
        self.connect("POST", &format!("/users/{id}/{user}/identity-info"), &named).await;
    }

    /// Creates a quick connect to each user of an instance.
    async fn quick_connects(&self, instance: &str) {
        let search = json!({ "InstanceId": instance, "MaxResults": 100 });
        let users = self.connect("POST", "/search-users", &search).await;
        for user in users["Users"].as_array().unwrap() {
            self.cloud.quick_connect(instance, &user["Id"], user["Username"].as_str().unwrap()).await;
        }
    }

    /// Onboards another instance in an account whose instance quota is used up, so that the onboarding first requests a
    /// quota increase.
    pub(super) async fn without_room_for_another_instance(&self) {
        self.cloud.allow_instances(1).await;
        let input = json!({
            "instance": { "alias": "acme-osaka", "approvedOrigins": ["https://crm.example.com"] },
            "users": { "groups": [{ "group": "Support agents", "securityProfiles": ["Agent"] }] },
        });
        self.cloud.run("OnboardingStateMachineArn", &input).await;
    }

    /// Runs all read-only state machines, then the teardown.
    pub(super) async fn inspected_and_torn_down(&self) {
        self.cloud.run("PlanStateMachineArn", &changed(2)).await;
        let mut new = input();
        new["instance"]["alias"] = json!("acme-nagoya");
        self.cloud.run("PlanStateMachineArn", &new).await;
        self.described().await;
        self.cloud.run("DriftStateMachineArn", &json!({})).await;
        self.cloud.run("DriftStateMachineArn", &json!({ "instanceId": self.instance })).await;
        self.cloud.invoke("WatchExpiryFunction", &json!({})).await;
        let inventory = self.cloud.inventory().await;
        for instance in inventory["connect"]["instances"].as_array().unwrap() {
            // One instance is deleted together with its users. In the other instance, only the users are deleted.
            let instance_action = if instance["Id"] == self.instance.as_str() { "delete" } else { "keep" };
            if instance_action == "keep" {
                self.quick_connects(instance["Id"].as_str().unwrap()).await;
            }
            self.torn_down(instance, instance_action).await;
        }
    }

    /// Describes the instance twice: with its registry entry, and as if no onboarding had registered the instance.
    async fn described(&self) {
        let describe = json!({ "adopt": changed(1)["instance"]["alias"] });
        self.cloud.run("PlanStateMachineArn", &describe).await;
        let entry = self.cloud.entry(&self.instance).await;
        let begun = json!({ ":begun": { "S": "{}" } });
        let unregister = "REMOVE config, registeredAt SET begun = :begun";
        self.cloud.update_entry(&self.instance, unregister, &begun).await;
        self.cloud.run("PlanStateMachineArn", &describe).await;
        let values = json!({ ":config": { "S": entry["config"] }, ":at": { "N": entry["registeredAt"] } });
        let register = "REMOVE begun SET config = :config, registeredAt = :at";
        self.cloud.update_entry(&self.instance, register, &values).await;
    }

    async fn torn_down(&self, instance: &Value, instance_action: &str) {
        let mut teardown = json!({
            "instanceId": instance["Id"], "mode": "plan", "confirmAlias": instance["InstanceAlias"],
            "users": "delete", "instance": instance_action, "application": "delete",
        });
        let execution = self.cloud.start("TeardownStateMachineArn", &teardown).await;
        let planned = self.cloud.end_of(&execution).await;
        assert_eq!(planned.output["status"], "PLANNED", "{}", planned.output);
        teardown["mode"] = json!("apply");
        teardown["approvedDigest"] = planned.output["digest"].clone();
        self.cloud.run("TeardownStateMachineArn", &teardown).await;
    }

    /// Reports a change while a running execution holds the lease of the users.
    async fn changed_during_a_sync(&self) {
        let inventory = self.cloud.inventory().await;
        let groups = inventory["graph"]["groups"].as_array().unwrap();
        let group = groups.iter().find(|group| group["displayName"] == "Support agents").unwrap()["id"].clone();
        // The plan needs no lease, and runs until the gate is opened.
        let gate = "a plan reads the users";
        let held = json!({ "caller": "/PlanUsers$", "service": "connect", "match": "^SearchUsers$", "times": 1, "gate": gate });
        self.cloud.fault(&held).await;
        let plan = json!({ "instanceId": self.instance, "mode": "plan" });
        let holder = self.cloud.start("UserSyncStateMachineArn", &plan).await;
        // A sync that runs at the same time can change the lease, so several attempts are allowed.
        until("a running sync is requested to make another pass", async || {
            let expiry = (time::OffsetDateTime::now_utc().unix_timestamp() + 3_600) * 1000;
            let values = json!({ ":holder": { "S": holder }, ":until": { "N": expiry.to_string() } });
            let update = "SET lease = :holder, leaseUntil = :until REMOVE leaseRevokedAt";
            self.cloud.update_entry(&self.instance, update, &values).await;
            let output = self.cloud.report_change(&json!({ "groupId": group, "added": ["a member"] })).await;
            // Other instances follow the same group.
            output["requested"].as_array()?.contains(&json!(self.instance)).then_some(())
        })
        .await;
        self.cloud.update_entry(&self.instance, "REMOVE lease, leaseUntil, leaseRevokedAt, dirty", &Value::Null).await;
        self.cloud.admin("POST", "gates", &json!({ "open": gate })).await;
        self.cloud.end_of(&holder).await;
    }

    /// Runs the scheduled functions and sends a notification.
    pub(super) async fn schedules_and_notifications(&self) {
        let inventory = self.cloud.inventory().await;
        let subscription = inventory["graph"]["subscriptions"][0]["id"].as_str().unwrap().to_owned();
        self.cloud.unsubscribe(&subscription).await;
        self.cloud.invoke("SubscribeGroupsFunction", &json!({})).await;
        self.cloud.invoke("SyncMembersFunction", &json!({})).await;
        self.changed_during_a_sync().await;
        let rotation = json!({ "instanceId": self.instance, "force": true });
        self.cloud.run("RotateCertificateStateMachineArn", &rotation).await;
        self.cloud.run("RotateCertificateStateMachineArn", &json!({})).await;
        // A member leaves, and the user is deleted immediately, because the grace period is now zero.
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
        until("the sync that the notification started has deleted the user", async || {
            let used = super::used(&self.cloud).await;
            let done = |function: &str, action: &str| used.get(function).is_some_and(|all| all.contains(action));
            (done("ReceiveNotificationFunction", "events:PutEvents") && done("SyncUsersFunction", "connect:DeleteUser"))
                .then_some(())
        })
        .await;
    }
}
