//! Tests of the user sync as Lambda runs it. The stand-in emulates Graph and Connect over loopback; a mock returns the
//! registry entry and the credential.

#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod approval;
pub(super) mod fixture;
mod incremental;
mod incremental_access;
mod joiners;
mod pace;
mod proficiencies;
mod quick_connects;
mod removal;
mod rounds;
mod sign_in_check;
mod sign_out;
mod strip;
mod traffic_group;
mod trouble;
