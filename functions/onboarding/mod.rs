//! The steps of the onboarding and of its plan.

pub mod assign_groups;
pub mod configure_entra_claims;
pub mod configure_entra_sign_on;
pub mod configure_instance;
pub mod create_entra_application;
pub mod create_instance;
pub mod create_policy;
pub mod create_role;
pub mod create_saml_provider;
pub mod create_starter_flow;
pub mod describe_onboarding;
pub mod instance_quota;
pub mod lock_alias;
pub mod notify;
pub mod order_numbers;
pub mod plan_onboarding;
pub mod preflight;
pub mod register_instance;
pub mod report;
pub mod request_quotas;
pub(crate) mod telephony;
pub mod test_first_call;
pub mod verify_sign_in;
