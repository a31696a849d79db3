//! Output on the terminal: lines and the status line ([`console`]), a drawing that is updated in place ([`screen`]),
//! the two output streams ([`stream`]), and times as text ([`time`]).

pub mod console;
pub mod screen;
pub mod stream;
pub mod time;

pub use self::{
    console::{Console, Preferences, Tone, columns, detail, fit, padded},
    screen::Screen,
    stream::Stream,
};
