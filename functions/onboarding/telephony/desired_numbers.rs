//! The phone numbers that the input requests: numbers that the instance has, numbers that are being claimed, and
//! numbers to claim.

use onboarding_core::{
    StepError, backoff,
    contract::OpenItem,
    onboarding::{PHONE_NUMBERS_QUOTA, PhoneNumber},
    telephony::{HeldNumber, NumberResult, NumberStatus, Offer, allocate, claim_token, needs_documents, type_name},
};
use time::OffsetDateTime;

use super::{
    numbers::{self, Claim},
    poll::{Look, NUMBERS_A_LOOK},
};
use crate::aws::{phone_numbers, quotas};

/// AWS's default quota of phone numbers (Amazon Connect service quotas). Used if Service Quotas returns no value.
const DEFAULT_QUOTA: f64 = 5.0;
/// Number of additional results that a search requests.
const SPARE_OFFERS: usize = 3;
/// The rolling window in which Connect limits how many phone numbers an account claims and releases (API reference,
/// `ClaimPhoneNumber`).
const CLAIM_WINDOW_DAYS: i64 = 180;

impl Look<'_> {
    pub(crate) async fn numbers(&mut self) -> Result<(), StepError> {
        let wishes = &self.input.phone_numbers;
        let held = phone_numbers::held(self.ctx.connect(), &self.input.instance_arn).await?;
        let met = allocate(wishes, &held);
        let mut missing = Vec::with_capacity(wishes.len());
        for (place, wish) in wishes.iter().enumerate() {
            missing.push(self.existing(place, wish, &met[place], &held).await?);
        }
        if wishes.iter().any(needs_documents) {
            let ordered = || wishes.iter().zip(&missing).filter(|(wish, _)| needs_documents(wish));
            self.order_numbers(ordered().map(|(wish, missing)| (wish, *missing)).collect()).await?;
        }
        for (place, wish) in wishes.iter().enumerate().filter(|(_, wish)| !needs_documents(wish)) {
            let ordered_before = self.previous.orders.iter().any(|order| order.marker == self.marker(&[wish]));
            if missing[place] == 0 && !ordered_before {
                continue;
            }
            // A number that was already ordered is never claimed, even if Connect's inventory offers such numbers
            // later.
            if ordered_before || !self.claim(place, wish, missing[place], &held).await? {
                self.order_numbers(vec![(wish, missing[place])]).await?;
            }
        }
        Ok(())
    }

    /// Adds the existing and claimed phone numbers of a desired number to the result; returns how many are still
    /// missing.
    async fn existing(
        &mut self,
        place: usize,
        wish: &PhoneNumber,
        met: &[usize],
        held: &[HeldNumber],
    ) -> Result<u32, StepError> {
        let known = |id: &str| self.previous.numbers.iter().find(|number| number.phone_number_id == id);
        let mut found: Vec<NumberResult> = Vec::new();
        for number in met.iter().map(|index| &held[*index]) {
            found.push(known(&number.id).cloned().unwrap_or_else(|| NumberResult {
                phone_number: number.phone.clone(),
                phone_number_id: number.id.clone(),
                country: number.country.clone(),
                kind: number.kind.clone(),
                adopted: self.input.previous.is_none(),
                ..Default::default()
            }));
        }
        // Connect's list omits phone numbers that were claimed recently or could not be claimed, so these are added.
        let listed = |id: &str| held.iter().any(|number| number.id == id);
        let others = self.previous.numbers.iter().filter(|number| {
            number.wish == place && number.status != NumberStatus::Claimed && !listed(&number.phone_number_id)
        });
        found.extend(others.cloned());
        let mut here = 0;
        for mut number in found {
            number.wish = place;
            if number.status == NumberStatus::InProgress {
                self.advance(wish, &mut number).await?;
            }
            here += 1;
            self.note(number);
        }
        Ok(wish.quantity.saturating_sub(here))
    }

    /// Reads a number that is not configured yet, and configures it.
    async fn advance(&mut self, wish: &PhoneNumber, number: &mut NumberResult) -> Result<(), StepError> {
        if self.budget == 0 {
            return Ok(());
        }
        self.budget -= 1;
        let Some(described) = numbers::describe(self.ctx, &number.phone_number_id).await? else {
            number.status = NumberStatus::Failed;
            number.message = Some("the claim no longer exists; Connect does not return the number any more".into());
            return Ok(());
        };
        if described.status == NumberStatus::Claimed {
            number.message = numbers::configure(self.ctx, self.instance(), wish, &described, !number.adopted).await?;
        } else {
            number.message = described.message;
        }
        number.status = described.status;
        Ok(())
    }

    /// Adds a phone number to the result of the step.
    pub(crate) fn note(&mut self, number: NumberResult) {
        let subject = format!("phone number {}", number.phone_number);
        let said = number.message.clone();
        match number.status {
            NumberStatus::InProgress => self.waits.push(backoff::claim(self.previous.attempt)),
            NumberStatus::Claimed => {
                self.items.extend(said.map(|problem| {
                    OpenItem::new(
                        subject,
                        problem,
                        "Create the flow or correct its name, then start the same input again.",
                    )
                }));
            }
            NumberStatus::Failed => self.items.push(OpenItem::new(
                subject,
                format!("the claim failed: {}", said.as_deref().unwrap_or("Connect gives no reason")),
                "Start the same input again to try another number. If the message names a limit, request an increase \
                 with quotas.phoneNumbers or contact AWS Support.",
            )),
        }
        self.numbers.push(number);
    }

    /// Claims the missing phone numbers of a desired number; returns whether Connect's inventory has suitable numbers.
    ///
    /// A poll claims only numbers that the previous poll found and stored in the state of the execution. If the poll is
    /// repeated after a crash, it claims the same numbers with the same tokens, so no number is claimed twice.
    async fn claim(
        &mut self,
        place: usize,
        wish: &PhoneNumber,
        missing: u32,
        held: &[HeldNumber],
    ) -> Result<bool, StepError> {
        let mut wanted = usize::try_from(missing).unwrap_or(usize::MAX);
        if self.blocked_until.as_deref().is_some_and(|until| until > day(0).as_str()) {
            self.blocked(wish, missing);
            return Ok(true);
        }
        let room = self.room(held).await?;
        if room < wanted {
            self.no_room(wish, wanted - room);
            wanted = room;
            if wanted == 0 {
                return Ok(true);
            }
        }
        let previous = self.previous;
        let offered = previous.offers.iter().filter(|offer| offer.wish == place);
        let offered: Vec<&str> = offered.map(|offer| offer.phone_number.as_str()).collect();
        if offered.is_empty() {
            return self.find_offers(place, wish, wanted).await;
        }
        let count = wanted.min(self.budget);
        let mut begun = 0;
        for phone in offered {
            if begun == count || self.blocked_until.is_some() {
                break;
            }
            if !self.numbers.iter().any(|number| number.phone_number == phone) {
                begun += usize::from(self.claim_one(place, wish, phone).await?);
            }
        }
        if self.blocked_until.is_some() {
            self.blocked(wish, missing.saturating_sub(u32::try_from(begun).unwrap_or(u32::MAX)));
        } else if begun < wanted {
            // The next polls search for numbers that are still missing.
            self.waits.push(backoff::claim(if begun == count { 0 } else { self.previous.attempt }));
        }
        Ok(true)
    }

    /// Claims one phone number; returns true if Connect started to claim it or refused permanently.
    async fn claim_one(&mut self, place: usize, wish: &PhoneNumber, phone: &str) -> Result<bool, StepError> {
        let number = NumberResult {
            phone_number: phone.to_owned(),
            country: wish.country.clone(),
            kind: type_name(wish.kind).into(),
            wish: place,
            ..Default::default()
        };
        self.budget = self.budget.saturating_sub(1);
        let token = claim_token(&self.input.execution_id, &self.input.instance_arn, phone);
        match numbers::claim(self.ctx, self.instance(), wish, phone, token).await? {
            Claim::Begun(id) => self.note(NumberResult { phone_number_id: id, ..number }),
            // An earlier attempt of this step may have claimed the number, so the instance's numbers are listed.
            Claim::Taken => match phone_numbers::held(self.ctx.connect(), &self.input.instance_arn).await? {
                held if held.iter().any(|held| held.phone == phone) => {
                    let id = held.into_iter().find(|held| held.phone == phone).map(|held| held.id);
                    self.note(NumberResult { phone_number_id: id.unwrap_or_default(), ..number });
                }
                _ => return Ok(false),
            },
            Claim::Blocked(message) => {
                self.blocked_until = Some(day(CLAIM_WINDOW_DAYS));
                self.claim_refusals.push(message);
                return Ok(false);
            }
            Claim::Refused(message) => {
                self.note(NumberResult { status: NumberStatus::Failed, message: Some(message), ..number });
            }
        }
        Ok(true)
    }

    /// Finds numbers for the next poll to claim; returns whether Connect's inventory has suitable numbers.
    async fn find_offers(&mut self, place: usize, wish: &PhoneNumber, wanted: usize) -> Result<bool, StepError> {
        // The search requests some additional numbers, because another customer may claim a number first.
        let count = wanted.min(NUMBERS_A_LOOK) + SPARE_OFFERS;
        let search = numbers::search(self.ctx, &self.input.instance_arn, wish, count + self.offers.len()).await?;
        if search.is_empty() {
            return Ok(false);
        }
        for phone_number in search {
            if !self.offers.iter().any(|offer| offer.phone_number == phone_number) {
                self.offers.push(Offer { wish: place, phone_number });
            }
        }
        self.waits.push(backoff::claim(0));
        Ok(true)
    }

    /// Returns how many more numbers the quota allows. Connect would refuse a claim above the quota, and a refused
    /// claim also counts toward Connect's limit of claims for the account.
    async fn room(&self, held: &[HeldNumber]) -> Result<usize, StepError> {
        let instance = Some(self.input.instance_arn.as_str());
        let value = quotas::in_force(self.ctx.quotas(), PHONE_NUMBERS_QUOTA, instance).await?.unwrap_or(DEFAULT_QUOTA);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a quota is a small whole number")]
        let value = value.max(0.0) as usize;
        let listed = |number: &NumberResult| held.iter().any(|held| held.id == number.phone_number_id);
        let begun = |number: &&NumberResult| number.status == NumberStatus::InProgress && !listed(number);
        Ok(value.saturating_sub(held.len() + self.numbers.iter().filter(begun).count()))
    }

    /// Adds an open item with the reason why Connect refuses to claim phone numbers, and the date of the next attempt.
    fn blocked(&mut self, wish: &PhoneNumber, missing: u32) {
        let until = self.blocked_until.clone().unwrap_or_default();
        let message = self
            .claim_refusals
            .last()
            .map_or_else(String::new, |message| format!(". The error from Amazon Connect: {message}"));
        self.items.push(OpenItem::new(
            "phone numbers",
            format!(
                "{missing} numbers of {} are not claimed. Amazon Connect limits claims and releases of phone numbers to 200 % \
                 of their quota within 180 days, and this account has reached the limit. Claims are possible again when the \
                 oldest release is 180 days ago: on {until} at the latest, unless numbers are released until then{message}",
                wish.country
            ),
            "Start the same input again on that day, or ask AWS Support for an exception (Amazon Connect) to claim earlier.",
        ));
    }

    fn no_room(&mut self, wish: &PhoneNumber, short: usize) {
        let what = format!("{short} numbers of {} exceed the instance's phoneNumbers quota", wish.country);
        let asked = self.input.quotas.iter().find(|quota| quota.code == PHONE_NUMBERS_QUOTA);
        let wished: u32 = self.input.phone_numbers.iter().map(|wish| wish.quantity).sum();
        let action = if asked.is_some_and(|quota| quota.value >= f64::from(wished)) {
            self.waits.push(backoff::phone_numbers(self.previous.attempt));
            "None: the increase is requested, and the numbers are claimed after AWS has approved it."
        } else {
            "Request an increase with quotas.phoneNumbers in the input, then start the input again."
        };
        self.items.push(OpenItem::new("phone numbers", what, action));
    }
}

/// Returns the date this number of days from now, as YYYY-MM-DD.
fn day(days: i64) -> String {
    (OffsetDateTime::now_utc().date() + time::Duration::days(days)).to_string()
}
