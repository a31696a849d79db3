//! Tests of the step `configure-instance`.

use aws_sdk_connect::types::{InstanceStorageConfig, InstanceStorageResourceType, S3Config, StorageType};
use local_cloud::stand_in::Behaviour;
use onboarding_core::{
    contract::{ConfigureInstanceInput, StorageLocation},
    onboarding::{Instance, Storage},
};

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
