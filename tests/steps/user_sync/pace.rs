//! Tests that a sync does not exceed the real rate limits of Connect. `cargo bench --bench user_sync` measures how fast
//! a sync is.

use onboarding_core::sync::SyncStatus;

use super::fixture::{Fixture, GROUP_NAME, member, member_id};

#[tokio::test]
async fn at_the_real_rate_users_are_created_without_throttles() {
    let fixture = Fixture::build((0..25).map(member).collect(), true, |_| {}).await;
    let output = fixture.sync().await.unwrap();
    assert_eq!((output.status, output.counts.done.created), (SyncStatus::Done, 25));
    // On a busy machine, delayed requests can arrive too close together, so the test accepts one throttled request.
    assert!(output.counts.done.throttles <= 1, "{:?}", output.counts);
}

#[tokio::test]
async fn changes_after_a_read_of_the_user_keep_to_the_rate_of_that_read() {
    let raised = |code: &str| (code.to_owned(), 100.0);
    let fixture = Fixture::build((0..12).map(member).collect(), true, |behaviour| {
        // Raises the rate limits of `CreateUser` and `UpdateUserIdentityInfo`. `DescribeUser` keeps its rate limit of
        // two requests per second.
        behaviour.quotas.extend([raised("L-CBDEE3E4"), raised("L-66B5F86E")]);
    })
    .await;
    fixture.sync().await.unwrap();
    for number in 0..12 {
        let mut married = member(number);
        married.insert("surname".into(), "Married".into());
        fixture.cloud.remove_member(GROUP_NAME, &member_id(number)).unwrap();
        fixture.cloud.add_member(GROUP_NAME, married).unwrap();
    }
    let output = fixture.sync().await.unwrap();
    assert_eq!((output.status, output.counts.done.updated), (SyncStatus::Done, 12));
    assert!(output.counts.done.throttles <= 1, "{:?}", output.counts);
}

#[tokio::test]
async fn a_single_bucket_for_all_operations_is_handled() {
    let fixture = Fixture::build((0..10).map(member).collect(), true, |behaviour| behaviour.shared_bucket = true).await;
    let output = fixture.sync().await.unwrap();
    assert_eq!((output.status, output.counts.done.created, output.counts.done.failed), (SyncStatus::Done, 10, 0));
}

#[tokio::test]
async fn more_than_4_800_users_are_all_read_with_one_call_for_each_five_hundred() {
    let users = 4_801;
    let members = (0..users).map(member).collect();
    let fixture = Fixture::build(members, false, |behaviour| {
        behaviour.quotas.insert("L-CBDEE3E4".into(), 10_000.0);
    })
    .await;
    fixture.sync().await.unwrap();
    fixture.calls();
    let output = fixture.sync().await.unwrap();
    assert_eq!(output.counts.planned.unchanged, users);
    let (reservations, calls): (Vec<_>, Vec<_>) = fixture.calls().into_iter().partition(|call| call == "UpdateItem");
    let pages = users.div_ceil(999) + users.div_ceil(500);
    // Graph sometimes returns an empty page.
    assert!(calls.len() <= pages + 2 + 5, "{} calls: {calls:?}", calls.len());
    assert!(reservations.len() <= 7, "{} reservations", reservations.len());
}
