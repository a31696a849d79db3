//! Finds the role of a state machine. A state makes its calls with this role.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::sessions::Session;
use crate::stand_in::upstream::Upstream;
use crate::stand_in::world::Setting;

/// A cache of the roles of the state machines that have made calls. The role of a state machine never changes, so its
/// name is read only once. The policies of a role can change, so they are not in this cache.
#[derive(Debug)]
pub(super) struct Machines {
    upstream: Upstream,
    known: Mutex<HashMap<String, Session>>,
}

impl Machines {
    pub(super) fn new(upstream: Upstream) -> Self {
        Self { upstream, known: Mutex::default() }
    }

    /// The role session of the state machine that `machine/state` names. `None` if the state machine does not exist.
    pub(super) async fn session(&self, setting: &Setting, state: &str) -> Option<Session> {
        let machine = state.split('/').next()?;
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(machine).cloned();
        if known.is_some() {
            return known;
        }
        let arn = format!("arn:aws:states:{}:{}:stateMachine:{machine}", setting.region, setting.account);
        let input = json!({ "stateMachineArn": arn });
        let answer = self.upstream.json("states", "AWSStepFunctions.DescribeStateMachine", &input).await;
        let found: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let session = Session::of_machine(found["roleArn"].as_str()?, machine)?;
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(machine.to_owned(), session.clone());
        Some(session)
    }
}
