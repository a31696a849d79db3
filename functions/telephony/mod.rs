//! The parts of `order-numbers`: numbers in Connect, cases in AWS Support, documents in the stack's bucket, and the
//! poll that combines them; also the preview for a plan.

mod documents;
mod look;
mod numbers;
mod orders;
mod preview;
mod support;
mod wishes;

pub(crate) use look::Look;
pub(crate) use orders::Wanted;
pub(crate) use preview::{phone_numbers, preview};
