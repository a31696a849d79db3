//! The decisions of the step `order-numbers`, as a pure function: which phone numbers a poll claims, configures and
//! orders.
//!
//! [`poll`] decides based on the input, the date, and the responses that the poll has received so far. If a response is
//! missing, the function returns the [`Action`] that requests it. The step performs the action, adds the response, and
//! calls the function again with all responses, until the function returns the output:
//!
//! ```text
//! input, date, responses ──▶ poll ──▶ output
//!                  ▲          │
//!                  └─ perform ┘ action
//! ```
//!
//! How an entry of `phoneNumbers` (a desired number) is processed:
//!
//! * Phone numbers that the instance already has, or is claiming, are configured. Only the missing phone numbers are
//!   claimed or ordered.
//! * One Support case orders all missing phone numbers that need documents. The phone numbers of every other entry are
//!   claimed from Connect's inventory. If the inventory has no suitable phone number, a Support case orders the phone
//!   numbers of the entry, and later polls do not claim them.
//! * A claim takes two polls: one poll searches the inventory and stores the results as offers, and the next poll
//!   claims the offers. A repeated poll therefore claims the same phone numbers with the same client tokens. If a
//!   response is lost, no additional phone number is claimed.
//! * A Support case is filed only if a search finds no case with its marker, and only if the input does not require
//!   that an operator files the case.

mod actions;
#[cfg(test)]
mod tests;

use time::{Date, Duration};

pub use self::actions::{Action, Claim, FiledCase, FoundCase, NewCase, Responses, SupportCase};
use super::{
    case::{CaseText, OrderItem, Topic, marker, order_items},
    contract::{
        CaseOrder, Notification, NumberResult, NumberStatus, Offer, OrderNumbersInput, OrderNumbersOutput, OrderStatus,
    },
    numbers::{allocate, claim_token, needs_documents, type_name},
    open_items,
};
use crate::{
    backoff, digest,
    messages::{News, telephony_news},
    onboarding::{PHONE_NUMBERS_QUOTA, PhoneNumber},
};

/// Maximum number of phone numbers that a poll claims or configures. For each operation, Connect accepts a burst of
/// five calls, and then two calls per second.
const NUMBERS_PER_POLL: usize = 5;
/// Number of additional results that a search requests, because another customer may claim a phone number first.
const SPARE_OFFERS: usize = 3;
/// The rolling period in which Connect limits how many phone numbers an account claims and releases (API reference,
/// `ClaimPhoneNumber`).
const CLAIM_WINDOW: Duration = Duration::days(180);
/// Number of polls after AWS has resolved a Support case. The ordered phone numbers must appear in the instance during
/// these polls. The waits between these polls add up to about a day.
const POLLS_AFTER_RESOLUTION: u32 = 11;

/// Decides what one poll does: which phone numbers it configures, claims or orders, and which other telephony requests
/// it files.
///
/// # Errors
/// The next action, if the decision needs a response that is missing.
pub fn poll(input: &OrderNumbersInput, today: Date, responses: &Responses) -> Result<OrderNumbersOutput, Action> {
    let first = OrderNumbersOutput::default();
    let previous = input.previous.as_ref().unwrap_or(&first);
    let blocked_until = previous.claims_blocked_until.clone().filter(|until| *until > today.to_string());
    let mut poll = Poll {
        input,
        previous,
        today,
        responses,
        budget: NUMBERS_PER_POLL,
        messages: Vec::new(),
        waits: Vec::new(),
        output: OrderNumbersOutput {
            attempt: previous.attempt + 1,
            claims_blocked_until: blocked_until,
            ..OrderNumbersOutput::default()
        },
    };
    if !input.phone_numbers.is_empty() {
        poll.numbers()?;
    }
    if input.telephony.outbound_to_japanese_mobiles {
        let topic = Topic::OutboundToJapaneseMobiles;
        let marker = marker(&input.alias, topic, &input.instance_arn, [], None);
        let text = CaseText::outbound(&marker, &input.instance_arn);
        poll.order(NewCase { topic, marker, text, documents: false }, false)?;
    }
    Ok(poll.finish())
}

