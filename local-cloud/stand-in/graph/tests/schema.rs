use serde_json::{Value, json};

use super::{AGENTS, CLIENT, Graph, TEMPLATE, TENANT, client, user_id};
use crate::stand_in::http::Request;

#[tokio::test]
async fn unknown_paths_methods_and_query_names_are_rejected() {
    let client = client();
    let cases = [
        ("GET", "/grups".to_owned(), 400, "Resource not found for the segment 'grups'."),
        ("GET", format!("/groups/{AGENTS}/membres"), 400, "Resource not found for the segment 'membres'."),
        ("DELETE", "/groups".to_owned(), 405, "Specified HTTP method is not allowed for the request target."),
        ("GET", "/groups?$selct=id".to_owned(), 400, "The query parameter '$selct' is not supported."),
        ("GET", "/groups?top=5".to_owned(), 400, "Unrecognized query argument specified: 'top'."),
        ("GET", "/groups?$orderby=displayName".to_owned(), 400, "'$orderby' is not supported for this query."),
        (
            "GET",
            "/groups?$select=id,name".to_owned(),
            400,
            "Parsing OData Select and Expand failed: Could not find a property named 'name' on type 'microsoft.graph.group'.",
        ),
        (
            "POST",
            format!("/{TENANT}/servicePrincipals/{CLIENT}/claimsMappingPolicies/$ref"),
            400,
            "Write requests are only supported on contained entities or navigation properties with bindings.",
        ),
    ];
    for (method, url, status, message) in cases {
        let (got, _, text) = client.refused(method, &url, Value::Null).await;
        assert_eq!((got, text.as_str()), (status, message), "{method} {url}");
    }
}

#[tokio::test]
async fn unknown_fields_wrong_types_and_missing_fields_are_rejected() {
    let client = client();
    let (_, principal, _) = client.instantiate("Connect").await;
    let instantiate = format!("/applicationTemplates/{TEMPLATE}/instantiate");
    let principal = format!("/servicePrincipals/{principal}");
    let cases = [
        ("POST", instantiate.clone(), json!({"displayNam": "x"}), "Invalid property 'displayNam'."),
        (
            "POST",
            instantiate.clone(),
            json!({}),
            "A value is required for property 'displayName' of resource 'Instantiate'.",
        ),
        (
            "POST",
            instantiate,
            json!({"displayName": 5}),
            "Cannot convert the value of property 'displayName' to the expected type 'Edm.String'. See the inner exception for \
             more details.",
        ),
        ("PATCH", principal.clone(), json!({"samlSingleSignOnSettings": {"relay": "x"}}), "Invalid property 'relay'."),
        ("PATCH", principal.clone(), json!({"appId": CLIENT}), "Property 'appId' is read-only and cannot be set."),
        (
            "PATCH",
            principal,
            json!({"notificationEmailAddresses": "a@b.example"}),
            "A node of type 'PrimitiveValue' was read from the JSON reader when trying to read the contents of the property \
             'notificationEmailAddresses'; however, a 'StartArray' node was expected.",
        ),
    ];
    for (method, url, body, message) in cases {
        let (status, code, text) = client.refused(method, &url, body).await;
        assert_eq!((status, code.as_str(), text.as_str()), (400, "Request_BadRequest", message), "{method} {url}");
    }
}

#[tokio::test]
async fn an_unsupported_graph_operation_returns_an_error() {
    let url = format!("/applications/{AGENTS}/federatedIdentityCredentials");
    let (status, code, _) = client().refused("GET", &url, Value::Null).await;
    assert_eq!((status, code.as_str()), (501, "NotImplemented"));
}

#[test]
fn operation_names_have_placeholders_for_ids() {
    let name = |method: &str, path: &str| {
        Graph::operation(&Request {
            method: method.into(),
            path: path.into(),
            query: Vec::new(),
            headers: Vec::new(),
            body: Vec::new(),
        })
    };
    assert_eq!(name("GET", &format!("/v1.0/groups/{AGENTS}/members")), "GET /v1.0/groups/{id}/members");
    let cast = format!("/v1.0/groups/{AGENTS}/members/microsoft.graph.user");
    assert_eq!(name("GET", &cast), "GET /v1.0/groups/{id}/members/graph.user");
    assert_eq!(name("GET", "/v1.0/users/a%40b.example"), "GET /v1.0/users/{id}");
    assert_eq!(name("POST", &format!("/{TENANT}/oauth2/v2.0/token")), "POST /{id}/oauth2/v2.0/token");
}

#[tokio::test]
async fn a_batch_answers_each_call_alone() {
    let client = client();
    let get = |id: &str, url: String| json!({"id": id, "method": "GET", "url": url});
    let requests = json!({"requests": [
        get("1", format!("/users/{}?$select=id,surname", user_id(1))),
        get("2", format!("/users/{CLIENT}")),
        json!({"id": "3", "method": "GET", "url": "/groups", "dependsOn": ["2"]}),
    ]});
    let (status, answer) = client.call("POST", "/$batch", requests).await;
    assert_eq!(status, 200);
    let item = |id: &str| answer["responses"].as_array().unwrap().iter().find(|item| item["id"] == id).unwrap();
    assert_eq!(item("1")["body"]["surname"], "Sato 1");
    assert_eq!((&item("2")["status"], &item("3")["status"]), (&json!(404), &json!(424)));

    let many: Vec<_> = (0..21).map(|id| get(&id.to_string(), "/groups".into())).collect();
    assert_eq!(client.call("POST", "/$batch", json!({"requests": many})).await.0, 400);
    let twins = json!({"requests": [get("1", "/groups".into()), get("1", "/groups".into())]});
    assert_eq!(client.call("POST", "/$batch", twins).await.0, 400);
}
