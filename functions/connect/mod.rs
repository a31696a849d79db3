//! The users of an Amazon Connect instance: [`Directory`] reads them, and [`Writer`] changes them at the account's
//! rate. `onboarding_core::sync` decides on the changes.

mod directory;
mod operation;
mod outcome;
mod rate_limiter;
mod request;
mod writer;

pub use directory::Directory;
pub use operation::Operation;
pub use outcome::Applied;
pub use rate_limiter::Pace;
pub use writer::{Membership, Writer};
