//! The named errors of the workflow. The state machines contain these names in `Retry` and `Catch`. A contract test
//! checks that the state machines and this module contain the same names.

use std::fmt;

use crate::onboarding::Language;

/// The error of a step. The state machine matches [`StepErrorKind::name`]; the message is for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct StepError {
    /// The kind of the error, which determines the error name.
    pub kind: StepErrorKind,
    /// What happened to which object, what the operator can do, and the request id of the failed call.
    pub message: String,
}

/// The kinds of [`StepError`], and how the state machine handles each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StepErrorKind {
    /// The service still throttled the request after all retries of the SDK or the Graph client. The state machine
    /// retries the step at long intervals.
    Throttled,
    /// A temporary error: a service returned status 5xx or did not respond, the connection was lost, or another request
    /// modified the object at the same time. The state machine retries the step.
    Unavailable,
    /// A new object is not visible to all requests yet. The state machine retries the step for some minutes.
    NotConsistentYet,
    /// The input, or data from another system, is not valid. The state machine does not retry the step.
    InvalidInput,
    /// A permission or an administrator's consent is missing. The state machine retries the step for a short time,
    /// because a new policy takes effect only after some seconds.
    AccessDenied,
    /// An object that this stack does not manage already has the required name, or several objects match. The state
    /// machine does not retry the step.
    Conflict,
    /// The account or the instance has reached a quota. The state machine does not retry the step, because the quota
    /// must be increased first.
    LimitExceeded,
    /// AWS denied the request for a quota increase. The branch of the workflow that needs this quota ends.
    QuotaDenied,
    /// A plan would remove more users than the removal limit allows. An operator must approve or reject these removals.
    UnsafePlan,
    /// The step no longer holds the lease, without which it may not send requests. Another execution, or a later
    /// invocation in the same execution, has taken over the lease. The step has sent no further requests. The state
    /// machine does not retry the step, because the holder of the lease continues the work.
    LeaseLost,
    /// A bug in the code of the step, or an undocumented response of a service. The state machine retries the step
    /// once.
    Internal,
}

impl StepErrorKind {
    /// All kinds of errors.
    pub const ALL: [Self; 11] = [
        Self::Throttled,
        Self::Unavailable,
        Self::NotConsistentYet,
        Self::InvalidInput,
        Self::AccessDenied,
        Self::Conflict,
        Self::LimitExceeded,
        Self::QuotaDenied,
        Self::UnsafePlan,
        Self::LeaseLost,
        Self::Internal,
    ];

    /// The kinds of errors after which every Lambda task of a state machine is retried.
    pub const RETRIED: [Self; 5] =
        [Self::Throttled, Self::Unavailable, Self::NotConsistentYet, Self::AccessDenied, Self::Internal];

    /// Whether a request that failed with this kind of error can succeed if it is sent again.
    #[must_use]
    pub const fn is_temporary(self) -> bool {
        matches!(self, Self::Throttled | Self::Unavailable | Self::NotConsistentYet)
    }

    /// Whether this kind of error makes even an optional step fail. An optional step fails if the state machine will
    /// retry the step, or if another execution holds the lease. After an error of any other kind, an optional step
    /// succeeds, and the report contains an open item.
    #[must_use]
    pub fn fails_optional_step(self) -> bool {
        self == Self::LeaseLost || Self::RETRIED.contains(&self)
    }

    /// The error name that the state machines use.
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
            Self::LeaseLost => "LeaseLost",
            Self::Internal => "Internal",
        }
    }

    /// Returns the kind of error that has this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// What an operator should do after this kind of error. Reports, notifications and the command line show this text.
    #[must_use]
    pub const fn advice(self, language: Language) -> &'static str {
        let (english, japanese) = match self {
            Self::Throttled => (
                "The service kept throttling the requests. Start the same input again later; finished work is not repeated.",
                "サービスによるスロットリングが続きました。時間をおいて、同じ入力で再実行してください。\
                 完了した処理が繰り返されることはありません。",
            ),
            Self::Unavailable => (
                "The service did not respond. Start the same input again; finished work is not repeated.",
                "サービスが応答しませんでした。同じ入力で再実行してください。完了した処理が繰り返されることはありません。",
            ),
            Self::NotConsistentYet => (
                "A new resource is not visible yet. Start the same input again in a few minutes.",
                "作成直後のリソースをまだ取得できません。数分後に、同じ入力で再実行してください。",
            ),
            Self::InvalidInput => (
                "Correct the input as described in the message, then start again.",
                "メッセージに従って入力を修正し、再実行してください。",
            ),
            Self::AccessDenied => (
                "Grant the permission named in the message, then start the same input again.",
                "メッセージに示されたアクセス許可を付与してから、同じ入力で再実行してください。",
            ),
            Self::Conflict => (
                "Rename or remove one of the two resources, or name the existing one in the input to adopt it. \
                 If another execution is running, wait until it has finished.",
                "競合するリソースの一方の名前を変更するか、削除してください。または、\
                 管理対象に追加するリソースを入力で指定してください。別の実行が進行中の場合は、完了するまで待ってください。",
            ),
            Self::LimitExceeded => (
                "Request a higher quota (Service Quotas) or delete unused resources, then start the same input again.",
                "Service Quotas でクォータの引き上げをリクエストするか、不要なリソースを削除してから、\
                 同じ入力で再実行してください。",
            ),
            Self::QuotaDenied => (
                "Contact AWS Support about the denied request, then start the same input again.",
                "拒否された引き上げリクエストについて AWS サポートに問い合わせてから、同じ入力で再実行してください。",
            ),
            Self::UnsafePlan => (
                "Check the changes that wait for approval, then approve or reject them, or correct the groups.",
                "承認待ちの変更を確認し、承認または拒否するか、Entra のグループを修正してください。",
            ),
            Self::LeaseLost => (
                "Another execution has taken over the work. Wait until it has finished, then start the same input again if \
                 something is missing.",
                "別の実行が処理を引き継ぎました。その実行の完了後、不足がある場合は、同じ入力で再実行してください。",
            ),
            Self::Internal => (
                "This is a bug in Connect Onboarding. Report it with the request id and the log line.",
                "Connect Onboarding の不具合です。リクエスト ID とログの該当行を添えて報告してください。",
            ),
        };
        match language {
            Language::En => english,
            Language::Ja => japanese,
        }
    }
}

impl fmt::Display for StepErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl StepError {
    /// Creates an error.
    #[must_use]
    pub fn new(kind: StepErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// The error name that the state machines use.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.kind.name()
    }

    /// Adds a description of the failed operation to the error message.
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
    limit_exceeded => LimitExceeded, quota_denied => QuotaDenied, unsafe_plan => UnsafePlan,
    lease_lost => LeaseLost, internal => Internal,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_name() {
        for kind in StepErrorKind::ALL {
            assert_eq!(StepErrorKind::from_name(kind.name()), Some(kind));
        }
    }
}
