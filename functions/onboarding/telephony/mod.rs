//! The parts of `order-numbers`: numbers in Connect, cases in AWS Support, documents in the stack's bucket, and the
//! poll that combines them; also the preview for a plan.

mod desired_numbers;
mod documents;
mod numbers;
mod orders;
mod poll;
mod preview;
mod support;

pub(crate) use orders::Wanted;
pub(crate) use poll::Look;
pub(crate) use preview::preview;
