//! The steps: one file is one Lambda function is one Task state. The header of a file is its manual page.

pub mod assign_groups;
pub mod configure_entra_claims;
pub mod configure_entra_sign_on;
pub mod configure_instance;
pub mod create_entra_application;
pub mod create_instance;
pub mod create_policy;
pub mod create_role;
pub mod create_saml_provider;
pub mod instance_quota;
pub mod notify;
pub mod order_numbers;
pub mod preflight;
pub mod receive_notification;
pub mod register_instance;
pub mod report;
pub mod request_quotas;
pub mod rotate_certificate;
pub mod subscribe_groups;
pub mod sync_members;
pub mod sync_users;
pub mod verify_sign_in;
pub mod watch_expiry;
