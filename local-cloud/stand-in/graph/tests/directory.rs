use serde_json::{Value, json};

use super::{AGENTS, Client, agents, client, fields, user, user_id};

async fn pages(client: &Client, first: &str) -> Vec<Value> {
    let mut pages = vec![client.ok("GET", first, Value::Null).await];
    while let Some(link) = pages.last().unwrap()["@odata.nextLink"].as_str().map(String::from) {
        pages.push(client.ok("GET", &link, Value::Null).await);
    }
    pages
}

fn ids(page: &Value) -> Vec<String> {
    page["value"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_group_name_filter_supports_quotes_and_ignores_case() {
    let tenant =
        json!({"groups": [{"displayName": "Agents' choir"}, {"displayName": "Agents"}, {"displayName": "agents"}]});
    let client = Client::new(0.0, tenant, |_| {});
    let found = |filter: &str| {
        let (client, url) = (&client, format!("/groups?$select=id,displayName&$filter={filter}"));
        async move { client.ok("GET", &url, Value::Null).await["value"].as_array().unwrap().len() }
    };
    assert_eq!(found("displayName eq 'Agents'' choir'").await, 1);
    assert_eq!(found("displayName eq 'Agents'").await, 2);
    assert_eq!(found("startswith(displayName,'agents')").await, 3);
    assert_eq!(found("startswith(displayName,'agents') and displayName eq 'nobody'").await, 0);
    for filter in
        ["displayName ne 'x'", "contains(displayName,'x')", "displayName eq 'x' or displayName eq 'y'", "theme eq 'x'"]
    {
        let (status, code, _) = client.refused("GET", &format!("/groups?$filter={filter}"), Value::Null).await;
        assert_eq!((status, code.as_str()), (400, "Request_UnsupportedQuery"), "{filter}");
    }
    let (status, code, _) = client.refused("GET", "/groups?$filter=displayName eq 'Agents' choir'", Value::Null).await;
    assert_eq!((status, code.as_str()), (400, "BadRequest"));
}

#[tokio::test]
async fn a_page_has_100_members_by_default_and_999_at_most() {
    let client = Client::new(0.0, agents(2500), |_| {});
    let url = format!("/groups/{AGENTS}/members");
    let first = client.ok("GET", &url, Value::Null).await;
    assert_eq!(ids(&first).len(), 100);
    let all = pages(&client, &format!("{url}?$select=id,userPrincipalName&$top=999")).await;
    let sizes: Vec<_> = all.iter().map(|page| ids(page).len()).collect();
    assert_eq!(sizes, [999, 999, 0, 502], "an empty page can have a next link");
    assert!(all[3]["value"][501].get("surname").is_none(), "the selection also applies to the last page");
    let mut seen: Vec<_> = all.iter().flat_map(ids).collect();
    seen.sort();
    assert_eq!(seen, (1..=2500).map(user_id).collect::<Vec<_>>());
    for top in ["1000", "0", "many"] {
        let (status, _, message) = client.refused("GET", &format!("{url}?$top={top}"), Value::Null).await;
        assert_eq!(status, 400);
        assert_eq!(message, format!("Invalid page size specified: '{top}'. Must be between 1 and 999 inclusive."));
    }
}

#[tokio::test]
async fn a_modified_next_link_is_rejected() {
    let client = Client::new(0.0, agents(30), |_| {});
    let first = client.ok("GET", &format!("/groups/{AGENTS}/members?$top=10&$select=id"), Value::Null).await;
    let link = first["@odata.nextLink"].as_str().unwrap();
    for changed in [link.replace("top=10", "top=20"), format!("{link}x"), link.replace("$select=id&", "")] {
        let (status, code, _) = client.refused("GET", &changed, Value::Null).await;
        assert_eq!((status, code.as_str()), (400, "Directory_ExpiredPageToken"), "{changed}");
    }
    client.ok("GET", link, Value::Null).await;
}

#[tokio::test]
async fn a_member_removed_between_two_pages_does_not_hide_others() {
    let client = Client::new(0.0, agents(20), |_| {});
    let first = client.ok("GET", &format!("/groups/{AGENTS}/members?$top=10"), Value::Null).await;
    client.graph.remove_member(AGENTS, &user_id(3)).unwrap();
    let second = client.ok("GET", first["@odata.nextLink"].as_str().unwrap(), Value::Null).await;
    assert_eq!(ids(&second), (11..=20).map(user_id).collect::<Vec<_>>());
}

#[tokio::test]
async fn members_have_several_types_and_nested_groups_are_not_expanded() {
    let inner = "aaaaaaaa-0000-4000-8000-000000000002";
    let device = json!({"@odata.type": "#microsoft.graph.device", "id": "dddddddd-0000-4000-8000-000000000001", "displayName": "Phone"});
    let tenant = json!({"groups": [
        {"id": AGENTS, "displayName": "Outer", "members": [user(1), device,
            {"@odata.type": "#microsoft.graph.group", "id": inner}]},
        {"id": inner, "displayName": "Inner", "members": [user(1), user(2)]},
    ]});
    let client = Client::new(0.0, tenant, |_| {});
    let url = format!("/groups/{AGENTS}");
    let direct =
        client.ok("GET", &format!("{url}/members?$select=id,displayName,userPrincipalName"), Value::Null).await;
    let kinds: Vec<_> =
        direct["value"].as_array().unwrap().iter().map(|m| m["@odata.type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["#microsoft.graph.user", "#microsoft.graph.device", "#microsoft.graph.group"]);
    assert_eq!(direct["value"][2]["displayName"], "Inner");
    let deep = client.ok("GET", &format!("{url}/transitiveMembers?$select=id"), Value::Null).await;
    assert_eq!(ids(&deep).len(), 4, "each once");

    let (status, code, _) = client.refused("GET", &format!("{url}/members/microsoft.graph.user"), Value::Null).await;
    assert_eq!((status, code.as_str()), (400, "Request_UnsupportedQuery"));
    assert_eq!(client.get(&format!("{url}/members?$count=true")).await.0, 400);
    let client = client.with_header("consistencylevel", "eventual");
    let cast =
        client.ok("GET", &format!("{url}/members/microsoft.graph.user?$count=true&$select=id"), Value::Null).await;
    assert_eq!((ids(&cast), &cast["@odata.count"]), (vec![user_id(1)], &json!(1)));
    assert_eq!(client.ok("GET", &format!("{url}/members/$count"), Value::Null).await, json!(3));
}

#[tokio::test]
async fn without_permission_to_read_users_members_have_only_an_id() {
    let client = Client::new(0.0, agents(1), |behaviour| behaviour.roles = vec!["GroupMember.Read.All".into()]);
    let page = client.ok("GET", &format!("/groups/{AGENTS}/members?$select=id,userPrincipalName"), Value::Null).await;
    assert_eq!(
        page["value"][0],
        json!({"@odata.type": "#microsoft.graph.user", "id": user_id(1), "userPrincipalName": null})
    );
}

#[tokio::test]
async fn a_membership_change_is_visible_after_a_delay() {
    let client = Client::new(1.0, agents(2), |behaviour| behaviour.membership_seconds = 30.0);
    let url = format!("/groups/{AGENTS}/members?$select=id");
    client.graph.add_member("support AGENTS", fields(user(3))).unwrap();
    client.graph.remove_member(AGENTS, &user_id(1)).unwrap();
    assert_eq!(ids(&client.ok("GET", &url, Value::Null).await), [user_id(1), user_id(2)]);
    client.clock.advance(31.0);
    assert_eq!(ids(&client.ok("GET", &url, Value::Null).await), [user_id(2), user_id(3)]);

    client.graph.add_member(AGENTS, fields(json!({"id": user_id(1)}))).unwrap();
    assert_eq!(ids(&client.ok("GET", &url, Value::Null).await).len(), 2);
    client.clock.advance(31.0);
    assert_eq!(ids(&client.ok("GET", &url, Value::Null).await).len(), 3, "and back again");
}

#[tokio::test]
async fn an_impossible_change_returns_the_reason() {
    let graph = client().graph;
    assert!(graph.add_member("nobody", fields(user(9))).unwrap_err().contains("no group 'nobody'"));
    assert!(graph.add_member(AGENTS, fields(user(1))).unwrap_err().contains("already"));
    assert!(graph.remove_member(AGENTS, &user_id(9)).unwrap_err().contains("not a direct member"));
    assert!(graph.update_user(&user_id(9), fields(json!({}))).unwrap_err().contains("no user"));
}

#[tokio::test]
async fn a_user_is_found_by_id_and_by_principal_name_with_the_selected_properties() {
    let client = client();
    let plain = client.ok("GET", &format!("/users/{}", user_id(1)), Value::Null).await;
    assert!(plain.get("accountEnabled").is_none(), "only on $select");
    let chosen =
        client.ok("GET", "/users/USER1%40contoso.example?$select=id,accountEnabled,employeeId", Value::Null).await;
    assert_eq!((&chosen["id"], &chosen["accountEnabled"]), (&json!(user_id(1)), &json!(true)));
    assert_eq!(chosen["employeeId"], Value::Null);
    let (status, code, message) = client.refused("GET", &format!("/users/{}", user_id(9)), Value::Null).await;
    assert_eq!((status, code.as_str()), (404, "Request_ResourceNotFound"));
    assert!(message.starts_with(&format!("Resource '{}' does not exist", user_id(9))));
    let filter = "/users?$select=id&$filter=userPrincipalName eq 'user2@contoso.example'";
    assert_eq!(ids(&client.ok("GET", filter, Value::Null).await), [user_id(2)]);
    let groups = client.ok("GET", &format!("/users/{}/memberOf", user_id(1)), Value::Null).await;
    assert_eq!(ids(&groups), [AGENTS]);
}

#[tokio::test]
async fn a_renamed_user_is_found_only_by_the_new_name() {
    let client = client();
    client.graph.update_user(&user_id(1), fields(json!({"userPrincipalName": "new@contoso.example"}))).unwrap();
    assert_eq!(client.get("/users/new@contoso.example").await.0, 200);
    assert_eq!(client.get("/users/user1@contoso.example").await.0, 404);
}

#[tokio::test]
async fn a_deleted_user_is_missing_from_users_and_members_and_is_in_the_recycle_bin() {
    let client = client();
    let id = user_id(2);
    client.graph.update_user(&id, fields(json!({"deletedDateTime": "2026-11-22T00:00:00Z"}))).unwrap();
    assert_eq!(client.get(&format!("/users/{id}")).await.0, 404);
    let url = format!("/groups/{AGENTS}/members?$select=id");
    assert_eq!(ids(&client.ok("GET", &url, Value::Null).await), [user_id(1), user_id(3)]);
    let binned = client.ok("GET", &format!("/directory/deletedItems/{id}"), Value::Null).await;
    assert_eq!(binned["deletedDateTime"], "2026-11-22T00:00:00Z");
    client.graph.update_user(&id, fields(json!({"deletedDateTime": null}))).unwrap();
    assert_eq!(ids(&client.ok("GET", &url, Value::Null).await).len(), 3);
}

#[tokio::test]
async fn a_hundred_thousand_members_are_read_in_seconds() {
    let client = Client::new(0.0, agents(100_000), |_| {});
    let started = std::time::Instant::now();
    let all = pages(&client, &format!("/groups/{AGENTS}/members?$select=id,userPrincipalName&$top=999")).await;
    assert_eq!(all.iter().map(|page| ids(page).len()).sum::<usize>(), 100_000);
    assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
}

#[tokio::test]
async fn the_inventory_shows_groups_after_pending_replication() {
    let client = Client::new(1.0, agents(2), |_| {});
    client.graph.remove_member(AGENTS, &user_id(1)).unwrap();
    let inventory = client.graph.inventory();
    let members = inventory["groups"][0]["members"].as_array().unwrap();
    assert_eq!(members.len(), 1, "without the replicas' delay");
    assert_eq!(members[0]["@odata.type"], "#microsoft.graph.user");
    assert_eq!(inventory["applications"], json!([]));
}

#[tokio::test]
async fn an_administrator_creates_a_group_adds_a_member_and_deletes_the_group() {
    let client = Client::new(0.0, agents(1), |behaviour| behaviour.roles.push("Group.ReadWrite.All".into()));
    let body = json!({"displayName": "New", "mailNickname": "new", "mailEnabled": false, "securityEnabled": true});
    let id = client.ok("POST", "/groups", body.clone()).await["id"].as_str().unwrap().to_owned();
    let link = json!({"@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{AGENTS}")});
    client.ok("POST", &format!("/groups/{id}/members/$ref"), link.clone()).await;
    assert_eq!(ids(&client.ok("GET", &format!("/groups/{id}/members"), Value::Null).await), [AGENTS]);
    let (status, _, message) = client.refused("POST", &format!("/groups/{id}/members/$ref"), link).await;
    assert!(status == 400 && message.contains("already exist"), "{message}");
    client.ok("DELETE", &format!("/groups/{id}"), Value::Null).await;
    assert_eq!(client.refused("GET", &format!("/groups/{id}"), Value::Null).await.0, 404);
    assert_eq!(ids(&client.ok("GET", "/groups?$filter=displayName eq 'New'", Value::Null).await), [""; 0]);

    let reader = Client::new(0.0, agents(1), |_| {});
    assert_eq!(reader.refused("POST", "/groups", body).await.0, 403);
    assert_eq!(reader.refused("DELETE", &format!("/groups/{AGENTS}"), Value::Null).await.0, 403);
}
