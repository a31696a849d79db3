//! The named errors of the workflow. A name here is a name in the state machines' `Retry` and `Catch` lists; a contract
//! test holds the two together.

use std::fmt;

/// Why a step could not do its work. [`StepErrorKind::name`] is what the state machine matches; the message is for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct StepError {
    /// Which of the named errors this is.
    pub kind: StepErrorKind,
    /// What happened, to which object, what to do next, with the request id of the cloud that refused.
    pub message: String,
}

/// The kinds of [`StepError`], by what the state machine does about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StepErrorKind {
    /// The service asked for fewer calls, beyond what the SDK's or the Graph client's own retries absorb. Retried slowly.
    Throttled,
    /// A 5xx, a timeout, a broken connection, a concurrent modification. Retried.
    Unavailable,
    /// Something just made is not visible yet. Retried for some minutes.
    NotConsistentYet,
    /// The input, or what another system handed over, is not usable. Final.
    InvalidInput,
    /// A permission or consent is missing. Retried briefly (a new policy takes seconds to be seen), then final.
    AccessDenied,
    /// The name is taken by something that is not ours, or two things answer to it. Final.
    Conflict,
    /// A limit of the account or of the instance is reached. Final; needs a quota increase.
    LimitExceeded,
    /// A quota request was refused. Final for the branch that needs it.
    QuotaDenied,
    /// A plan would remove more than its brake allows. A person decides.
    UnsafePlan,
    /// A fault of this program, or an answer that no documentation describes. Retried once.
    Internal,
}

impl StepErrorKind {
    /// Every kind, in the order of the design.
    pub const ALL: [Self; 10] = [
        Self::Throttled,
        Self::Unavailable,
        Self::NotConsistentYet,
        Self::InvalidInput,
        Self::AccessDenied,
        Self::Conflict,
        Self::LimitExceeded,
        Self::QuotaDenied,
        Self::UnsafePlan,
        Self::Internal,
    ];

    /// The kinds that every Lambda task of a state machine retries.
    pub const RETRIED: [Self; 5] =
        [Self::Throttled, Self::Unavailable, Self::NotConsistentYet, Self::AccessDenied, Self::Internal];

    /// The name by which the state machines know this kind.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Throttled => "Throttled",
            Self::Unavailable => "Unavailable",
            Self::NotConsistentYet => "NotConsistentYet",
            Self::InvalidInput => "InvalidInput",
            Self::AccessDenied => "AccessDenied",
            Self::Conflict => "Conflict",
            Self::LimitExceeded => "LimitExceeded",
            Self::QuotaDenied => "QuotaDenied",
            Self::UnsafePlan => "UnsafePlan",
            Self::Internal => "Internal",
        }
    }

    /// The kind with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// What a person does about it, for a report or a command line.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Throttled => {
                "The service kept asking for fewer calls. Start the same input again later; nothing is done twice."
            }
            Self::Unavailable => "The service did not answer. Start the same input again; nothing is done twice.",
            Self::NotConsistentYet => {
                "Something just created stayed invisible. Start the same input again in some minutes."
            }
            Self::InvalidInput => "Correct the input as the message says and start again.",
            Self::AccessDenied => "Grant what the message names, then start the same input again.",
            Self::Conflict => {
                "Rename or remove one of the two, or name it in the input so that it is adopted. If another execution is at \
                 work, wait until it has finished."
            }
            Self::LimitExceeded => {
                "Ask for a higher quota (Service Quotas) or free some room, then start the same input again."
            }
            Self::QuotaDenied => "Talk to AWS Support about the refused request, then start the same input again.",
            Self::UnsafePlan => "Look at the plan, then approve exactly that plan or correct the groups.",
            Self::Internal => "This is a fault of Connect Onboarding: report it with the request id and the log line.",
        }
    }
}

impl fmt::Display for StepErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl StepError {
    /// An error of a kind.
    #[must_use]
    pub fn new(kind: StepErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// The name by which the state machines know this error.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.kind.name()
    }

    /// The same error, saying first what was being done.
    #[must_use]
    pub fn during(mut self, what: &str) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }
}

macro_rules! shorthand {
    ($($function:ident => $kind:ident),* $(,)?) => { impl StepError { $(
        #[doc = concat!("A [`StepErrorKind::", stringify!($kind), "`] error.")]
        #[must_use]
        pub fn $function(message: impl Into<String>) -> Self { Self::new(StepErrorKind::$kind, message) }
    )* } };
}

shorthand! {
    throttled => Throttled, unavailable => Unavailable, not_consistent_yet => NotConsistentYet,
    invalid_input => InvalidInput, access_denied => AccessDenied, conflict => Conflict,
    limit_exceeded => LimitExceeded, quota_denied => QuotaDenied, unsafe_plan => UnsafePlan, internal => Internal,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_again_by_its_name() {
        for kind in StepErrorKind::ALL {
            assert_eq!(StepErrorKind::from_name(kind.name()), Some(kind));
        }
    }
}
