//! Tests of the step `order-numbers`: every outcome of an order or a claim of phone numbers, and the notifications.

mod claims;
mod orders;
mod privacy;
mod year;
