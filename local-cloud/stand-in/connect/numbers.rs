//! Phone numbers. Most phone numbers are claimed from an inventory. Some, such as Japanese phone numbers, are added to
//! the instance by AWS Support.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Connect, bad_token};
use crate::stand_in::aws_error::{Answer, Refusal};
use crate::stand_in::input::{Input, answer, nothing};
use crate::stand_in::paging::page;
use crate::stand_in::quotas;
use crate::stand_in::world::{Setting, State};

/// Connect's error message if phone numbers were claimed and released too often: the claims and releases of the last
/// 180 days together exceed 200 % of the quota on phone numbers.
const CHURN_LIMIT: &str = "You have reached the limit of claim and release of phone numbers in the past 180 days.";

/// A phone number of the account.
#[derive(Debug)]
pub(crate) struct Number {
    id: String,
    pub(crate) arn: String,
    pub(crate) phone: String,
    country: String,
    kind: String,
    /// The ARN of the instance to which the phone number belongs.
    pub(crate) target: String,
    description: Option<String>,
    pub(crate) tags: Map<String, Value>,
    ready: OffsetDateTime,
    /// The time from which `ListPhoneNumbersV2` returns the phone number.
    listed: OffsetDateTime,
    failure: Option<String>,
    flow: Option<String>,
}

impl Number {
    /// Whether a phone call to this phone number starts this flow.
    pub(super) fn has_flow(&self, id: &str) -> bool {
        self.flow.as_deref().is_some_and(|flow| flow == id || flow.ends_with(&format!("/{id}")))
    }

    fn instance_id(&self) -> &str {
        self.target.rsplit('/').next().unwrap_or_default()
    }

    fn status(&self, now: OffsetDateTime) -> Value {
        match (&self.failure, self.ready <= now) {
            (_, false) => json!({ "Status": "IN_PROGRESS" }),
            (Some(message), true) => json!({ "Status": "FAILED", "Message": message }),
            (None, true) => json!({ "Status": "CLAIMED" }),
        }
    }

    /// The phone number in the format of `ListPhoneNumbersV2`.
    fn summary(&self) -> Value {
        let mut shape = json!({
            "PhoneNumberId": self.id, "PhoneNumberArn": self.arn, "PhoneNumber": self.phone,
            "PhoneNumberCountryCode": self.country, "PhoneNumberType": self.kind,
            "TargetArn": self.target, "InstanceId": self.instance_id(),
        });
        if let Some(description) = &self.description {
            shape["PhoneNumberDescription"] = json!(description);
        }
        shape
    }
}

impl Number {
    /// All properties of the phone number as a JSON object.
    pub(crate) fn inventory(&self, now: OffsetDateTime) -> Value {
        let mut shape = self.summary();
        shape["PhoneNumberStatus"] = self.status(now);
        shape["Tags"] = json!(self.tags);
        if let Some(flow) = &self.flow {
            shape["ContactFlowId"] = json!(flow);
        }
        shape
    }
}

pub(crate) fn add_number(
    setting: &Setting,
    connect: &mut Connect,
    target: &str,
    (phone, country, kind): (String, &str, &str),
) -> u64 {
    let id = Uuid::new_v4().to_string();
    let number = Number {
        arn: setting.arn(&format!("phone-number/{id}")),
        id,
        phone,
        country: country.into(),
        kind: kind.into(),
        target: target.into(),
        description: None,
        tags: Map::new(),
        ready: setting.clock.now(),
        listed: setting.clock.now(),
        failure: None,
        flow: None,
    };
    let key = connect.next();
    connect.numbers.insert(key, number);
    key
}

/// The ARN of the instance that a request names, if the instance exists and is active.
fn target(setting: &Setting, state: &mut State, input: &Input) -> Result<Option<String>, Refusal> {
    let named = input.text("TargetArn").or_else(|| input.text("InstanceId"));
    named.map(|named| state.connect.ready(setting, named).map(|instance| instance.arn.clone())).transpose()
}

fn target_or_refuse(setting: &Setting, state: &mut State, input: &Input) -> Result<String, Refusal> {
    let needed = || Refusal::invalid_parameter("TargetArn or InstanceId is required.");
    target(setting, state, input)?.ok_or_else(needed)
}

