//! The report of an onboarding: as lines on the terminal ([`terminal`]) and as an HTML page ([`page`]).

pub mod page;
pub mod terminal;

pub use self::terminal::print;