/// The data of one poll.
struct Poll<'a> {
    input: &'a OrderNumbersInput,
    previous: &'a OrderNumbersOutput,
    today: Date,
    responses: &'a Responses,
    /// How many phone numbers this poll may still claim or configure.
    budget: usize,
    /// The notifications to send.
    messages: Vec<String>,
    /// The wait times, in seconds, of the pending phone numbers and Support cases. The next poll is made after the
    /// shortest wait time.
    waits: Vec<u64>,
    output: OrderNumbersOutput,
}

/// An entry of `phoneNumbers`, with the number of phone numbers that are still missing for it.
#[derive(Clone, Copy)]
struct Missing<'a> {
    index: usize,
    desired: &'a PhoneNumber,
    count: usize,
}

impl<'a> Poll<'a> {
    fn numbers(&mut self) -> Result<(), Action> {
        let desired_numbers = &self.input.phone_numbers;
        let held = self.responses.held.as_ref().ok_or(Action::ListNumbers)?;
        let mut missing = Vec::with_capacity(desired_numbers.len());
        for (index, allocated) in allocate(desired_numbers, held).iter().enumerate() {
            let desired = &desired_numbers[index];
            let existing = self.existing(index, allocated, held)?;
            missing.push(Missing { index, desired, count: (desired.quantity as usize).saturating_sub(existing) });
        }
        let (with_documents, others): (Vec<_>, Vec<_>) =
            missing.into_iter().partition(|missing| needs_documents(missing.desired));
        self.order_numbers(&with_documents)?;
        for missing in others {
            let ordered = self.previous_order(&self.marker(&[missing])).is_some();
            if missing.count == 0 || ordered || !self.claim(missing, held)? {
                self.order_numbers(&[missing])?;
            }
        }
        Ok(())
    }

    /// Configures the phone numbers that the instance already has, or is claiming, for one `phoneNumbers` entry of the
    /// input. Returns how many there are.
    fn existing(&mut self, index: usize, allocated: &[usize], held: &[NumberResult]) -> Result<usize, Action> {
        let adopted = self.input.previous.is_none();
        let known = |id: &str| self.previous.numbers.iter().find(|number| number.phone_number_id == id).cloned();
        let allocated = allocated
            .iter()
            .map(|place| &held[*place])
            .map(|number| known(&number.phone_number_id).unwrap_or_else(|| NumberResult { adopted, ..number.clone() }));
        // Connect does not list phone numbers that were claimed recently or that could not be claimed. These phone
        // numbers are taken from the output of the previous poll and added here.
        let unlisted = self.previous.numbers.iter().filter(|number| {
            number.desired_number == index && number.status != NumberStatus::Claimed && !is_listed(number, held)
        });
        let mut numbers: Vec<_> = allocated.chain(unlisted.cloned()).collect();
        for number in &mut numbers {
            number.desired_number = index;
            if number.status != NumberStatus::InProgress || self.budget == 0 {
                continue;
            }
            self.budget -= 1;
            let configured = self.responses.configured.get(&number.phone_number_id);
            let state = configured.ok_or_else(|| Action::Configure(Box::new(number.clone())))?.clone();
            (number.status, number.message) = state.unwrap_or_else(|| {
                let message = "the claim no longer exists; Connect no longer returns the number";
                (NumberStatus::Failed, Some(message.into()))
            });
        }
        let count = numbers.len();
        self.output.numbers.extend(numbers);
        Ok(count)
    }

