//! Tests of the decisions of a poll. Each test specifies the responses and checks the resulting decisions.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use time::Month;

use super::*;
use crate::onboarding::{Documents, Language, NumberOrder, PhoneNumberType, Quota, Telephony};

fn today() -> Date {
    Date::from_calendar_date(2026, Month::November, 30).unwrap()
}

fn america(quantity: u32) -> PhoneNumber {
    PhoneNumber {
        country: "US".into(),
        kind: PhoneNumberType::Did,
        prefix: None,
        quantity,
        description: None,
        contact_flow: None,
    }
}

fn japan(quantity: u32) -> PhoneNumber {
    PhoneNumber { country: "JP".into(), prefix: Some("+813".into()), ..america(quantity) }
}

fn input(phone_numbers: impl Into<Vec<PhoneNumber>>) -> OrderNumbersInput {
    OrderNumbersInput {
        alias: "acme".into(),
        instance_arn: "arn".into(),
        execution_id: "execution".into(),
        phone_numbers: phone_numbers.into(),
        documents: Some(Documents { identity: "i".into(), address: "a".into(), relationship: "r".into() }),
        telephony: Telephony::default(),
        quotas: Vec::new(),
        starter_flow: None,
        language: Language::En,
        previous: None,
    }
}

fn after(previous: OrderNumbersOutput, input: OrderNumbersInput) -> OrderNumbersInput {
    OrderNumbersInput { previous: Some(previous), ..input }
}

/// A phone number of the instance.
fn number(country: &str, phone_number: &str) -> NumberResult {
    NumberResult {
        phone_number: phone_number.into(),
        phone_number_id: format!("id of {phone_number}"),
        country: country.into(),
        kind: "DID".into(),
        ..NumberResult::default()
    }
}

fn case(status: &str, newest_message: Option<&str>) -> FoundCase {
    FoundCase::Case(SupportCase {
        id: "case-1".into(),
        display_id: Some("1700000001".into()),
        status: status.into(),
        newest_message: newest_message.map(Into::into),
    })
}

/// The responses that the emulated AWS returns.
#[derive(Clone)]
struct Cloud {
    held: Vec<NumberResult>,
    configured: Option<(NumberStatus, Option<String>)>,
    quota: f64,
    inventory: Vec<String>,
    claim: Claim,
    found: FoundCase,
    filed: FiledCase,
}

impl Default for Cloud {
    fn default() -> Self {
        Self {
            held: Vec::new(),
            configured: Some((NumberStatus::Claimed, None)),
            quota: 100.0,
            inventory: (0..20).map(|digits| format!("+12065550{digits:03}")).collect(),
            claim: Claim::Started("claimed".into()),
            found: FoundCase::None,
            filed: FiledCase::Case(SupportCase { id: "case-1".into(), ..SupportCase::default() }),
        }
    }
}

impl Cloud {
    /// Polls once. Returns the actions and the output.
    fn poll(&self, input: &OrderNumbersInput) -> (Vec<Action>, OrderNumbersOutput) {
        let (mut actions, mut responses) = (Vec::new(), Responses::default());
        loop {
            let action = match poll(input, today(), &responses) {
                Ok(output) => return (actions, output),
                Err(action) => action,
            };
            assert!(!actions.contains(&action), "repeated: {action:?}");
            actions.push(action.clone());
            match action {
                Action::ListNumbers => responses.held = Some(self.held.clone()),
                Action::Configure(number) => {
                    responses.configured.insert(number.phone_number_id, self.configured.clone());
                }
                Action::ReadQuota => responses.quota = Some(self.quota),
                Action::Search(index, count) => {
                    responses.searches.insert(index, self.inventory.iter().take(count).cloned().collect());
                }
                Action::Claim(number, _) => {
                    responses.claims.insert(number.phone_number, self.claim.clone());
                }
                Action::FindCase(order) => {
                    responses.cases.insert(order.marker, self.found.clone());
                }
                Action::FileCase(case) => {
                    responses.filed.insert(case.marker, self.filed.clone());
                }
            }
        }
    }

    fn output(&self, input: &OrderNumbersInput) -> OrderNumbersOutput {
        self.poll(input).1
    }
}

fn claimed_numbers(actions: &[Action]) -> Vec<&str> {
    let claims = actions.iter().filter_map(|action| match action {
        Action::Claim(number, _) => Some(number.phone_number.as_str()),
        _ => None,
    });
    claims.collect()
}

fn files(actions: &[Action]) -> bool {
    actions.iter().any(|action| matches!(action, Action::FileCase(_)))
}

