//! The steps that monitor the expiry of credentials and replace signing certificates.

pub mod rotate_certificate;
pub mod watch_expiry;
