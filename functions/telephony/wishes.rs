//! The numbers of the input's wishes: which are there, which are on their way, which can be claimed.

use onboarding_core::{
    StepError, backoff,
    contract::OpenItem,
    onboarding::{PHONE_NUMBERS_QUOTA, PhoneNumber},
    telephony::{HeldNumber, NumberResult, NumberStatus, allocate, needs_documents, type_name},
};

use super::{
    look::{Look, hex},
    numbers::{self, Claim},
};
use crate::quota;

/// AWS's default of the quota of phone numbers (Amazon Connect service quotas), if Service Quotas does not know it.
const DEFAULT_QUOTA: f64 = 5.0;

impl Look<'_> {
    pub(crate) async fn numbers(&mut self) -> Result<(), StepError> {
        let wishes = &self.input.phone_numbers;
        let held = numbers::held(self.cx, &self.input.instance_arn).await?;
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
            // An order stays an order, whatever the inventory offers later.
            if ordered_before || !self.claim(place, wish, missing[place], held.len()).await? {
                self.order_numbers(vec![(wish, missing[place])]).await?;
            }
        }
        Ok(())
    }

    /// Takes in the numbers of a wish that are there or on their way; gives how many are missing.
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
        // Claims that the list does not show: the young and the failed.
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

    /// Looks at a number that is not set up yet, and sets it up.
    async fn advance(&mut self, wish: &PhoneNumber, number: &mut NumberResult) -> Result<(), StepError> {
        if self.budget == 0 {
            return Ok(());
        }
        self.budget -= 1;
        let Some(described) = numbers::describe(self.cx, &number.phone_number_id).await? else {
            number.status = NumberStatus::Failed;
            number.message = Some("the claim vanished; Connect does not know the number any more".into());
            return Ok(());
        };
        if described.status == NumberStatus::Claimed {
            number.message = numbers::configure(self.cx, self.instance(), wish, &described, !number.adopted).await?;
        } else {
            number.message = described.message;
        }
        number.status = described.status;
        Ok(())
    }

    /// Takes a number into the result.
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
                        "Make the flow or correct its name, then start the same input again.",
                    )
                }));
            }
            NumberStatus::Failed => self.items.push(OpenItem::new(
                subject,
                format!("the claim failed: {}", said.as_deref().unwrap_or("Connect does not say why")),
                "Start the same input again to try another number; if the message speaks of a limit, ask for more with \
                 quotas.phoneNumbers or talk to AWS Support.",
            )),
        }
        self.numbers.push(number);
    }

    /// Claims what is missing of a wish; says whether the inventory had anything to claim.
    async fn claim(&mut self, place: usize, wish: &PhoneNumber, missing: u32, held: usize) -> Result<bool, StepError> {
        let mut wanted = usize::try_from(missing).unwrap_or(usize::MAX);
        let room = self.room(held).await?;
        if room < wanted {
            self.no_room(wish, wanted - room);
            wanted = room;
            if wanted == 0 {
                return Ok(true);
            }
        }
        let count = wanted.min(self.budget);
        if count < wanted {
            self.waits.push(backoff::claim(0));
        }
        if count == 0 {
            return Ok(true);
        }
        // A few more than needed: somebody else may be faster.
        let offered = numbers::search(self.cx, &self.input.instance_arn, wish, count + 3).await?;
        if offered.is_empty() {
            return Ok(false);
        }
        let mut begun = 0;
        for phone in offered {
            if begun == count {
                break;
            }
            let place_of_claim = self.numbers.iter().filter(|number| number.wish == place).count();
            let number = NumberResult {
                phone_number: phone.clone(),
                country: wish.country.clone(),
                kind: type_name(wish.kind).into(),
                wish: place,
                ..Default::default()
            };
            self.budget = self.budget.saturating_sub(1);
            match numbers::claim(self.cx, self.instance(), wish, &phone, self.token(place, place_of_claim)).await? {
                Claim::Begun(id) => self.note(NumberResult { phone_number_id: id, ..number }),
                Claim::Later => continue,
                Claim::Refused(message) => {
                    self.note(NumberResult { status: NumberStatus::Failed, message: Some(message), ..number });
                }
            }
            begun += 1;
        }
        if begun < count {
            self.waits.push(backoff::claim(self.previous.attempt));
        }
        Ok(true)
    }

    /// How many more numbers the instance takes. A claim beyond it would fail, and failed claims count against the account.
    async fn room(&self, held: usize) -> Result<usize, StepError> {
        let instance = Some(self.input.instance_arn.as_str());
        let value = quota::in_force(self.cx.quotas(), PHONE_NUMBERS_QUOTA, instance).await?.unwrap_or(DEFAULT_QUOTA);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a quota is a small whole number")]
        let value = value.max(0.0) as usize;
        let begun =
            self.numbers.iter().filter(|number| number.status == NumberStatus::InProgress && !number.adopted).count();
        Ok(value.saturating_sub(held.max(begun)))
    }

    fn no_room(&mut self, wish: &PhoneNumber, short: usize) {
        let what = format!("{short} numbers of {} do not fit into the instance's phoneNumbers quota", wish.country);
        let asked = self.input.quotas.iter().find(|quota| quota.code == PHONE_NUMBERS_QUOTA);
        let wished: u32 = self.input.phone_numbers.iter().map(|wish| wish.quantity).sum();
        let action = if asked.is_some_and(|quota| quota.value >= f64::from(wished)) {
            self.waits.push(backoff::phone_numbers(self.previous.attempt));
            "Nothing: the increase is asked for, and the numbers are claimed after the grant."
        } else {
            "Ask for more with quotas.phoneNumbers in the input, then start it again."
        };
        self.items.push(OpenItem::new("phone numbers", what, action));
    }

    /// The same for every repetition of the claim of a wish's `n`th number in this execution.
    fn token(&self, place: usize, n: usize) -> String {
        hex(&[&self.input.execution_id, &self.input.instance_arn, &place.to_string(), &n.to_string()])
    }
}
