//! Why the local cloud does not start.

use std::{io, path::PathBuf, process::ExitStatus};

use crate::stand_in::StartError;

/// A requirement of the local cloud that is missing or does not work.
#[derive(Debug, thiserror::Error)]
pub enum NotStarted {
    /// No checkout was found. The current directory is not in a checkout, and the checkout from which this program was
    /// built no longer exists.
    #[error("no checkout of Connect Onboarding was found")]
    NoCheckout,
    /// A directory can't be created or written.
    #[error("{path} can't be written: {reason}", path = path.display())]
    NotWritable {
        /// The directory that can't be created or written.
        path: PathBuf,
        /// The system's error message.
        reason: String,
    },
    /// No Python interpreter was found.
    #[error("python3 was not found")]
    NoPython,
    /// No Python interpreter was found, because `PATH` is not set.
    #[error("python3 was not found, because the environment variable PATH is not set")]
    NoPath,
    /// All Python interpreters are too old.
    #[error("{program} is Python {version}, which is too old")]
    OldPython {
        /// The first interpreter that was found.
        program: &'static str,
        /// The version of this interpreter.
        version: String,
    },
    /// Python's `venv` module does not work.
    #[error("Python's `venv` module does not work:\n{output}")]
    NoVenvModule {
        /// The output of Python's module `venv`.
        output: String,
        /// The interpreter's version.
        version: String,
    },
    /// A package can't be installed.
    #[error("pip could not install the emulator:\n{output}")]
    NotInstalled {
        /// The output of pip.
        output: String,
    },
    /// No loopback port is available.
    #[error("no port on 127.0.0.1 is free: {0}")]
    NoPort(#[source] io::Error),
    /// The emulator does not run.
    #[error("the emulator {fault}\n{log}")]
    Emulator {
        /// What happened to the emulator.
        fault: EmulatorFault,
        /// The last lines of the emulator's log.
        log: String,
    },
    /// The stand-in does not start.
    #[error(transparent)]
    StandIn(#[from] StartError),
    /// A certificate can't be generated.
    #[error("a certificate can't be generated: {0}")]
    Certificate(String),
    /// The template can't be deployed. The value contains the reasons that CloudFormation reports.
    #[error("template.yaml can't be deployed: {0}")]
    NotDeployed(String),
    /// The outputs of the stack can't be read.
    #[error("the outputs of the stack can't be read: {0}")]
    OutputsUnreadable(#[source] serde_json::Error),
}

/// Why the emulator does not run.
#[derive(Debug, thiserror::Error)]
pub enum EmulatorFault {
    /// The emulator's process can't be started.
    #[error("did not start: {0}")]
    DidNotStart(#[source] io::Error),
    /// No HTTP client for the emulator can be created.
    #[error("can't be called: {0}")]
    NoClient(#[source] reqwest::Error),
    /// The emulator's process exited.
    #[error("exited ({0})")]
    Exited(ExitStatus),
    /// The emulator does not respond within a minute.
    #[error("did not respond within a minute")]
    NotReady,
}
