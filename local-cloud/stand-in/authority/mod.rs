//! Identifies the caller of a request, determines the required permissions, and checks them against the caller's
//! policies.
//!
//! The emulator creates a session of the function's role for each function, verifies signatures, and enforces policies
//! for the services that it emulates. This module checks the access key and session token of each request, and enforces
//! policies for the services that the stand-in emulates, for IAM (because the emulator does not support IAM paths), and
//! for KMS keys. The template has deployed the policies of the caller's role to the emulator. This module reads the
//! policies from the emulator and evaluates them with [`policy`]. The emulator's own access key belongs to the operator
//! of the local cloud and has all permissions.

mod asks;
mod connect;
mod keys;
mod machines;
pub mod policy;
mod roles;
mod sessions;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use serde_json::Map;
use time::OffsetDateTime;

use crate::stand_in::aws_error::{Protocol, Refusal};
use crate::stand_in::connect as connect_service;
use crate::stand_in::http::Request;
use crate::stand_in::iam::Iam;
use crate::stand_in::input::Input;
use crate::stand_in::route::Destination;
use crate::stand_in::upstream::Upstream;
use crate::stand_in::violations::Violations;
use crate::stand_in::world::World;
use asks::Found;
use keys::Keys;
use machines::Machines;
use policy::{Ask, Decision};
use roles::Roles;
pub(crate) use sessions::Session;
use sessions::{Holder, Sessions};

/// If a function calls one of these services, this module checks all required permissions. If a function calls another
/// service, this module checks only the permissions on KMS keys, and the emulator checks the others.
const JUDGED: [&str; 5] = ["connect", "iam", "servicequotas", "sts", "support"];

/// The header with which the emulator's Step Functions names the state for which it makes a call.
const STATE: &str = "x-local-cloud-state";

/// The caller of a request, and the permissions that the request requires.
#[derive(Debug, Default)]
pub(crate) struct Caller {
    /// The name of the calling function. `None` for the operator, for unsigned calls, and for calls with an assumed
    /// role.
    pub(crate) function: Option<String>,
    /// The state (`machine/state`) that invoked the function, or for which Step Functions itself makes the call.
    pub(crate) state: Option<String>,
    /// The ARN of the caller's role. `None` for the operator and for unsigned calls.
    pub(crate) role: Option<String>,
    /// Every permission that the call requires.
    pub(crate) asks: Vec<Ask>,
}

impl Caller {
    /// The name of the calling function and the name of the state that invoked the function, if they are known.
    pub(crate) fn name(&self) -> Option<String> {
        let names = [self.function.as_deref(), self.state.as_deref()];
        let names: Vec<&str> = names.into_iter().flatten().collect();
        (!names.is_empty()).then(|| names.join(" "))
    }

    /// Whether the caller is Step Functions.
    pub(crate) fn is_step_functions(&self) -> bool {
        self.function.is_none() && self.state.is_some()
    }
}

/// Finds the role session of a caller and evaluates the policies of the role.
#[derive(Debug)]
pub(crate) struct Authority {
    upstream: Upstream,
    sessions: Sessions,
    roles: Roles,
    keys: Keys,
    machines: Machines,
    /// For each function, the states that have invoked the function and wait for its response. The most recent state is
    /// the last one.
    working: Mutex<HashMap<String, Vec<String>>>,
}

impl Authority {
    pub(crate) fn new(upstream: Upstream) -> Self {
        Self {
            sessions: Sessions::new(upstream.clone()),
            roles: Roles::new(upstream.clone()),
            keys: Keys::new(upstream.clone()),
            machines: Machines::new(upstream.clone()),
            working: Mutex::default(),
            upstream,
        }
    }

    /// The role session that signed a request. `None` for the operator.
    pub(crate) async fn session(&self, request: &Request) -> Option<Session> {
        match self.sessions.holder(request).await {
            Holder::Role(session) => Some(session),
            Holder::Operator | Holder::Unknown => None,
        }
    }

