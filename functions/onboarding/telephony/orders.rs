//! Orders of phone numbers. An order is an AWS Support case, or the text of a case that the operator must file.

use onboarding_core::{
    StepError, StepErrorKind, backoff, digest,
    messages::{News, telephony_news},
    onboarding::{Documents, NumberOrder, PhoneNumber},
    telephony::{CaseOrder, CaseText, OrderStatus, Topic, lines, marker, needs_documents, open_item},
};

use super::{
    documents::{self, Fetched},
    poll::Look,
    support::{self, Case, Filed, Trouble},
};

/// Number of polls, after a case was resolved, within which the instance must have the ordered numbers. The waits
/// between these polls add up to about a day.
const LOOKS_AFTER_RESOLUTION: u32 = 11;

/// A support case that must be filed.
pub(crate) struct Wanted<'a> {
    pub(crate) topic: Topic,
    pub(crate) marker: String,
    pub(crate) text: CaseText,
    pub(crate) documents: Option<&'a Documents>,
    /// Whether numbers with the area code 03 are missing.
    pub(crate) tokyo: bool,
    /// Whether the instance already has all numbers that the case requests.
    pub(crate) met: bool,
}

impl<'a> Look<'a> {
    pub(crate) fn marker(&self, wishes: &[&PhoneNumber]) -> String {
        let documents = self.input.documents.as_ref().filter(|_| wishes.iter().any(|wish| needs_documents(wish)));
        marker(&self.input.alias, Topic::PhoneNumbers, &self.input.instance_arn, wishes.iter().copied(), documents)
    }

