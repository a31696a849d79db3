//! The stand-in emulates Amazon Connect, Service Quotas, AWS Support and Microsoft Graph on loopback, as strictly as
//! the real services. The stand-in forwards all other AWS requests to the emulator.
//!
//! The stand-in listens on three ports: one for all AWS services (the signature of a request names its service), one
//! for Microsoft Graph, and one for Entra's login service. Every request is processed in the same order: [`front`]
//! reads the request, [`route`] determines the service, and [`fault`] rules may replace the response. [`authority`]
//! checks the caller's policies, the service handles the request, and [`record`] records the call. The stand-in itself
//! emulates [`connect`], [`quotas`], [`support`] and [`graph`]. [`iam`] and [`sts`] add features that the emulator
//! lacks, and [`cloud_trail`] records sign-ins. All other requests pass to [`upstream`]. [`model`] compares requests
//! and responses with the official service models.
//!
//! The stand-in uses no code of the functions and the state machines that run against it.

#![expect(rustdoc::private_intra_doc_links, reason = "these links are for contributors")]

mod admin;
pub mod assumptions;
mod authority;
mod aws_error;
mod caller;
pub mod clock;
mod cloud_trail;
mod connect;
mod fault;
mod front;
mod gate;
pub mod graph;
pub mod http;
mod iam;
mod input;
mod inventory;
pub mod made_up;
mod model;
mod options;
mod paging;
mod queues;
mod quotas;
mod record;
mod route;
mod rsa_key;
mod sign_in;
mod simulated;
mod sts;
mod support;
pub mod tenant;
mod throttle;
mod upstream;
mod violations;
mod world;

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use assumptions::Assumption;
pub use authority::policy;
pub use clock::Clock;
pub use connect::Replicate;
pub use fault::{FaultRule, FaultRuleError, Kill, Truncate};
pub use graph::{AppCredential, AppRegistration, Certified, GraphBehaviour, self_signed};
pub use options::{Behaviour, ClientCredentials, NumberStock, Options, QuotaOutcome, QuotaPath, SupportPath};
pub use record::{CallSummary, Permission};
pub use sign_in::{Form, SignIn, SignedIn, identity_provider::IdentityProvider, signer};
pub use tenant::Tenant;

use authority::Authority;
use front::{Cloud, Door};
use graph::{Graph, GraphOptions};
use iam::Iam;
use model::Models;
use record::Recorder;
use sts::Sts;
use upstream::Upstream;
use violations::Violations;
use world::{Setting, World};

