//! Tests of claims of phone numbers that are available in Connect.

use connect_onboarding::onboarding::order_numbers::run;
use local_cloud::stand_in::{Behaviour, NumberStock};
use onboarding_core::{
    onboarding::{PHONE_NUMBERS_QUOTA, Quota},
    telephony::{NumberStatus, OrderStatus},
};

use crate::steps::aws::telephony::{Telephony, america};

#[tokio::test]
async fn an_available_number_is_claimed_described_tagged_and_connected_once() {
    let telephony = Telephony::start(Behaviour::default()).await;
    let mut number = america(2);
    number.contact_flow = Some("Sample inbound flow (first contact experience)".into());
    let outputs = telephony.follow(telephony.input(&[number.clone()]), 30).await;
    let last = outputs.last().unwrap();
    assert!(outputs.len() > 1, "a claim takes a while");
    assert_eq!((last.pending, last.numbers.len(), last.orders.len(), last.open_items.len()), (false, 2, 0, 0));
    let numbers = telephony.numbers().await;
    assert_eq!(numbers.len(), 2);
    for number in numbers {
        assert_eq!(
            (&number["PhoneNumberDescription"], &number["Tags"]["managed-by"]),
            (&"main line".into(), &"connect-onboarding".into())
        );
        assert!(number["ContactFlowId"].is_string(), "{number}");
    }
    telephony.cloud.calls();
    telephony.follow(telephony.input(&[number]), 30).await;
    assert_eq!(telephony.cloud.writes(), [""; 0], "a second execution must only read");
}

#[tokio::test]
async fn a_missing_flow_is_reported_and_the_number_is_kept() {
    let telephony = Telephony::start(Behaviour::default()).await;
    let mut number = america(1);
    number.contact_flow = Some("No such flow".into());
    let outputs = telephony.follow(telephony.input(&[number]), 30).await;
    let last = outputs.last().unwrap();
    assert_eq!((last.pending, last.numbers[0].status), (false, NumberStatus::Claimed));
    assert!(last.open_items[0].what.contains("No such flow"), "{last:?}");
}

#[tokio::test]
async fn a_rejected_claim_is_a_result_with_the_reason() {
    let reason = "The number can not be claimed in this country.";
    let telephony = Telephony::start(Behaviour { claim_failure: Some(reason.into()), ..Behaviour::default() }).await;
    let outputs = telephony.follow(telephony.input(&[america(1)]), 30).await;
    let last = outputs.last().unwrap();
    assert_eq!((last.pending, last.numbers[0].status), (false, NumberStatus::Failed));
    assert!(
        last.open_items[0].what.contains(reason) && last.open_items[0].action.contains("Start the same input again")
    );

    let telephony = Telephony::start(Behaviour::default()).await;
    telephony.cloud.fail("ClaimPhoneNumber", 1, 400, "InvalidParameterException");
    let outputs = telephony.follow(telephony.input(&[america(1)]), 30).await;
    let last = outputs.last().unwrap();
    assert!(!last.pending && last.open_items[0].what.contains("InvalidParameterException"), "{last:?}");
    assert_eq!(telephony.count("ClaimPhoneNumber"), 1);
}

#[tokio::test]
async fn a_lost_response_claims_no_second_number() {
    let telephony = Telephony::start(Behaviour::default()).await;
    let mut input = telephony.input(&[america(1)]);
    telephony.poll(&mut input).await.unwrap();
    telephony.cloud.lose_answer("ClaimPhoneNumber");
    assert_eq!(run(&telephony.cloud.ctx, input.clone()).await.unwrap_err().name(), "Unavailable");
    let outputs = telephony.follow(input, 30).await;
    assert!(!outputs.last().unwrap().pending);
    // The list does not contain the claimed phone number yet, so the retry claims the phone number again. Because the
    // phone number and the client token are the same, Connect returns the first claim instead of a second phone number.
    assert_eq!(telephony.numbers().await.len(), 1);
    assert_eq!(telephony.count("ClaimPhoneNumber"), 2);
}

#[tokio::test]
async fn a_number_that_another_customer_claims_first_is_replaced_by_another_number() {
    for (status, code) in [(400, "InvalidParameterException"), (404, "ResourceNotFoundException")] {
        let telephony = Telephony::start(Behaviour::default()).await;
        telephony.cloud.fail_saying("ClaimPhoneNumber", status, code, "Phone number not available: +12065550000");
        let outputs = telephony.follow(telephony.input(&[america(2)]), 30).await;
        let last = outputs.last().unwrap();
        assert!(!last.pending && last.open_items.is_empty(), "{code}: {last:?}");
        assert!(last.numbers.iter().all(|number| number.status == NumberStatus::Claimed), "{code}: {last:?}");
        assert_eq!(telephony.numbers().await.len(), 2, "{code}");
        assert_eq!(telephony.count("ClaimPhoneNumber"), 3, "{code}");
    }
}

