//! Compares the objects of an onboarding in AWS and Entra with the input. This module only reads. Five parts use it:
//! the sign-in check, the plan of an onboarding, the description of an existing instance, the plan of a teardown, and
//! drift detection. The steps that write use the same comparison functions.

pub(crate) mod adoptable;
pub(crate) mod assignments;
pub(crate) mod entra;
pub(crate) mod federation;
pub(crate) mod incomplete;
pub(crate) mod instance;
pub(crate) mod members;
pub(crate) mod origins;
pub(crate) mod record;
pub(crate) mod replication_findings;
pub(crate) mod starter_flow;
pub(crate) mod traffic_group;
