//! The proficiencies of users. Sources: service model (limits, errors), administrator guide "Assign proficiencies to
//! agents" (at most ten by default) and the API reference ("must first be associated to the user").

use serde_json::{Value, json};

use super::{Instance, bad_token, predefined_attributes, users};
use crate::stand_in::aws_error::{Answer, Refusal};
use crate::stand_in::input::{Input, answer, epoch, nothing};
use crate::stand_in::paging::page;
use crate::stand_in::quotas;
use crate::stand_in::world::{Setting, State};

/// A proficiency of a user.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Proficiency {
    attribute: String,
    value: String,
    level: u8,
}

impl Proficiency {
    fn is_same(&self, other: &Self) -> bool {
        (&self.attribute, &self.value) == (&other.attribute, &other.value)
    }

    /// Whether the proficiency has this value of this attribute.
    pub(super) fn uses(&self, attribute: &str, value: &str) -> bool {
        self.attribute == attribute && self.value == value
    }

    pub(crate) fn shape(&self) -> Value {
        // Connect returns the level as a floating-point number.
        json!({ "AttributeName": self.attribute, "AttributeValue": self.value, "Level": f64::from(self.level) })
    }
}

/// Reads the proficiencies in a request. A request that disassociates proficiencies contains no levels.
fn named(input: &Input, with_level: bool) -> Result<Vec<Proficiency>, Refusal> {
    let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    let mut found: Vec<Proficiency> = Vec::new();
    for one in input.0.get("UserProficiencies").and_then(Value::as_array).into_iter().flatten() {
        let level = if with_level { one["Level"].as_f64().unwrap_or_default() } else { 1.0 };
        let Some(level) = (1..=5_u8).find(|whole| (f64::from(*whole) - level).abs() < f64::EPSILON) else {
            return Err(Refusal::invalid_parameter("The valid values of Level are 1, 2, 3, 4 and 5."));
        };
        let one = Proficiency { attribute: text(one, "AttributeName"), value: text(one, "AttributeValue"), level };
        if found.iter().any(|other| other.is_same(&one)) {
            return Err(Refusal::invalid_parameter("UserProficiencies contains a proficiency twice."));
        }
        found.push(one);
    }
    if found.is_empty() {
        return Err(Refusal::invalid_parameter("UserProficiencies must not be empty."));
    }
    Ok(found)
}

fn missing(one: &Proficiency) -> Refusal {
    let Proficiency { attribute, value, .. } = one;
    Refusal::invalid_request(format!("The user does not have the proficiency {attribute}: {value}."))
}

pub(super) fn associate(setting: &Setting, state: &mut State, input: &Input) -> Answer {
    let instance = state.connect.ready(setting, input.need("InstanceId")?)?;
    let added = named(input, true)?;
    for one in &added {
        predefined_attributes::check(instance, &one.attribute, &one.value)?;
    }
    let arn = instance.arn.clone();
    let most = quotas::in_force(setting, &state.quotas, "L-50375162", Some(&arn));
    let instance = state.connect.ready(setting, &arn)?;
    let user = users::to_change(setting, instance, input)?;
    let mut all = user.proficiencies.clone();
    for one in added {
        match all.iter_mut().find(|known| known.is_same(&one)) {
            Some(known) if setting.behaviour.proficiencies_reassociable => *known = one,
            Some(_) => return Err(Refusal::invalid_request("The user already has one of the proficiencies.")),
            None => all.push(one),
        }
    }
    if !u32::try_from(all.len()).is_ok_and(|count| f64::from(count) <= most) {
        return Err(Refusal::invalid_request(format!("A user can have at most {most} proficiencies.")));
    }
    user.proficiencies = all;
    user.modified = setting.clock.now();
    nothing()
}

pub(super) fn update(setting: &Setting, instance: &mut Instance, input: &Input) -> Answer {
    let changed = named(input, true)?;
    let user = users::to_change(setting, instance, input)?;
    let mut all = user.proficiencies.clone();
    for one in changed {
        let known = all.iter_mut().find(|known| known.is_same(&one)).ok_or_else(|| missing(&one))?;
        *known = one;
    }
    user.proficiencies = all;
    user.modified = setting.clock.now();
    nothing()
}

pub(super) fn disassociate(setting: &Setting, instance: &mut Instance, input: &Input) -> Answer {
    let removed = named(input, false)?;
    let user = users::to_change(setting, instance, input)?;
    if let Some(unknown) = removed.iter().find(|one| !user.proficiencies.iter().any(|known| known.is_same(one))) {
        return Err(missing(unknown));
    }
    user.proficiencies.retain(|known| !removed.iter().any(|one| one.is_same(known)));
    user.modified = setting.clock.now();
    nothing()
}

pub(super) fn list(setting: &Setting, instance: &mut Instance, input: &Input) -> Answer {
    let scope = format!("ListUserProficiencies {} {}", instance.id, input.need("UserId")?);
    let user = users::named(setting, instance, input)?;
    let all = (1..).zip(user.proficiencies.iter().map(Proficiency::shape));
    let size = input.page_size(100, 100);
    let (found, next) = page(all, &scope, input.text("NextToken"), size, setting.paging(), bad_token)?;
    let mut shape = json!({
        "UserProficiencyList": found, "LastModifiedTime": epoch(user.modified), "LastModifiedRegion": setting.region,
    });
    if let Some(next) = next {
        shape["NextToken"] = json!(next);
    }
    answer(shape)
}
