//! The reserved field `lease` in the input of every step. This field contains the lease that the execution holds. A
//! lease is a record in the registry. It allows only one execution at a time to change the resources of an alias or the
//! users of an instance.

use serde::{Deserialize, Serialize};

/// A lease that the state machine acquired and passes to its steps. A step that receives no lease sends requests
/// without checking a lease. This is the case if the state machine of an earlier release called the step, or if the
/// step needs no lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lease {
    /// The key of the registry item that contains the lease: the instance ID, or `alias#` and the alias.
    pub key: String,
    /// The ARN of the execution that holds the lease.
    pub holder: String,
    /// The number of the lease. This number increases each time the lease is acquired and each time a step is invoked
    /// with the lease.
    pub number: u64,
}
