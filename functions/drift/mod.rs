//! The step that finds drift and checks whether it was reverted.

pub mod detect_drift;
mod findings;
