//! The integration with Lambda: the adapter between an invocation and a step, the fence of the step's lease, settings,
//! logs and metrics.

pub mod adapter;
pub mod clock;
pub mod fence;
pub mod function_url;
pub mod logging;
pub mod metrics;
pub mod settings;
