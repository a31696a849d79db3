//! Tests of phone number orders through AWS Support.

use connect_onboarding::onboarding::order_numbers::run;
use local_cloud::stand_in::{Behaviour, SupportPath};
use onboarding_core::{
    onboarding::{Language, NumberOrder},
    telephony::{NumberStatus, OrderNumbersOutput, OrderStatus, Topic},
};

use crate::steps::aws::{
    cloud::Cloud,
    telephony::{Telephony, case, content, documents, japan},
};

const NOTHING: [&str; 0] = [];

fn message(output: &OrderNumbersOutput) -> &str {
    output.notify.as_ref().map_or("", |notify| notify.message.as_str())
}

#[tokio::test]
async fn japanese_numbers_are_ordered_once_with_three_documents_and_set_up_when_they_appear() {
    let telephony = Telephony::start(Behaviour::default()).await;
    let numbers = [japan("+813", 2), japan("+81120", 1)];
    let outputs = telephony.follow(telephony.input(&numbers), 30).await;
    let (first, last) = (outputs.first().unwrap(), outputs.last().unwrap());
    assert!(message(first).contains("ケース 1700000001") && message(first).contains("東京都内"), "{first:?}");
    assert!(outputs[1..].iter().all(|output| output.notify.is_none()), "notified once");
    let kinds: Vec<_> =
        last.numbers.iter().map(|number| (number.kind.as_str(), number.status, number.adopted)).collect();
    let claimed = NumberStatus::Claimed;
    assert_eq!(kinds, [("DID", claimed, false), ("DID", claimed, false), ("TOLL_FREE", claimed, false)]);
    assert_eq!((last.pending, last.orders[0].status, last.open_items.len()), (false, OrderStatus::Done, 0));
    let cases = telephony.cases().await;
    assert_eq!((cases.len(), &cases[0]["attachments"], &cases[0]["language"]), (1, &3.into(), &"ja".into()));
    for number in telephony.numbers().await {
        assert_eq!(number["PhoneNumberDescription"], "main line");
        assert_eq!(number["Tags"]["onboarding"], "acme");
    }

    telephony.cloud.calls();
    let again = telephony.follow(telephony.input(&numbers), 30).await;
    assert!(!again[0].pending && again[0].numbers.iter().all(|number| number.adopted));
    assert_eq!(telephony.cloud.writes(), NOTHING, "a second execution must only read");
}

#[tokio::test]
async fn a_case_whose_response_was_lost_is_found_by_the_next_poll_and_by_a_later_execution() {
    for lose in [Cloud::lose_answer, Cloud::break_answer] {
        let mut telephony = Telephony::start(Behaviour::default()).await;
        telephony.cloud.retry();
        let mut input = telephony.input(&[japan("+813", 1)]);
        lose(&telephony.cloud, "CreateCase");
        let output = telephony.poll(&mut input).await.unwrap();
        assert!(output.pending && output.wait_seconds >= 600, "{output:?}");
        assert!(output.orders[0].case_id.is_none() && output.notify.is_none(), "{output:?}");
        let output = run(&telephony.cloud.ctx, input.clone()).await.unwrap();
        assert_eq!(output.orders[0].display_id.as_deref(), Some("1700000001"));
        assert!(message(&output).contains("ケース 1700000001"), "the operator is still notified: {output:?}");
        // A later execution starts without the stored state of the first execution.
        let outputs = telephony.follow(telephony.input(&[japan("+813", 1)]), 30).await;
        assert!(!outputs.last().unwrap().pending);
        assert!(outputs[1..].iter().all(|output| output.notify.is_none()), "notified once");
        assert_eq!(telephony.cases().await.len(), 1);
    }
}

