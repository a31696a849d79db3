//! The exit codes that all commands share.

use std::process::ExitCode;

/// The result of a command, as an exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: success.
    Done,
    /// 1: the workflow or the command failed.
    Failed,
    /// 2: the input or the arguments are invalid; nothing was started.
    BadInput,
    /// 3: the local cloud could not start or is not running.
    NoLocalCloud,
    /// 4: a request to AWS or the local cloud failed: credentials, the stack or a permission are missing, or the
    /// service does not respond.
    NoCloud,
    /// 5: the command did not fail, but an operator must act: changes to users wait for approval, an onboarding is
    /// already running, drift was found, or a check of `doctor` requires an action.
    Undecided,
    /// 130: Ctrl-C or a termination signal interrupted the command. 130 is the usual exit code for Ctrl-C in a shell.
    Interrupted,
}

impl Exit {
    /// The exit code of the process.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::BadInput => 2,
            Self::NoLocalCloud => 3,
            Self::NoCloud => 4,
            Self::Undecided => 5,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
