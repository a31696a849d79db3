//! One look at everything that is wanted: what it finds, and what it says in the end.

use onboarding_core::{
    backoff,
    contract::OpenItem,
    telephony::{CaseOrder, NumberResult, Offer, OrderNumbersInput, OrderNumbersOutput, notification},
};
use sha2::{Digest, Sha256};

use crate::clients::Clients;

/// How many numbers a look claims or sets up: Connect takes five calls of a kind at once, then two a second.
pub(super) const NUMBERS_A_LOOK: usize = 5;

/// What one look finds.
pub(crate) struct Look<'a> {
    pub(super) cx: &'a Clients,
    pub(super) input: &'a OrderNumbersInput,
    pub(super) previous: &'a OrderNumbersOutput,
    /// How many numbers may still be claimed or set up.
    pub(super) budget: usize,
    pub(super) numbers: Vec<NumberResult>,
    pub(super) orders: Vec<CaseOrder>,
    /// Numbers that the next poll may claim.
    pub(super) offers: Vec<Offer>,
    /// The day from which Connect accepts claims again.
    pub(super) blocked_until: Option<String>,
    /// What Connect said when it refused a claim because of its limit.
    pub(super) claim_refusals: Vec<String>,
    pub(super) items: Vec<OpenItem>,
    pub(super) messages: Vec<String>,
    /// The waits of what is pending.
    pub(super) waits: Vec<u64>,
}

impl<'a> Look<'a> {
    pub(crate) fn new(cx: &'a Clients, input: &'a OrderNumbersInput, previous: &'a OrderNumbersOutput) -> Self {
        Self {
            cx,
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
                "the workflow has waited for ten months, which is as long as its execution can wait",
                "Start the same input again: it goes on where this one stopped.",
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

/// The first half of a SHA-256, as hexadecimal digits.
pub(super) fn hex(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part);
        digest.update([0]);
    }
    digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