#[test]
fn a_poll_claims_only_numbers_that_the_previous_poll_stored() {
    let cloud = Cloud::default();
    let (actions, found) = cloud.poll(&input([america(1)]));
    assert_eq!(actions, [Action::ListNumbers, Action::ReadQuota, Action::Search(0, 1 + SPARE_OFFERS)]);
    assert_eq!((found.offers.len(), found.numbers.len(), found.wait_seconds), (4, 0, 5));

    let second = after(found, input([america(1)]));
    let (actions, output) = cloud.poll(&second);
    assert_eq!(claimed_numbers(&actions), ["+12065550000"]);
    let token = claim_token("execution", "arn", "+12065550000");
    assert!(matches!(actions.last(), Some(Action::Claim(_, sent)) if *sent == token), "{actions:?}");
    assert_eq!((output.numbers[0].phone_number_id.as_str(), output.offers.len()), ("claimed", 0));
    // A repeated poll claims the same phone number with the same token, even if the inventory has changed.
    let repeated = Cloud { inventory: vec!["+12065559999".into()], ..cloud };
    assert_eq!(repeated.poll(&second).0, actions);
}

#[test]
fn each_response_to_a_claim_has_its_result() {
    let offered = after(Cloud::default().output(&input([america(1)])), input([america(1)]));
    let window_end = "2027-05-29";
    for (claim, claims, status, wait, open_item) in [
        (Claim::Started("id".into()), 1, Some(NumberStatus::InProgress), Some(5), None),
        (Claim::Taken, 4, None, Some(5), None),
        (Claim::Refused("not allowed".into()), 1, Some(NumberStatus::Failed), None, Some("not allowed")),
        (Claim::Blocked("the limit".into()), 1, None, None, Some("the limit")),
    ] {
        let cloud = Cloud { claim: claim.clone(), ..Cloud::default() };
        let (actions, output) = cloud.poll(&offered);
        assert_eq!(claimed_numbers(&actions).len(), claims, "{claim:?}");
        assert_eq!(output.numbers.first().map(|number| number.status), status, "{claim:?}");
        assert_eq!(output.pending.then_some(output.wait_seconds), wait, "{claim:?}");
        let items: Vec<&str> = output.open_items.iter().map(|item| item.what.as_str()).collect();
        assert_eq!(items.len(), usize::from(open_item.is_some()), "{claim:?}: {items:?}");
        assert!(open_item.is_none_or(|part| items[0].contains(part)), "{claim:?}: {items:?}");
        let blocked = matches!(claim, Claim::Blocked(_));
        assert_eq!(output.claims_blocked_until, blocked.then(|| window_end.into()), "{claim:?}");
    }
}

#[test]
fn no_number_is_claimed_until_the_day_on_which_connect_accepts_claims_again() {
    for (until, claims) in [("2026-12-01", 0), ("2026-11-30", 1), ("2026-11-29", 1)] {
        let mut offered = Cloud::default().output(&input([america(1)]));
        offered.claims_blocked_until = Some(until.into());
        let (actions, output) = Cloud::default().poll(&after(offered, input([america(1)])));
        assert_eq!(claimed_numbers(&actions).len(), claims, "{until}");
        assert_eq!(output.claims_blocked_until.is_some(), claims == 0, "{until}");
        assert_eq!(output.open_items.len(), 1 - claims, "{until}: {:?}", output.open_items);
    }
}

#[test]
fn numbers_are_claimed_up_to_the_quota_of_the_instance() {
    let other = |count| (0..count).map(|digits| number("GB", &format!("+4420{digits}"))).collect::<Vec<_>>();
    for (quota, held, requested, claims, pending, exceeding) in [
        (5.0, 0, None, 4, true, None),
        (5.0, 3, None, 2, true, Some("2 numbers of US")),
        (3.0, 3, None, 0, false, Some("4 numbers of US")),
        (2.0, 3, None, 0, false, Some("4 numbers of US")),
        (3.0, 3, Some(4.0), 0, true, Some("4 numbers of US")),
        (3.0, 3, Some(3.0), 0, false, Some("4 numbers of US")),
    ] {
        let mut input = input([america(4)]);
        let quotas = requested.map(|value| Quota { code: PHONE_NUMBERS_QUOTA.into(), value, required: false });
        input.quotas.extend(quotas);
        let cloud = Cloud { quota, held: other(held), ..Cloud::default() };
        let input = after(cloud.output(&input), input);
        let (actions, output) = cloud.poll(&input);
        let row = format!("quota {quota}, {held} held, {requested:?} requested: {output:?}");
        assert_eq!((claimed_numbers(&actions).len(), output.pending), (claims, pending), "{row}");
        let reported = output.open_items.first().map(|item| item.what.as_str());
        assert_eq!(reported.is_some(), exceeding.is_some(), "{row}");
        assert!(exceeding.is_none_or(|part| reported.unwrap().starts_with(part)), "{row}");
    }

    // A phone number that is being claimed is counted, even if Connect does not list the phone number yet.
    let claiming = OrderNumbersOutput { numbers: vec![number("US", "+1206")], ..OrderNumbersOutput::default() };
    let cloud = Cloud { quota: 2.0, configured: Some((NumberStatus::InProgress, None)), ..Cloud::default() };
    let output = cloud.output(&after(claiming, input([america(3)])));
    assert!(output.open_items[0].what.starts_with("1 numbers of US"), "{output:?}");
}

