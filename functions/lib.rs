//! Connect Onboarding: sets up Amazon Connect with single sign-on from Microsoft Entra ID, as state machines with
//! small steps.
//!
//! `statemachine/onboarding.asl.json` defines the order of the steps. Each of its Task states is one Lambda function,
//! and each function is one file under `steps/`, whose header documents it. All functions use the same binary
//! (`main.rs` selects the step by `_HANDLER`) and the same adapter ([`serve`]). Code that needs no cloud is in the
//! crate `onboarding-core`: contracts, error names, documents, and the planner of the user sync.
//!
//! Dependencies have one direction: steps use [`graph`], [`connect`], `telephony`, [`registry`] and [`aws_error`],
//! which use `onboarding-core`. A step never calls another step; only a state machine does.

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
