//! Tests of the step `configure-instance`.

use std::sync::{Arc, Mutex};

use aws_sdk_connect::types::{InstanceStorageConfig, InstanceStorageResourceType, S3Config, StorageType};
use local_cloud::stand_in::Behaviour;
use onboarding_core::{
    contract::{ApprovedOrigin, ConfigureInstanceInput, StorageLocation},
    names,
    onboarding::{Instance, Storage},
};
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

use super::{
    clients::{BUCKET, KEY},
    cloud::Cloud,
};
use connect_onboarding::onboarding::configure_instance::run;

async fn fresh() -> (Cloud, ConfigureInstanceInput) {
    let cloud = Cloud::start(Behaviour::default()).await;
    let (instance_id, instance_arn) = cloud.instance("acme").await;
    let instance = Instance {
        alias: "acme".into(),
        inbound_calls: true,
        outbound_calls: false,
        flow_logs: true,
        contact_lens: Some(true),
        early_media: None,
        approved_origins: None,
        storage: Storage { scheduled_reports: false, ..Storage::default() },
    };
    (cloud, ConfigureInstanceInput { instance_id, instance_arn, instance })
}

fn place(resource_type: &str, folder: &str) -> StorageLocation {
    StorageLocation { resource_type: resource_type.into(), location: format!("s3://{BUCKET}/connect/acme/{folder}") }
}

async fn put_by_hand(cloud: &Cloud, instance_id: &str, bucket: &str, prefix: &str) {
    let place = S3Config::builder().bucket_name(bucket).bucket_prefix(prefix).build().unwrap();
    let config = InstanceStorageConfig::builder().storage_type(StorageType::S3).s3_config(place).build().unwrap();
    let sent = cloud.ctx.connect().associate_instance_storage_config().instance_id(instance_id);
    sent.resource_type(InstanceStorageResourceType::CallRecordings).storage_config(config).send().await.unwrap();
    cloud.calls();
}

#[tokio::test]
async fn only_differences_are_set_and_a_second_run_only_reads() {
    let (cloud, input) = fresh().await;
    let output = run(&cloud.ctx, input.clone()).await.unwrap();
    assert_eq!(
        output.changed,
        ["OUTBOUND_CALLS", "CONTACTFLOW_LOGS", "CONTACT_LENS", "CALL_RECORDINGS", "CHAT_TRANSCRIPTS"]
    );
    assert_eq!(
        output.storage,
        [place("CALL_RECORDINGS", "call-recordings"), place("CHAT_TRANSCRIPTS", "chat-transcripts")]
    );
    assert!(output.open_items.is_empty());
    assert_eq!(cloud.writes().len(), 5);

    let again = run(&cloud.ctx, input).await.unwrap();
    assert_eq!((again.storage, again.changed.len()), (output.storage, 0));
    assert_eq!(cloud.writes(), [""; 0]);
}

#[tokio::test]
async fn a_storage_location_chosen_by_another_administrator_is_kept_and_reported() {
    let (cloud, input) = fresh().await;
    put_by_hand(&cloud, &input.instance_id, "their-bucket", "recordings").await;
    let output = run(&cloud.ctx, input).await.unwrap();
    assert_eq!(output.storage[0].location, "s3://their-bucket/recordings");
    assert_eq!(output.open_items.len(), 1);
    assert!(output.open_items[0].what.contains("their-bucket"), "{:?}", output.open_items);
    assert!(!output.changed.contains(&"CALL_RECORDINGS".into()), "{:?}", output.changed);
}

#[tokio::test]
async fn our_storage_location_with_another_key_gets_the_key_of_the_stack() {
    let (cloud, input) = fresh().await;
    put_by_hand(&cloud, &input.instance_id, BUCKET, "connect/acme/call-recordings").await;
    let output = run(&cloud.ctx, input.clone()).await.unwrap();
    assert!(output.changed.contains(&"CALL_RECORDINGS".into()), "{:?}", output.changed);
    assert!(cloud.writes().contains(&"UpdateInstanceStorageConfig".into()));
    let listed = cloud.ctx.connect().list_instance_storage_configs().instance_id(&input.instance_id);
    let listed = listed.resource_type(InstanceStorageResourceType::CallRecordings).into_paginator().items().send();
    let listed = listed.collect::<Result<Vec<_>, _>>().await.unwrap();
    assert_eq!(listed[0].s3_config().unwrap().encryption_config().unwrap().key_id(), KEY);
}

#[tokio::test]
async fn the_result_of_a_call_whose_response_was_lost_is_found() {
    let (cloud, input) = fresh().await;
    cloud.fail("AssociateInstanceStorageConfig", 1, 409, "ResourceConflictException");
    assert_eq!(
        run(&cloud.ctx, input.clone()).await.unwrap_err().name(),
        "NotConsistentYet",
        "the storage exists, but is not listed yet"
    );
    let output = run(&cloud.ctx, input).await.unwrap();
    assert_eq!(output.storage.len(), 2);
}

