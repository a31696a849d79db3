//! Connect instances. They are created asynchronously. Quotas limit the number of instances, and each alias is unique
//! across all accounts.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Instance, attributes, bad_token, predefined_attributes, profiles, quick_connects::QuickConnects, replication,
    sessions::Sessions, test_cases::TestCases, users::Users,
};
use crate::stand_in::aws_error::{Answer, Refusal};
use crate::stand_in::input::{Input, answer, epoch, nothing};
use crate::stand_in::paging::page;
use crate::stand_in::quotas;
use crate::stand_in::world::{Setting, State};

/// The maximum sum of instance creations and instance deletions within 30 days (Connect's feature limits).
const CHURN: usize = 100;

/// The seconds of one day in the real cloud. The clock scale shortens this time.
const DAY: f64 = 86_400.0;

pub(super) fn create(setting: &Setting, state: &mut State, input: &Input) -> Answer {
    let identity = input.need("IdentityManagementType")?;
    let alias = input.text("InstanceAlias").map(str::to_owned);
    if alias.is_none() && identity != "EXISTING_DIRECTORY" {
        return Err(Refusal::invalid_request(
            "Invalid Input. An instance alias is required for this identity management type.",
        ));
    }
    if alias.as_deref().is_some_and(|alias| !is_alias(alias)) {
        return Err(Refusal::invalid_request("Invalid Input. The instance alias is not valid."));
    }
    let token = input.text("ClientToken").map(|token| format!("CreateInstance {token}"));
    let known = token.as_ref().and_then(|token| state.connect.tokens.get(token));
    if let Some(instance) = known.and_then(|id| state.connect.instance(id)) {
        return answer(json!({ "Id": instance.id, "Arn": instance.arn }));
    }
    room(setting, state)?;
    let same = |instance: &Instance| instance.alias == alias && alias.is_some() && instance.failure.is_none();
    let elsewhere = alias.as_ref().is_some_and(|alias| setting.behaviour.taken_aliases.contains(alias));
    let former = !setting.behaviour.aliases_reusable
        && alias.as_ref().is_some_and(|alias| state.connect.former_aliases.contains(alias));
    let leaving = || state.connect.leaving.iter().filter(|(until, _)| *until > setting.clock.now());
    if elsewhere
        || former
        || state.connect.instances.values().any(same)
        || leaving().any(|(_, instance)| same(instance))
    {
        return Err(Refusal::invalid_request(setting.behaviour.alias_taken_message));
    }
    let id = Uuid::new_v4().to_string();
    let arn = setting.arn(&format!("instance/{id}"));
    let now = setting.clock.now();
    let flag = |name| input.flag(name).unwrap_or_default().to_string();
    let attributes = attributes::defaults(flag("InboundCallsEnabled"), flag("OutboundCallsEnabled"));
    let instance = Instance {
        predefined: predefined_attributes::Predefined::defaults(now),
        named: profiles::Named::defaults(&arn, now),
        attributes,
        alias,
        identity: identity.into(),
        created: now,
        ready: setting.clock.after(setting.behaviour.instance_seconds),
        failure: setting.behaviour.instance_failure.clone(),
        tags: input.object("Tags").cloned().unwrap_or_default(),
        storage: Vec::new(),
        origins: Vec::new(),
        users: Users::default(),
        sessions: Sessions::default(),
        quick_connects: QuickConnects::default(),
        test_cases: TestCases::default(),
        replication: None,
        id: id.clone(),
        arn: arn.clone(),
    };
    let key = state.connect.next();
    state.connect.instances.insert(key, instance);
    state.connect.churn.push(now);
    if let Some(token) = token {
        state.connect.tokens.insert(token, id.clone());
    }
    answer(json!({ "Id": id, "Arn": arn }))
}

/// Checks whether the account may create another instance. If the account may not, there are three possible reasons.
/// Connect returns the same error code for each of them, but a different error message.
fn room(setting: &Setting, state: &mut State) -> Result<(), Refusal> {
    let refuse = |message: &str| Err(Refusal::new(402, "ServiceQuotaExceededException", message));
    let now = setting.clock.now();
    state.connect.churn.retain(|at| *at + setting.clock.lasts(30.0 * DAY) > now);
    if state.connect.churn.len() >= CHURN {
        return refuse(
            "Your account has been flagged for an excessive number of creation and deletion attempts. \
             Wait 30 days before you create another instance.",
        );
    }
    let quota = quotas::in_force(setting, &state.quotas, "L-AA17A6B9", None);
    let living = state.connect.instances.values().filter(|instance| instance.failure.is_none());
    let (active, pending): (Vec<_>, Vec<_>) = living.partition(|instance| instance.ready <= now);
    let fits = |count: usize| u32::try_from(count).is_ok_and(|count| f64::from(count) < quota);
    if !fits(active.len()) {
        return refuse("You have reached the instance count quota of this account.");
    }
    if !fits(active.len() + pending.len()) {
        return refuse(
            "Currently pending instance creation requests, if successfully executed, will reach instance count quota \
             for this account. Please retry once pending requests have completed.",
        );
    }
    Ok(())
}

/// Whether an alias is valid: 1 to 45 letters, digits and inner hyphens, not beginning with `d-`.
fn is_alias(alias: &str) -> bool {
    let inner = alias.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    inner && alias.len() <= 45 && !alias.starts_with("d-") && !alias.starts_with('-') && !alias.ends_with('-')
}

