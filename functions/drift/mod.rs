//! The step that finds drift, and checks after a remediation whether the drift was reverted.

pub mod detect_drift;
mod findings;