#[tokio::test]
async fn an_unusable_document_ends_the_order_with_the_reason_before_anything_is_sent() {
    let too_large = [&b"%PDF-1.7\n"[..], &vec![b'x'; 5 * 1024 * 1024]].concat();
    for (identity, reason) in [
        (None, "documents.identity: the documents bucket"),
        (Some(too_large), "documents.identity: the object has 5242889 bytes"),
        (Some(b"PK\x03\x04 a letter".to_vec()), "documents.identity: the object is not a PDF"),
        (Some(Vec::new()), "documents.identity: the object is empty"),
    ] {
        let telephony = Telephony::without_documents(Behaviour::default()).await;
        telephony.put("address.png", content("address.png")).await;
        telephony.put("relationship.jpg", content("relationship.jpg")).await;
        if let Some(identity) = identity {
            telephony.put("identity.pdf", identity).await;
        }
        let outputs = telephony.follow(telephony.input(&[japan("+813", 1)]), 30).await;
        let output = &outputs[0];
        assert!(!output.pending && output.orders[0].status == OrderStatus::Refused, "{output:?}");
        assert!(output.open_items[0].what.contains(reason), "{reason}: {output:?}");
        assert!(output.open_items[0].action.contains("start the same input again"));
        assert!(message(output).contains(reason) && message(output).contains("書類に問題"), "{output:?}");
        assert_eq!(telephony.cloud.writes(), NOTHING);

        telephony.put("identity.pdf", content("identity.pdf")).await;
        telephony.bucket.reset().await;
        for key in ["identity.pdf", "address.png", "relationship.jpg"] {
            telephony.put(key, content(key)).await;
        }
        let outputs = telephony.follow(telephony.input(&[japan("+813", 1)]), 30).await;
        assert_eq!(
            outputs.last().unwrap().orders[0].status,
            OrderStatus::Done,
            "the same input with the corrected documents"
        );
    }
}

#[tokio::test]
async fn an_expired_attachment_set_is_created_again() {
    for (times, sets) in [(1, 2), (2, 3)] {
        let telephony = Telephony::start(Behaviour::default()).await;
        telephony.cloud.fail("CreateCase", times, 400, "AttachmentSetExpired");
        let outputs = telephony.follow(telephony.input(&[japan("+8150", 1)]), 30).await;
        assert_eq!(outputs.last().unwrap().orders[0].status, OrderStatus::Done);
        assert_eq!(telephony.count("AddAttachmentsToSet"), sets * 3, "{times} expired");
        let cases = telephony.cases().await;
        assert_eq!((cases.len(), &cases[0]["attachments"]), (1, &3.into()));
    }
}

#[tokio::test]
async fn a_temporary_limit_on_cases_delays_the_order() {
    for (operation, code) in
        [("CreateCase", "CaseCreationLimitExceeded"), ("AddAttachmentsToSet", "AttachmentLimitExceeded")]
    {
        let telephony = Telephony::start(Behaviour::default()).await;
        telephony.cloud.fail(operation, 2, 400, code);
        let outputs = telephony.follow(telephony.input(&[japan("+8150", 1)]), 30).await;
        assert!(outputs[0].pending && outputs[0].orders[0].case_id.is_none(), "{code}: {:?}", outputs[0]);
        assert_eq!(outputs.last().unwrap().orders[0].status, OrderStatus::Done, "{code}");
    }
}

#[tokio::test]
async fn a_question_from_aws_is_notified_once_with_its_text_and_polling_continues_after_the_reply() {
    let question = "住所を確認できる書類をもう一度お送りください。";
    let path = SupportPath { question: Some(question.into()), ..SupportPath::default() };
    let telephony = Telephony::start(case(path)).await;
    let mut input = telephony.input(&[japan("+813", 1)]);
    let mut notified = Vec::new();
    for _ in 0..6 {
        let output = telephony.poll(&mut input).await.unwrap();
        assert!(output.pending);
        notified.push(message(&output).contains(question));
    }
    assert_eq!(notified.iter().filter(|notified| **notified).count(), 1, "{notified:?}");
    let order = &input.previous.as_ref().unwrap().orders[0];
    assert_eq!(
        (order.status, order.case_status.as_deref()),
        (OrderStatus::CustomerAction, Some("pending-customer-action"))
    );
    assert!(input.previous.as_ref().unwrap().open_items[0].action.starts_with("Reply to the case"));

    let answer = telephony.cloud.ctx.support().add_communication_to_case().case_id(order.case_id.clone().unwrap());
    answer.communication_body("送りました。").send().await.unwrap();
    let outputs = telephony.follow(input, 30).await;
    assert_eq!(outputs.last().unwrap().orders[0].status, OrderStatus::Done);
}

#[tokio::test]
async fn a_case_closed_without_numbers_is_polled_for_a_day_and_then_ends_with_the_reply_of_aws() {
    let telephony = Telephony::start(case(SupportPath { granted: false, ..SupportPath::default() })).await;
    let outputs = telephony.follow(telephony.input(&[japan("+813", 1)]), 60).await;
    let last = outputs.last().unwrap();
    assert!(outputs.len() > 10 && !last.pending, "denied after {} polls", outputs.len());
    assert_eq!(last.orders[0].status, OrderStatus::Refused);
    assert!(last.open_items[0].what.contains("unable to provide"), "{last:?}");
    assert!(last.open_items[0].action.starts_with("Reply to the case"), "{last:?}");
    assert!(message(last).contains("unable to provide"));
    assert_eq!(telephony.cases().await.len(), 1);

    telephony.put("better.pdf", content("better.pdf")).await;
    let mut input = telephony.input(&[japan("+813", 1)]);
    input.documents = Some(onboarding_core::onboarding::Documents { identity: "better.pdf".into(), ..documents() });
    let output = telephony.poll(&mut input).await.unwrap();
    assert_eq!(output.orders[0].display_id.as_deref(), Some("1700000002"), "other documents are another order");
}