#[test]
fn one_poll_claims_or_configures_a_limited_count_of_numbers() {
    let cloud = Cloud::default();
    let found = cloud.output(&input([america(12)]));
    let (actions, output) = cloud.poll(&after(found, input([america(12)])));
    assert_eq!((claimed_numbers(&actions).len(), output.wait_seconds), (NUMBERS_PER_POLL, 5));

    let numbers: Vec<_> = (0..7).map(|digits| number("US", &format!("+120655500{digits}"))).collect();
    let cloud = Cloud { held: numbers, ..cloud };
    let (actions, output) = cloud.poll(&input([america(7)]));
    assert_eq!((actions.len(), output.pending), (1 + NUMBERS_PER_POLL, true));
    let (actions, output) = cloud.poll(&after(output, input([america(7)])));
    assert_eq!((actions.len(), output.pending), (1 + 2, false));
}

#[test]
fn each_state_of_a_number_has_its_result() {
    use NumberStatus::{Claimed, Failed, InProgress};
    let message = || Some("reason".to_owned());
    for (configured, status, pending, open_item) in [
        (None, Failed, false, Some("the claim no longer exists")),
        (Some((Failed, message())), Failed, false, Some("the claim failed: reason")),
        (Some((Failed, None)), Failed, false, Some("Connect returned no reason")),
        (Some((InProgress, message())), InProgress, true, None),
        (Some((Claimed, None)), Claimed, false, None),
        (Some((Claimed, message())), Claimed, false, Some("reason")),
    ] {
        let claiming = OrderNumbersOutput { numbers: vec![number("US", "+1206")], ..OrderNumbersOutput::default() };
        let cloud = Cloud { configured: configured.clone(), ..Cloud::default() };
        let output = cloud.output(&after(claiming, input([america(1)])));
        assert_eq!((output.numbers[0].status, output.pending), (status, pending), "{configured:?}");
        let item = output.open_items.first().map(|item| item.what.as_str());
        assert_eq!(item.is_some(), open_item.is_some(), "{configured:?}: {item:?}");
        assert!(open_item.is_none_or(|part| item.unwrap().contains(part)), "{configured:?}: {item:?}");
    }
}

#[test]
fn only_numbers_of_the_first_poll_are_adopted_and_a_configured_number_is_not_read_again() {
    let cloud = Cloud { held: vec![number("US", "+1206")], ..Cloud::default() };
    let (_, first) = cloud.poll(&input([america(2)]));
    assert_eq!((first.numbers[0].adopted, first.numbers[0].status), (true, NumberStatus::Claimed));
    let cloud = Cloud { held: vec![number("US", "+1206"), number("US", "+1207")], ..cloud };
    let (actions, second) = cloud.poll(&after(first, input([america(2)])));
    let adopted: Vec<bool> = second.numbers.iter().map(|number| number.adopted).collect();
    assert_eq!((adopted, actions.len()), (vec![true, false], 2), "{actions:?}");
    assert!(matches!(&actions[1], Action::Configure(number) if number.phone_number == "+1207"), "{actions:?}");
}

