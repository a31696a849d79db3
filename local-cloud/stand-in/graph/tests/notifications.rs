use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use super::{AGENTS, CLIENT, Client, agents, fields, user, user_id};

/// A notification endpoint on loopback.
#[derive(Clone, Default)]
struct Endpoint {
    received: Arc<Mutex<Vec<Value>>>,
    hosts: Arc<Mutex<Vec<String>>>,
    /// How many further deliveries the endpoint rejects with 503.
    refuse: Arc<Mutex<u32>>,
    /// The endpoint's response to a validation token. `None`: the token itself, which is the correct response.
    handshake: Option<&'static str>,
}

async fn answer(
    State(endpoint): State<Endpoint>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    body: String,
) -> Response {
    endpoint.hosts.lock().unwrap().push(headers["host"].to_str().unwrap().to_owned());
    if let Some(token) = query.get("validationToken") {
        let text = endpoint.handshake.map_or_else(|| token.clone(), String::from);
        return ([("content-type", "text/plain")], text).into_response();
    }
    let mut refuse = endpoint.refuse.lock().unwrap();
    if *refuse > 0 {
        *refuse -= 1;
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    endpoint.received.lock().unwrap().push(serde_json::from_str(&body).unwrap());
    StatusCode::ACCEPTED.into_response()
}

impl Endpoint {
    async fn start(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(answer).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        url
    }

    /// Waits until the endpoint has received at least `count` deliveries, and returns all deliveries.
    async fn deliveries(&self, count: usize) -> Vec<Value> {
        for _ in 0..400 {
            let received = self.received.lock().unwrap().clone();
            if received.len() >= count {
                return received;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("only {} deliveries came", self.received.lock().unwrap().len());
    }
}

/// A client of a tenant that sends notifications without delay or duplicates.
fn calm(upstream: &str) -> Client {
    Client::with_upstream(0.001, agents(3), upstream, |behaviour| {
        behaviour.duplicate_notifications_every = None;
        behaviour.late_notifications_every = None;
    })
}

fn in_days(client: &Client, days: i64) -> String {
    (client.clock.now() + time::Duration::days(days)).format(&Rfc3339).unwrap()
}

fn subscription(client: &Client, url: &str) -> Value {
    json!({"changeType": "updated", "notificationUrl": url, "resource": format!("/groups/{AGENTS}/members"),
           "expirationDateTime": in_days(client, 20), "clientState": "state"})
}

#[tokio::test]
async fn a_change_notification_has_the_format_captured_from_microsoft_graph() {
    let endpoint = Endpoint::default();
    let url = endpoint.start().await;
    let client = calm("http://127.0.0.1:9");
    let made = client.ok("POST", "/subscriptions", subscription(&client, &format!("{url}/hook?key=1"))).await;
    client.graph.add_member(AGENTS, fields(user(4))).unwrap();
    client.graph.remove_member(AGENTS, &user_id(1)).unwrap();
    let item = endpoint.deliveries(1).await[0]["value"][0].clone();
    assert_eq!(item["resource"], format!("Groups/{AGENTS}"));
    assert_eq!((&item["clientState"], &item["subscriptionId"]), (&json!("state"), &made["id"]));
    assert_eq!(item["tenantId"], super::TENANT);
    assert_eq!(
        item["resourceData"]["members@delta"],
        json!([{"id": user_id(4)}, {"id": user_id(1), "@removed": "deleted"}]),
        "changes within the delay are sent in one notification"
    );
}

#[tokio::test]
async fn a_lambda_function_url_is_reached_through_the_emulator_by_its_host_name() {
    let endpoint = Endpoint::default();
    let upstream = endpoint.start().await;
    let client = calm(&upstream);
    let host = "abc123.lambda-url.ap-northeast-1.on.aws";
    client.ok("POST", "/subscriptions", subscription(&client, &format!("https://{host}/"))).await;
    client.graph.add_member(AGENTS, fields(user(4))).unwrap();
    endpoint.deliveries(1).await;
    assert_eq!(*endpoint.hosts.lock().unwrap(), [host, host]);
}

#[tokio::test]
async fn a_rejected_delivery_is_repeated() {
    let endpoint = Endpoint::default();
    *endpoint.refuse.lock().unwrap() = 2;
    let url = endpoint.start().await;
    let client = calm("http://127.0.0.1:9");
    client.ok("POST", "/subscriptions", subscription(&client, &url)).await;
    client.graph.add_member(AGENTS, fields(user(4))).unwrap();
    assert_eq!(endpoint.deliveries(1).await.len(), 1);
}

#[tokio::test]
async fn some_batches_are_delivered_twice() {
    let endpoint = Endpoint::default();
    let url = endpoint.start().await;
    let client = Client::with_upstream(0.001, agents(3), "http://127.0.0.1:9", |behaviour| {
        behaviour.duplicate_notifications_every = Some(1);
    });
    client.ok("POST", "/subscriptions", subscription(&client, &url)).await;
    client.graph.add_member(AGENTS, fields(user(4))).unwrap();
    let received = endpoint.deliveries(2).await;
    assert_eq!(received[0], received[1]);
}

#[tokio::test]
async fn subscriptions_to_users_receive_changes_of_users() {
    let endpoint = Endpoint::default();
    let url = endpoint.start().await;
    let client = calm("http://127.0.0.1:9");
    client.ok("POST", "/subscriptions", subscription(&client, &url)).await;
    let mut users = subscription(&client, &url);
    users["resource"] = json!("users");
    let made = client.ok("POST", "/subscriptions", users).await;
    client.graph.update_user(&user_id(1), fields(json!({"surname": "Ito"}))).unwrap();
    let received = endpoint.deliveries(1).await;
    assert_eq!(received[0]["value"].as_array().unwrap().len(), 1);
    assert_eq!(received[0]["value"][0]["subscriptionId"], made["id"]);
    assert_eq!(received[0]["value"][0]["resource"], format!("Users/{}", user_id(1)));
}

#[tokio::test]
async fn an_endpoint_that_fails_validation_gets_no_subscription() {
    let client = calm("http://127.0.0.1:9");
    let liar = Endpoint { handshake: Some("yes"), ..Endpoint::default() };
    let urls = [liar.start().await, "http://127.0.0.1:9/".into(), "https://graph.example/hook".into()];
    for url in urls {
        let (status, code, message) = client.refused("POST", "/subscriptions", subscription(&client, &url)).await;
        assert_eq!((status, code.as_str()), (400, "ValidationError"), "{message}");
    }
    assert_eq!(client.ok("GET", "/subscriptions", Value::Null).await["value"], json!([]));
}

#[tokio::test]
async fn an_invalid_subscription_is_rejected_with_the_reason() {
    let endpoint = Endpoint::default();
    let url = endpoint.start().await;
    let client = calm("http://127.0.0.1:9");
    let cases = [
        (
            "expirationDateTime",
            json!(in_days(&client, 30)),
            400,
            "Subscription expiration can only be 41760 minutes in the future.",
        ),
        (
            "expirationDateTime",
            json!(in_days(&client, -1)),
            400,
            "Subscription expirationDateTime must be in the future.",
        ),
        ("changeType", json!("created"), 400, "Unsupported changeType 'created' for this resource."),
        ("clientState", json!("x".repeat(129)), 400, "clientState exceeds the maximum length of 128 characters."),
        ("resource", json!("/me/messages"), 400, "Resource '/me/messages' is not supported for subscriptions."),
    ];
    for (name, value, status, message) in cases {
        let mut body = subscription(&client, &url);
        body[name] = value;
        let (got, _, text) = client.refused("POST", "/subscriptions", body).await;
        assert_eq!((got, text.as_str()), (status, message));
    }
    let mut elsewhere = subscription(&client, &url);
    elsewhere["resource"] = json!(format!("/groups/{CLIENT}/members"));
    assert_eq!(client.call("POST", "/subscriptions", elsewhere).await.0, 404);
}

#[tokio::test]
async fn a_duplicate_subscription_is_a_conflict_that_names_the_first() {
    let endpoint = Endpoint::default();
    let url = endpoint.start().await;
    let client = calm("http://127.0.0.1:9");
    let made = client.ok("POST", "/subscriptions", subscription(&client, &url)).await;
    let (status, _, message) = client.refused("POST", "/subscriptions", subscription(&client, &url)).await;
    let id = made["id"].as_str().unwrap();
    assert_eq!((status, message), (409, format!("Subscription Id {id} already exists for the requested combination")));
}

#[tokio::test]
async fn an_application_can_have_100_subscriptions() {
    let endpoint = Endpoint::default();
    let url = endpoint.start().await;
    let client = Client::with_upstream(0.0, agents(101), "http://127.0.0.1:9", |_| {});
    for number in 1..=101 {
        let mut body = subscription(&client, &url);
        body["resource"] = json!(format!("/users/{}", user_id(number)));
        let status = client.call("POST", "/subscriptions", body).await.0;
        assert_eq!(status, if number <= 100 { 201 } else { 403 });
    }
}

#[tokio::test]
async fn reading_members_is_not_enough_to_subscribe_to_a_group() {
    let role = "GroupMember.Read.All";
    let client = Client::new(0.0, agents(1), |behaviour| behaviour.roles = vec![role.into()]);
    assert_eq!(client.call("POST", "/subscriptions", subscription(&client, "http://127.0.0.1:9/")).await.0, 403);
}

#[tokio::test]
async fn a_subscription_can_be_renewed_and_expires() {
    let endpoint = Endpoint::default();
    let url = endpoint.start().await;
    let client = Client::new(1.0, agents(1), |_| {});
    let made = client.ok("POST", "/subscriptions", subscription(&client, &url)).await;
    let one = format!("/subscriptions/{}", made["id"].as_str().unwrap());
    let day = 86_400.0;
    client.clock.advance(15.0 * day);
    *client.token.borrow_mut() = None;
    let later = json!({"expirationDateTime": in_days(&client, 20)});
    let (status, renewed) = client.call("PATCH", &one, later).await;
    assert!(status == 200 && renewed["expirationDateTime"] != made["expirationDateTime"]);
    *client.token.borrow_mut() = None;
    client.clock.advance(15.0 * day);
    assert_eq!(client.get(&one).await.0, 200);
    let soon =
        json!({"expirationDateTime": (client.clock.now() + time::Duration::minutes(5)).format(&Rfc3339).unwrap()});
    client.ok("PATCH", &one, soon).await;
    client.clock.advance(40.0 * 60.0);
    assert_eq!(client.get(&one).await.0, 200, "less than 45 minutes is raised to 45");
    client.clock.advance(6.0 * 60.0);
    *client.token.borrow_mut() = None;
    let renew = json!({"expirationDateTime": in_days(&client, 1)});
    assert_eq!(client.call("PATCH", &one, renew).await.0, 404);
    assert_eq!(client.graph.inventory()["subscriptions"], json!([]));
}

#[tokio::test]
async fn a_deleted_subscription_receives_no_notifications() {
    let endpoint = Endpoint::default();
    let url = endpoint.start().await;
    let client = calm("http://127.0.0.1:9");
    let made = client.ok("POST", "/subscriptions", subscription(&client, &url)).await;
    client.graph.add_member(AGENTS, fields(user(4))).unwrap();
    client.ok("DELETE", &format!("/subscriptions/{}", made["id"].as_str().unwrap()), Value::Null).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(endpoint.received.lock().unwrap().is_empty());
}
