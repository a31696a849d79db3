//! Tests of Amazon Connect over HTTP.

use crate::common::{Cloud, instance, options, start, start_with};
use local_cloud::stand_in::{Behaviour, NumberStock};
use serde_json::{Value, json};

/// The body of a `CreateUser` request for the instance.
async fn user(cloud: &Cloud, id: &str, name: &str) -> Value {
    let (security, routing) = cloud.profiles(id).await;
    json!({
        "Username": name, "IdentityInfo": { "FirstName": "Taro", "LastName": "Yamada" },
        "SecurityProfileIds": [security], "RoutingProfileId": routing, "Tags": { "entra-object-id": name },
    })
}

#[tokio::test]
async fn an_instance_is_created_asynchronously_and_its_contents_are_not_found_until_it_is_ready() {
    let cloud = start().await;
    let made = cloud.connect("PUT", "/instance", instance("acme")).await;
    let id = made.body["Id"].as_str().unwrap();
    let status = async || cloud.connect("GET", &format!("/instance/{id}"), Value::Null).await.body["Instance"].clone();
    assert_eq!(status().await["InstanceStatus"], "CREATION_IN_PROGRESS");
    let early = cloud.connect("GET", &format!("/users-summary/{id}"), Value::Null).await;
    assert_eq!((early.status, early.code.as_str()), (404, "ResourceNotFoundException"));
    cloud.cloud.advance(45.0);
    assert_eq!(status().await["InstanceStatus"], "ACTIVE");
    assert!(status().await["CreatedTime"].is_number());
    assert_eq!(cloud.connect("GET", &format!("/users-summary/{id}"), Value::Null).await.status, 200);
    cloud.is_clean();
}

#[tokio::test]
async fn the_same_client_token_returns_the_same_instance() {
    let cloud = start().await;
    let mut request = instance("acme");
    request["ClientToken"] = json!("once");
    let first = cloud.connect("PUT", "/instance", request.clone()).await;
    let second = cloud.connect("PUT", "/instance", request).await;
    assert_eq!((first.status, &first.body), (200, &second.body));
    cloud.is_clean();
}

#[tokio::test]
async fn a_taken_alias_is_rejected_with_the_message_of_aws() {
    let mut options = options();
    options.behaviour.taken_aliases = ["theirs".to_owned()].into();
    let cloud = start_with(options).await;
    cloud.instance("ours").await;
    for alias in ["ours", "theirs"] {
        let refused = cloud.connect("PUT", "/instance", instance(alias)).await;
        assert_eq!((refused.status, refused.code.as_str()), (400, "InvalidRequestException"));
        assert_eq!(refused.body["Message"], "Invalid Input. Instance alias is already used.");
    }
    let refused = cloud.connect("PUT", "/instance", instance("bad_alias")).await;
    assert_eq!(refused.status, 400);
    cloud.is_clean();
}

#[tokio::test]
async fn the_instance_quota_error_has_three_messages() {
    let cloud = start().await;
    cloud.instance("one").await;
    cloud.connect("PUT", "/instance", instance("two")).await;
    let wording = async |alias: &str| {
        let refused = cloud.connect("PUT", "/instance", instance(alias)).await;
        assert_eq!((refused.status, refused.code.as_str()), (402, "ServiceQuotaExceededException"));
        refused.body["Message"].as_str().unwrap().to_owned()
    };
    assert!(wording("three").await.starts_with("Currently pending instance creation requests"));
    cloud.cloud.advance(45.0);
    assert!(wording("three").await.contains("reached the instance count quota"));
    cloud.cloud.set_quota("L-AA17A6B9", None, 1000.0);
    for n in 0..49 {
        let (id, _) = cloud.instance(&format!("churn-{n}")).await;
        assert_eq!(cloud.connect("DELETE", &format!("/instance/{id}"), Value::Null).await.status, 200);
    }
    assert!(wording("last").await.contains("flagged for an excessive number of creation and deletion attempts"));
    cloud.is_clean();
}

