//! The local cloud: emulates on this machine every service that an onboarding calls. Each module may use only modules
//! that follow it in this list:
//!
//! * [`cloud`] — starts and stops the emulator and the stand-in.
//! * [`emulator`] — installs and starts the AWS emulator, makes it as strict as AWS, and deploys the template into it.
//! * [`stand_in`] — emulates Amazon Connect, Service Quotas, AWS Support, Microsoft Graph and the login service. The
//!   stand-in uses no code of the functions that call it.

pub mod cloud;
pub mod emulator;
#[path = "stand-in/mod.rs"]
pub mod stand_in;
