//! The starter flow of an instance, and the test case that calls it.

use std::collections::HashMap;

use aws_sdk_connect::{
    Client,
    types::{
        ContactFlow, ContactFlowState, ContactFlowType, ListFlowAssociationResourceType, TestCase, TestCaseStatus,
    },
};
use onboarding_core::{
    StepError, StepErrorKind,
    contract::Area,
    inspection::{Checks, Object, Presence},
    names,
    onboarding::{Language, Telephony},
    sync::Ownership,
    telephony::{TEST_VERSIONS, flow_content, is_same_content, test_content},
};

use super::instance::fresh;
use crate::aws::error::CallResult as _;

/// The object type that a plan shows for the starter flow.
pub(crate) const FLOW: &str = "contact flow";
/// The object type that a plan shows for the test case.
pub(crate) const TEST_CASE: &str = "test case";
const START_AGAIN: &str =
    "The drift check does not revert this. Start the onboarding again, which restores it: onboard start FILE";

/// Number of attempts to read the test case if Connect denies access.
const DENIED_ATTEMPTS: usize = 3;

/// The flow that has the name of the starter flow.
#[derive(Clone, Debug)]
pub(crate) struct FoundFlow {
    /// The ID of the flow.
    pub(crate) id: String,
    /// The owner of the flow, determined from its tags.
    pub(crate) owner: Ownership,
    /// Whether the flow is archived. An archived flow can't answer calls.
    pub(crate) is_archived: bool,
    /// The time of the last change to the flow, in seconds since 1970.
    pub(crate) changed: Option<i64>,
    /// The content of the flow, in the flow language (JSON).
    pub(crate) content: String,
}

impl FoundFlow {
    /// Returns whether the flow has the content that the starter flow has in this language.
    pub(crate) fn is_current(&self, language: Language) -> bool {
        is_same_content(&self.content, &flow_content(language))
    }
}

/// The test case that has the name of the first-call test.
#[derive(Clone, Debug)]
pub(crate) struct FoundTestCase {
    /// The ID of the test case.
    pub(crate) id: String,
    /// The owner of the test case, determined from its tags.
    pub(crate) owner: Ownership,
    /// The time of the last change to the test case, in seconds since 1970.
    pub(crate) changed: Option<i64>,
    content: String,
    flow: String,
    is_published: bool,
}

impl FoundTestCase {
    /// Returns whether the test case is published, calls this flow, and has the expected content. The content may use
    /// any of the supported versions of Connect's testing language.
    pub(crate) fn is_current(&self, flow_id: &str) -> bool {
        let same = TEST_VERSIONS.iter().any(|version| is_same_content(&self.content, &test_content(version)));
        same && self.is_published && last(&self.flow) == last(flow_id)
    }
}

