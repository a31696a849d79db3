//! Tests of the steps with their real clients against the local cloud, in one directory for each external system or
//! workflow.

mod aws;
mod entra;
mod notifications;
mod support;
mod user_sync;
