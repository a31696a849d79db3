//! The steps that remove an onboarding.

pub mod delete_federation;
pub mod delete_instance;
pub mod delete_starter_flow;
pub mod delete_users;
pub mod plan_teardown;
pub mod remove_entra_application;
