//! The users of an Amazon Connect instance. [`Directory`] reads them. [`Writer`] changes them within the API rate limit
//! of the account. `onboarding_core::sync` decides on the changes.

mod channels;
mod directory;
mod lane;
pub mod no_access;
mod operation;
mod outcome;
pub mod predefined_attributes;
mod proficiencies;
mod quick_connects;
mod rate_budget;
mod rate_limiter;
mod request;
mod run;
mod sign_out;
mod user_api;
mod writer;

pub use directory::Directory;
pub use operation::Operation;
pub use outcome::Applied;
pub use quick_connects::add_quick_connects;
pub use rate_budget::RateBudget;
pub use rate_limiter::RateLimiter;
pub use writer::{RemovalCheck, Writer};

/// Maximum number of consecutive invocations without any change. After this number, a step that changes users in
/// several invocations fails.
pub const MAX_IDLE_ROUNDS: u32 = 3;