#[tokio::test]
async fn a_failed_instance_shows_its_reason_for_one_day() {
    let mut options = options();
    options.behaviour.instance_failure = Some("The directory could not be created.".into());
    let cloud = start_with(options).await;
    let (id, _) = cloud.instance("acme").await;
    let found = cloud.connect("GET", &format!("/instance/{id}"), Value::Null).await.body;
    assert_eq!(found["Instance"]["InstanceStatus"], "CREATION_FAILED");
    assert_eq!(found["Instance"]["StatusReason"]["Message"], "The directory could not be created.");
    cloud.cloud.advance(86_400.0);
    assert_eq!(cloud.connect("GET", &format!("/instance/{id}"), Value::Null).await.status, 404);
    cloud.is_clean();
}

#[tokio::test]
async fn an_instance_has_every_attribute_type_of_the_model() {
    let cloud = start().await;
    let (id, _) = cloud.instance("acme").await;
    let (mut kinds, mut next) = (Vec::new(), String::new());
    loop {
        let page = cloud.connect("GET", &format!("/instance/{id}/attributes{next}"), Value::Null).await.body;
        kinds.extend(page["Attributes"].as_array().unwrap().iter().map(|one| one["AttributeType"].clone()));
        let Some(token) = page["NextToken"].as_str() else { break };
        next = format!("?nextToken={token}");
    }
    assert_eq!((kinds.len(), kinds.contains(&json!("AUTO_MUTE_AGENT_ON_HOLD"))), (14, true), "{kinds:?}");
    cloud.is_clean();
}

#[tokio::test]
async fn approved_origins_are_https_origins_without_a_path_and_each_is_added_once() {
    let cloud = start().await;
    let (id, _) = cloud.instance("acme").await;
    let path = format!("/instance/{id}/approved-origin");
    let add = async |origin: &str, token: &str| {
        let added = cloud.connect("PUT", &path, json!({ "Origin": origin, "ClientToken": token })).await;
        (added.status, added.code)
    };
    let ok = (200, String::new());
    assert_eq!(add("https://crm.example:8443", "a").await, ok);
    assert_eq!(add("https://crm.example:8443", "a").await, ok, "a retry of the same request");
    assert_eq!(add("https://crm.example:8443", "b").await, (409, "ResourceConflictException".into()));
    for bad in ["http://crm.example", "https://crm.example/a", "https://", "https://*.example", "https://a.example:0"] {
        assert_eq!(add(bad, "c").await, (400, "InvalidParameterException".into()), "{bad}");
    }
    for number in 0..25 {
        assert_eq!(add(&format!("https://crm{number}.example"), "d").await, ok);
    }
    let list =
        async |query: &str| cloud.connect("GET", &format!("/instance/{id}/approved-origins{query}"), Value::Null).await;
    let first = list("").await.body;
    let next = first["NextToken"].as_str().unwrap();
    let second = list(&format!("?nextToken={next}")).await.body;
    assert_eq!(
        (first["Origins"].as_array().unwrap().len(), &second["Origins"]),
        (25, &json!(["https://crm24.example"]))
    );
    let remove = async || {
        cloud.connect("DELETE", &format!("{path}?origin=https%3A%2F%2Fcrm.example%3A8443"), Value::Null).await.status
    };
    assert_eq!((remove().await, remove().await), (200, 404));
    assert_eq!(list("").await.body["Origins"].as_array().unwrap().len(), 25);
    cloud.is_clean();
}

#[tokio::test]
async fn a_second_storage_configuration_of_a_kind_is_a_conflict() {
    let cloud = start().await;
    let (id, _) = cloud.instance("acme").await;
    let config = json!({ "StorageType": "S3", "S3Config": { "BucketName": "b", "BucketPrefix": "p" } });
    let request = json!({ "ResourceType": "CALL_RECORDINGS", "StorageConfig": config });
    let path = format!("/instance/{id}/storage-config");
    let first = cloud.connect("PUT", &path, request.clone()).await;
    assert_eq!(first.status, 200);
    let second = cloud.connect("PUT", &path, request).await;
    assert_eq!((second.status, second.code.as_str()), (409, "ResourceConflictException"));
    let listed = format!("/instance/{id}/storage-configs?resourceType=CALL_RECORDINGS");
    let listed = cloud.connect("GET", &listed, Value::Null).await.body;
    assert_eq!(listed["StorageConfigs"][0]["AssociationId"], first.body["AssociationId"]);
    cloud.is_clean();
}

