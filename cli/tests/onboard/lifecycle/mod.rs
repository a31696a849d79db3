//! The lifecycle of an instance, from its plan to its teardown.

mod drift;
mod house;
mod locks;
mod plan;
mod teardown;