#[tokio::test]
async fn a_number_that_is_unavailable_because_it_is_already_ours_is_kept() {
    let telephony = Telephony::start(Behaviour { number_listed_seconds: 30.0, ..Behaviour::default() }).await;
    let mut input = telephony.input(&[america(1)]);
    let found = telephony.poll(&mut input).await.unwrap();
    let offered = found.offers[0].phone_number.clone();
    // Simulates an earlier attempt of this step. Connect has claimed the phone number, but the response was lost, and
    // Connect no longer recognizes the client token of that attempt.
    let claim = telephony.cloud.ctx.connect().claim_phone_number().target_arn(&telephony.arn);
    claim.phone_number(&offered).client_token("0f5a1de4-0000-4000-8000-00000000000a").send().await.unwrap();
    telephony.cloud.calls();
    // The claim is slow. The list of the instance's phone numbers therefore contains the claimed phone number only
    // after the step has read this list once.
    telephony.cloud.delay("ClaimPhoneNumber", 500);
    let shown = async {
        while !telephony.cloud.calls().contains(&"GetAWSDefaultServiceQuota".to_owned()) {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        telephony.cloud.wait(60);
    };
    let (output, ()) = tokio::join!(run(&telephony.cloud.ctx, input.clone()), shown);
    input.previous = Some(output.unwrap());
    let outputs = telephony.follow(input, 30).await;
    let last = outputs.last().unwrap();
    assert_eq!((last.pending, last.numbers.len(), last.numbers[0].phone_number.as_str()), (false, 1, offered.as_str()));
    assert_eq!(telephony.numbers().await.len(), 1);
}

#[tokio::test]
async fn the_limit_of_claims_and_releases_is_reported_with_the_next_possible_date() {
    let telephony = Telephony::start(Behaviour::default()).await;
    let text = "You have reached the limit of claim and release of phone numbers in the past 180 days.";
    telephony.cloud.fail_saying("ClaimPhoneNumber", 402, "ServiceQuotaExceededException", text);
    let outputs = telephony.follow(telephony.input(&[america(2)]), 30).await;
    let last = outputs.last().unwrap();
    assert_eq!((last.pending, last.numbers.len(), last.open_items.len()), (false, 0, 1), "{last:?}");
    let item = &last.open_items[0];
    let until = last.claims_blocked_until.clone().unwrap();
    for part in ["2 numbers of US", "180 days", &until, text] {
        assert!(item.what.contains(part), "{part} in {item:?}");
    }
    assert!(item.action.contains("Start the same input again on that day"), "{item:?}");
    assert_eq!(telephony.count("ClaimPhoneNumber"), 1, "every further claim would be rejected too");
}

#[tokio::test]
async fn numbers_that_are_not_available_are_ordered_by_a_case_without_documents() {
    let telephony = Telephony::start(Behaviour { number_inventory: Vec::new(), ..Behaviour::default() }).await;
    let outputs = telephony.follow(telephony.input(&[america(1)]), 30).await;
    let last = outputs.last().unwrap();
    assert_eq!((last.pending, last.orders[0].status, last.numbers.len()), (false, OrderStatus::Done, 1));
    let cases = telephony.cases().await;
    assert_eq!((cases.len(), &cases[0]["attachments"]), (1, &0.into()));
}

#[tokio::test]
async fn more_numbers_than_one_poll_can_claim_are_claimed_by_the_next() {
    let stock = NumberStock { country: "US".into(), kind: "DID".into(), prefix: "+1206555".into(), quantity: 40 };
    let quotas = [(PHONE_NUMBERS_QUOTA.to_owned(), 50.0)].into();
    let telephony = Telephony::start(Behaviour { number_inventory: vec![stock], quotas, ..Behaviour::default() }).await;
    let outputs = telephony.follow(telephony.input(&[america(12)]), 60).await;
    assert_eq!((outputs[0].numbers.len(), outputs[1].numbers.len()), (0, 5));
    let last = outputs.last().unwrap();
    assert!(!last.pending && last.numbers.iter().all(|number| number.status == NumberStatus::Claimed), "{last:?}");
    assert_eq!(telephony.numbers().await.len(), 12);
}

#[tokio::test]
async fn a_full_instance_waits_for_a_requested_quota_and_reports_a_missing_request() {
    for (requested, pending) in [(None, false), (Some(4.0), true)] {
        let quotas = [(PHONE_NUMBERS_QUOTA.to_owned(), 3.0)].into();
        let telephony = Telephony::start(Behaviour { quotas, ..Behaviour::default() }).await;
        let mut input = telephony.input(&[america(4)]);
        input.quotas = requested
            .map(|value| Quota { code: PHONE_NUMBERS_QUOTA.into(), value, required: false })
            .into_iter()
            .collect();
        let outputs = telephony.follow(input, 20).await;
        let last = outputs.last().unwrap();
        assert_eq!((last.pending, last.numbers.len()), (pending, 3), "{last:?}");
        assert!(last.open_items[0].what.contains("phoneNumbers quota"), "{last:?}");
        assert_eq!(telephony.count("ClaimPhoneNumber"), 3, "a claim beyond the quota would fail");
    }
}