#[tokio::test]
async fn a_new_user_is_found_by_id_and_listed_only_after_a_delay() {
    let cloud = start().await;
    let (id, _) = cloud.instance("acme").await;
    let request = user(&cloud, &id, "taro@example.com").await;
    let made = cloud.connect("PUT", &format!("/users/{id}"), request).await;
    let path = format!("/users/{id}/{}", made.body["UserId"].as_str().unwrap());
    let listed = async || {
        let found = cloud.connect("POST", "/search-users", json!({ "InstanceId": id })).await.body;
        found["Users"].as_array().unwrap().len()
    };
    assert_eq!(cloud.connect("GET", &path, Value::Null).await.status, 404);
    let update = cloud.connect("POST", &format!("{path}/hierarchy"), json!({})).await;
    assert_eq!((update.status, update.code.as_str()), (400, "InvalidRequestException"));
    cloud.cloud.advance(2.0);
    let found = cloud.connect("GET", &path, Value::Null).await.body;
    assert_eq!(found["User"]["Tags"], json!({ "entra-object-id": "taro@example.com" }));
    assert_eq!(listed().await, 0);
    cloud.cloud.advance(2.0);
    assert_eq!(listed().await, 1);
    cloud.is_clean();
}

#[tokio::test]
async fn users_must_follow_the_rules_of_a_saml_instance() {
    let cloud = start().await;
    let (id, _) = cloud.instance("acme").await;
    let good = user(&cloud, &id, "Taro@example.com").await;
    let changed = |pointer: &str, value: Value| {
        let mut request = good.clone();
        request[pointer] = value;
        request
    };
    let cases = [
        (changed("Username", json!("taro@example")), "@"),
        (changed("Username", json!("a+b@example.com")), "letters"),
        (changed("IdentityInfo", json!({ "FirstName": "a", "LastName": "b", "Email": "a@b.c" })), "Email"),
        (changed("IdentityInfo", json!({ "FirstName": "か\u{3099}", "LastName": "b" })), "normalization"),
        (changed("IdentityInfo", json!({ "FirstName": "a" })), "LastName"),
        (changed("SecurityProfileIds", json!(["nobody"])), "nobody"),
        (changed("RoutingProfileId", json!("nowhere")), "nowhere"),
    ];
    for (request, word) in cases {
        let refused = cloud.connect("PUT", &format!("/users/{id}"), request).await;
        assert_eq!(refused.status, 400, "{}", refused.text);
        assert!(refused.text.contains(word), "{word}: {}", refused.text);
    }
    assert_eq!(cloud.connect("PUT", &format!("/users/{id}"), good.clone()).await.status, 200);
    let twice = cloud.connect("PUT", &format!("/users/{id}"), good.clone()).await;
    assert_eq!((twice.status, twice.code.as_str()), (409, "DuplicateResourceException"));
    // Usernames are case-sensitive, so this username is not taken.
    let other = cloud.connect("PUT", &format!("/users/{id}"), changed("Username", json!("taro@example.com"))).await;
    assert_eq!(other.status, 200);
    cloud.is_clean();
}

#[tokio::test]
async fn the_user_quota_error_has_the_status_of_throttling_and_another_code() {
    let mut options = options();
    options.behaviour.quotas = [("L-9A46857E".to_owned(), 1.0)].into();
    let cloud = start_with(options).await;
    let (id, _) = cloud.instance("acme").await;
    let first = user(&cloud, &id, "a").await;
    let second = user(&cloud, &id, "b").await;
    assert_eq!(cloud.connect("PUT", &format!("/users/{id}"), first).await.status, 200);
    let refused = cloud.connect("PUT", &format!("/users/{id}"), second).await;
    assert_eq!((refused.status, refused.code.as_str()), (429, "LimitExceededException"));
    cloud.is_clean();
}

