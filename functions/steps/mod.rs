//! The steps of the state machines. Each file is one Lambda function and one Task state; its header documents the
//! step.

pub mod assign_groups;
pub mod configure_entra_claims;
pub mod configure_entra_sign_on;
pub mod configure_instance;
pub mod create_entra_application;
pub mod create_instance;
pub mod create_policy;
pub mod create_role;
pub mod create_saml_provider;
pub mod delete_federation;
pub mod delete_instance;
pub mod delete_users;
pub mod detect_drift;
pub mod instance_quota;
pub mod lock_alias;
pub mod notify;
pub mod order_numbers;
pub mod plan_onboarding;
pub mod plan_teardown;
pub mod preflight;
pub mod receive_notification;
pub mod register_instance;
pub mod remove_entra_application;
pub mod report;
pub mod request_quotas;
pub mod rotate_certificate;
pub mod subscribe_groups;
pub mod sync_members;
pub mod sync_users;
pub mod unsubscribe_groups;
pub mod verify_sign_in;
pub mod watch_expiry;
