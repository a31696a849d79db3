//! `order-numbers`: every outcome of an order or a claim, and the notifications.

mod claims;
mod orders;
mod privacy;
mod year;
