#!/usr/bin/env bash
# The Connect event of aws_lambda_events accepts a phone call, but not a chat.
#
# version:  aws_lambda_events 1.2.1, serde_json 1.0.145 (crates.io)
# expected: a flow can invoke a function for a contact of any channel, so ConnectEvent accepts the event of each channel.
#           It does accept a contact without a queue.
# seen:     a chat that was started through the API has no endpoints, and Connect sends null as CustomerEndpoint and
#           SystemEndpoint. ConnectEvent requires an object for both, and also rejects an event without these members.
#           Without the feature catch-all-fields, ConnectEvent drops members that it does not know, for example Tags.
# matters:  a function that was tested with calls fails for each chat, before its own code runs.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/src"
cat >"$work/Cargo.toml" <<'TOML'
[package]
name = "chats"
version = "0.0.0"
edition = "2021"

[dependencies]
aws_lambda_events = { version = "=1.2.1", default-features = false, features = ["connect"] }
serde_json = "=1.0.145"

[workspace]
TOML
cat >"$work/src/main.rs" <<'RUST'
use aws_lambda_events::connect::ConnectEvent;
use serde_json::{json, Value};

fn main() {
    let phone = |number: &str| json!({"Address": number, "Type": "TELEPHONE_NUMBER"});
    let contact = |channel: &str, method: &str, customer: Value, system: Value| {
        json!({"Name": "ContactFlowEvent", "Details": {"Parameters": {}, "ContactData": {
            "Attributes": {}, "Channel": channel, "ContactId": "c", "CustomerEndpoint": customer, "InitialContactId": "c",
            "InitiationMethod": method, "InstanceARN": "arn:aws:connect:ap-northeast-1:111122223333:instance/i",
            "LanguageCode": "ja-JP", "MediaStreams": {"Customer": {"Audio": null}}, "PreviousContactId": "c", "Queue": null,
            "SystemEndpoint": system, "Tags": {"team": "osaka"},
        }}})
    };
    let call = contact("VOICE", "INBOUND", phone("+81312345678"), phone("+81120123456"));
    let chat = contact("CHAT", "API", Value::Null, Value::Null);
    let mut without = chat.clone();
    for name in ["CustomerEndpoint", "SystemEndpoint"] {
        without["Details"]["ContactData"].as_object_mut().unwrap().remove(name);
    }
    for (name, event) in [("call", call), ("chat", chat), ("chat without the members", without)] {
        match serde_json::from_str::<ConnectEvent>(&event.to_string()) {
            Ok(event) => {
                let kept = serde_json::to_value(&event).unwrap()["Details"]["ContactData"].get("Tags").is_some();
                println!("{name}: {:?}, tags kept: {kept}", event.details.contact_data.channel);
            }
            Err(error) => println!("{name}: {}", error.to_string().split(" at line").next().unwrap()),
        }
    }
}
RUST
CARGO_TARGET_DIR="$work/target" cargo run --quiet --manifest-path "$work/Cargo.toml" >"$work/seen"
diff - "$work/seen" <<'SEEN'
call: Some("VOICE"), tags kept: false
chat: invalid type: null, expected struct ConnectEndpoint
chat without the members: missing field `CustomerEndpoint`
SEEN
cat "$work/seen"