    /// Records that a state has invoked a function, or that this function has finished.
    pub(crate) fn works_for(&self, function: String, state: String, done: bool) {
        let mut working = self.working.lock().unwrap_or_else(PoisonError::into_inner);
        let states = working.entry(function).or_default();
        if !done {
            states.push(state);
        } else if let Some(at) = states.iter().position(|one| *one == state) {
            states.remove(at);
        }
    }

    /// Returns the function as the caller of a request, with the state that invoked the function.
    pub(crate) fn function(&self, function: Option<String>, asks: Vec<Ask>) -> Caller {
        let working = self.working.lock().unwrap_or_else(PoisonError::into_inner);
        let state = function.as_ref().and_then(|function| working.get(function)?.last()).cloned();
        Caller { function, state, role: None, asks }
    }

    /// Stores a session that STS has issued.
    pub(crate) fn assumed(&self, answer: &str, form: &BTreeMap<String, String>, ends: OffsetDateTime) {
        self.sessions.assumed(answer, form, ends);
    }

    /// Clears the cache of roles after a call that may have changed a role or a policy in IAM.
    pub(crate) fn iam_changed(&self) {
        self.roles.forget();
    }

    /// Whether the current policies of a role allow an action. False if a policy cannot be evaluated.
    pub(crate) async fn asked(&self, role: &str, ask: &Ask) -> bool {
        let role = self.roles.read(role).await;
        role.is_ok_and(|role| policy::decide(&role.policies, role.boundary.as_deref(), ask) == Decision::Allow)
    }

    /// Identifies the caller of a request and the permissions that the request requires. Returns an error response if
    /// the caller lacks one of these permissions.
    pub(crate) async fn judge(
        &self,
        world: &World,
        iam: &Iam,
        violations: &Violations,
        way: &Destination,
        request: &Request,
    ) -> (Caller, Result<(), Refusal>) {
        let session = match self.sessions.holder(request).await {
            Holder::Operator => {
                let Some(state) = request.header(STATE).map(str::to_owned) else {
                    return (Caller::default(), Ok(()));
                };
                let mut asks = self.asks(world, iam, way, request).await;
                asks.extend(self.keys.asks(&world.setting(), way, &asks).await);
                let verdict = self.machine_may(world, violations, way.protocol, &state, &asks).await;
                let role = self.machines.session(&world.setting(), &state).await.map(|session| session.role_arn);
                return (Caller { state: Some(state), role, asks, ..Caller::default() }, verdict);
            }
            Holder::Role(session) => session,
            Holder::Unknown => return (Caller::default(), Err(unknown(way.protocol))),
        };
        let mut asks = self.asks(world, iam, way, request).await;
        let of_keys = self.keys.asks(&world.setting(), way, &asks).await;
        // If the service is not in `JUDGED`, the emulator itself checks `asks`. Then only the permissions on KMS keys
        // are checked here.
        let first = if JUDGED.contains(&way.service.as_str()) { 0 } else { asks.len() };
        asks.extend(of_keys);
        let verdict = self.allowed(&session, &asks[first..], violations, way.protocol).await;
        (Caller { role: Some(session.role_arn), ..self.function(session.function, asks) }, verdict)
    }

    /// Checks whether the state machine that `machine/state` names may invoke a function. If the state machine lacks
    /// the permission, returns the same error message as AWS.
    pub(crate) async fn may_invoke(
        &self,
        world: &World,
        violations: &Violations,
        state: &str,
        function: &str,
    ) -> Result<(), Refusal> {
        let arn = format!("arn:aws:lambda:{}:{}:function:{function}", world.setting().region, world.setting().account);
        let asks = [Ask::new("lambda:InvokeFunction", arn)];
        self.machine_may(world, violations, Protocol::RestJson, state, &asks).await
    }

    /// Checks whether the policies of a state machine's role allow a call that one of its states makes.
    async fn machine_may(
        &self,
        world: &World,
        violations: &Violations,
        protocol: Protocol,
        state: &str,
        asks: &[Ask],
    ) -> Result<(), Refusal> {
        match self.machines.session(&world.setting(), state).await {
            Some(session) => self.allowed(&session, asks, violations, protocol).await,
            None => {
                let message = format!("The local cloud found no role of the state machine that calls as {state}.");
                violations.note(message.clone());
                Err(Refusal::new(500, "InternalFailure", message))
            }
        }
    }

