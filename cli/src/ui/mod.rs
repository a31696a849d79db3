//! Terminal output: lines and the status line ([`console`]), the live drawing ([`screen`]), and times as text
//! ([`time`]).

pub mod console;
pub mod screen;
pub mod time;

pub use self::{
    console::{Console, Tone, columns, fit, padded, size},
    screen::Screen,
};