/// Returns the ID at the end of an ARN. Amazon Connect may return an ARN in a field whose name suggests an ID.
pub(crate) fn last(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

fn owner(tags: Option<&HashMap<String, String>>, alias: &str) -> Ownership {
    let tag = |key: &str| tags.and_then(|tags| tags.get(key)).map(String::as_str);
    Ownership::from_tags(tag(names::MANAGED_BY_KEY), tag(names::ONBOARDING_KEY), alias)
}

/// Reads the flow that has the name of the starter flow.
///
/// # Errors
/// See [`fresh`].
pub(crate) async fn flow(client: &Client, instance_id: &str, alias: &str) -> Result<Option<FoundFlow>, StepError> {
    let list = client.list_contact_flows().instance_id(instance_id).contact_flow_types(ContactFlowType::ContactFlow);
    let mut items = list.into_paginator().items().send();
    let id = loop {
        let Some(item) = items.next().await else { return Ok(None) };
        let item = item.map_err(|error| fresh(&format!("listing the flows of the instance {instance_id}"), &error))?;
        if item.name.as_deref() == Some(names::STARTER_FLOW) {
            break item.id.unwrap_or_default();
        }
    };
    let found = |flow: ContactFlow| FoundFlow {
        id: id.clone(),
        owner: owner(flow.tags.as_ref(), alias),
        is_archived: flow.state == Some(ContactFlowState::Archived),
        changed: flow.last_modified_time.map(|time| time.secs()),
        content: flow.content.unwrap_or_default(),
    };
    let sent = client.describe_contact_flow().instance_id(instance_id).contact_flow_id(&id).send().await;
    let described = sent.if_found().doing(format_args!("reading the flow {}", names::STARTER_FLOW))?;
    Ok(described.and_then(|output| output.contact_flow).map(found))
}

/// Reads the test case that has the name of the first-call test.
///
/// # Errors
/// See [`fresh`]. Also if the Region does not offer test cases.
pub(crate) async fn test_case(
    client: &Client,
    instance_id: &str,
    alias: &str,
) -> Result<Option<FoundTestCase>, StepError> {
    let mut items = client.list_test_cases().instance_id(instance_id).into_paginator().items().send();
    let id = loop {
        let Some(item) = items.next().await else { return Ok(None) };
        let doing = format!("listing the test cases of the instance {instance_id}");
        let item = item.map_err(|error| fresh(&doing, &error))?;
        if item.name.as_deref() == Some(names::FIRST_CALL_TEST) {
            break item.id.unwrap_or_default();
        }
    };
    let found = |case: TestCase| FoundTestCase {
        id: id.clone(),
        owner: owner(case.tags.as_ref(), alias),
        changed: case.last_modified_time.map(|time| time.secs()),
        content: case.content.unwrap_or_default(),
        flow: case
            .entry_point
            .and_then(|entry| entry.voice_call_entry_point_parameters)
            .and_then(|parameters| parameters.flow_id)
            .unwrap_or_default(),
        is_published: case.status == Some(TestCaseStatus::Published),
    };
    let sent = client.describe_test_case().instance_id(instance_id).test_case_id(&id).send().await;
    let described = sent.if_found().doing(format_args!("reading the test case {}", names::FIRST_CALL_TEST))?;
    Ok(described.and_then(|output| output.test_case).map(found))
}

/// Returns the test case, or `Some(None)` if it does not exist. Returns `None` if test cases can't be read. This is the
/// case if the Region does not offer test cases, or if Connect denies access to this account.
///
/// # Errors
/// Only temporary errors are returned.
pub(crate) async fn test_case_if_offered(
    client: &Client,
    instance_id: &str,
    alias: &str,
) -> Result<Option<Option<FoundTestCase>>, StepError> {
    for attempt in 1..=DENIED_ATTEMPTS {
        match test_case(client, instance_id, alias).await {
            Ok(found) => return Ok(Some(found)),
            Err(error) if error.kind.is_temporary() || error.kind == StepErrorKind::LeaseLost => return Err(error),
            // Connect may deny access only temporarily. A single denial must not cause the plan of a teardown to lack
            // the test case.
            Err(error) if error.kind == StepErrorKind::AccessDenied && attempt < DENIED_ATTEMPTS => {}
            Err(_) => break,
        }
    }
    Ok(None)
}

/// Returns the IDs of the phone numbers of an instance, each with the ID of the flow that is associated with it.
async fn associations(client: &Client, instance_id: &str) -> Result<Vec<(String, String)>, StepError> {
    let list = client.list_flow_associations().instance_id(instance_id);
    let list = list.resource_type(ListFlowAssociationResourceType::VoicePhoneNumber);
    let listed = list.into_paginator().items().send().try_collect().await;
    let listed = listed.doing(format_args!("listing the flows of the phone numbers of the instance {instance_id}"))?;
    let pair = |one: aws_sdk_connect::types::FlowAssociationSummary| Some((one.resource_id?, one.flow_id?));
    let pairs = listed.into_iter().filter_map(pair);
    Ok(pairs.map(|(number, flow)| (last(&number).to_owned(), last(&flow).to_owned())).collect())
}

/// Returns whether a phone number is associated with a flow.
///
/// # Errors
/// If Connect returns an error.
pub(crate) async fn has_flow(client: &Client, instance_id: &str, phone_number_id: &str) -> Result<bool, StepError> {
    let all = associations(client, instance_id).await?;
    Ok(all.iter().any(|(number, _)| number == last(phone_number_id)))
}

/// Returns the IDs of the phone numbers that are associated with this flow.
///
/// # Errors
/// If Connect returns an error.
pub(crate) async fn numbers_of(client: &Client, instance_id: &str, flow_id: &str) -> Result<Vec<String>, StepError> {
    let all = associations(client, instance_id).await?;
    Ok(all.into_iter().filter(|(_, flow)| flow == last(flow_id)).map(|(number, _)| number).collect())
}

fn presence(owner: Option<&Ownership>) -> Presence {
    match owner {
        None => Presence::Absent,
        Some(Ownership::Ours) => Presence::Ours,
        Some(_) => Presence::Elsewhere("it does not have the tags of this onboarding and is not changed".into()),
    }
}

/// Compares the starter flow and its test case with the input. If the input disables the starter flow, the result is
/// empty.
///
/// # Errors
/// If Connect returns an error.
pub(crate) async fn objects(
    client: &Client,
    instance_id: Option<&str>,
    alias: &str,
    (telephony, language): (&Telephony, Language),
) -> Result<Vec<Object>, StepError> {
    if !telephony.starter_flow {
        return Ok(Vec::new());
    }
    let (flow, test_case) = match instance_id {
        None => (None, Some(None)),
        Some(id) => (flow(client, id, alias).await?, test_case_if_offered(client, id, alias).await?),
    };
    let object = |kind, name, owner: Option<&Ownership>, current: bool| {
        let mut checks = Checks::default();
        if owner == Some(&Ownership::Ours) {
            checks.that("content", current, "of this onboarding", if current { "the same" } else { "another content" });
        }
        Object::new(Area::PhoneNumbers, kind, name, presence(owner)).with(checks).irreversible(START_AGAIN)
    };
    let id = flow.as_ref().map(|flow| flow.id.clone()).unwrap_or_default();
    let is_current = flow.as_ref().is_some_and(|flow| !flow.is_archived && flow.is_current(language));
    let mut objects = vec![object(FLOW, names::STARTER_FLOW, flow.as_ref().map(|flow| &flow.owner), is_current)];
    objects.extend(test_case.map(|case| {
        let is_current = case.as_ref().is_some_and(|case| case.is_current(&id));
        object(TEST_CASE, names::FIRST_CALL_TEST, case.as_ref().map(|case| &case.owner), is_current)
    }));
    Ok(objects)
}
