//! The local cloud: everything that an onboarding needs, on this machine.
//!
//! [`stand_in`] emulates Amazon Connect, Service Quotas, AWS Support, Microsoft Graph and the login service. It does not
//! depend on the product that runs against it. The directory `emulator/` contains the changes to the AWS emulator.

#[path = "stand-in/mod.rs"]
pub mod stand_in;
