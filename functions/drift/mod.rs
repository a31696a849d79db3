//! The step that detects drift. After a remediation, the step also checks whether the drift was reverted.

pub mod detect_drift;
mod findings;
mod pass;