    /// Claims missing phone numbers, or searches for phone numbers that the next poll can claim. Returns false if
    /// Connect's inventory has no suitable phone number.
    fn claim(&mut self, missing: Missing<'_>, held: &[NumberResult]) -> Result<bool, Action> {
        if self.output.claims_blocked_until.is_some() {
            self.report_blocked(missing, missing.count);
            return Ok(true);
        }
        let wanted = missing.count.min(self.room(held)?);
        if wanted < missing.count {
            self.report_low_quota(missing, missing.count - wanted);
        }
        if wanted == 0 {
            return Ok(true);
        }
        let offers = self.previous.offers.iter().filter(|offer| offer.desired_number == missing.index);
        let offers: Vec<&str> = offers.map(|offer| offer.phone_number.as_str()).collect();
        if offers.is_empty() {
            return self.search(missing, wanted);
        }
        let limit = wanted.min(self.budget);
        let claimed = self.claim_offers(missing, &offers, limit)?;
        if self.output.claims_blocked_until.is_some() {
            self.report_blocked(missing, missing.count - claimed);
        } else if claimed < wanted {
            // If more phone numbers are missing, the next poll searches for them.
            self.waits.push(backoff::claim(if claimed == limit { 0 } else { self.previous.attempt }));
        }
        Ok(true)
    }

    /// Claims at most `limit` of the offered phone numbers. Returns the number of claims that Connect has started or
    /// has rejected permanently.
    fn claim_offers(&mut self, missing: Missing<'_>, offers: &[&str], limit: usize) -> Result<usize, Action> {
        let mut claimed = 0;
        for phone_number in offers {
            if claimed == limit || self.output.claims_blocked_until.is_some() {
                break;
            }
            if self.output.numbers.iter().any(|number| number.phone_number == *phone_number) {
                continue;
            }
            self.budget = self.budget.saturating_sub(1);
            let number = NumberResult {
                phone_number: (*phone_number).into(),
                country: missing.desired.country.clone(),
                kind: type_name(missing.desired.kind).into(),
                desired_number: missing.index,
                ..NumberResult::default()
            };
            let token = || claim_token(&self.input.execution_id, &self.input.instance_arn, phone_number);
            let claim = || Action::Claim(Box::new(number.clone()), token());
            let number = match self.responses.claims.get(*phone_number).ok_or_else(claim)? {
                Claim::Started(id) => NumberResult { phone_number_id: id.clone(), ..number },
                Claim::Refused(message) => {
                    NumberResult { status: NumberStatus::Failed, message: Some(message.clone()), ..number }
                }
                Claim::Taken => continue,
                Claim::Blocked(_) => {
                    self.output.claims_blocked_until = Some((self.today + CLAIM_WINDOW).to_string());
                    continue;
                }
            };
            self.output.numbers.push(number);
            claimed += 1;
        }
        Ok(claimed)
    }

    /// Stores available phone numbers as offers for the next poll. Returns false if Connect's inventory has no suitable
    /// phone number.
    fn search(&mut self, missing: Missing<'_>, wanted: usize) -> Result<bool, Action> {
        let count = wanted.min(NUMBERS_PER_POLL) + SPARE_OFFERS + self.output.offers.len();
        let found = self.responses.searches.get(&missing.index).ok_or(Action::Search(missing.index, count))?;
        if found.is_empty() {
            return Ok(false);
        }
        let offers = &mut self.output.offers;
        for phone_number in found {
            if !offers.iter().any(|offer| offer.phone_number == *phone_number) {
                offers.push(Offer { desired_number: missing.index, phone_number: phone_number.clone() });
            }
        }
        self.waits.push(backoff::claim(0));
        Ok(true)
    }

    /// Returns how many additional phone numbers the quota allows. Connect would reject a claim that exceeds the quota,
    /// and even a rejected claim is counted in Connect's limit of claims for the account.
    fn room(&self, held: &[NumberResult]) -> Result<usize, Action> {
        let quota = self.responses.quota.ok_or(Action::ReadQuota)?;
        let claiming = |number: &&NumberResult| number.status == NumberStatus::InProgress && !is_listed(number, held);
        let used = held.len() + self.output.numbers.iter().filter(claiming).count();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a quota is a small whole number")]
        let quota = quota as usize;
        Ok(quota.saturating_sub(used))
    }

    fn report_blocked(&mut self, missing: Missing<'_>, count: usize) {
        let message = self.responses.claims.values().find_map(|claim| match claim {
            Claim::Blocked(message) => Some(message.as_str()),
            _ => None,
        });
        let until = self.output.claims_blocked_until.as_deref().unwrap_or_default();
        let item = open_items::claims_blocked(&missing.desired.country, count, until, message);
        self.output.open_items.push(item);
    }

