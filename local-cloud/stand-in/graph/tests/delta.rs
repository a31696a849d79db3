//! Tests of delta queries.

use serde_json::{Value, json};

use super::{AGENTS, Client, agents, client, fields, user, user_id};

const LATEST: &str = "$deltatoken=latest";

/// A tenant in which changes of memberships are visible at once, and delta queries return each change only once.
fn prompt() -> Client {
    Client::new(0.0, agents(3), |behaviour| behaviour.replayed_changes_every = None)
}

fn link(page: &Value) -> &str {
    page["@odata.deltaLink"].as_str().unwrap_or_else(|| panic!("{page}"))
}

#[tokio::test]
async fn a_link_returns_each_change_of_a_membership_once() {
    let client = prompt();
    let url = format!("/groups/delta?$select=id,members&$filter=id eq '{AGENTS}'&{LATEST}");
    let start = client.ok("GET", &url, Value::Null).await;
    assert_eq!(start["value"], json!([]));
    assert_eq!(client.ok("GET", link(&start), Value::Null).await["value"], json!([]));

    client.graph.add_member(AGENTS, fields(user(4))).unwrap();
    client.graph.remove_member(AGENTS, &user_id(1)).unwrap();
    client.clock.advance(1.0);
    let page = client.ok("GET", link(&start), Value::Null).await;
    let member = |number| json!({ "@odata.type": "#microsoft.graph.user", "id": user_id(number) });
    let mut removed = member(1);
    removed["@removed"] = json!({ "reason": "deleted" });
    assert_eq!(page["value"], json!([{ "id": AGENTS, "members@delta": [removed, member(4)] }]));
    assert_eq!(client.ok("GET", link(&page), Value::Null).await["value"], json!([]));
}

#[tokio::test]
async fn a_link_for_users_returns_changes_of_the_selected_properties_and_deletions() {
    let client = prompt();
    let start = client.ok("GET", &format!("/users/delta?$select=accountEnabled&{LATEST}"), Value::Null).await;
    let update = |number, patch: Value| client.graph.update_user(&user_id(number), fields(patch)).unwrap();
    update(1, json!({ "surname": "Other" }));
    update(2, json!({ "accountEnabled": false }));
    update(3, json!({ "deletedDateTime": "2026-11-30T00:00:00Z" }));
    let page = client.ok("GET", link(&start), Value::Null).await;
    let removed = json!({ "id": user_id(3), "@removed": { "reason": "changed" } });
    assert_eq!(page["value"], json!([{ "id": user_id(2), "accountEnabled": false }, removed]));
}

#[tokio::test]
async fn a_change_is_returned_before_the_list_of_members_shows_it_and_a_deleted_group_is_returned_as_removed() {
    let client = Client::new(1.0, agents(1), |behaviour| {
        behaviour.membership_seconds = 30.0;
        behaviour.replayed_changes_every = None;
    });
    let start = client.ok("GET", &format!("/groups/delta?$select=id,members&{LATEST}"), Value::Null).await;
    client.graph.add_member(AGENTS, fields(user(4))).unwrap();
    let page = client.ok("GET", link(&start), Value::Null).await;
    assert_eq!(page["value"][0]["members@delta"][0]["id"], user_id(4));
    let members = client.ok("GET", &format!("/groups/{AGENTS}/members"), Value::Null).await;
    assert_eq!(members["value"].as_array().unwrap().len(), 1, "the list is older than the changes");
    client.clock.advance(1.0);
    client.graph.state().directory.remove_group(AGENTS, client.graph.now());
    let page = client.ok("GET", link(&page), Value::Null).await;
    assert_eq!(page["value"], json!([{ "id": AGENTS, "@removed": { "reason": "deleted" } }]));
}

#[tokio::test]
async fn without_a_token_all_objects_are_returned_in_pages() {
    let client = Client::new(0.0, agents(250), |_| {});
    let mut page = client.ok("GET", "/users/delta?$select=id", Value::Null).await;
    let mut users = page["value"].as_array().unwrap().len();
    let mut pages = 1;
    while let Some(next) = page["@odata.nextLink"].as_str().map(str::to_owned) {
        page = client.ok("GET", &next, Value::Null).await;
        users += page["value"].as_array().unwrap().len();
        pages += 1;
    }
    assert_eq!((users, pages), (250, 3));
    let groups = client.ok("GET", "/groups/delta?$select=members", Value::Null).await;
    assert_eq!(groups["value"][0]["members@delta"].as_array().unwrap().len(), 250);
}

#[tokio::test]
async fn a_replayed_change_is_returned_again() {
    let client = Client::new(1.0, agents(3), |behaviour| {
        behaviour.membership_seconds = 0.0;
        behaviour.replayed_changes_every = Some(2);
    });
    let start = client.ok("GET", &format!("/groups/delta?{LATEST}"), Value::Null).await;
    client.graph.add_member(AGENTS, fields(user(4))).unwrap();
    let first = client.ok("GET", link(&start), Value::Null).await;
    let second = client.ok("GET", link(&first), Value::Null).await;
    assert_eq!(first["value"][0]["members@delta"][0]["id"], user_id(4));
    assert_eq!(first["value"], second["value"]);
}

#[tokio::test]
async fn a_link_that_is_too_old_or_changed_is_refused() {
    let client = Client::new(1.0, agents(3), |_| {});
    let start = client.ok("GET", &format!("/users/delta?{LATEST}"), Value::Null).await;
    client.ok("GET", link(&start), Value::Null).await;
    let other = link(&start).replace("/users/", "/groups/");
    client.clock.advance(7.0 * 86_400.0 + 1.0);
    // The client must request a new access token, because the old token has expired, too.
    client.token.replace(None);
    for link in [link(&start), &other] {
        let (status, code, _) = client.refused("GET", link, Value::Null).await;
        assert_eq!((status, code.as_str()), (410, "syncStateNotFound"), "{link}");
    }
}

#[tokio::test]
async fn only_a_filter_by_at_most_fifty_ids_is_supported() {
    let client = client();
    let ids = |count: usize| (0..count).map(|number| format!("id eq '{}'", user_id(number))).collect::<Vec<_>>();
    for filter in ["displayName eq 'Support agents'".to_owned(), ids(51).join(" or ")] {
        let (status, ..) = client.refused("GET", &format!("/groups/delta?$filter={filter}"), Value::Null).await;
        assert_eq!(status, 400, "{filter}");
    }
    client.ok("GET", &format!("/groups/delta?$filter={}", ids(50).join(" or ")), Value::Null).await;
}
