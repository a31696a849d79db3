use onboarding_core::StepErrorKind;
use wiremock::matchers::query_param;

use super::*;

#[tokio::test]
async fn members_are_read_to_the_last_page_even_after_an_empty_page() {
    let cloud = Cloud::start().await;
    let link = |page: u32| format!("{}/next/{page}?$skiptoken=a%2Bb", cloud.server.uri());
    let first = json!({ "value": [user("b"), user("a")], "@odata.nextLink": link(1) });
    cloud.on("GET", &members(), json_of(200, first)).await;
    cloud.on("GET", "/next/1", json_of(200, json!({ "value": [], "@odata.nextLink": link(2) }))).await;
    cloud.on("GET", "/next/2", json_of(200, json!({ "value": [user("c")] }))).await;
    let read = cloud.graph().group_members(GROUP, false).await.unwrap().unwrap();
    assert_eq!(read.members.iter().map(|member| member.id.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(read.pages, 3);
    let next = &cloud.requests("/next/1").await[0];
    assert_eq!(next.url.query(), Some("$skiptoken=a%2Bb"), "the next link is used unchanged");
    assert!(next.headers.contains_key("authorization"));
}

#[tokio::test]
async fn the_first_page_is_requested_with_all_fields_and_without_an_advanced_query() {
    let cloud = Cloud::start().await;
    cloud.on("GET", &members(), json_of(200, json!({ "value": [] }))).await;
    cloud.graph().group_members(GROUP, false).await.unwrap();
    let request = &cloud.requests(&members()).await[0];
    let query: Vec<(String, String)> = request.url.query_pairs().into_owned().collect();
    let fields = "id,userPrincipalName,mail,givenName,surname,displayName,accountEnabled,userType";
    assert_eq!(query, [("$select".into(), fields.into()), ("$top".into(), "999".into())]);
    assert!(
        !request.headers.contains_key("consistencylevel"),
        "an advanced query would read an index that lags behind"
    );
}

#[tokio::test]
async fn a_next_page_on_another_host_gets_no_token() {
    let (cloud, other) = (Cloud::start().await, Cloud::start().await);
    let link = format!("{}/next", other.server.uri());
    cloud.on("GET", &members(), json_of(200, json!({ "value": [user("a")], "@odata.nextLink": link }))).await;
    let error = cloud.graph().group_members(GROUP, false).await.unwrap_err();
    assert_eq!(error.kind, StepErrorKind::Internal);
    assert!(other.requests("/next").await.is_empty());
}

#[tokio::test]
async fn an_invalid_page_fails_the_read_instead_of_shortening_it() {
    let cut = r#"{"value":[{"id":"a"}"#;
    for answer in [
        json_of(200, json!({})),
        json_of(200, json!({ "value": null })),
        ResponseTemplate::new(200).set_body_string(cut),
    ] {
        let cloud = Cloud::start().await;
        let link = format!("{}/next", cloud.server.uri());
        cloud.on("GET", &members(), json_of(200, json!({ "value": [user("a")], "@odata.nextLink": link }))).await;
        cloud.on("GET", "/next", answer).await;
        let error = cloud.graph().group_members(GROUP, false).await.unwrap_err();
        assert_eq!(error.kind, StepErrorKind::Unavailable, "{error}");
    }
}

#[tokio::test]
async fn a_repeated_next_link_fails_the_read() {
    let cloud = Cloud::start().await;
    let link = format!("{}/next", cloud.server.uri());
    cloud.on("GET", &members(), json_of(200, json!({ "value": [], "@odata.nextLink": link }))).await;
    cloud.on("GET", "/next", json_of(200, json!({ "value": [], "@odata.nextLink": link }))).await;
    let error = cloud.graph().group_members(GROUP, false).await.unwrap_err();
    assert!(error.message.contains("the same page again"), "{error}");
}

#[tokio::test]
async fn members_are_separated_by_type_and_counted_once() {
    let cloud = Cloud::start().await;
    let poor = json!({ "@odata.type": "#microsoft.graph.user", "id": "a", "displayName": "a" });
    let list = json!([
        poor,
        user("a"),
        { "@odata.type": "#microsoft.graph.group", "id": "g", "displayName": "Inner" },
        { "@odata.type": "#microsoft.graph.device", "id": "d", "displayName": "Laptop" },
        { "@odata.type": "#microsoft.graph.orgContact", "id": "o", "displayName": "Partner", "mail": "p@partner.com" },
        { "@odata.type": "#microsoft.graph.agentUser", "id": "r", "displayName": "Robot", "userPrincipalName": "r@contoso.com" },
        { "@odata.type": "#microsoft.graph.agentUser", "id": "q", "displayName": "Robot", "userPrincipalName": "q@contoso.com" },
    ]);
    cloud.on("GET", &members(), json_of(200, json!({ "value": list }))).await;
    let read = cloud.graph().group_members(GROUP, false).await.unwrap().unwrap();
    assert_eq!(read.members.len(), 1);
    assert_eq!(
        read.members[0].user_principal_name.as_deref(),
        Some("a@contoso.com"),
        "the read with more data is used"
    );
    assert_eq!(read.nested_groups.iter().map(|group| group.id.as_str()).collect::<Vec<_>>(), ["g"]);
    let others: Vec<(&str, usize)> = read.other_objects.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    assert_eq!(others, [("agentUser", 2), ("device", 1), ("orgContact", 1)]);
}

#[tokio::test]
async fn an_agent_user_that_is_read_directly_does_not_count_as_a_user() {
    let cloud = Cloud::start().await;
    let mut agent = user("r");
    agent["@odata.type"] = json!("#microsoft.graph.agentUser");
    cloud.on("GET", "/v1.0/users/r", json_of(200, agent)).await;
    assert_eq!(cloud.graph().user("r").await, Ok(None));
}

#[tokio::test]
async fn hidden_user_fields_are_reported_as_a_missing_permission() {
    let cloud = Cloud::start().await;
    let hidden =
        json!({ "@odata.type": "#microsoft.graph.user", "id": "a", "userPrincipalName": null, "accountEnabled": null });
    cloud.on("GET", &members(), json_of(200, json!({ "value": [user("b"), hidden] }))).await;
    let error = cloud.graph().group_members(GROUP, false).await.unwrap_err();
    assert_eq!(error.kind, StepErrorKind::AccessDenied);
    assert!(error.message.contains("User.Read.All"), "{error}");
}

#[tokio::test]
async fn nested_members_are_read_from_the_transitive_list() {
    let cloud = Cloud::start().await;
    let at = format!("/v1.0/groups/{GROUP}/transitiveMembers");
    cloud.on("GET", &at, json_of(200, json!({ "value": [user("a")] }))).await;
    assert_eq!(cloud.graph().group_members(GROUP, true).await.unwrap().unwrap().members.len(), 1);
}

#[tokio::test]
async fn a_deleted_group_is_none_and_not_an_empty_group() {
    let cloud = Cloud::start().await;
    cloud.on("GET", &members(), error(404, "Request_ResourceNotFound", "Resource does not exist")).await;
    assert_eq!(cloud.graph().group_members(GROUP, false).await, Ok(None));
}

#[tokio::test]
async fn a_group_is_found_by_its_exact_name_even_with_a_quote() {
    let cloud = Cloud::start().await;
    let found = json!([
        { "id": "1", "displayName": "kim's Agents" },
        { "id": "2", "displayName": "Kim's Agents", "securityEnabled": true },
    ]);
    cloud.on("GET", "/v1.0/groups", json_of(200, json!({ "value": found }))).await;
    let group = cloud.graph().resolve_group("Kim's Agents").await.unwrap();
    assert_eq!((group.id.as_str(), group.security_enabled), ("2", Some(true)));
    let query = cloud.requests("/v1.0/groups").await[0].url.query().unwrap().to_owned();
    assert!(query.starts_with("$filter=displayName%20eq%20%27Kim%27%27s%20Agents%27&"), "{query}");
}

#[tokio::test]
async fn a_name_of_several_groups_is_a_conflict_with_their_ids() {
    let cloud = Cloud::start().await;
    let found = json!([{ "id": "2", "displayName": "Agents" }, { "id": "1", "displayName": "Agents" }]);
    cloud.on("GET", "/v1.0/groups", json_of(200, json!({ "value": found }))).await;
    let error = cloud.graph().resolve_group("Agents").await.unwrap_err();
    assert_eq!(error.kind, StepErrorKind::Conflict);
    assert!(error.message.contains("2 groups") && error.message.ends_with("1, 2"), "{error}");
}

#[tokio::test]
async fn a_group_whose_name_differs_in_case_is_not_used_but_suggested() {
    let cloud = Cloud::start().await;
    cloud.on("GET", "/v1.0/groups", json_of(200, json!({ "value": [{ "id": "1", "displayName": "agents" }] }))).await;
    let error = cloud.graph().resolve_group("Agents").await.unwrap_err();
    assert_eq!(error.kind, StepErrorKind::InvalidInput);
    assert!(error.message.contains("there is a group named \"agents\""), "{error}");
}

#[tokio::test]
async fn a_group_is_read_by_id_without_a_search_and_an_unknown_id_is_invalid_input() {
    let cloud = Cloud::start().await;
    let at = format!("/v1.0/groups/{GROUP}");
    cloud.once("GET", &at, json_of(200, json!({ "id": GROUP, "displayName": "Agents" }))).await;
    cloud.on("GET", &at, error(404, "Request_ResourceNotFound", "Resource does not exist")).await;
    let graph = cloud.graph();
    assert_eq!(graph.resolve_group(GROUP).await.unwrap().display_name, "Agents");
    let error = graph.resolve_group(GROUP).await.unwrap_err();
    assert_eq!(error.kind, StepErrorKind::InvalidInput);
    assert!(error.message.contains(GROUP));
}

#[tokio::test]
async fn a_group_is_found_in_both_unicode_forms_and_its_name_is_normalized() {
    for (stored, asked) in
        [("か\u{3099}く部", "がく部"), ("がく部", "か\u{3099}く部"), ("か\u{3099}く部", "か\u{3099}く部")]
    {
        let cloud = Cloud::start().await;
        let filter = format!("displayName eq '{stored}'");
        let found = json_of(200, json!({ "value": [{ "id": GROUP, "displayName": stored, "securityEnabled": true }] }));
        let asks = Mock::given(method("GET")).and(path("/v1.0/groups")).and(query_param("$filter", filter));
        asks.respond_with(found).with_priority(1).mount(&cloud.server).await;
        cloud.on("GET", "/v1.0/groups", json_of(200, json!({ "value": [] }))).await;
        let group = cloud.graph().resolve_group(asked).await.unwrap();
        assert_eq!((group.id.as_str(), group.display_name.as_str()), (GROUP, "がく部"), "{stored:?} {asked:?}");
    }
}
