//! The users of an Amazon Connect instance: [`Directory`] reads them, and [`Writer`] changes them at the account's
//! rate. `onboarding_core::sync` decides on the changes.

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
