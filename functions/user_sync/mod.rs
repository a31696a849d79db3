//! The steps that keep the users of Amazon Connect in sync with the groups in Entra.

mod access;
mod approval;
mod attributes;
mod incremental;
mod joiners;
mod leavers;
mod reporting;
mod round_end;
pub mod sync_members;
pub mod sync_users;
