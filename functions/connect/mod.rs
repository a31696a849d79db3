//! Amazon Connect's users: the [`Directory`] that reads them and the [`Writer`] that changes them at the account's real
//! rate. What to change is decided by `onboarding_core::sync`.

mod directory;
mod job;
mod operation;
mod pace;
mod tally;
mod writer;

pub use directory::Directory;
pub use operation::Operation;
pub use pace::Pace;
pub use tally::Applied;
pub use writer::{Membership, Writer};
