//! The side of Lambda: from an invocation to a step and back, settings, logs, and metrics.

pub mod adapter;
pub mod clock;
pub mod function_url;
pub mod logging;
pub mod metrics;
pub mod settings;
