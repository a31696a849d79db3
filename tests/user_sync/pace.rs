//! How fast a sync is against Connect's real buckets.

use std::time::Instant;

use onboarding_core::sync::SyncStatus;

use super::house::{House, member};

#[tokio::test]
async fn against_the_real_rate_creation_takes_hardly_more_than_the_floor() {
    let house = House::build((0..25).map(member).collect(), true, |_| {}).await;
    let started = Instant::now();
    let output = house.sync().await.unwrap();
    let seconds = started.elapsed().as_secs_f64();
    assert_eq!((output.status, output.counts.done.created), (SyncStatus::Done, 25));
    // On a machine that is busy with something else a request may be held up for longer than the pace allows for.
    assert!(output.counts.done.throttles <= 1, "{:?}", output.counts);
    let floor = (25.0 - 5.0) / 2.0;
    assert!(seconds < floor * 1.3, "{seconds} s against a floor of {floor} s");
}

#[tokio::test]
async fn one_bucket_for_all_operations_is_survived() {
    let house = House::build((0..10).map(member).collect(), true, |behaviour| behaviour.shared_bucket = true).await;
    let output = house.sync().await.unwrap();
    assert_eq!((output.status, output.counts.done.created, output.counts.done.failed), (SyncStatus::Done, 10, 0));
}

#[tokio::test]
async fn a_no_change_run_for_many_users_costs_a_page_for_five_hundred() {
    let house = House::with_members(1_100).await;
    house.sync().await.unwrap();
    house.calls();
    let output = house.sync().await.unwrap();
    assert_eq!(output.counts.planned.unchanged, 1_100);
    let calls = house.calls();
    let pages = 2 + 3;
    // Graph slips an empty page in now and then.
    assert!(calls.len() <= pages + 1 + 5, "{} calls: {calls:?}", calls.len());
}
