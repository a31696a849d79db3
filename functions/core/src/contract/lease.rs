//! The reserved field `lease` of every payload: the lease under which a step works.

use serde::{Deserialize, Serialize};

/// A lease, as the state machine received it when it acquired the lease. A step without this field works without a
/// fence: the state machine of an earlier release called it, or the step needs no lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lease {
    /// The key of the registry item that contains the lease: the instance ID, or `alias#` and the alias.
    pub key: String,
    /// The ARN of the execution that holds the lease.
    pub holder: String,
    /// The number of the lease, which grows with each acquisition and each invocation.
    pub number: u64,
}
