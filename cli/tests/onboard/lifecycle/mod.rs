//! An instance from the plan of its onboarding to its end.

mod drift;
mod house;
mod locks;
mod plan;
mod teardown;
