//! Tests of the lifecycle of an instance, from the plan of its onboarding to its teardown.

mod adopted_application;
mod destination;
mod drift;
mod fence;
mod first_call;
mod fixture;
mod locks;
mod origins;
mod plan;
mod replication;
mod teardown;
