//! `order-numbers`: every way that an order or a claim can go, and what a person is told.

mod claims;
mod orders;
mod privacy;
mod year;
