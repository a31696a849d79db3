//! Tests of the user sync state machine with its real definition, function and registry in the local cloud. Each test
//! has its own instance and group.

mod approval;
mod crash;
pub(crate) mod fixture;
mod incremental;
mod lease;
