//! Predefined attributes. Sources: the service model, and the administrator guide, "Create predefined attributes"
//! (allowed characters, at most 500 values, no two names or values that differ only in case).

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::Instance;
use crate::stand_in::aws_error::{Answer, Refusal};
use crate::stand_in::input::{Input, answer, epoch, nothing};
use crate::stand_in::quotas;
use crate::stand_in::world::{Setting, State};

/// A predefined attribute of an instance.
#[derive(Debug)]
pub(crate) struct Predefined {
    name: String,
    values: Vec<String>,
    purposes: Vec<String>,
    configuration: Map<String, Value>,
    /// Whether AWS has created the attribute. An attribute that AWS has created can't be changed.
    read_only: bool,
    modified: OffsetDateTime,
}

impl Predefined {
    /// The predefined attributes that AWS creates in a new instance.
    pub(super) fn defaults(now: OffsetDateTime) -> Vec<Self> {
        vec![Self {
            name: "connect:Subtype".into(),
            values: ["connect:Chat", "connect:SMS", "connect:Telephony"].map(Into::into).to_vec(),
            purposes: Vec::new(),
            configuration: Map::new(),
            read_only: true,
            modified: now,
        }]
    }

    /// The name and the values; `None` if AWS has created the attribute.
    pub(super) fn inventory(&self) -> Option<Value> {
        (!self.read_only).then(|| json!({ "Name": self.name, "Values": self.values }))
    }

    /// The attribute in the format of `DescribePredefinedAttribute`.
    fn shape(&self, setting: &Setting) -> Value {
        let mut configuration = json!({ "EnableValueValidationOnAssociation": false, "IsReadOnly": self.read_only });
        for (key, value) in &self.configuration {
            configuration[key] = value.clone();
        }
        json!({
            "Name": self.name, "Values": { "StringList": self.values }, "Purposes": self.purposes,
            "AttributeConfiguration": configuration, "LastModifiedTime": epoch(self.modified),
            "LastModifiedRegion": setting.region,
        })
    }
}

fn legal(text: &str) -> Result<(), Refusal> {
    let character = |c: char| c.is_alphabetic() || c.is_numeric() || c == ' ' || "_.:/=+-@'".contains(c);
    let reserved = text.starts_with("aws:") || text.starts_with("connect:");
    if text.is_empty() || reserved || !text.chars().all(character) {
        return Err(Refusal::invalid_parameter(format!("{text} is not valid in a predefined attribute.")));
    }
    Ok(())
}

/// The values in a request. The service model limits the number and the length of the values.
fn values(input: &Input) -> Result<Option<Vec<String>>, Refusal> {
    let Some(list) = input.object("Values").and_then(|values| values.get("StringList")).and_then(Value::as_array)
    else {
        return Ok(None);
    };
    let values: Vec<String> = list.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect();
    for (index, value) in values.iter().enumerate() {
        legal(value)?;
        if values[..index].iter().any(|other| other.to_lowercase() == value.to_lowercase()) {
            return Err(Refusal::invalid_parameter(format!("The value {value} is not unique.")));
        }
    }
    Ok(Some(values))
}

pub(super) fn create(setting: &Setting, state: &mut State, input: &Input) -> Answer {
    let instance = state.connect.ready(setting, input.need("InstanceId")?)?;
    let name = input.need("Name")?;
    legal(name)?;
    let values = values(input)?.unwrap_or_default();
    if instance.predefined.iter().any(|known| known.name.to_lowercase() == name.to_lowercase()) {
        return Err(Refusal::new(409, "DuplicateResourceException", format!("The attribute {name} already exists.")));
    }
    let (arn, count) = (instance.arn.clone(), instance.predefined.len());
    let most = quotas::in_force(setting, &state.quotas, "L-3828FBF0", Some(&arn));
    if !u32::try_from(count).is_ok_and(|count| f64::from(count) < most) {
        let message = format!("The limit of {most} predefined attributes for this instance is exceeded.");
        return Err(Refusal::new(429, "LimitExceededException", message));
    }
    let attribute = Predefined {
        name: name.to_owned(),
        values,
        purposes: input.texts("Purposes").into_iter().map(ToOwned::to_owned).collect(),
        configuration: input.object("AttributeConfiguration").cloned().unwrap_or_default(),
        read_only: false,
        modified: setting.clock.now(),
    };
    state.connect.ready(setting, &arn)?.predefined.push(attribute);
    nothing()
}

fn find<'a>(instance: &'a mut Instance, name: &str) -> Result<&'a mut Predefined, Refusal> {
    let found = instance.predefined.iter_mut().find(|known| known.name == name);
    found.ok_or_else(|| Refusal::not_found("The predefined attribute was not found."))
}

pub(super) fn describe(setting: &Setting, instance: &mut Instance, input: &Input) -> Answer {
    let shape = find(instance, input.need("Name")?)?.shape(setting);
    answer(json!({ "PredefinedAttribute": shape }))
}

/// Replaces the attribute. AWS does not document what happens to a member that the request omits. In the local cloud,
/// this member loses its value. A value that is part of a user's proficiency can't be removed.
pub(super) fn update(setting: &Setting, instance: &mut Instance, input: &Input) -> Answer {
    let name = input.need("Name")?.to_owned();
    let values = values(input)?.unwrap_or_default();
    let known = find(instance, &name)?;
    if known.read_only {
        return Err(Refusal::invalid_request(format!("The predefined attribute {name} is read-only.")));
    }
    let before = known.values.clone();
    let removed = before.iter().filter(|value| !values.contains(value));
    let users = &instance.users;
    for value in removed {
        if users.all.values().flat_map(|user| &user.proficiencies).any(|one| one.uses(&name, value)) {
            return Err(Refusal::invalid_request(format!("The value {value} is assigned to users.")));
        }
    }
    let attribute = find(instance, &name)?;
    attribute.values = values;
    attribute.purposes = input.texts("Purposes").into_iter().map(ToOwned::to_owned).collect();
    attribute.configuration = input.object("AttributeConfiguration").cloned().unwrap_or_default();
    attribute.modified = setting.clock.now();
    nothing()
}

/// Validates the attribute and the value of a proficiency, which must both exist.
pub(super) fn check(instance: &Instance, name: &str, value: &str) -> Result<(), Refusal> {
    let known = instance.predefined.iter().find(|known| known.name == name);
    if known.is_some_and(|known| known.values.iter().any(|other| other == value)) {
        return Ok(());
    }
    Err(Refusal::invalid_parameter(format!("The predefined attribute {name} with the value {value} does not exist.")))
}
