//! Compares an onboarding's objects in both clouds with the input. This module only reads. It is the basis of the
//! sign-in check, the plan of an onboarding, the plan of a teardown, and drift detection. The steps that write use the
//! same functions for comparison.

pub(crate) mod entra;
pub(crate) mod federation;
pub(crate) mod incomplete;
pub(crate) mod instance;
pub(crate) mod members;
pub(crate) mod record;
