//! The local cloud: Amazon Connect, Service Quotas, AWS Support and Microsoft Graph on loopback, as unforgiving as the
//! real ones, in front of an emulator for the rest of AWS.
//!
//! Three ports: the AWS services (told apart by the signature of each request), Microsoft Graph, and Entra's login
//! service. Every request runs the same way: [`front`] reads it, [`route`] says which service it is for, [`fault`] rules
//! may answer in its place, [`authority`] asks the caller's policies, the service answers, [`record`] writes it down. What
//! lives here is in [`connect`], [`quotas`], [`support`] and [`graph`]; [`iam`] and [`sts`] add what the emulator's lack;
//! everything else passes to [`upstream`].
//! [`model`] holds what comes in and goes out against the official service models.
//!
//! This crate knows nothing of the product that runs against it.

#![expect(rustdoc::private_intra_doc_links, reason = "the map of the house is for those who work in it")]

mod admin;
pub mod assumptions;
mod authority;
mod aws_error;
mod caller;
pub mod clock;
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
pub use fault::{FaultRule, FaultRuleError, Kill, Truncate};
pub use graph::{AppCredential, AppRegistration, Certified, GraphBehaviour, self_signed};
pub use options::{Behaviour, ClientCredentials, NumberStock, Options, QuotaOutcome, QuotaPath, SupportPath};
pub use record::{CallSummary, Permission};
pub use sign_in::{Form, SignIn, SignedIn};
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

/// Why a local cloud could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No loopback port could be had.
    #[error("the local cloud cannot listen on a loopback port: {0}")]
    Listen(#[source] std::io::Error),
    /// The record's file cannot be created.
    #[error("the record {path} cannot be created: {source}")]
    Record {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A fault rule cannot be used.
    #[error(transparent)]
    Fault(#[from] FaultRuleError),
    /// The service models cannot be read.
    #[error("the official service models cannot be used: {0}")]
    Models(String),
    /// No HTTP client can be made for the emulator.
    #[error("no HTTP client for the emulator: {0}")]
    Client(#[from] reqwest::Error),
}

/// A running local cloud. It ends when it is dropped or shut down.
pub struct LocalCloud {
    cloud: Arc<Cloud>,
    doors: Vec<JoinHandle<()>>,
    urls: [String; 3],
}

impl LocalCloud {
    /// Starts a local cloud on three loopback ports of its own.
    ///
    /// # Errors
    /// When a port, the record, the models or a fault rule cannot be used; the message names which and why.
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

    /// Where AWS is: the value for `AWS_ENDPOINT_URL_<SERVICE>`.
    #[must_use]
    pub fn aws_url(&self) -> String {
        self.urls[0].clone()
    }

    /// Where Microsoft Graph is, without the version.
    #[must_use]
    pub fn graph_url(&self) -> String {
        self.urls[1].clone()
    }

    /// Where Entra's login service is, in place of `https://login.microsoftonline.com`.
    #[must_use]
    pub fn login_url(&self) -> String {
        self.urls[2].clone()
    }

    /// Gives the calls from now on another run number in the record.
    pub fn set_run(&self, run: u32) {
        self.cloud.recorder.set_run(run);
    }

    /// Everything that exists, in the services' own shapes.
    pub async fn inventory(&self) -> Value {
        inventory::of(&self.cloud).await
    }

    /// Every call so far, in the order in which they ended.
    #[must_use]
    pub fn calls(&self) -> Vec<CallSummary> {
        self.cloud.recorder.calls(0)
    }

    /// What went wrong in the local cloud itself: answers that disagree with the official models, operations that it
    /// does not have, kill rules without a victim. Empty after a good run.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.cloud.violations.all()
    }

    /// Adds a fault rule.
    ///
    /// # Errors
    /// When its `match` is no regular expression or it does nothing.
    pub fn add_fault(&self, rule: FaultRule) -> Result<(), FaultRuleError> {
        self.cloud.faults.lock().unwrap_or_else(PoisonError::into_inner).add(rule)
    }

    /// Adds a member, in Graph's own shape, to a group by id or display name.
    ///
    /// # Errors
    /// When there is no such group, or the member has no type or id; the message says which.
    pub fn add_member(&self, group: &str, member: Map<String, Value>) -> Result<(), String> {
        self.cloud.graph.add_member(group, member)
    }

    /// Removes a member, by its object id, from a group by id or display name.
    ///
    /// # Errors
    /// When there is no such group or member.
    pub fn remove_member(&self, group: &str, member_id: &str) -> Result<(), String> {
        self.cloud.graph.remove_member(group, member_id)
    }

    /// Signs a person in, from Entra's user access URL to Connect, by the settings of both clouds as they stand.
    pub async fn sign_in(&self, wanted: &SignIn) -> SignedIn {
        sign_in::rehearse(&self.cloud, wanted).await
    }

    /// Registers an application in Entra, or changes its consent and credentials, as an administrator would.
    pub fn register(&self, registration: AppRegistration) {
        self.cloud.graph.register(registration);
    }

    /// Moves the clock ahead by `seconds` of the real cloud's time.
    pub fn advance(&self, seconds: f64) {
        self.cloud.world.setting().clock.advance(seconds);
    }

    /// Switches to the other reading of exactly these assumptions, from the next call on.
    pub fn assume(&self, rows: &[&Assumption]) {
        self.cloud.assume(rows);
    }

    /// Sets an applied quota value; for a quota per instance, `context` is the instance's ARN.
    pub fn set_quota(&self, code: &str, context: Option<&str>, value: f64) {
        self.cloud.world.state().quotas.set(code, context.map(str::to_owned), value);
    }

    /// Closes the ports. Calls in progress are not waited for.
    pub async fn shutdown(mut self) {
        for door in std::mem::take(&mut self.doors) {
            door.abort();
            // An aborted task ends with the error that says so.
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
    let mut faults = fault::Faults::default();
    options.faults.into_iter().try_for_each(|rule| faults.add(rule))?;
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
        faults: Mutex::new(faults),
        gates: gate::Gates::default(),
        recorder,
        violations: Violations::default(),
    })
}