    fn report_low_quota(&mut self, missing: Missing<'_>, count: usize) {
        let desired: u32 = self.input.phone_numbers.iter().map(|desired| desired.quantity).sum();
        let mut requests = self.input.quotas.iter().filter(|quota| quota.code == PHONE_NUMBERS_QUOTA);
        let requested = requests.any(|quota| quota.value >= f64::from(desired));
        if requested {
            self.waits.push(backoff::phone_numbers(self.previous.attempt));
        }
        self.output.open_items.push(open_items::low_quota(&missing.desired.country, count, requested));
    }

    fn marker(&self, ordered: &[Missing<'_>]) -> String {
        let OrderNumbersInput { alias, instance_arn, documents, .. } = self.input;
        let desired_numbers = ordered.iter().map(|missing| missing.desired);
        marker(alias, Topic::PhoneNumbers, instance_arn, desired_numbers, documents.as_ref())
    }

    fn previous_order(&self, marker: &str) -> Option<&'a CaseOrder> {
        self.previous.orders.iter().find(|order| order.marker == marker)
    }

    /// Orders the missing phone numbers of these entries with one Support case.
    fn order_numbers(&mut self, ordered: &[Missing<'_>]) -> Result<(), Action> {
        let marker = self.marker(ordered);
        if ordered.iter().all(|missing| missing.count == 0) {
            let done = |order: &CaseOrder| CaseOrder { status: OrderStatus::Done, message: None, ..order.clone() };
            self.output.orders.extend(self.previous_order(&marker).map(done));
            return Ok(());
        }
        let documents = self.input.documents.is_some() && ordered.iter().any(|item| needs_documents(item.desired));
        let items = order_items(ordered.iter().map(|missing| (missing.desired, missing.count)));
        let text = CaseText::order(&marker, &self.input.instance_arn, &items, documents);
        let tokyo = items.iter().any(OrderItem::is_tokyo);
        self.order(NewCase { topic: Topic::PhoneNumbers, marker, text, documents }, tokyo)
    }

    /// Updates the status of an order, and adds a notification if the operator must know about the update. `tokyo`
    /// states whether Tokyo phone numbers (03) are missing.
    fn order(&mut self, case: NewCase, tokyo: bool) -> Result<(), Action> {
        let mut order = self.previous_order(&case.marker).cloned().unwrap_or_default();
        order.topic = case.topic;
        order.marker.clone_from(&case.marker);
        order.polls += 1;
        if order.is_pending()
            && let Some(news) = self.follow(&mut order, case)?
        {
            let message = telephony_news(self.input.language, &order, news, tokyo);
            let digest = digest::of_parts([&message], 16);
            // A notification that equals the last notification about the order is not sent again.
            if order.notified != digest {
                order.notified = digest;
                self.messages.push(message);
            }
        }
        self.output.orders.push(order);
        Ok(())
    }

    /// Updates an order from its Support case, even if an operator or an earlier execution filed the case. If there is
    /// no case, files one, unless an operator must file it. Returns the event about which the operator must be
    /// notified.
    fn follow(&self, order: &mut CaseOrder, case: NewCase) -> Result<Option<News<'a>>, Action> {
        let find = || Action::FindCase(Box::new(order.clone()));
        let filed = match self.responses.cases.get(&case.marker).ok_or_else(find)? {
            FoundCase::Case(found) => return Ok(follow_case(order, found)),
            FoundCase::None | FoundCase::Unavailable if order.case_id.is_some() => return Ok(Some(unreadable(order))),
            FoundCase::None if !self.input.is_manual(order) => {
                let file = || Action::FileCase(Box::new(case.clone()));
                self.responses.filed.get(&case.marker).ok_or_else(file)?
            }
            FoundCase::None | FoundCase::Unavailable => &FiledCase::Unavailable,
        };
        let (status, message, news) = match filed {
            FiledCase::Case(case) => {
                order.case_id = Some(case.id.clone());
                order.display_id.clone_from(&case.display_id);
                (OrderStatus::Open, "filed with AWS Support".into(), Some(News::Filed))
            }
            FiledCase::Later(reason) => (OrderStatus::Open, reason.clone(), None),
            FiledCase::UnusableDocuments(problems) => {
                (OrderStatus::Refused, problems.join("; "), Some(News::Documents(problems)))
            }
            FiledCase::Unavailable => {
                // If an earlier poll stored a text, this text is kept, because an operator may already have filed a
                // Support case with this text.
                order.text.get_or_insert(case.text);
                let message =
                    "open the case manually: the Support API is not available, or telephony.order is \"manual\"";
                (OrderStatus::Manual, message.into(), Some(News::FileManually))
            }
        };
        order.status = status;
        order.message = Some(message);
        Ok(news)
    }

