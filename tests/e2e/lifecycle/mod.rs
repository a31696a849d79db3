//! The lifecycle of an instance, from its plan to its teardown.

mod drift;
mod fixture;
mod locks;
mod plan;
mod teardown;
