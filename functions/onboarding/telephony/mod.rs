//! The parts of `order-numbers` that call AWS: phone numbers in Connect, support cases in AWS Support, and documents in
//! the stack's S3 bucket. This module also contains the preview for a plan. [`onboarding_core::telephony::poll`]
//! decides which actions are performed.

mod documents;
mod numbers;
mod perform;
mod preview;
mod support;

pub(crate) use perform::perform;
pub(crate) use preview::preview;