/// Why the stand-in could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No loopback port is available.
    #[error("the local cloud can't listen on a loopback port: {0}")]
    Listen(#[source] std::io::Error),
    /// The record file cannot be created.
    #[error("the record {path} can't be created: {source}")]
    Record {
        /// The path of the record file.
        path: std::path::PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The service models cannot be read.
    #[error("the official service models are not usable: {0}")]
    Models(String),
    /// The HTTP client for the emulator cannot be created.
    #[error("no HTTP client for the emulator: {0}")]
    Client(#[from] reqwest::Error),
}

/// A running stand-in. Dropping the value stops the stand-in.
pub struct LocalCloud {
    cloud: Arc<Cloud>,
    doors: Vec<JoinHandle<()>>,
    urls: [String; 3],
}

impl LocalCloud {
    /// Starts the stand-in on three free loopback ports.
    ///
    /// # Errors
    /// Fails if no port is free, or if the record file, the service models or a fault rule cannot be used. The message
    /// names the cause.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        rsa_key::prepare();
        let mut listeners = Vec::new();
        for _ in 0..3 {
            let listener = TcpListener::bind("127.0.0.1:0").await.map_err(StartError::Listen)?;
            let port = listener.local_addr().map_err(StartError::Listen)?.port();
            listeners.push((listener, port));
        }
        let url = |n: usize| listeners.get(n).map(|(_, port)| format!("http://127.0.0.1:{port}")).unwrap_or_default();
        let urls = [url(0), url(1), url(2)];
        let cloud = Arc::new(build(options, &urls)?);
        let doors = [Door::Aws, Door::Graph, Door::Login].into_iter().zip(listeners);
        let doors =
            doors.map(|(door, (listener, port))| front::open(Arc::clone(&cloud), door, listener, port)).collect();
        Ok(Self { cloud, doors, urls })
    }

    /// The URL of the AWS services: the value for `AWS_ENDPOINT_URL_<SERVICE>`.
    #[must_use]
    pub fn aws_url(&self) -> String {
        self.urls[0].clone()
    }

    /// The URL of Microsoft Graph, without the API version.
    #[must_use]
    pub fn graph_url(&self) -> String {
        self.urls[1].clone()
    }

    /// The URL of Entra's login service, used instead of `https://login.microsoftonline.com`.
    #[must_use]
    pub fn login_url(&self) -> String {
        self.urls[2].clone()
    }

    /// Sets the run number that the recorder adds to every further call.
    pub fn set_run(&self, run: u32) {
        self.cloud.recorder.set_run(run);
    }

    /// Everything that exists in the local cloud, in the format of each service.
    pub async fn inventory(&self) -> Value {
        inventory::of(&self.cloud).await
    }

    /// All calls so far, in the order in which they finished.
    #[must_use]
    pub fn calls(&self) -> Vec<CallSummary> {
        self.cloud.recorder.calls(0)
    }

    /// Why the record file is incomplete, for example because the disk is full. `None` if the record file is complete.
    #[must_use]
    pub fn record_incomplete(&self) -> Option<&str> {
        self.cloud.recorder.incomplete()
    }

    /// Errors in the local cloud itself: responses that do not match the official models, calls of unsupported
    /// operations, and fault rules for which no process to kill was found. The list is empty after a successful run.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.cloud.violations.all()
    }

    /// Adds a fault rule.
    ///
    /// # Errors
    /// Fails if `match` is not a regular expression or the rule has no effect.
    pub fn add_fault(&self, rule: FaultRule) -> Result<(), FaultRuleError> {
        self.cloud.faults.lock().unwrap_or_else(PoisonError::into_inner).add(rule)
    }

    /// The `match` of each fault rule that has affected no call so far.
    #[must_use]
    pub fn unused_faults(&self) -> Vec<String> {
        self.cloud.faults.lock().unwrap_or_else(PoisonError::into_inner).unused()
    }

    /// Adds a member to the group with this ID or display name. The member has the format of Microsoft Graph.
    ///
    /// # Errors
    /// Fails if the group does not exist, or the member has no type or ID. The message names the cause.
    pub fn add_member(&self, group: &str, member: Map<String, Value>) -> Result<(), String> {
        self.cloud.graph.add_member(group, member)
    }

    /// Removes the member with this object ID from the group with this ID or display name.
    ///
    /// # Errors
    /// Fails if the group or the member does not exist.
    pub fn remove_member(&self, group: &str, member_id: &str) -> Result<(), String> {
        self.cloud.graph.remove_member(group, member_id)
    }

    /// Sets properties of a user. `deletedDateTime` deletes or restores the user.
    ///
    /// # Errors
    /// Fails if no user has this object ID.
    pub fn update_user(&self, id: &str, patch: Map<String, Value>) -> Result<(), String> {
        self.cloud.graph.update_user(id, patch)
    }

    /// Signs a user in as a browser does, from the opening of Entra's user access URL until Connect appears. Uses the
    /// current settings of Entra and AWS.
    pub async fn sign_in(&self, wanted: &SignIn) -> SignedIn {
        sign_in::rehearse(&self.cloud, wanted).await
    }

    /// Registers an application in Entra, or changes its consent and credentials, as an administrator would.
    pub fn register(&self, registration: AppRegistration) {
        self.cloud.graph.register(registration);
    }

    /// Sets up or changes the replication of an instance.
    ///
    /// # Errors
    /// Fails if the instance does not exist.
    pub fn replicate(&self, wanted: Replicate) -> Result<(), String> {
        connect::replicate(&mut self.cloud.world.state(), wanted)
    }

    /// Advances the clock. `seconds` is a duration in the real cloud, which the clock scale shortens.
    pub fn advance(&self, seconds: f64) {
        self.cloud.world.setting().clock.advance(seconds);
    }

    /// From the next call on, emulates the alternative reading of these assumptions, and the default reading of all
    /// others.
    pub fn assume(&self, rows: &[&Assumption]) {
        self.cloud.assume(rows);
    }

    /// Sets the applied value of a quota. If the quota applies to each instance separately, `context` is the instance
    /// ARN.
    pub fn set_quota(&self, code: &str, context: Option<&str>, value: f64) {
        self.cloud.world.state().quotas.set(code, context.map(str::to_owned), value);
    }

    /// Closes the ports without waiting for calls in progress.
    pub async fn shutdown(mut self) {
        for door in std::mem::take(&mut self.doors) {
            door.abort();
            // The result is ignored, because waiting for an aborted task always returns an error.
            let _ = door.await;
        }
    }
}

impl Drop for LocalCloud {
    fn drop(&mut self) {
        self.doors.iter().for_each(JoinHandle::abort);
    }
}

fn build(options: Options, urls: &[String; 3]) -> Result<Cloud, StartError> {
    let clock = Clock::new(options.clock_scale);
    let record = options.record.as_deref();
    let recorder = Recorder::new(record)
        .map_err(|source| StartError::Record { path: record.map(Into::into).unwrap_or_default(), source })?;
    let models = options.models.as_deref().map(Models::load).transpose();
    let models = models.map_err(|error| StartError::Models(error.to_string()))?;
    let upstream = Upstream::new(&options.upstream, &options.region)?;
    let base = options.behaviour.clone();
    let mut behaviour = options.behaviour;
    assumptions::play(&options.assume, &mut behaviour);
    let iam = Iam::new(upstream.clone(), clock.clone(), behaviour.clone());
    let simple = AppRegistration {
        client_id: options.client.client_id,
        permissions: behaviour.graph.roles.clone(),
        credentials: vec![AppCredential::Secret { value: options.client.client_secret, expires: None }],
    };
    let graph = Graph::new(GraphOptions {
        clock: clock.clone(),
        tenant: options.tenant,
        tenant_id: options.tenant_id,
        clients: behaviour.graph.registrations.iter().cloned().chain([simple]).collect(),
        aws_issuer: iam.issuer().to_owned(),
        aws_url: urls[0].clone(),
        graph_url: urls[1].clone(),
        login_url: urls[2].clone(),
        upstream: options.upstream,
        behaviour: behaviour.graph.clone(),
    });
    let authority = Authority::new(upstream.clone());
    let sts = Sts::new(upstream.clone(), &options.region, &options.account);
    let setting =
        Setting { clock, region: options.region, account: options.account, behaviour, real_rates: options.real_rates };
    Ok(Cloud {
        base,
        world: World::new(setting),
        graph,
        authority,
        iam,
        sts,
        upstream,
        models,
        faults: Mutex::default(),
        gates: gate::Gates::default(),
        recorder,
        violations: Violations::default(),
    })
}