#[tokio::test]
async fn without_a_support_plan_or_by_choice_the_operator_gets_the_text_and_polling_continues() {
    for (subscribed, order) in [(false, NumberOrder::Automatic), (true, NumberOrder::Manual)] {
        for language in [Language::Ja, Language::En] {
            let telephony =
                Telephony::start(Behaviour { support_subscribed: subscribed, ..Behaviour::default() }).await;
            let mut input = telephony.input(&[japan("+813", 1)]);
            input.telephony.order = order;
            input.language = language;
            let output = telephony.poll(&mut input).await.unwrap();
            assert!(output.pending && output.orders[0].status == OrderStatus::Manual);
            let text = output.orders[0].text.clone().unwrap();
            for shown in [message(&output), &output.open_items[0].action] {
                for part in [&text.console_url, &text.subject_ja, &text.subject_en, &text.body_ja, &text.body_en] {
                    assert!(shown.contains(part.as_str()), "{part} in {shown}");
                }
            }
            let next = telephony.poll(&mut input).await.unwrap();
            assert!(next.pending && next.notify.is_none(), "notified once");
            assert_eq!(telephony.cloud.writes(), NOTHING);
        }
    }
}

#[tokio::test]
async fn a_filed_case_is_reported_and_never_filed_again_if_the_support_plan_ends() {
    // The account's AWS Support plan ends before the step reads the support case for the first time, or two reads
    // later.
    for reads in [0, 2] {
        let telephony = Telephony::start(Behaviour::default()).await;
        let mut input = telephony.input(&[japan("+813", 1)]);
        input.language = Language::En;
        for operation in ["DescribeCases", "DescribeCommunications"] {
            // Before the step opens a support case, it searches for a support case that it has already opened. This
            // search reads two pages.
            telephony.cloud.fail_after(operation, 2 + reads, 400, "SubscriptionRequiredException");
        }
        let mut notified = Vec::new();
        for _ in 0..4 {
            let output = telephony.poll(&mut input).await.unwrap();
            assert!(output.pending, "{output:?}");
            notified.extend(output.notify.map(|notify| notify.message));
        }
        let order = &input.previous.as_ref().unwrap().orders[0];
        let id = order.display_id.as_deref().or(order.case_id.as_deref()).unwrap();
        assert_eq!((order.status, notified.len()), (OrderStatus::Unreadable, 2), "{notified:?}");
        assert!(notified.iter().all(|message| message.contains(id)), "every message names the case {id}: {notified:?}");
        assert!(notified[1].contains("Do not file another case"), "{notified:?}");
        let item = &input.previous.as_ref().unwrap().open_items[0];
        assert!(item.what.contains(id) && item.action.contains("Do not file another case"), "{item:?}");
        assert_eq!(telephony.cases().await.len(), 1);
        // Although the step can no longer read the support case, it detects the ordered phone numbers in the list of
        // the instance's phone numbers.
        let outputs = telephony.follow(input, 30).await;
        assert_eq!(outputs.last().unwrap().orders[0].status, OrderStatus::Done);
    }
}

#[tokio::test]
async fn a_case_that_can_be_read_again_is_followed() {
    let path = SupportPath { granted: false, ..SupportPath::default() };
    let telephony = Telephony::start(case(path)).await;
    let mut input = telephony.input(&[japan("+813", 1)]);
    telephony.poll(&mut input).await.unwrap();
    telephony.cloud.fail("DescribeCases", 1, 400, "SubscriptionRequiredException");
    let output = telephony.poll(&mut input).await.unwrap();
    assert_eq!(output.orders[0].status, OrderStatus::Unreadable);
    let outputs = telephony.follow(input, 60).await;
    assert_eq!(outputs.last().unwrap().orders[0].status, OrderStatus::Refused);
    assert_eq!(telephony.cases().await.len(), 1);
}