pub(super) fn search(setting: &Setting, state: &mut State, input: &Input) -> Answer {
    // The service model does not list `ResourceNotFoundException` for this operation, so an unknown instance is
    // reported as an invalid parameter.
    let target =
        target_or_refuse(setting, state, input).map_err(|refusal| Refusal::invalid_parameter(refusal.message))?;
    let (country, kind) = (input.text("PhoneNumberCountryCode"), input.text("PhoneNumberType"));
    let prefix = input.text("PhoneNumberPrefix").unwrap_or_default().trim_start_matches('+').to_owned();
    let mut free = Vec::new();
    for stock in &setting.behaviour.number_inventory {
        if Some(stock.country.as_str()) != country || Some(stock.kind.as_str()) != kind {
            continue;
        }
        for n in 0..stock.quantity {
            let phone = format!("{}{n:04}", stock.prefix);
            let fits = phone.trim_start_matches('+').starts_with(&prefix);
            if fits && !state.connect.numbers.values().any(|number| number.phone == phone) {
                free.push(json!({
                    "PhoneNumber": phone, "PhoneNumberCountryCode": stock.country, "PhoneNumberType": stock.kind,
                }));
            }
        }
    }
    let scope = format!("SearchAvailablePhoneNumbers {target} {country:?} {kind:?} {prefix}");
    let token = input.text("NextToken");
    let (found, next) = page((1..).zip(free), &scope, token, input.page_size(10, 10), setting.paging(), bad_token)?;
    let mut shape = json!({ "AvailableNumbersList": found });
    if let Some(next) = next {
        shape["NextToken"] = json!(next);
    }
    answer(shape)
}

pub(super) fn claim(setting: &Setting, state: &mut State, input: &Input) -> Answer {
    let target = target_or_refuse(setting, state, input)?;
    let phone = input.need("PhoneNumber")?.to_owned();
    if input.text("ClientToken").is_some_and(|token| !is_lower_case_uuid(token)) {
        return Err(Refusal::invalid_parameter("ClientToken must be a UUID in lower case."));
    }
    let token = input.text("ClientToken").map(|token| format!("ClaimPhoneNumber {token}"));
    if let Some(id) = token.as_ref().and_then(|token| state.connect.tokens.get(token)) {
        let number = state.connect.numbers.values().find(|number| number.id == *id);
        return match number {
            Some(number) if number.phone == phone && number.target == target => claimed(number),
            _ => {
                let message = "The client token was used for another request.";
                Err(Refusal::new(409, "IdempotencyException", message))
            }
        };
    }
    let stock = setting.behaviour.number_inventory.iter().find(|stock| {
        let rest = phone.strip_prefix(&stock.prefix).filter(|rest| rest.len() == 4);
        rest.and_then(|rest| rest.parse::<u32>().ok()).is_some_and(|n| n < stock.quantity)
    });
    let taken = state.connect.numbers.values().any(|number| number.phone == phone);
    let Some(stock) = stock.filter(|_| !taken) else {
        return Err(Refusal::invalid_parameter(format!("Phone number not available: {phone}")));
    };
    let quota = quotas::in_force(setting, &state.quotas, "L-8F812903", Some(&target));
    let held =
        state.connect.numbers.values().filter(|number| number.target == target && number.failure.is_none()).count();
    let window = setting.clock.lasts(180.0 * 24.0 * 3600.0);
    let now = setting.clock.now();
    state.connect.number_churn.retain(|(_, at)| *at + window > now);
    let churn = state.connect.number_churn.iter().filter(|(of, _)| *of == target).count() + 1;
    if u32::try_from(churn).is_ok_and(|churn| f64::from(churn) > 2.0 * quota.max(1.0)) {
        return Err(Refusal::new(402, "ServiceQuotaExceededException", CHURN_LIMIT));
    }
    state.connect.number_churn.push((target.clone(), now));
    let full = !u32::try_from(held).is_ok_and(|held| f64::from(held) < quota);
    let key = add_number(setting, &mut state.connect, &target, (phone, &stock.country, &stock.kind));
    let ready = setting.clock.after(setting.behaviour.claim_seconds);
    let listed = setting.clock.after(setting.behaviour.number_listed_seconds);
    let limit =
        full.then(|| "You've reached the limit of Phone Numbers. To increase limit, contact support.".to_owned());
    let Some(number) = state.connect.numbers.get_mut(&key) else { return nothing() };
    number.description = input.text("PhoneNumberDescription").map(str::to_owned);
    number.tags = input.object("Tags").cloned().unwrap_or_default();
    number.ready = ready;
    number.listed = listed;
    number.failure = limit.or_else(|| setting.behaviour.claim_failure.clone());
    if let Some(token) = token {
        state.connect.tokens.insert(token, number.id.clone());
    }
    claimed(number)
}

/// Whether the client token is a UUID in lower case. The service model requires a UUID in lower case only for
/// `ClaimPhoneNumber`.
fn is_lower_case_uuid(token: &str) -> bool {
    let lower = token.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    lower && token.split('-').map(str::len).eq([8, 4, 4, 4, 12])
}

fn claimed(number: &Number) -> Answer {
    answer(json!({ "PhoneNumberId": number.id, "PhoneNumberArn": number.arn }))
}

fn named<'a>(state: &'a mut State, input: &Input) -> Result<(u64, &'a mut Number), Refusal> {
    let id = input.need("PhoneNumberId")?;
    let mut numbers = state.connect.numbers.iter_mut();
    let found = numbers.find(|(_, number)| number.id == id || number.arn == id);
    found.map(|(key, number)| (*key, number)).ok_or_else(|| Refusal::not_found("Phone number not found."))
}