#[tokio::test]
async fn pages_can_be_small_and_the_first_page_can_be_empty() {
    let behaviour =
        Behaviour { page_limit: Some(2), empty_page: true, user_listed_seconds: 0.0, ..Behaviour::default() };
    let mut options = options();
    options.behaviour = behaviour;
    let cloud = start_with(options).await;
    let made = cloud.connect("PUT", "/instance", instance("acme")).await.body;
    cloud.cloud.advance(45.0);
    let id = made["Id"].as_str().unwrap();
    let path = format!("/contact-flows-summary/{id}");
    let mut sizes = Vec::new();
    let mut next = String::new();
    loop {
        let page = cloud.connect("GET", &format!("{path}{next}"), Value::Null).await.body;
        sizes.push(page["ContactFlowSummaryList"].as_array().unwrap().len());
        let Some(token) = page["NextToken"].as_str() else { break };
        next =
            format!("?nextToken={}", percent_encoding::utf8_percent_encode(token, percent_encoding::NON_ALPHANUMERIC));
    }
    assert_eq!(sizes, [0, 2, 2, 2, 2, 1]);
    let foreign = cloud.connect("GET", &format!("/users-summary/{id}{next}"), Value::Null).await;
    assert_eq!(foreign.status, 400);
    cloud.is_clean();
}

#[tokio::test]
async fn users_can_be_searched_by_tags_and_names() {
    let cloud = start().await;
    let (id, _) = cloud.instance("acme").await;
    for name in ["ann@example.com", "bob@example.com", "bea@example.com"] {
        let request = user(&cloud, &id, name).await;
        cloud.connect("PUT", &format!("/users/{id}"), request).await;
    }
    cloud.cloud.advance(4.0);
    let names = async |search: Value| {
        let mut request = search;
        request["InstanceId"] = json!(id);
        let found = cloud.connect("POST", "/search-users", request).await.body;
        let users = found["Users"].as_array().unwrap().clone();
        users.iter().map(|user| user["Username"].as_str().unwrap()[..3].to_owned()).collect::<Vec<_>>()
    };
    let tag = |value: &str| json!({ "TagKey": "entra-object-id", "TagValue": value });
    let one = json!({ "SearchFilter": { "TagFilter": { "TagCondition": tag("bob@example.com") } } });
    assert_eq!(names(one).await, ["bob"]);
    let groups = json!([[tag("ann@example.com")], [tag("bea@example.com")]]);
    assert_eq!(names(json!({ "SearchFilter": { "TagFilter": { "OrConditions": groups } } })).await, ["ann", "bea"]);
    let starts =
        json!({ "StringCondition": { "FieldName": "Username", "Value": "B", "ComparisonType": "STARTS_WITH" } });
    assert_eq!(names(json!({ "SearchCriteria": starts })).await, ["bob", "bea"]);
    cloud.is_clean();
}

#[tokio::test]
async fn with_default_rates_the_sixth_call_of_a_burst_is_throttled() {
    let mut options = options();
    options.real_rates = true;
    let cloud = start_with(options).await;
    let mut codes = Vec::new();
    for _ in 0..6 {
        codes.push(cloud.connect("GET", "/instance", Value::Null).await.code);
    }
    assert_eq!(codes, ["", "", "", "", "", "ThrottlingException"]);
    // Each operation has its own token bucket, so this other operation is not throttled.
    assert_eq!(cloud.connect("GET", "/instance/none", Value::Null).await.status, 404);
    cloud.is_clean();
}

