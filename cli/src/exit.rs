//! The exit codes, the same for every command.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: the workflow, or what the command was to do, failed.
    Failed,
    /// 2: the input can't be used; nothing was started.
    BadInput,
    /// 3: the local cloud could not start, or is not there.
    NoLocalCloud,
    /// 4: the cloud can't be used: no credentials, no stack, no permission, no answer.
    NoCloud,
    /// 5: nothing is broken, but a person has to decide or look: a plan that waits for approval, an onboarding that runs
    /// already, a drift, a check of `doctor` with something to do.
    Undecided,
    /// 130: ended by Ctrl-C or a termination signal, as shells expect it.
    Interrupted,
}

impl Exit {
    /// The number that the shell sees.
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
