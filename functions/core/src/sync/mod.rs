//! User sync, the pure part: what Entra ID says (desired) × what Amazon Connect has (actual) × what `onboarding.json` allows
//! (policy) → a [`Plan`] that a person can read and an executor can apply.
//!
//! * [`plan()`] is total, deterministic and free of input order: the same directory gives the same plan, and the plan of an
//!   instance that is in step is empty.
//! * The key is the username, because Connect has no rename; the Entra object id stands in a tag beside it and tells a
//!   renamed person from a new one.
//! * Users without our tags are adopted by their exact username, and otherwise never appear in a plan.
//! * A read that may be partial plans nothing; an empty group plans no removal; more removals than the brake allows make the
//!   plan [`Safety::Unsafe`], which only the approval of its [`Plan::digest`] lets through.

mod contract;
mod desired;
mod digest;
mod display;
mod finding;
mod model;
mod plan;
mod planner;
mod username;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod testkit;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_removal;

pub use contract::{
    Carry, Durations, Failure, MAX_HINTED, MAX_LISTED, Outcome, SyncMode, SyncProgress, SyncStatus, SyncUsersInput,
    SyncUsersOutput, Totals,
};
pub use finding::{Finding, ProfileKind, SkipReason, Skipped};
pub use model::{
    Assignment, Completeness, ConnectUser, GroupRead, Member, NestedGroup, Ownership, Policy, Profiles,
    REMOVAL_DUE_KEY, removal_due_from_tag, removal_due_to_tag,
};
pub use plan::{Adoption, Change, Counts, Mark, NewUser, Plan, Removal, Safety, UserRef, UserUpdate};
pub use planner::{changes_instead_of_creation, plan};
pub use username::{MAX_FIRST_NAME, MAX_LAST_NAME, UsernameFault, check_username, person_name};