#[test]
fn each_status_of_a_case_has_its_result() {
    use OrderStatus::{CustomerAction, Open, Refused, Unreadable};
    let last = POLLS_AFTER_RESOLUTION;
    for (found, final_polls, status, message, notification) in [
        (case("opened", None), 0, Open, "is processing the case (opened)", Some("was filed")),
        (case("reopened", None), 9, Open, "is processing the case (reopened)", Some("was filed")),
        (case("pending-customer-action", Some("Where?")), 0, CustomerAction, "asks: Where?", Some("Where?")),
        (case("pending-customer-action", None), 0, Unreadable, "can no longer use", Some("Do not file another")),
        (case("resolved", Some("Done.")), 0, Open, "not all numbers are visible yet", None),
        (case("resolved", Some("No.")), last - 1, Open, "not all numbers are visible yet", None),
        (case("resolved", Some("No.")), last, Refused, "Message from AWS Support: No.", Some("No.")),
        (FoundCase::Unavailable, 0, Unreadable, "can no longer use", Some("Do not file another")),
        (FoundCase::None, 0, Unreadable, "can't read it", Some("Do not file another")),
    ] {
        let cloud = Cloud { found: found.clone(), ..Cloud::default() };
        let mut previous = cloud.output(&input([japan(1)]));
        let order = &mut previous.orders[0];
        (order.status, order.final_polls, order.case_id, order.text) = (Open, final_polls, Some("case-1".into()), None);
        order.notified.clear();
        let (actions, output) = cloud.poll(&after(previous, input([japan(1)])));
        let order = &output.orders[0];
        let row = format!("{found:?}, {final_polls}: {output:?}");
        assert!(order.status == status && order.message.as_deref().unwrap().contains(message), "{row}");
        let notified = output.notify.as_ref().map(|notification| notification.message.as_str());
        assert_eq!(notified.is_some(), notification.is_some(), "{row}");
        assert!(notification.is_none_or(|part| notified.unwrap().contains(part)), "{row}");
        assert!(!files(&actions), "a case is never filed twice: {row}");
        assert_eq!((output.pending, order.case_id.as_deref()), (status != Refused, Some("case-1")), "{row}");
    }
}

#[test]
fn a_case_is_filed_only_if_there_is_none_and_the_operator_does_not_file_it() {
    for (found, order, filed) in [
        (FoundCase::None, NumberOrder::Automatic, true),
        (FoundCase::None, NumberOrder::Manual, false),
        (FoundCase::Unavailable, NumberOrder::Automatic, false),
        (FoundCase::Unavailable, NumberOrder::Manual, false),
        (case("opened", None), NumberOrder::Automatic, false),
        (case("resolved", Some("Done.")), NumberOrder::Automatic, false),
        (case("resolved", Some("Done.")), NumberOrder::Manual, false),
    ] {
        let mut input = input([japan(1)]);
        input.telephony.order = order;
        let cloud = Cloud { found: found.clone(), ..Cloud::default() };
        let (actions, output) = cloud.poll(&input);
        assert_eq!(files(&actions), filed, "{found:?}, {order:?}");
        let manual = !filed && !matches!(found, FoundCase::Case(_));
        assert_eq!(output.orders[0].status == OrderStatus::Manual, manual, "{found:?}, {order:?}");
        assert_eq!(output.orders[0].text.is_some(), manual, "{found:?}, {order:?}");
        if manual {
            // After an operator was asked to file the order, the step does not file it, even if the Support API becomes
            // available.
            let (actions, _) = Cloud::default().poll(&after(output, input));
            assert!(!files(&actions), "{found:?}, {order:?}");
        }
    }
}

#[test]
fn each_result_of_filing_a_case_has_its_status_and_notification() {
    let filed = SupportCase { id: "case-1".into(), display_id: Some("17".into()), ..SupportCase::default() };
    for (filed, status, pending, notification) in [
        (FiledCase::Case(filed), OrderStatus::Open, true, Some("case 17 was filed")),
        (FiledCase::Later("too many cases".into()), OrderStatus::Open, true, None),
        (
            FiledCase::UnusableDocuments(vec!["documents.identity: empty".into()]),
            OrderStatus::Refused,
            false,
            Some("empty"),
        ),
        (FiledCase::Unavailable, OrderStatus::Manual, true, Some("file this case manually")),
    ] {
        let cloud = Cloud { filed: filed.clone(), ..Cloud::default() };
        let (actions, output) = cloud.poll(&input([japan(2)]));
        let Some(Action::FileCase(new)) = actions.last() else { panic!("{actions:?}") };
        assert!(new.documents && new.text.subject_en.ends_with(&new.marker), "{new:?}");
        assert_eq!((output.orders[0].status, output.pending), (status, pending), "{filed:?}");
        let notified = output.notify.map(|notification| notification.message);
        assert_eq!(notified.is_some(), notification.is_some(), "{filed:?}");
        assert!(notification.is_none_or(|part| notified.unwrap().contains(part)), "{filed:?}");
        assert_eq!(output.open_items.len(), 1, "{filed:?}");
    }
}