#[tokio::test]
async fn a_claim_starts_in_progress_and_its_client_token_is_bound_to_the_number() {
    let mut options = options();
    let stock = |country: &str| NumberStock {
        country: country.into(),
        kind: "DID".into(),
        prefix: "+1555000".into(),
        quantity: 9,
    };
    options.behaviour.number_inventory = vec![stock("US")];
    options.behaviour.quotas = [("L-8F812903".to_owned(), 1.0)].into();
    let cloud = start_with(options).await;
    let (_, arn) = cloud.instance("acme").await;
    let search = json!({ "TargetArn": arn, "PhoneNumberCountryCode": "JP", "PhoneNumberType": "DID" });
    let japan = cloud.connect("POST", "/phone-number/search-available", search).await.body;
    assert_eq!(japan["AvailableNumbersList"], json!([]));
    let claim = |phone: &str, token: &str| json!({ "TargetArn": arn, "PhoneNumber": phone, "ClientToken": token });
    let (token, another) = ("0f5a1de4-0000-4000-8000-00000000000a", "0f5a1de4-0000-4000-8000-00000000000b");
    for bad in ["t", "0F5A1DE4-0000-4000-8000-00000000000A", "0f5a1de400004000800000000000000a"] {
        let refused = cloud.connect("POST", "/phone-number/claim", claim("+15550000001", bad)).await;
        assert_eq!(refused.code, "InvalidParameterException", "{bad}");
    }
    let made = cloud.connect("POST", "/phone-number/claim", claim("+15550000001", token)).await;
    let again = cloud.connect("POST", "/phone-number/claim", claim("+15550000001", token)).await;
    assert_eq!(made.body, again.body);
    let other = cloud.connect("POST", "/phone-number/claim", claim("+15550000002", token)).await;
    assert_eq!((other.status, other.code.as_str()), (409, "IdempotencyException"));
    let taken = cloud.connect("POST", "/phone-number/claim", claim("+15550000001", another)).await;
    assert_eq!((taken.status, taken.code.as_str()), (400, "InvalidParameterException"));
    let status = async |made: &Value| {
        let path = format!("/phone-number/{}", made["PhoneNumberId"].as_str().unwrap());
        let found = cloud.connect("GET", &path, Value::Null).await.body;
        found["ClaimedPhoneNumberSummary"]["PhoneNumberStatus"]["Status"].as_str().unwrap().to_owned()
    };
    assert_eq!(status(&made.body).await, "IN_PROGRESS");
    cloud.cloud.advance(20.0);
    assert_eq!(status(&made.body).await, "CLAIMED");
    let beyond = cloud.connect("POST", "/phone-number/claim", claim("+15550000003", another)).await;
    cloud.cloud.advance(20.0);
    assert_eq!(status(&beyond.body).await, "FAILED");
    cloud.is_clean();
}

#[tokio::test]
async fn claims_and_releases_above_twice_the_quota_are_rejected_for_180_days() {
    let mut options = options();
    options.behaviour.quotas = [("L-8F812903".to_owned(), 2.0)].into();
    let cloud = start_with(options).await;
    let (_, arn) = cloud.instance("acme").await;
    let claim = async |number: u32| {
        let body = json!({ "TargetArn": arn, "PhoneNumber": format!("+1206555{number:04}") });
        cloud.connect("POST", "/phone-number/claim", body).await
    };
    for number in 0..2 {
        let claimed = claim(number).await.body;
        cloud.cloud.advance(60.0);
        let path = format!("/phone-number/{}", claimed["PhoneNumberId"].as_str().unwrap());
        assert_eq!(cloud.connect("DELETE", &path, Value::Null).await.status, 200);
    }
    let refused = claim(2).await;
    assert_eq!((refused.status, refused.code.as_str()), (402, "ServiceQuotaExceededException"));
    cloud.cloud.advance(181.0 * 24.0 * 3600.0);
    assert_eq!(claim(2).await.status, 200);
}

#[tokio::test]
async fn a_proficiency_needs_a_predefined_value_and_is_assigned_changed_and_removed_only_once() {
    let cloud = start().await;
    let (id, _) = cloud.instance("acme").await;
    let made = cloud.connect("PUT", &format!("/users/{id}"), user(&cloud, &id, "a@example.com").await).await.body;
    cloud.cloud.advance(10.0);
    let attributes = format!("/predefined-attributes/{id}");
    let language = json!({ "Name": "Language", "Values": { "StringList": ["Japanese"] } });
    assert_eq!(cloud.connect("PUT", &attributes, language).await.status, 200);
    for (name, values, code) in [
        ("language", json!([]), "DuplicateResourceException"),
        ("connect:Mine", json!([]), "InvalidParameterException"),
        ("Product", json!(["Cards", "cards"]), "InvalidParameterException"),
    ] {
        let body = json!({ "Name": name, "Values": { "StringList": values } });
        assert_eq!(cloud.connect("PUT", &attributes, body).await.code, code, "{name}");
    }
    let of_user = format!("/users/{id}/{}", made["UserId"].as_str().unwrap());
    let call = async |path: &str, value: &str, level: f64| {
        let mut one = json!({ "AttributeName": "Language", "AttributeValue": value, "Level": level });
        if path.starts_with("disassociate") {
            one.as_object_mut().unwrap().remove("Level");
        }
        cloud.connect("POST", &format!("{of_user}/{path}"), json!({ "UserProficiencies": [one] })).await.code
    };
    assert_eq!(call("proficiencies", "Japanese", 1.0).await, "InvalidRequestException", "it is not assigned yet");
    assert_eq!(call("associate-proficiencies", "English", 1.0).await, "InvalidParameterException");
    assert_eq!(call("associate-proficiencies", "Japanese", 1.5).await, "InvalidParameterException");
    assert_eq!(call("associate-proficiencies", "Japanese", 1.0).await, "");
    assert_eq!(call("associate-proficiencies", "Japanese", 2.0).await, "InvalidRequestException");
    assert_eq!(call("proficiencies", "Japanese", 4.0).await, "");
    let listed = cloud.connect("GET", &format!("{of_user}/proficiencies"), Value::Null).await.body;
    let expected = json!([{ "AttributeName": "Language", "AttributeValue": "Japanese", "Level": 4.0 }]);
    assert_eq!(listed["UserProficiencyList"], expected);
    let without = json!({ "Values": { "StringList": [] } });
    let removed = cloud.connect("POST", &format!("{attributes}/Language"), without).await;
    assert_eq!(removed.code, "InvalidRequestException", "the value is assigned");
    assert_eq!(call("disassociate-proficiencies", "Japanese", 0.0).await, "");
    assert_eq!(call("disassociate-proficiencies", "Japanese", 0.0).await, "InvalidRequestException");
    cloud.is_clean();
}

