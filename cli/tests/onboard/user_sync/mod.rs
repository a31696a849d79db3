//! The state machine of the user sync as AWS would run it: its real definition, the real function and the real registry on
//! the local cloud. Each test has an instance and a group of its own.

mod approval;
mod crash;
pub(crate) mod house;
mod lease;
