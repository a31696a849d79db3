//! Generates `output.schema.json`: the JSON Schema of each object that `--json` prints.

use onboarding_core::{
    contract::{DriftReport, PlanOnboardingOutput, Report, RotateCertificateOutput},
    sync::SyncUsersOutput,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};
use serde_json::Value;

use super::{
    Adopted, Approved, CompletionScript, Deployment, Diagnosis, EntraSetup, ErrorOutput, Event, EvidencePack,
    ExecutionLog, ExecutionStatus, Export, Information, Listing, LiveFindings, ManualPages, PageAddress, Rejected,
    Replay, SignedOut, Started, Stopped, Teardown, Validation, WrittenInput,
};

/// A function that adds the schema of one type to the definitions of the generator, and returns a reference to this
/// schema.
type Generate = fn(&mut SchemaGenerator) -> Schema;

/// Each kind of object that commands print: the title of its schema, which lists the commands that print the object,
/// and the function that generates the schema.
const OBJECTS: [(&str, Generate); 31] = [
    ("all commands: an error", of::<ErrorOutput>),
    ("all commands: --help, --version", of::<Information>),
    ("init", of::<WrittenInput>),
    ("adopt", of::<Adopted>),
    ("check", of::<Validation>),
    ("doctor", of::<Diagnosis>),
    ("deploy", of::<Deployment>),
    ("plan", of::<PlanOnboardingOutput>),
    ("start, sync", of::<Started>),
    ("watch, start --wait, local: an event", of::<Event>),
    ("status", of::<ExecutionStatus>),
    ("stop", of::<Stopped>),
    ("logs", of::<ExecutionLog>),
    ("open", of::<PageAddress>),
    ("list", of::<Listing>),
    ("report, local", of::<Report>),
    ("evidence", of::<EvidencePack>),
    ("export", of::<Export>),
    ("sync --wait, sync --plan", of::<SyncUsersOutput>),
    ("approve", of::<Approved>),
    ("reject", of::<Rejected>),
    ("sign-out", of::<SignedOut>),
    ("replay", of::<Replay>),
    ("rotate-certificate", of::<RotateCertificateOutput>),
    ("drift", of::<DriftReport>),
    ("teardown", of::<Teardown>),
    ("entra-setup", of::<EntraSetup>),
    ("live-check", of::<LiveFindings>),
    ("completion", of::<CompletionScript>),
    ("man", of::<ManualPages>),
    ("schema: a JSON Schema", schema_document),
];

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

fn schema_document(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "required": ["$schema"] })
}

/// The content of the repository's `output.schema.json`, without the final newline.
#[must_use]
pub fn schema() -> String {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let objects: Vec<Value> = OBJECTS
        .into_iter()
        .map(|(commands, object)| {
            let mut schema = object(&mut generator);
            schema.insert("title".into(), commands.into());
            schema.to_value()
        })
        .collect();
    let schema = json_schema!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Connect Onboarding: a line of the output of onboard --json",
        "anyOf": objects,
        "$defs": generator.take_definitions(true),
    });
    format!("{:#}", schema.as_value())
}
