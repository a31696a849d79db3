//! The reserved field `lease` in the payload of every step: the lease that the execution holds.

use serde::{Deserialize, Serialize};

/// A lease that the state machine acquired and passes to its steps. A step that receives no lease runs without the
/// fence: either the state machine of an earlier release called the step, or the step needs no lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lease {
    /// The key of the registry item that contains the lease: the instance ID, or `alias#` and the alias.
    pub key: String,
    /// The ARN of the execution that holds the lease.
    pub holder: String,
    /// The number of the lease, which increases with each acquisition and each invocation.
    pub number: u64,
}
