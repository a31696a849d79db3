//! Simulates a year in which AWS neither approves nor denies any request for quotas or phone numbers.

use connect_onboarding::onboarding::request_quotas;
use local_cloud::stand_in::{Behaviour, QuotaOutcome, QuotaPath, SupportPath};
use onboarding_core::{backoff, contract::RequestQuotasInput, onboarding::Quota};

use crate::steps::aws::telephony::{Telephony, japan};

/// The number of history events per poll: a Wait state creates two events, a Task state five, and a Choice state two.
const EVENTS_A_POLL: usize = 9;
const STATE_LIMIT: usize = 256 * 1024;
const YEAR: u64 = 365 * 24 * 3600;

#[tokio::test]
async fn a_year_of_waiting_for_quotas_and_numbers_stays_below_the_limits_of_an_execution() {
    let behaviour = Behaviour {
        support_path: SupportPath { decided: 1e10, ..SupportPath::default() },
        quota_path: QuotaPath::ending(QuotaOutcome::Never),
        // The step limits its request rate by the real clock, so the first quota is raised to keep the test fast. The
        // second quota has a value for the account, which saves one call per poll.
        quotas: [("L-B07B2C56".to_owned(), 1e6), ("L-12AB7C57".to_owned(), 10.0)].into(),
        ..Behaviour::default()
    };
    let telephony = Telephony::start(behaviour).await;
    let mut numbers = telephony.input(&[japan("+813", 5), japan("+81120", 5)]);
    numbers.telephony.outbound_to_japanese_mobiles = true;
    let (mut waited, mut polls, mut largest) = (0, 0, 0);
    loop {
        let output = telephony.poll(&mut numbers).await.unwrap();
        polls += 1;
        largest = largest.max(serde_json::to_string(&output).unwrap().len());
        waited += output.wait_seconds;
        if !output.pending {
            break;
        }
    }
    assert!((290 * 24 * 3600..YEAR).contains(&waited), "the loop for numbers ends after {waited} s");
    assert_eq!(telephony.cases().await.len(), 2);
    assert_eq!(telephony.count("CreateCase"), 2, "one request each");

    let quota = Quota { code: "L-12AB7C57".into(), value: 20.0, required: false };
    let mut quotas =
        RequestQuotasInput { instance_arn: telephony.arn.clone(), quotas: vec![quota], users: 0, previous: None };
    waited = 0;
    // Polls as often as the Choice state of the state machine allows.
    for attempt in 1..=backoff::LAST_QUOTA_POLL {
        let output = request_quotas::run(&telephony.cloud.ctx, quotas.clone()).await.unwrap();
        polls += 1;
        largest = largest.max(serde_json::to_string(&output).unwrap().len());
        waited += output.wait_seconds;
        assert!(output.pending && output.attempt == attempt);
        telephony.cloud.wait(output.wait_seconds);
        quotas.previous = Some(output);
    }
    assert!((290 * 24 * 3600..YEAR).contains(&waited), "{waited} s");
    assert!(polls * EVENTS_A_POLL + 1_000 < 25_000, "{polls} polls");
    assert!(largest * 4 < STATE_LIMIT, "{largest} bytes");
}
