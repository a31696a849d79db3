//! Terminal output: lines and the status line ([`console`]), and the live drawing ([`screen`]).

pub mod console;
pub mod screen;

pub use self::{
    console::{Console, Tone, columns, fit, padded, size},
    screen::Screen,
};
