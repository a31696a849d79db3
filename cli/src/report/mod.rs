//! Shows the report of an onboarding as lines on the terminal ([`terminal`]) or as an HTML page ([`page`]).
//! [`evidence`] contains the tables of an evidence pack, and [`terraform`] describes an onboarding as a Terraform
//! configuration.

pub mod evidence;
pub mod page;
pub mod terminal;
pub mod terraform;

pub use self::terminal::print;

use onboarding_core::sync::Totals;

/// How many users a sync created, adopted, updated and so on, in the order of `Labels::counts`.
const fn user_counts(done: &Totals) -> [usize; 11] {
    [
        done.created,
        done.adopted,
        done.updated,
        done.deletions_scheduled,
        done.removed,
        done.stripped,
        done.signed_out,
        done.quick_connects_deleted,
        done.quick_connects_transferred,
        done.waiting_for_quota,
        done.failed,
    ]
}
