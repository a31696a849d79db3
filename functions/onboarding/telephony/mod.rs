//! The parts of `order-numbers` that call AWS: phone numbers in Connect, cases in AWS Support, and documents in the
//! stack's S3 bucket. Also contains the preview for a plan. The decisions are made in
//! [`onboarding_core::telephony::poll`].

mod documents;
mod numbers;
mod perform;
mod preview;
mod support;

pub(crate) use perform::perform;
pub(crate) use preview::preview;
