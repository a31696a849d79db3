//! The part of the user sync without side effects. The planner creates a [`Plan`] from the group members in Entra ID
//! (desired state), the users in Amazon Connect (actual state) and the settings in `onboarding.json` (policy). An
//! operator can read the plan, and an executor applies it.
//!
//! * [`plan()`] always returns a plan, and the plan does not depend on the order of its input. If the users in Connect
//!   already match the group members, the plan is empty.
//! * Users are matched by username, because Connect users can't be renamed. The Entra object id in the tags of the
//!   Connect users shows whether a member with a new username is a renamed member or a new member.
//! * A user without the tags of any onboarding is adopted if the username is exactly that of a member. A plan contains
//!   no action for any other user without these tags.
//! * If the members of a group were not read completely, no action is planned. If a group is empty, no removal is
//!   planned.
//! * [`Plan::guard`] separates the actions that need an operator's approval from the rest of the plan, for example
//!   removals that exceed the removal limit.

mod approval;
mod channels;
mod contract;
mod desired;
mod digest;
mod display;
mod finding;
mod guard;
mod incremental;
mod model;
mod plan;
mod planned;
mod planner;
mod proficiencies;
mod quick_connects;
mod username;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod properties_guard;
#[cfg(test)]
mod testkit;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_guard;
#[cfg(test)]
mod tests_removal;

pub use approval::{AppliedApproval, GuardedUser, WaitingPart};
pub use channels::UserChannels;
pub use contract::{
    Checkpoint, Durations, Failure, MAX_HINTED, MAX_LISTED, Outcome, SyncMode, SyncProgress, SyncStatus,
    SyncUsersInput, SyncUsersOutput, Totals,
};
pub use finding::{Finding, ProfileKind, SkipReason, Skipped};
pub use guard::{ADMIN_PROFILE, ActionSet, GuardedAction, GuardedPlan};
pub use incremental::{MemberFilter, comparison_is_due};
pub use model::{
    Assignment, Completeness, ConnectUser, GroupRead, LetIn, Member, NestedGroup, Ownership, PROFICIENCIES_KEY, Policy,
    Profiles, REMOVAL_DUE_KEY, SIGN_OUT_DUE_KEY, SIGNED_OUT_KEY, TRAFFIC_GROUP_KEY, date_from_tag, date_to_tag,
};
pub use plan::{Adoption, Change, Counts, NewUser, Plan, Removal, ScheduledDeletion, UserRef, UserUpdate};
pub use planned::{GroupValue, PlannedUser, Setting};
pub use planner::{changes_instead_of_creation, lost_profiles, plan};
pub use proficiencies::{GivenProficiency, Proficiencies, ProficiencyChange, ProficiencyStep};
pub use quick_connects::{QuickConnect, QuickConnectChange, Transfer};
pub use username::{MAX_FIRST_NAME, MAX_LAST_NAME, UsernameFault, check_username, person_name};