#[tokio::test]
async fn a_manual_order_follows_the_case_of_an_earlier_execution_or_of_an_operator() {
    let telephony = Telephony::start(Behaviour::default()).await;
    let mut automatic = telephony.input(&[japan("+813", 1)]);
    telephony.poll(&mut automatic).await.unwrap();
    let mut input = telephony.input(&[japan("+813", 1)]);
    input.telephony.order = NumberOrder::Manual;
    let output = telephony.poll(&mut input).await.unwrap();
    assert_eq!((output.orders[0].status, output.orders[0].text.is_none()), (OrderStatus::Open, true), "{output:?}");
    assert!(message(&output).contains("ケース 1700000001"), "{output:?}");

    // If operators open the support cases manually, the account may deny the functions access to the Support API.
    let telephony = Telephony::start(Behaviour::default()).await;
    telephony.cloud.fail("DescribeCases", 0, 400, "AccessDeniedException");
    let mut input = telephony.input(&[japan("+813", 1)]);
    input.telephony.order = NumberOrder::Manual;
    let output = telephony.poll(&mut input).await.unwrap();
    assert_eq!(output.orders[0].status, OrderStatus::Manual);
}

#[tokio::test]
async fn a_case_that_an_operator_files_from_the_text_ends_the_wait() {
    let telephony = Telephony::start(Behaviour::default()).await;
    let mut input = telephony.input(&[japan("+813", 1)]);
    input.telephony.order = NumberOrder::Manual;
    let text = telephony.poll(&mut input).await.unwrap().orders[0].text.clone().unwrap();
    let mut by_person = telephony.input(&[japan("+813", 1)]);
    by_person.alias = "by hand".into();
    let support = telephony.cloud.ctx.support();
    let file = aws_sdk_support::types::Attachment::builder().file_name("a.pdf");
    let file = file.data(aws_sdk_support::primitives::Blob::new("%PDF-")).build();
    let set = support.add_attachments_to_set().set_attachments(Some(vec![file; 3])).send().await.unwrap();
    let services = support.describe_services().language("en").send().await.unwrap().services.unwrap();
    let service = services.iter().find(|service| service.name() == Some("Connect (Number Management)")).unwrap();
    let category = service.categories().iter().find(|one| one.name() == Some("Request New Phone Number")).unwrap();
    let case = support.create_case().subject(&text.subject_en).communication_body(&text.body_en);
    let case = case.service_code(service.code().unwrap()).category_code(category.code().unwrap());
    let case = case.issue_type("customer-service").language("en");
    case.attachment_set_id(set.attachment_set_id.unwrap()).send().await.unwrap();
    let outputs = telephony.follow(input, 30).await;
    let last = outputs.last().unwrap();
    assert_eq!((last.pending, last.orders[0].status, last.numbers.len()), (false, OrderStatus::Done, 1));
}

#[tokio::test]
async fn outbound_calls_to_japanese_mobiles_are_a_separate_case_and_not_awaited_if_filed_manually() {
    let telephony = Telephony::start(Behaviour::default()).await;
    let mut input = telephony.input(&[]);
    input.telephony.outbound_to_japanese_mobiles = true;
    let outputs = telephony.follow(input.clone(), 30).await;
    let last = outputs.last().unwrap();
    assert_eq!((last.orders[0].topic, last.orders[0].status), (Topic::OutboundToJapaneseMobiles, OrderStatus::Done));
    assert!(last.open_items[0].action.contains("Call a Japanese mobile"), "{last:?}");
    let cases = telephony.cases().await;
    assert_eq!(cases[0]["categoryCode"], "outbound-country-allowlist-8a3");
    telephony.cloud.calls();
    telephony.follow(input.clone(), 30).await;
    assert_eq!(telephony.cloud.writes(), NOTHING, "a second execution finds the resolved case");

    let telephony = Telephony::start(Behaviour { support_subscribed: false, ..Behaviour::default() }).await;
    input.instance_arn.clone_from(&telephony.arn);
    let output = telephony.poll(&mut input).await.unwrap();
    assert!(
        !output.pending && output.orders[0].status == OrderStatus::Manual,
        "no API reports the end of such an order"
    );
    assert!(output.open_items[0].action.contains("+8170"));
}

#[tokio::test]
async fn existing_numbers_need_no_order_and_get_no_tags() {
    let telephony = Telephony::start(Behaviour::default()).await;
    telephony.follow(telephony.input(&[japan("+813", 1)]), 30).await;
    telephony.cloud.calls();
    let mut number = japan("+813", 1);
    number.description = Some("another word".into());
    let outputs = telephony.follow(telephony.input(&[number]), 30).await;
    assert!(!outputs[0].pending && outputs[0].orders.is_empty());
    assert_eq!(telephony.cloud.writes(), ["UpdatePhoneNumberMetadata"], "only the setting of the input");
}
