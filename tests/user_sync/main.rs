//! The user sync as the Lambda runs it, against the stand-in over loopback: Graph and Connect are the stand-in's, the
//! registry and the credential are answered by a mock in the emulator's place.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod house;
mod newcomers;
mod pace;
mod removal;
mod rounds;
mod trouble;