pub(super) fn describe(setting: &Setting, state: &mut State, input: &Input) -> Answer {
    forget_failures(setting, state);
    let (id, now) = (input.need("InstanceId")?, setting.clock.now());
    let leaving = state.connect.leaving.iter().filter(|(until, _)| *until > now).map(|(_, instance)| instance);
    let leaving = leaving.into_iter().find(|instance| instance.id == id || instance.arn == id);
    let instance = state.connect.instance(id).or(leaving).ok_or_else(|| Refusal::not_found("Instance not found."))?;
    let mut shape = json!({ "Instance": description(setting, instance) });
    if let Some(configuration) = replication::configuration(instance) {
        shape["ReplicationConfiguration"] = configuration;
    }
    answer(shape)
}

/// An instance in the format of `DescribeInstance`.
pub(crate) fn description(setting: &Setting, instance: &Instance) -> Value {
    let now = setting.clock.now();
    let mut shape = summary(setting, instance, now);
    if instance.ready <= now
        && let Some(message) = &instance.failure
    {
        shape["StatusReason"] = json!({ "Message": message });
    }
    if !instance.tags.is_empty() {
        shape["Tags"] = json!(instance.tags);
    }
    shape
}

fn summary(setting: &Setting, instance: &Instance, now: OffsetDateTime) -> Value {
    let status = match (&instance.failure, instance.ready <= now) {
        (_, false) => "CREATION_IN_PROGRESS",
        (Some(_), true) => "CREATION_FAILED",
        (None, true) => "ACTIVE",
    };
    let on = |name| instance.attributes.get(name).is_some_and(|value| value == "true");
    let role = format!(
        "arn:aws:iam::{}:role/aws-service-role/connect.amazonaws.com/AWSServiceRoleForAmazonConnect_{}",
        setting.account,
        &instance.id[..8]
    );
    let mut shape = json!({
        "Id": instance.id,
        "Arn": instance.arn,
        "IdentityManagementType": instance.identity,
        "CreatedTime": epoch(instance.created),
        "ServiceRole": role,
        "InstanceStatus": status,
        "InboundCallsEnabled": on("INBOUND_CALLS"),
        "OutboundCallsEnabled": on("OUTBOUND_CALLS"),
    });
    if let Some(alias) = &instance.alias {
        shape["InstanceAlias"] = json!(alias);
        shape["InstanceAccessUrl"] = json!(format!("https://{alias}.my.connect.aws"));
    }
    shape
}

pub(super) fn list(setting: &Setting, state: &mut State, input: &Input) -> Answer {
    forget_failures(setting, state);
    let now = setting.clock.now();
    let leaving = state.connect.leaving.iter().filter(|(until, _)| *until > now);
    let leaving = (u64::MAX / 2..).zip(leaving.map(|(_, instance)| instance));
    let living = state.connect.instances.iter().map(|(key, instance)| (*key, instance));
    let all = living.chain(leaving).map(|(key, instance)| (key, summary(setting, instance, now)));
    let refuse = || Refusal::invalid_request(bad_token().message);
    let (found, next) =
        page(all, "ListInstances", input.text("NextToken"), input.page_size(10, 10), setting.paging(), refuse)?;
    let mut shape = json!({ "InstanceSummaryList": found });
    if let Some(next) = next {
        shape["NextToken"] = json!(next);
    }
    answer(shape)
}

pub(super) fn delete(setting: &Setting, state: &mut State, input: &Input) -> Answer {
    let id = input.need("InstanceId")?;
    let found = state.connect.instances.iter().find(|(_, instance)| instance.id == id || instance.arn == id);
    let now = setting.clock.now();
    let Some((key, instance)) = found else {
        let mut leaving = state.connect.leaving.iter().filter(|(until, _)| *until > now);
        let leaving = leaving.any(|(_, instance)| instance.id == id || instance.arn == id);
        return Err(match leaving && setting.behaviour.refuses_second_deletion {
            true => Refusal::invalid_request("The instance is being deleted."),
            false => Refusal::not_found("Instance not found."),
        });
    };
    if instance.ready > now {
        return Err(Refusal::invalid_request("The instance is being created and cannot be deleted yet."));
    }
    let (key, arn) = (*key, instance.arn.clone());
    let month = setting.clock.lasts(30.0 * DAY);
    if state.connect.churn.iter().filter(|at| **at + month > now).count() >= CHURN {
        return Err(Refusal::invalid_request(
            "Your account has been flagged for an excessive number of creation and deletion attempts. \
             Wait 30 days before you delete another instance.",
        ));
    }
    let until = setting.clock.after(setting.behaviour.instance_deletion_seconds);
    if let Some(instance) = state.connect.instances.remove(&key) {
        state.connect.former_aliases.extend(instance.alias.clone());
        state.connect.leaving.push((until, instance));
    }
    // The phone numbers of a deleted instance are released.
    state.connect.numbers.retain(|_, number| number.target != arn);
    state.quotas.forget(&arn);
    state.connect.churn.push(now);
    nothing()
}

/// Removes the instances whose creation failed more than one day ago. For one day, Connect still returns such an
/// instance.
fn forget_failures(setting: &Setting, state: &mut State) {
    let (now, day) = (setting.clock.now(), setting.clock.lasts(DAY));
    let instances: &mut BTreeMap<u64, Instance> = &mut state.connect.instances;
    instances.retain(|_, instance| instance.failure.is_none() || instance.created + day > now);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_follow_the_published_rule() {
        for good in ["a", "acme-support", "A1--b"] {
            assert!(is_alias(good), "{good}");
        }
        for bad in ["-a", "a-", "d-1", "a_b", "あ", &"a".repeat(46)] {
            assert!(!is_alias(bad), "{bad}");
        }
    }
}
