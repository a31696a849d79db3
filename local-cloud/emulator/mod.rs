//! The AWS emulator. [`workspace`] finds the checkout or the embedded files of a release (`bundle`). [`venv`] installs
//! the emulator in its own Python environment. [`launcher`] starts the emulator with the changes in the Python files of
//! this directory. [`deploy`] deploys the template into the emulator. [`credentials`] registers the two Entra
//! applications that the [`stack`] uses.

mod bundle;
pub mod child;
pub mod credentials;
pub mod deploy;
pub mod error;
pub mod launcher;
pub mod stack;
pub mod venv;
pub mod workspace;

pub use self::{
    credentials::{CredentialKind, Credentials},
    deploy::Deployment,
    error::{EmulatorFault, NotStarted},
    launcher::Emulator,
    stack::Stack,
    venv::Venv,
    workspace::{RunFolder, Workspace},
};
