//! Tests that a function sends no further request if another execution has acquired the lease while the function was
//! paused.

use serde_json::{Value, json};
use test_support::with;

use super::{fixture::Fixture, teardown};
use crate::cloud::until;

const ONBOARDING: &str = "OnboardingStateMachineArn";
const DRIFT: &str = "DriftStateMachineArn";
const ROTATION: &str = "RotateCertificateStateMachineArn";
const SYNC: &str = "UserSyncStateMachineArn";

fn input(alias: &str) -> Value {
    json!({
        "instance": { "alias": alias },
        "users": { "groups": [{ "group": "Night shift", "securityProfiles": ["Agent"] }] },
    })
}

/// The IDs of the running processes of a function in the fixture's cloud.
fn processes(fixture: &Fixture, function: &str) -> Vec<String> {
    let name = format!("AWS_LAMBDA_FUNCTION_NAME={function}");
    let endpoint = format!("AWS_ENDPOINT_URL={}", fixture.cloud.addresses.endpoint);
    let running = std::fs::read_dir("/proc").unwrap().flatten().filter(|entry| {
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        let has = |wanted: &str| environment.split(|byte| *byte == 0).any(|one| one == wanted.as_bytes());
        has(&name) && has(&endpoint)
    });
    running.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

/// Sends a signal. A process that has ended in the meantime is ignored.
fn signal(processes: &[String], signal: &str) {
    let command = format!("kill -{signal} {}", processes.join(" "));
    let _ = std::process::Command::new("sh").args(["-c", &command]).status();
}

/// The stopped processes of a function. They emulate an invocation that Lambda has paused.
struct Paused {
    processes: Vec<String>,
}

impl Paused {
    /// Ends all processes of the function, all of which wait for an invocation. If such a process were still running, a
    /// later invocation could be sent to it after [`Paused::new`] has stopped the process.
    async fn prepare(fixture: &Fixture, function: &str) {
        until("no process of the function is left", async || {
            let idle = processes(fixture, function);
            if !idle.is_empty() {
                signal(&idle, "KILL");
            }
            idle.is_empty().then_some(())
        })
        .await;
    }

    fn new(fixture: &Fixture, function: &str) -> Self {
        let processes = processes(fixture, function);
        assert!(!processes.is_empty(), "{function} does not run");
        signal(&processes, "STOP");
        Self { processes }
    }

    /// Lets the processes continue.
    fn resume(&self) {
        signal(&self.processes, "CONT");
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        self.resume();
    }
}

/// An execution whose function is paused while a write of this function is in progress.
struct Frozen<'a> {
    fixture: &'a Fixture,
    execution: String,
    operation: &'static str,
    gate: String,
    paused: Paused,
}

impl<'a> Frozen<'a> {
    /// Starts an execution and pauses the function as soon as it sends the write. Later, the write fails with an error
    /// after which the function would normally repeat the write.
    async fn at(
        fixture: &'a Fixture,
        machine: &str,
        input: &Value,
        (function, service, operation): (&str, &str, &'static str),
    ) -> Self {
        let gate = format!("{operation} of {input}");
        let (function, _) = fixture.cloud.function(function).await;
        Paused::prepare(fixture, &function).await;
        let rule = json!({
            "caller": function, "service": service, "match": format!("^{operation}$"),
            "gate": gate, "status": 503, "code": "ServiceUnavailable",
        });
        fixture.cloud.fault(&rule).await;
        let execution = fixture.cloud.start(machine, input).await;
        until("the write is in progress", async || {
            let waiting = fixture.cloud.admin("GET", "gates", &Value::Null).await;
            (waiting[&gate] == 1).then_some(())
        })
        .await;
        let paused = Paused::new(fixture, &function);
        Self { fixture, execution, operation, gate, paused }
    }

    async fn stop_execution(&self) {
        let body = json!({ "executionArn": self.execution });
        self.fixture.cloud.call("states", "AWSStepFunctions.StopExecution", body).await;
    }

    /// How many times the operation was called, including the held call.
    async fn calls(&self) -> usize {
        let calls = self.fixture.cloud.admin("GET", "calls", &Value::Null).await;
        calls.as_array().unwrap().iter().filter(|call| call["operation"] == self.operation).count()
    }

    /// Lets the function continue. Asserts that the function's step ends because the lease is lost, and that the
    /// function does not send the write again. `others` is the number of calls of the operation by other executions.
    async fn continues_without_a_write(self, others: usize) {
        self.fixture.cloud.admin("POST", "gates", &json!({ "open": self.gate })).await;
        self.paused.resume();
        let error = until("the step has ended", async || {
            let records = self.fixture.cloud.log_records().await;
            let of_step = records.into_iter().filter(|record| record["span"]["execution"] == self.execution.as_str());
            of_step.map(|record| record["fields"]["error"].clone()).find(|error| *error == "LeaseLost")
        })
        .await;
        assert_eq!(error, "LeaseLost");
        assert_eq!(self.calls().await, others + 1, "{}", self.operation);
    }
}

impl Fixture {
    async fn calls_of(&self, operation: &str) -> usize {
        let calls = self.cloud.admin("GET", "calls", &Value::Null).await;
        calls.as_array().unwrap().iter().filter(|call| call["operation"] == operation).count()
    }

