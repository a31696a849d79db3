//! The step that finds and reverts drift.

pub mod detect_drift;