    /// Orders the missing phone numbers. Each item is a desired number, with the count of phone numbers that are still
    /// missing for it.
    pub(crate) async fn order_numbers(&mut self, wishes: Vec<(&'a PhoneNumber, u32)>) -> Result<(), StepError> {
        let all: Vec<&PhoneNumber> = wishes.iter().map(|(wish, _)| *wish).collect();
        let marker = self.marker(&all);
        let documents = self.input.documents.as_ref().filter(|_| all.iter().any(|wish| needs_documents(wish)));
        let met = wishes.iter().all(|(_, missing)| *missing == 0);
        if met && !self.previous.orders.iter().any(|order| order.marker == marker) {
            return Ok(());
        }
        let tokyo = wishes
            .iter()
            .any(|(wish, missing)| *missing > 0 && wish.prefix.as_deref().is_some_and(|it| it.starts_with("+813")));
        let text = CaseText::order(&marker, &self.input.instance_arn, &lines(wishes), documents.is_some());
        self.order(Wanted { topic: Topic::PhoneNumbers, marker, text, documents, tokyo, met }).await
    }

    /// Polls one phone number order.
    pub(crate) async fn order(&mut self, wanted: Wanted<'_>) -> Result<(), StepError> {
        let known = self.previous.orders.iter().find(|order| order.marker == wanted.marker).cloned();
        let mut order = known.unwrap_or_else(|| CaseOrder {
            topic: wanted.topic,
            marker: wanted.marker.clone(),
            ..Default::default()
        });
        order.looks += 1;
        if wanted.met {
            order.status = OrderStatus::Done;
            order.message = None;
        } else if order.is_pending() {
            match self.case(&mut order, &wanted).await {
                Ok(true) => {}
                // The case was filed earlier. Without a support plan, AWS still processes the case, but this step can't
                // read its status any more.
                Err(Trouble::NoPlan) if order.case_id.is_some() => self.unreadable(&mut order, wanted.tokyo),
                Ok(false) | Err(Trouble::NoPlan) => self.by_hand(&mut order, wanted),
                // If operators file the cases manually, the account may deny the functions access to the Support API.
                Err(Trouble::Step(error)) if self.is_manual(&order) && error.kind == StepErrorKind::AccessDenied => {
                    self.by_hand(&mut order, wanted);
                }
                Err(Trouble::Step(error)) => return Err(error),
            }
        }
        if order.is_pending() {
            let looks = if order.final_looks > 0 { order.final_looks } else { order.looks };
            self.waits.push(backoff::phone_numbers(looks - 1));
        }
        self.items.extend(open_item(&order));
        self.orders.push(order);
        Ok(())
    }

    fn is_manual(&self, order: &CaseOrder) -> bool {
        order.status == OrderStatus::Manual || self.input.telephony.order == NumberOrder::Manual
    }

    /// Finds the case, even if an operator or an earlier execution filed it, and updates the order from the case. If
    /// there is no case, files one. Returns false if the operator must file the case.
    async fn case(&mut self, order: &mut CaseOrder, wanted: &Wanted<'_>) -> Result<bool, Trouble> {
        let language = self.input.language;
        let mut case = match &order.case_id {
            Some(id) => support::by_id(self.ctx, id, language).await?,
            None => None,
        };
        if case.is_none() {
            case = support::find(self.ctx, &wanted.marker, language).await?;
        }
        match case {
            Some(case) => self.follow(order, wanted, case).await?,
            None if self.is_manual(order) => return Ok(false),
            None => self.file(order, wanted).await?,
        }
        Ok(true)
    }

    async fn file(&mut self, order: &mut CaseOrder, wanted: &Wanted<'_>) -> Result<(), Trouble> {
        let documents = match wanted.documents {
            None => Vec::new(),
            Some(named) => match documents::fetch(self.ctx, named).await? {
                Fetched::Ready(documents) => documents,
                Fetched::Unusable(problems) => {
                    order.status = OrderStatus::Refused;
                    order.message = Some(problems.join("; "));
                    self.tell(order, News::Documents(&problems), wanted.tokyo);
                    return Ok(());
                }
            },
        };
        match support::file(self.ctx, wanted.topic, &wanted.text, self.input.language, &documents).await? {
            Filed::Case(id) => {
                // The case is read only to get the case ID shown in Support Center. A failed read is ignored, because
                // the case is already filed.
                let read = support::by_id(self.ctx, &id, self.input.language).await;
                order.display_id = read.ok().flatten().and_then(|case| case.display_id);
                order.case_id = Some(id);
                order.message = Some("filed with AWS Support".into());
                self.tell(order, News::Filed, wanted.tokyo);
            }
            Filed::Later(reason) => order.message = Some(reason),
            Filed::NoCategory => return Err(Trouble::NoPlan),
        }
        Ok(())
    }

    async fn follow(&mut self, order: &mut CaseOrder, wanted: &Wanted<'_>, case: Case) -> Result<(), Trouble> {
        order.case_id = Some(case.id.clone());
        order.display_id = case.display_id.clone();
        order.case_status = Some(case.status.clone());
        if case.status == "pending-customer-action" {
            let message = support::last_message(self.ctx, &case.id).await?;
            order.status = OrderStatus::CustomerAction;
            order.message = Some(format!("AWS Support asks: {message}"));
            self.tell(order, News::Asked(&message), wanted.tokyo);
        } else if !case.is_resolved() {
            order.status = OrderStatus::Open;
            order.final_looks = 0;
            order.message = Some(format!("AWS Support is processing the case ({})", case.status));
            // The attempt that filed the case may have failed before the notification was sent.
            if order.notified.is_empty() {
                self.tell(order, News::Filed, wanted.tokyo);
            }
        } else if wanted.topic == Topic::OutboundToJapaneseMobiles {
            order.status = OrderStatus::Done;
            order.message = Some(format!("the case is resolved: {}", support::last_message(self.ctx, &case.id).await?));
        } else if order.final_looks < LOOKS_AFTER_RESOLUTION {
            order.status = OrderStatus::Open;
            order.final_looks += 1;
            order.message = Some("the case is resolved, but not all numbers are visible yet".into());
        } else {
            let message = support::last_message(self.ctx, &case.id).await?;
            order.status = OrderStatus::Refused;
            order.message = Some(format!(
                "the case is resolved, but some numbers are missing. Message from AWS Support: {message}"
            ));
            self.tell(order, News::Closed(&message), wanted.tokyo);
        }
        Ok(())
    }

    fn unreadable(&mut self, order: &mut CaseOrder, tokyo: bool) {
        order.status = OrderStatus::Unreadable;
        order.message = Some(
            "the case is open, but the account's support plan no longer allows reading it through the Support API"
                .into(),
        );
        self.tell(order, News::Unreadable, tokyo);
    }

    fn by_hand(&mut self, order: &mut CaseOrder, wanted: Wanted<'_>) {
        order.status = OrderStatus::Manual;
        order.message =
            Some("open the case manually: the Support API is not available, or telephony.order is \"manual\"".into());
        // The text of the first poll is kept, because the operator may already have used it.
        let text = order.text.get_or_insert(wanted.text).clone();
        self.tell(order, News::FileManually(&text), wanted.tokyo);
    }

    /// Adds a notification unless it is equal to the last notification of this order.
    fn tell(&mut self, order: &mut CaseOrder, news: News<'_>, tokyo: bool) {
        let message = telephony_news(self.input.language, order, news, tokyo);
        let digest = digest::of_parts([&message], 16);
        if order.notified != digest {
            order.notified = digest;
            self.messages.push(message);
        }
    }
}