    /// Onboards an alias. Returns the ID of its instance.
    async fn onboarded(&self, alias: &str) -> String {
        self.run(ONBOARDING, &input(alias)).await;
        self.instance(alias).await["Id"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_paused_onboarding_sends_nothing_after_another_onboarding_has_taken_over() {
    let fixture = Fixture::enter().await;
    let before = fixture.calls_of("CreateRole").await;
    let write = ("CreateRoleFunction", "iam", "CreateRole");
    let frozen = Frozen::at(&fixture, ONBOARDING, &input("paused-onboarding"), write).await;
    frozen.stop_execution().await;
    fixture.run(ONBOARDING, &input("paused-onboarding")).await;
    frozen.continues_without_a_write(before + 1).await;
}

#[tokio::test]
async fn a_paused_remediation_sends_nothing_after_another_remediation_has_taken_over() {
    let fixture = Fixture::enter().await;
    let id = fixture.onboarded("paused-drift").await;
    let role = "AmazonConnect-paused-drift";
    fixture.iam("UpdateRole", &[("RoleName", role), ("MaxSessionDuration", "7200")]).await;
    let before = fixture.calls_of("UpdateRole").await;
    let drift = json!({ "instanceId": id, "mend": true });
    let frozen = Frozen::at(&fixture, DRIFT, &drift, ("CreateRoleFunction", "iam", "UpdateRole")).await;
    frozen.stop_execution().await;
    let report = fixture.run(DRIFT, &drift).await;
    assert!(!report.to_string().contains("\"mended\":false"), "{report:#}");
    frozen.continues_without_a_write(before + 1).await;
}

#[tokio::test]
async fn a_paused_rotation_sends_nothing_after_another_rotation_has_taken_over() {
    let fixture = Fixture::enter().await;
    let id = fixture.onboarded("paused-rotation").await;
    let before = fixture.calls_of("UpdateSAMLProvider").await;
    let rotate = json!({ "instanceId": id, "force": true });
    let write = ("RotateCertificateFunction", "iam", "UpdateSAMLProvider");
    let frozen = Frozen::at(&fixture, ROTATION, &rotate, write).await;
    frozen.stop_execution().await;
    let next = fixture.cloud.start(ROTATION, &rotate).await;
    until("the next rotation has updated the provider", async || {
        (fixture.calls_of("UpdateSAMLProvider").await > before).then_some(())
    })
    .await;
    frozen.continues_without_a_write(before + 1).await;
    fixture.cloud.call("states", "AWSStepFunctions.StopExecution", json!({ "executionArn": next })).await;
}

#[tokio::test]
async fn a_paused_teardown_sends_nothing_after_another_teardown_has_taken_over() {
    let fixture = Fixture::enter().await;
    let id = fixture.onboarded("paused-teardown").await;
    let before = fixture.calls_of("DetachRolePolicy").await;
    let request = json!({ "instanceId": id, "instance": "keep", "users": "delete" });
    let plan = fixture.run(teardown::MACHINE, &request).await;
    let approved = json!({ "mode": "apply", "confirmAlias": "paused-teardown", "approvedDigest": plan["digest"] });
    let request = with(request, &approved);
    let write = ("DeleteFederationFunction", "iam", "DetachRolePolicy");
    let frozen = Frozen::at(&fixture, teardown::MACHINE, &request, write).await;
    frozen.stop_execution().await;
    assert_eq!(fixture.run(teardown::MACHINE, &request).await["status"], "DONE");
    frozen.continues_without_a_write(before + 1).await;
}

#[tokio::test]
async fn a_sync_paused_for_longer_than_its_lease_sends_nothing_afterwards_and_ends_as_busy() {
    let fixture = Fixture::enter().await;
    let id = fixture.onboarded("paused-sync").await;
    let user = fixture.instance("paused-sync").await["users"][0].clone();
    let path = format!("/users/{id}/{}", user["Id"].as_str().unwrap());
    fixture.cloud.rest("connect", "DELETE", &path, &Value::Null).await;
    let before = fixture.calls_of("CreateUser").await;
    let sync = json!({ "instanceId": id });
    let frozen = Frozen::at(&fixture, SYNC, &sync, ("SyncUsersFunction", "connect", "CreateUser")).await;
    fixture.update_entry(&id, "SET leaseUntil = :past", &json!({ ":past": { "N": "1" } })).await;
    let next = fixture.run(SYNC, &sync).await;
    assert_eq!((&next["status"], &next["counts"]["created"]), (&json!("DONE"), &json!(1)), "{next}");
    let (cloud, execution) = (fixture.cloud, frozen.execution.clone());
    frozen.continues_without_a_write(before + 1).await;
    assert_eq!(cloud.end_of(&execution).await.succeeded()["status"], "BUSY");
    assert!(!fixture.entry(&id).await.contains_key("lease"));
}
