//! One poll of all desired numbers and orders: its state and its output.

use onboarding_core::{
    backoff,
    contract::OpenItem,
    telephony::{CaseOrder, NumberResult, Offer, OrderNumbersInput, OrderNumbersOutput, notification},
};

use crate::context::Context;

/// Maximum number of phone numbers to claim or configure per poll: Connect accepts a burst of five calls per
/// operation, then two per second.
pub(super) const NUMBERS_A_LOOK: usize = 5;

/// The state of one poll.
pub(crate) struct Look<'a> {
    pub(super) ctx: &'a Context,
    pub(super) input: &'a OrderNumbersInput,
    pub(super) previous: &'a OrderNumbersOutput,
    /// The number of phone numbers that this poll may still claim or configure.
    pub(super) budget: usize,
    pub(super) numbers: Vec<NumberResult>,
    pub(super) orders: Vec<CaseOrder>,
    /// Numbers that the next poll may claim.
    pub(super) offers: Vec<Offer>,
    /// The date from which Connect accepts requests to claim phone numbers again.
    pub(super) blocked_until: Option<String>,
    /// The messages with which Connect refused to claim a phone number because the account has reached Connect's limit
    /// for claims and releases.
    pub(super) claim_refusals: Vec<String>,
    pub(super) items: Vec<OpenItem>,
    pub(super) messages: Vec<String>,
    /// The wait times of all phone numbers that are being claimed or ordered.
    pub(super) waits: Vec<u64>,
}

impl<'a> Look<'a> {
    pub(crate) fn new(ctx: &'a Context, input: &'a OrderNumbersInput, previous: &'a OrderNumbersOutput) -> Self {
        Self {
            ctx,
            input,
            previous,
            budget: NUMBERS_A_LOOK,
            numbers: Vec::new(),
            orders: Vec::new(),
            offers: Vec::new(),
            blocked_until: previous.claims_blocked_until.clone(),
            claim_refusals: Vec::new(),
            items: Vec::new(),
            messages: Vec::new(),
            waits: Vec::new(),
        }
    }

    pub(crate) fn instance(&self) -> (&'a str, &'a str) {
        (&self.input.alias, &self.input.instance_arn)
    }

    pub(crate) fn done(self) -> OrderNumbersOutput {
        let attempt = self.previous.attempt + 1;
        let mut items = self.items;
        let mut pending = !self.waits.is_empty();
        if pending && attempt >= backoff::LAST_NUMBER_LOOK {
            pending = false;
            items.push(OpenItem::new(
                "phone numbers",
                "the workflow has waited for ten months, the longest time that its execution can wait",
                "Start the same input again: it continues where this execution stopped.",
            ));
        }
        OrderNumbersOutput {
            pending,
            attempt,
            wait_seconds: self.waits.into_iter().min().unwrap_or_default(),
            notify: notification(&self.messages),
            numbers: self.numbers,
            orders: self.orders,
            open_items: items,
            offers: self.offers,
            claims_blocked_until: self.blocked_until,
        }
    }
}
