//! Connect Onboarding: Amazon Connect with single sign-on from Microsoft Entra ID, as a state machine of small steps.
//!
//! `statemachine/onboarding.asl.json` is the way through the house; each of its Task states is one Lambda function, and
//! each function is one file under `steps/`, whose header is its manual page. One binary serves them all
//! (`main.rs`, by `_HANDLER`) through one adapter ([`serve`]). What needs no cloud lives in the crate `onboarding-core`:
//! contracts, error names, documents, the planner of the user sync.
//!
//! Arrows run one way: steps use [`graph`], [`connect`], `telephony`, [`registry`] and [`aws_error`], these use the core;
//! a step never calls another, the state machine does.

pub mod aws_error;
pub mod client_state;
pub mod clients;
pub mod clock;
pub mod connect;
pub mod events;
pub mod function_url;
pub mod graph;
pub mod http;
pub mod iam;
mod inspect;
pub mod instances;
pub mod log;
pub mod metrics;
pub mod newcomers;
pub mod objects;
pub mod quota;
pub mod registry;
pub mod serve;
pub mod settings;
pub mod steps;
mod telephony;
mod whole_xml;
pub mod x509;
