//! The stand-in for the tests of the AWS steps. The clock of the stand-in moves only if a test advances the clock.

use connect_onboarding::context::Context;
use local_cloud::stand_in::{AppRegistration, Behaviour, Options, Tenant};
use serde_json::json;

use super::clients;
use crate::steps::support::StandIn;

/// A local cloud and its clients.
pub(crate) struct Cloud {
    cloud: StandIn,
    pub(crate) ctx: Context,
}

impl Cloud {
    /// Starts a cloud in which lists are returned in short pages, the first of which is empty.
    pub(crate) async fn start(behaviour: Behaviour) -> Self {
        // No server listens on this port, because most steps need no emulator.
        Self::start_before("http://127.0.0.1:9", behaviour).await
    }

    /// Starts a cloud. Requests to services that the stand-in does not emulate are forwarded to `upstream`.
    pub(crate) async fn start_before(upstream: &str, behaviour: Behaviour) -> Self {
        let behaviour = Behaviour { page_limit: Some(2), empty_page: true, ..behaviour };
        let options = Options { behaviour, ..Options::made_up(upstream, Tenant::default()) };
        let cloud = StandIn::start(options).await;
        let ctx = clients::on(&cloud.aws_url());
        Self { cloud, ctx }
    }

    /// Makes the clients retry as the SDK clients of the functions do.
    pub(crate) fn retry(&mut self) {
        self.ctx = clients::with_retries(&self.cloud.aws_url());
    }

    /// The URLs of Graph and of the login service.
    pub(crate) fn entra(&self) -> (String, String) {
        (self.cloud.graph_url(), self.cloud.login_url())
    }

    /// Replicates an instance between two Regions.
    pub(crate) fn replicate(&self, instance_id: &str, source_region: &str, replica_region: &str) {
        let wanted = json!({
            "instanceId": instance_id, "sourceRegion": source_region, "replicaRegion": replica_region,
        });
        self.cloud.replicate(serde_json::from_value(wanted).unwrap()).unwrap();
    }

    /// Registers an application in Entra.
    pub(crate) fn register(&self, registration: AppRegistration) {
        self.cloud.register(registration);
    }

    /// Moves the clock forward, in seconds of the real cloud.
    pub(crate) fn wait(&self, seconds: u64) {
        self.cloud.advance(f64::from(u32::try_from(seconds).unwrap()));
    }

    /// Makes the next calls of an operation fail without effect.
    pub(crate) fn fail(&self, operation: &str, times: u32, status: u16, code: &str) {
        self.rule(&json!({ "match": format!("{operation}$"), "times": times, "status": status, "code": code, "message": "simulated" }));
    }

    /// Makes every call of an operation fail, except the first `calls` calls.
    pub(crate) fn fail_after(&self, operation: &str, calls: u32, status: u16, code: &str) {
        self.rule(&json!({
            "match": format!("{operation}$"), "after": calls, "times": 0, "status": status, "code": code, "message": "simulated",
        }));
    }

    /// Makes the next call of an operation fail with this message.
    pub(crate) fn fail_saying(&self, operation: &str, status: u16, code: &str, message: &str) {
        self.rule(&json!({ "match": operation, "times": 1, "status": status, "code": code, "message": message }));
    }

    /// Delays the next call of an operation before the call takes effect.
    pub(crate) fn delay(&self, operation: &str, milliseconds: u64) {
        self.rule(&json!({ "match": format!("{operation}$"), "delayMs": milliseconds }));
    }

    /// All objects that exist in the local cloud, each in the format of its service.
    pub(crate) async fn inventory(&self) -> serde_json::Value {
        self.cloud.inventory().await
    }

    /// Executes the next call of an operation and truncates its response.
    pub(crate) fn lose_answer(&self, operation: &str) {
        self.rule(&json!({ "match": format!("{operation}$"), "truncate": true }));
    }

    /// Executes the next call of an operation and closes the connection in the middle of its response.
    pub(crate) fn break_answer(&self, operation: &str) {
        self.rule(&json!({ "match": format!("{operation}$"), "break": true }));
    }

    fn rule(&self, rule: &serde_json::Value) {
        self.cloud.fault(rule.clone());
    }

    /// The operations called since the last call of this method or [`Self::writes`].
    pub(crate) fn calls(&self) -> Vec<String> {
        self.cloud.operations()
    }

    /// The operations that changed something, since the last call of this method or [`Self::calls`].
    pub(crate) fn writes(&self) -> Vec<String> {
        let reads =
            |call: &String| ["GET ", "Get", "List", "Describe", "Search"].iter().any(|verb| call.starts_with(verb));
        self.calls().into_iter().filter(|call| !reads(call)).collect()
    }

    /// Creates an active Connect instance that uses SAML, without running a step.
    pub(crate) async fn instance(&self, alias: &str) -> (String, String) {
        let made = self
            .ctx
            .connect()
            .create_instance()
            .identity_management_type(aws_sdk_connect::types::DirectoryType::Saml)
            .instance_alias(alias)
            .inbound_calls_enabled(true)
            .outbound_calls_enabled(true)
            .send()
            .await
            .unwrap();
        self.wait(60);
        self.calls();
        (made.id.unwrap(), made.arn.unwrap())
    }
}
