//! Tests of the program `onboard` with the real binary of the functions, the real template and the real state machines.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod assumptions;
mod burst;
mod cloud;
mod command_line;
mod commands;
mod common;
mod credentials;
mod deploy;
mod deployment;
mod entra_setup;
mod events;
mod expiry;
mod faults;
mod history;
mod least_privilege;
mod leavers;
mod life;
mod lifecycle;
mod live_check;
mod local;
mod page;
mod rehearsal;
mod rotation;
mod secrets;
mod states;
mod user_sync;
mod watching;
