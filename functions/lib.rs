//! Connect Onboarding sets up Amazon Connect with single sign-on from Microsoft Entra ID. The workflows are state
//! machines, and each step of a workflow is one Lambda function.
//!
//! | Directory | Content |
//! |---|---|
//! | [`onboarding`], [`user_sync`], [`notifications`], [`certificates`], [`drift`], [`teardown`] | The steps, by workflow. Each file that [`main.rs`](../main.rs) names is one Lambda function and one Task state. The header of the file documents the step. |
//! | `inspect` | The objects of an onboarding in AWS and Entra, compared with the input |
//! | [`registry`] | The DynamoDB table: onboarded instances, leases, progress |
//! | [`connect`] | The users of an instance |
//! | [`context`] | The context that every step receives: settings and clients |
//! | [`entra`] | Microsoft Graph, and how the functions sign in to Graph |
//! | [`aws`] | One module for each of the other AWS services, and the classification of their errors |
//! | [`runtime`] | The integration with Lambda: adapter, settings, logs, metrics |
//! | `onboarding-core` | A separate crate that calls no cloud service: contracts, error names, documents, the planner of the user sync |
//!
//! In this table, each folder uses only the folders in the rows below it, and no workflow uses another workflow. The
//! test `tests/contract/layers.rs` checks this. A step never calls another step. Only a state machine calls steps.

pub mod aws;
pub mod certificates;
pub mod connect;
pub mod context;
pub mod drift;
pub mod entra;
mod inspect;
pub mod notifications;
pub mod onboarding;
pub mod registry;
pub mod runtime;
pub mod teardown;
pub mod user_sync;
