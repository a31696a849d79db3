//! The state and settings that Connect, Service Quotas and Support share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use crate::stand_in::aws_error::{Answer, Refusal};
use crate::stand_in::clock::Clock;
use crate::stand_in::cloud_trail::Trail;
use crate::stand_in::connect::{self, Connect};
use crate::stand_in::input::Input;
use crate::stand_in::options::Behaviour;
use crate::stand_in::paging::Paging;
use crate::stand_in::quotas::{self, Quotas};
use crate::stand_in::support::{self, Support};
use crate::stand_in::throttle::Buckets;

/// The settings of the account. The settings change only through administration calls.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) clock: Clock,
    pub(crate) region: String,
    pub(crate) account: String,
    pub(crate) behaviour: Behaviour,
    pub(crate) real_rates: bool,
}

impl Setting {
    /// Settings for unit tests.
    #[cfg(test)]
    pub(crate) fn for_tests() -> Self {
        let (clock, behaviour) = (Clock::new(1.0), Behaviour::default());
        Self { clock, region: "r".into(), account: "1".into(), behaviour, real_rates: false }
    }

    pub(crate) fn paging(&self) -> Paging {
        Paging { limit: self.behaviour.page_limit, empty_page: self.behaviour.empty_page }
    }

    /// The ARN of a Connect resource in this Region.
    pub(crate) fn arn(&self, what: &str) -> String {
        format!("arn:aws:connect:{}:{}:{what}", self.region, self.account)
    }
}

/// The mutable state of the account.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) connect: Connect,
    pub(crate) quotas: Quotas,
    pub(crate) support: Support,
    pub(crate) trail: Trail,
    buckets: Buckets,
}

/// The AWS services that the stand-in emulates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Connect,
    Quotas,
    Support,
}

impl Service {
    /// The emulated service that has this name in request signatures.
    pub(crate) fn of(signed: &str) -> Option<Self> {
        match signed {
            "connect" => Some(Self::Connect),
            "servicequotas" => Some(Self::Quotas),
            "support" => Some(Self::Support),
            _ => None,
        }
    }
}

/// The emulated services of one AWS account in one Region.
#[derive(Debug)]
pub(crate) struct World {
    setting: RwLock<Arc<Setting>>,
    state: Mutex<State>,
}

impl World {
    pub(crate) fn new(setting: Setting) -> Self {
        Self { setting: RwLock::new(Arc::new(setting)), state: Mutex::default() }
    }

    /// The current settings. Each call works with the settings from the time at which the call began.
    pub(crate) fn setting(&self) -> Arc<Setting> {
        Arc::clone(&self.setting.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the behavior of the account from the next call on.
    pub(crate) fn behave(&self, behaviour: Behaviour) {
        let mut setting = self.setting.write().unwrap_or_else(PoisonError::into_inner);
        *setting = Arc::new(Setting { behaviour, ..(**setting).clone() });
    }

    /// The current state. First applies all changes that have become due since the last call.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let setting = self.setting();
        quotas::settle(&setting, &mut state);
        support::settle(&setting, &mut state);
        state
    }

    /// Runs one operation of Connect, Service Quotas or Support.
    pub(crate) fn call(&self, service: Service, operation: &str, input: &Input) -> Answer {
        let (setting, mut state) = (self.setting(), self.state());
        match service {
            Service::Connect => {
                throttle(&setting, &mut state, operation)?;
                connect::call(&setting, &mut state, operation, input)
            }
            Service::Quotas => quotas::call(&setting, &mut state, operation, input),
            Service::Support => support::call(&setting, &mut state, operation, input),
        }
    }
}

fn throttle(setting: &Setting, state: &mut State, operation: &str) -> Result<(), Refusal> {
    let rate = quotas::rate(setting, &state.quotas, operation);
    let bucket = if setting.behaviour.shared_bucket { "" } else { operation };
    // The burst is 2.5 times the rate, as in AWS, which allows 2 calls per second and a burst of 5.
    if state.buckets.take(bucket, rate, rate * 2.5, Instant::now()) {
        return Ok(());
    }
    Err(Refusal::new(429, "ThrottlingException", "Rate exceeded"))
}