    fn finish(self) -> OrderNumbersOutput {
        let mut output = self.output;
        let mut waits = self.waits;
        if output.numbers.iter().any(|number| number.status == NumberStatus::InProgress) {
            waits.push(backoff::claim(self.previous.attempt));
        }
        for order in output.orders.iter().filter(|order| order.is_pending()) {
            let polls = if order.final_polls > 0 { order.final_polls } else { order.polls };
            waits.push(backoff::phone_numbers(polls.saturating_sub(1)));
        }
        output.open_items.extend(output.numbers.iter().filter_map(open_items::number));
        output.open_items.extend(output.orders.iter().filter_map(open_items::open_item));
        let wait = waits.into_iter().min();
        output.pending = wait.is_some() && output.attempt < backoff::LAST_NUMBER_POLL;
        output.wait_seconds = wait.unwrap_or_default();
        if wait.is_some() && !output.pending {
            output.open_items.push(open_items::end_of_polls());
        }
        output.notify = (!self.messages.is_empty()).then(|| Notification { message: self.messages.join("\n\n") });
        output
    }
}

/// Updates an order from its Support case.
fn follow_case<'a>(order: &mut CaseOrder, case: &'a SupportCase) -> Option<News<'a>> {
    order.case_id = Some(case.id.clone());
    order.display_id.clone_from(&case.display_id);
    order.case_status = Some(case.status.clone());
    if !case.awaits_reply() && !case.is_resolved() {
        order.final_polls = 0;
        order.status = OrderStatus::Open;
        order.message = Some(format!("AWS Support is processing the case ({})", case.status));
        // An earlier attempt of this step may have filed the case and failed before it sent the notification.
        return order.notified.is_empty().then_some(News::Filed);
    }
    let Some(newest) = &case.newest_message else { return Some(unreadable(order)) };
    let (status, message, news) = if case.awaits_reply() {
        (OrderStatus::CustomerAction, format!("AWS Support asks: {newest}"), Some(News::Asked(newest)))
    } else if order.topic == Topic::OutboundToJapaneseMobiles {
        (OrderStatus::Done, format!("the case is resolved: {newest}"), None)
    } else if order.final_polls < POLLS_AFTER_RESOLUTION {
        order.final_polls += 1;
        (OrderStatus::Open, "the case is resolved, but not all numbers are visible yet".into(), None)
    } else {
        let message = format!("the case is resolved, but some numbers are missing. Message from AWS Support: {newest}");
        (OrderStatus::Refused, message, Some(News::Closed(newest)))
    };
    order.status = status;
    order.message = Some(message);
    news
}

/// Marks an order whose Support case exists but can't be read. The step never files another case for this order.
fn unreadable(order: &mut CaseOrder) -> News<'static> {
    order.status = OrderStatus::Unreadable;
    let why = "possibly the account can no longer use the Support API";
    order.message = Some(format!("the case is filed, but the workflow can't read it; {why}"));
    News::Unreadable
}

fn is_listed(number: &NumberResult, held: &[NumberResult]) -> bool {
    held.iter().any(|held| held.phone_number_id == number.phone_number_id)
}
