//! The integration with Lambda: the adapter between an invocation and a step, the fence for the lease of the step,
//! settings, logs and metrics.

pub mod adapter;
pub mod clock;
pub mod fence;
pub mod function_url;
pub mod logging;
pub mod metrics;
pub mod settings;