#[tokio::test]
async fn quick_connects_stay_after_their_user_is_deleted_or_block_the_deletion() {
    for blocks in [false, true] {
        let mut options = options();
        options.behaviour.quick_connects_block_deletion = blocks;
        let cloud = start_with(options).await;
        let (id, _) = cloud.instance("acme").await;
        let body = user(&cloud, &id, "taro@example.com").await;
        let made = cloud.connect("PUT", &format!("/users/{id}"), body).await.body;
        cloud.cloud.advance(60.0);
        let flows = cloud.connect("GET", &format!("/contact-flows-summary/{id}"), Value::Null).await.body;
        let config = |user: &Value, flow: &Value| json!({ "QuickConnectType": "USER", "UserConfig": { "UserId": user, "ContactFlowId": flow } });
        let flow = &flows["ContactFlowSummaryList"][0]["Id"];
        let path = format!("/quick-connects/{id}");
        for invalid in [config(&json!("absent"), flow), config(&made["UserId"], &json!("absent"))] {
            let body = json!({ "Name": "Taro", "QuickConnectConfig": invalid });
            let refused = cloud.connect("PUT", &path, body).await;
            assert_eq!((refused.status, refused.code.as_str()), (400, "InvalidRequestException"));
        }
        let body = json!({ "Name": "Taro", "QuickConnectConfig": config(&made["UserId"], flow) });
        let created = cloud.connect("PUT", &path, body.clone()).await;
        assert_eq!(created.status, 200);
        assert_eq!(cloud.connect("PUT", &path, body).await.code, "DuplicateResourceException");
        let of_user = format!("/users/{id}/{}", made["UserId"].as_str().unwrap());
        let deleted = cloud.connect("DELETE", &of_user, Value::Null).await;
        assert_eq!(deleted.status, if blocks { 400 } else { 200 });
        let search = json!({ "InstanceId": id });
        let found = cloud.connect("POST", "/search-quick-connects", search.clone()).await.body;
        assert_eq!(found["QuickConnects"][0]["QuickConnectConfig"]["UserConfig"]["UserId"], made["UserId"]);
        let one = format!("{path}/{}", created.body["QuickConnectId"].as_str().unwrap());
        assert_eq!(cloud.connect("GET", &one, Value::Null).await.body["QuickConnect"]["Name"], "Taro");
        assert_eq!(cloud.connect("DELETE", &one, Value::Null).await.status, 200);
        assert_eq!(cloud.connect("DELETE", &one, Value::Null).await.code, "ResourceNotFoundException");
        assert_eq!(cloud.connect("POST", "/search-quick-connects", search).await.body["QuickConnects"], json!([]));
        if blocks {
            assert_eq!(cloud.connect("DELETE", &of_user, Value::Null).await.status, 200);
        }
        cloud.is_clean();
    }
}
