//! Tests of the command `sign-out`, which ends the sessions of a user.

use serde_json::json as object;

use super::{json, printed};
use crate::{common::err, user_sync::fixture::Fixture};

#[tokio::test]
async fn an_operator_signs_out_the_user_with_exactly_this_name() {
    let fixture = Fixture::with_members(1).await;
    fixture.sync(object!({})).await;
    let (alias, user) = (fixture.alias(), fixture.username(0));
    let output = fixture.cloud.onboard(&["sign-out", &user, "--instance", &alias, "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
    let result = json(&output);
    assert_eq!((&result["username"], &result["signedOut"]), (&object!(user), &object!(true)), "{result}");
    assert_eq!(result["userId"], fixture.users().await[0]["Id"]);

    let unknown = user.to_uppercase();
    let output = fixture.cloud.onboard(&["sign-out", &unknown, "--instance", &alias]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", printed(&output));
    assert!(err(&output).contains("has no user with the username"), "{}", printed(&output));
}