#[test]
fn one_case_orders_all_numbers_that_need_documents_and_each_other_number_has_its_own() {
    let cloud = Cloud { inventory: Vec::new(), ..Cloud::default() };
    let phone_numbers = [japan(1), america(1), PhoneNumber { prefix: Some("+8150".into()), ..japan(2) }];
    let (actions, output) = cloud.poll(&input(phone_numbers.clone()));
    let cases = actions.iter().filter_map(|action| match action {
        Action::FileCase(case) => Some((case.documents, case.text.body_en.matches("- country").count())),
        _ => None,
    });
    assert_eq!(cases.collect::<Vec<_>>(), [(true, 2), (false, 1)]);
    assert_eq!(output.notify.unwrap().message.split("\n\n").count(), 2, "one notification about both cases");

    // A phone number that was ordered is not claimed, even if the inventory now contains suitable phone numbers.
    let cloud = Cloud { found: case("opened", None), ..Cloud::default() };
    let previous = OrderNumbersOutput { notify: None, ..output };
    let (actions, output) = cloud.poll(&after(previous, input(phone_numbers)));
    let expected = |action: &Action| matches!(action, Action::ListNumbers | Action::FindCase(_));
    assert!(actions.len() == 3 && actions.iter().all(expected), "{actions:?}");
    assert_eq!(output.notify, None, "the same notification is not sent again");
}

#[test]
fn an_order_is_done_when_its_numbers_have_arrived() {
    let ordered = Cloud::default().output(&input([japan(1)]));
    let cloud = Cloud { held: vec![number("JP", "+81350000001")], ..Cloud::default() };
    let (actions, output) = cloud.poll(&after(ordered, input([japan(1)])));
    assert_eq!((output.orders[0].status, output.pending, output.open_items.len()), (OrderStatus::Done, false, 0));
    assert!(matches!(actions[..], [Action::ListNumbers, Action::Configure(_)]), "{actions:?}");
    assert!(!output.numbers[0].adopted, "the number gets the tags of this onboarding");
    // If the instance already has the phone numbers and no earlier order exists, nothing is ordered.
    assert!(cloud.output(&input([japan(1)])).orders.is_empty());
}

#[test]
fn a_resolved_case_about_outbound_calls_is_done_and_a_manual_case_is_not_awaited() {
    for (found, status) in
        [(case("resolved", Some("Allowed.")), OrderStatus::Done), (FoundCase::Unavailable, OrderStatus::Manual)]
    {
        let mut input = input(Vec::new());
        input.telephony.outbound_to_japanese_mobiles = true;
        let output = Cloud { found: found.clone(), ..Cloud::default() }.output(&input);
        assert_eq!((output.orders[0].status, output.pending), (status, false), "{found:?}");
        assert_eq!(output.open_items.len(), 1, "{found:?}");
    }
}

#[test]
fn the_shortest_wait_counts_and_the_last_poll_ends_the_wait() {
    // An order is polled after 15 minutes, and offers are claimed after 5 seconds.
    let output = Cloud::default().output(&input([japan(1), america(1)]));
    assert_eq!(output.wait_seconds, 5);
    let mut output = Cloud::default().output(&input([japan(1)]));
    assert_eq!((output.wait_seconds, output.attempt), (900, 1));
    output.attempt = backoff::LAST_NUMBER_POLL - 1;
    let output = Cloud { found: case("opened", None), ..Cloud::default() }.output(&after(output, input([japan(1)])));
    assert_eq!((output.pending, output.attempt), (false, backoff::LAST_NUMBER_POLL));
    assert!(output.open_items.last().unwrap().what.contains("ten months"), "{output:?}");
}

#[test]
fn the_names_in_the_state_of_a_running_execution_are_unchanged() {
    let state = OrderNumbersOutput {
        numbers: vec![NumberResult { desired_number: 1, ..number("US", "+1206") }],
        offers: vec![Offer { desired_number: 2, phone_number: "+1207".into() }],
        orders: vec![CaseOrder { polls: 3, final_polls: 4, ..CaseOrder::default() }],
        ..OrderNumbersOutput::default()
    };
    let json = serde_json::to_value(&state).unwrap();
    assert_eq!((&json["numbers"][0]["wish"], &json["offers"][0]["wish"]), (&1.into(), &2.into()), "{json}");
    assert_eq!((&json["orders"][0]["looks"], &json["orders"][0]["finalLooks"]), (&3.into(), &4.into()), "{json}");
    assert_eq!(serde_json::from_value::<OrderNumbersOutput>(json).unwrap(), state);
}