    async fn asks(&self, world: &World, iam: &Iam, way: &Destination, request: &Request) -> Vec<Ask> {
        match way.service.as_str() {
            "connect" => {
                let input = connect_service::operation_of(request).and_then(|(_, input)| input.ok());
                let input = input.unwrap_or_else(|| Input(Map::new()));
                let tags = |arn: &str| connect_service::tags_at(&world.setting(), &mut world.state(), arn);
                connect::asks(&world.setting(), &way.operation, &input, &tags)
            }
            "iam" => {
                let form = asks::form(request);
                let found = self.found(iam, &form).await;
                asks::iam(&world.setting(), &way.operation, &form, &found)
            }
            "sts" => asks::sts(&way.operation, &asks::form(request)),
            "sns" => {
                let form = asks::form(request);
                vec![Ask::new(format!("sns:{}", way.operation), form.get("TopicArn").map_or("*", String::as_str))]
            }
            _ => asks::asks(&world.setting(), way, request),
        }
    }

    /// The existing IAM resource that a request names.
    async fn found(&self, iam: &Iam, form: &BTreeMap<String, String>) -> Found {
        if let Some(role) = form.get("RoleName") {
            return roles::found(&self.upstream, &[("Action", "GetRole"), ("RoleName", role)]).await;
        }
        if let Some(provider) = form.get("SAMLProviderArn") {
            let tags = iam
                .tags(provider)
                .into_iter()
                .filter_map(|tag| Some((tag["Key"].as_str()?.to_owned(), tag["Value"].as_str()?.to_owned())));
            return Found { tags: tags.collect(), ..Found::default() };
        }
        match form.get("PolicyArn") {
            Some(policy) => roles::found(&self.upstream, &[("Action", "GetPolicy"), ("PolicyArn", policy)]).await,
            None => Found::default(),
        }
    }

    async fn allowed(
        &self,
        session: &Session,
        asks: &[Ask],
        violations: &Violations,
        protocol: Protocol,
    ) -> Result<(), Refusal> {
        let role = match self.roles.of(&session.role).await {
            Ok(role) => role,
            Err(fault) => {
                let message = format!("The local cloud can't evaluate the policies of {}: {fault}.", session.role);
                violations.note(message.clone());
                return Err(Refusal::new(500, "InternalFailure", message));
            }
        };
        for ask in asks {
            let ask = ask.clone().with("aws:userid", session.user_id.clone());
            match policy::decide(&role.policies, role.boundary.as_deref(), &ask) {
                Decision::Allow => {}
                decision => return Err(denied(session, &ask, decision, protocol)),
            }
        }
        Ok(())
    }
}

/// The access-denied error, with AWS's wording.
fn denied(session: &Session, ask: &Ask, decision: Decision, protocol: Protocol) -> Refusal {
    let Ask { action, resource, .. } = ask;
    let reason = match decision {
        Decision::Deny => "with an explicit deny in an identity-based policy".to_owned(),
        _ => format!("because no identity-based policy allows the {action} action"),
    };
    let message =
        format!("User: {} is not authorized to perform: {action} on resource: {resource} {reason}", session.arn);
    match protocol {
        Protocol::Query | Protocol::S3 => Refusal::new(403, "AccessDenied", message),
        Protocol::Json => Refusal::new(400, "AccessDeniedException", message),
        _ => Refusal::new(403, "AccessDeniedException", message),
    }
}

/// The error for an unknown access key, with AWS's wording.
fn unknown(protocol: Protocol) -> Refusal {
    let message = "The security token included in the request is invalid.";
    match protocol {
        Protocol::Query => Refusal::new(403, "InvalidClientTokenId", message),
        _ => Refusal::new(403, "UnrecognizedClientException", message),
    }
}
