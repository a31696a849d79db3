//! Tags on instances, users, phone numbers, security profiles, flows and test cases.

use serde_json::{Map, Value, json};

use crate::stand_in::aws_error::{Answer, Refusal};
use crate::stand_in::input::{Input, answer, nothing};
use crate::stand_in::world::{Setting, State};

/// Validates tags: at most 50, no keys with the prefix `aws:`, values of at most 256 characters.
pub(super) fn check(tags: &Map<String, Value>) -> Result<(), Refusal> {
    if tags.len() > 50 {
        return Err(Refusal::invalid_parameter("A resource has at most 50 tags."));
    }
    for (key, value) in tags {
        if key.is_empty() || key.chars().count() > 128 || key.starts_with("aws:") {
            return Err(Refusal::invalid_parameter(format!("The tag key {key} is not valid.")));
        }
        if value.as_str().is_none_or(|value| value.chars().count() > 256) {
            return Err(Refusal::invalid_parameter(format!("The value of the tag {key} is not valid.")));
        }
    }
    Ok(())
}

fn tags_of<'a>(setting: &Setting, state: &'a mut State, arn: &str) -> Result<&'a mut Map<String, Value>, Refusal> {
    let missing = || Refusal::not_found("Resource not found.");
    if arn.contains(":phone-number/") {
        let number = state.connect.numbers.values_mut().find(|number| number.arn == arn);
        return number.map(|number| &mut number.tags).ok_or_else(missing);
    }
    if let Some((instance, _)) = arn.split_once("/security-profile/") {
        let profiles = &mut state.connect.ready(setting, instance)?.named.security;
        let profile = profiles.iter_mut().find(|profile| profile.arn == arn);
        return profile.map(|profile| &mut profile.tags).ok_or_else(missing);
    }
    if let Some((instance, _)) = arn.split_once("/contact-flow/") {
        let flows = &mut state.connect.ready(setting, instance)?.named.flows;
        return flows.iter_mut().find(|flow| flow.arn == arn).map(|flow| &mut flow.tags).ok_or_else(missing);
    }
    if let Some((instance, case)) = arn.split_once("/test-case/") {
        return state.connect.ready(setting, instance)?.test_cases.tags(case).ok_or_else(missing);
    }
    let now = setting.clock.now();
    match arn.split_once("/agent/") {
        Some((instance, user)) => {
            let users = &mut state.connect.ready(setting, instance)?.users;
            users.named(user, now).map(|user| &mut user.tags).ok_or_else(missing)
        }
        None => Ok(&mut state.connect.ready(setting, arn)?.tags),
    }
}

/// The tags of a resource. Empty if the resource is unknown.
pub(crate) fn at(setting: &Setting, state: &mut State, arn: &str) -> Map<String, Value> {
    tags_of(setting, state, arn).map(|tags| tags.clone()).unwrap_or_default()
}

pub(super) fn tag(setting: &Setting, state: &mut State, input: &Input) -> Answer {
    let added = input.object("tags").cloned().unwrap_or_default();
    let tags = tags_of(setting, state, input.need("resourceArn")?)?;
    let mut all = tags.clone();
    all.extend(added);
    check(&all)?;
    *tags = all;
    nothing()
}

pub(super) fn untag(setting: &Setting, state: &mut State, input: &Input) -> Answer {
    let gone = input.texts("tagKeys");
    tags_of(setting, state, input.need("resourceArn")?)?.retain(|key, _| !gone.contains(&key.as_str()));
    nothing()
}

pub(super) fn list(setting: &Setting, state: &mut State, input: &Input) -> Answer {
    let tags = tags_of(setting, state, input.need("resourceArn")?)?;
    // The service model does not allow an empty list of tags, so a response without tags omits this member.
    if tags.is_empty() { nothing() } else { answer(json!({ "tags": tags })) }
}