#[tokio::test]
async fn a_new_instance_that_has_not_replicated_in_connect_is_retried() {
    let (cloud, input) = fresh().await;
    for operation in ["ListInstanceAttributes", "UpdateInstanceAttribute", "ListInstanceStorageConfigs"] {
        cloud.fail(operation, 1, 404, "ResourceNotFoundException");
        assert_eq!(run(&cloud.ctx, input.clone()).await.unwrap_err().name(), "NotConsistentYet", "{operation}");
    }
    run(&cloud.ctx, input).await.unwrap();
}

/// A mock of the registry that keeps the attribute `origins` of one item.
#[derive(Clone, Default)]
struct Record(Arc<Mutex<Option<Value>>>);

impl Respond for Record {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let mut record = self.0.lock().unwrap();
        if let Some(update) = body["UpdateExpression"].as_str() {
            *record = update.starts_with("SET").then(|| body["ExpressionAttributeValues"][":origins"].clone());
            return ResponseTemplate::new(200).set_body_json(json!({}));
        }
        let item = record.as_ref().map_or_else(|| json!({}), |origins| json!({ "origins": origins }));
        ResponseTemplate::new(200).set_body_json(json!({ "Item": item }))
    }
}

async fn with_origins(origins: &[&str]) -> (Cloud, ConfigureInstanceInput, Record, MockServer) {
    let (record, registry) = (Record::default(), MockServer::start().await);
    Mock::given(any()).respond_with(record.clone()).mount(&registry).await;
    let cloud = Cloud::start_before(&registry.uri(), Behaviour::default()).await;
    let (instance_id, instance_arn) = cloud.instance("acme").await;
    let origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
    let instance = Instance {
        alias: "acme".into(),
        approved_origins: Some(origins),
        storage: Storage { call_recordings: false, chat_transcripts: false, scheduled_reports: false },
        inbound_calls: true,
        outbound_calls: true,
        ..Instance::default()
    };
    (cloud, ConfigureInstanceInput { instance_id, instance_arn, instance }, record, registry)
}

const CRM: &str = "https://crm.example";

#[tokio::test]
async fn an_origin_whose_response_was_lost_belongs_to_the_onboarding() {
    let (cloud, mut input, record, _registry) = with_origins(&[CRM]).await;
    cloud.break_answer("AssociateApprovedOrigin");
    assert_eq!(run(&cloud.ctx, input.clone()).await.unwrap_err().name(), "Unavailable");
    cloud.calls();
    let output = run(&cloud.ctx, input.clone()).await.unwrap();
    assert_eq!(output.approved_origins, [ApprovedOrigin { origin: CRM.into(), adopted: false }]);
    assert_eq!(cloud.writes(), [""; 0]);

    // If the input no longer contains the origin, the step removes the origin from the instance and from the registry
    // entry.
    input.instance.approved_origins = None;
    run(&cloud.ctx, input.clone()).await.unwrap();
    assert_eq!(cloud.writes(), ["DisassociateApprovedOrigin", "UpdateItem"]);
    assert_eq!(*record.0.lock().unwrap(), None);
    run(&cloud.ctx, input).await.unwrap();
    assert_eq!(cloud.writes(), [""; 0]);
}

#[tokio::test]
async fn an_origin_that_another_administrator_adds_at_the_same_time_is_not_ours() {
    let (cloud, input, record, _registry) = with_origins(&[CRM]).await;
    cloud.fail("AssociateApprovedOrigin", 1, 409, "ResourceConflictException");
    let output = run(&cloud.ctx, input).await.unwrap();
    assert_eq!(output.approved_origins, [ApprovedOrigin { origin: CRM.into(), adopted: true }]);
    assert_eq!(*record.0.lock().unwrap(), None);
}

#[tokio::test]
async fn an_origin_beyond_the_quota_stops_the_step_with_the_error_of_connect() {
    let (cloud, input, _record, _registry) = with_origins(&[CRM]).await;
    cloud.fail("AssociateApprovedOrigin", 1, 402, "ServiceQuotaExceededException");
    let error = run(&cloud.ctx, input).await.unwrap_err();
    assert_eq!(error.name(), "LimitExceeded");
    assert!(error.message.contains(&format!("adding the approved origin {CRM}")), "{error}");
}

#[tokio::test]
async fn permissions_added_to_the_profile_of_users_who_left_are_removed_only_if_the_profile_is_ours() {
    for (tags, left) in [(names::tags("acme"), 0), (names::tags("other"), 1)] {
        let (cloud, input) = fresh().await;
        run(&cloud.ctx, input.clone()).await.unwrap();
        let (connect, instance) = (cloud.ctx.connect(), input.instance_id.as_str());
        let mut profile = connect.create_security_profile().instance_id(instance).permissions("Users.Edit");
        for (key, value) in tags {
            profile = profile.tags(key, value);
        }
        let made = profile.security_profile_name(names::NO_ACCESS_PROFILE).send().await.unwrap();
        let id = made.security_profile_id.unwrap();
        let changed = run(&cloud.ctx, input.clone()).await.unwrap().changed;
        assert_eq!(changed.is_empty(), left > 0, "{changed:?}");
        let list = connect.list_security_profile_permissions().instance_id(instance).security_profile_id(&id);
        assert_eq!(list.send().await.unwrap().permissions().len(), left);
        assert_eq!(run(&cloud.ctx, input).await.unwrap().changed, [""; 0]);
    }
}