pub(super) fn describe(setting: &Setting, state: &mut State, input: &Input) -> Answer {
    let (_, number) = named(state, input)?;
    let mut shape = number.summary();
    shape["PhoneNumberStatus"] = number.status(setting.clock.now());
    if !number.tags.is_empty() {
        shape["Tags"] = json!(number.tags);
    }
    answer(json!({ "ClaimedPhoneNumberSummary": shape }))
}

pub(super) fn list(setting: &Setting, state: &mut State, input: &Input) -> Answer {
    let target = target(setting, state, input)?;
    let (countries, kinds) = (input.texts("PhoneNumberCountryCodes"), input.texts("PhoneNumberTypes"));
    let prefix = input.text("PhoneNumberPrefix").unwrap_or_default().trim_start_matches('+').to_owned();
    let now = setting.clock.now();
    let fits = |number: &Number| {
        number.listed <= now
            && target.as_ref().is_none_or(|target| *target == number.target)
            && (countries.is_empty() || countries.contains(&number.country.as_str()))
            && (kinds.is_empty() || kinds.contains(&number.kind.as_str()))
            && number.phone.trim_start_matches('+').starts_with(&prefix)
            && number.failure.is_none()
    };
    let found =
        state.connect.numbers.iter().filter(|(_, number)| fits(number)).map(|(key, number)| (*key, number.summary()));
    let scope = format!("ListPhoneNumbersV2 {target:?} {countries:?} {kinds:?} {prefix}");
    let token = input.text("NextToken");
    let (found, next) = page(found, &scope, token, input.page_size(100, 1000), setting.paging(), bad_token)?;
    let mut shape = json!({ "ListPhoneNumbersSummaryList": found });
    if let Some(next) = next {
        shape["NextToken"] = json!(next);
    }
    answer(shape)
}

/// The phone number that a request names. Returns an error if the claim of this phone number is still in progress or
/// has failed.
fn usable<'a>(setting: &Setting, state: &'a mut State, input: &Input) -> Result<(u64, &'a mut Number), Refusal> {
    let now = setting.clock.now();
    let (key, number) = named(state, input)?;
    if number.ready > now || number.failure.is_some() {
        return Err(Refusal::invalid_parameter("The phone number is not claimed."));
    }
    Ok((key, number))
}

pub(super) fn update_metadata(setting: &Setting, state: &mut State, input: &Input) -> Answer {
    let (_, number) = usable(setting, state, input)?;
    number.description = input.text("PhoneNumberDescription").map(str::to_owned);
    nothing()
}

pub(super) fn associate_flow(setting: &Setting, state: &mut State, input: &Input) -> Answer {
    let flow = input.need("ContactFlowId")?.to_owned();
    let instance = state.connect.ready(setting, input.need("InstanceId")?)?;
    super::profiles::find(&instance.named.flows, &flow)?;
    let arn = instance.arn.clone();
    let (_, number) = usable(setting, state, input)?;
    if number.target != arn {
        return Err(Refusal::invalid_parameter("The phone number belongs to another instance."));
    }
    number.flow = Some(flow);
    nothing()
}

pub(super) fn disassociate_flow(setting: &Setting, state: &mut State, input: &Input) -> Answer {
    let (_, number) = usable(setting, state, input)?;
    number.flow.take().ok_or_else(|| Refusal::not_found("The phone number has no contact flow."))?;
    nothing()
}

/// Lists the flows of the instance's phone numbers.
pub(super) fn flow_associations(setting: &Setting, state: &mut State, input: &Input) -> Answer {
    if input.text("ResourceType") != Some("VOICE_PHONE_NUMBER") {
        return Err(Refusal::invalid_request("The local cloud lists only the flows of voice phone numbers."));
    }
    let instance = state.connect.ready(setting, input.need("InstanceId")?)?.arn.clone();
    let shape = |number: &Number| {
        let flow = number.flow.as_deref()?;
        let flow = if flow.contains('/') { flow.to_owned() } else { format!("{instance}/contact-flow/{flow}") };
        Some(json!({ "ResourceId": number.arn, "FlowId": flow, "ResourceType": "VOICE_PHONE_NUMBER" }))
    };
    let own = state.connect.numbers.iter().filter(|(_, number)| number.target == instance);
    let all = own.filter_map(|(key, number)| Some((*key, shape(number)?)));
    let scope = format!("ListFlowAssociations {instance}");
    let (found, next) =
        page(all, &scope, input.text("NextToken"), input.page_size(100, 1000), setting.paging(), bad_token)?;
    let mut shape = json!({ "FlowAssociationSummaryList": found });
    if let Some(next) = next {
        shape["NextToken"] = json!(next);
    }
    answer(shape)
}

pub(super) fn release(setting: &Setting, state: &mut State, input: &Input) -> Answer {
    let now = setting.clock.now();
    let (key, number) = named(state, input)?;
    if number.ready > now {
        return Err(Refusal::new(409, "ResourceInUseException", "The phone number is being claimed."));
    }
    if let Some(number) = state.connect.numbers.remove(&key) {
        state.connect.number_churn.push((number.target, now));
    }
    nothing()
}
