//! The predefined attributes that proficiencies in an instance refer to.
//!
//! The sync creates an attribute that does not exist, and adds missing values to an existing attribute. Predefined
//! attributes have no tags in Connect, so the sync can't record which attributes it created. Therefore, the sync never
//! deletes an attribute or a value. The attributes also remain after a teardown that keeps the instance.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_connect::{
    Client,
    types::{InputPredefinedAttributeConfiguration, PredefinedAttribute, PredefinedAttributeValues},
};
use onboarding_core::StepError;
use tracing::info;

use crate::aws::{error::CallResult as _, retries::WithoutRetries as _};

/// Maximum number of values of one attribute (Connect administrator guide, "Create predefined attributes").
const MAX_VALUES: usize = 500;
/// Name prefixes of attributes that only AWS can create (same page of the administrator guide).
const RESERVED: [&str; 2] = ["aws:", "connect:"];

/// Ensures that the instance has these attributes with at least these values. Returns the attributes that can't be
/// used, each with its error, by attribute name.
pub async fn ensure(
    client: &Client,
    instance_id: &str,
    wanted: &BTreeMap<&str, BTreeSet<&str>>,
) -> BTreeMap<String, StepError> {
    let mut errors = BTreeMap::new();
    for (name, values) in wanted {
        if let Err(error) = ensure_one(client, instance_id, name, values).await {
            errors.insert((*name).to_owned(), error);
        }
    }
    errors
}

async fn ensure_one(client: &Client, instance_id: &str, name: &str, values: &BTreeSet<&str>) -> Result<(), StepError> {
    let described = client.describe_predefined_attribute().instance_id(instance_id).name(name).send().await;
    let described = described.none_if(&["ResourceNotFoundException"]);
    let described = described.doing(format_args!("reading the predefined attribute \"{name}\""))?;
    match described.and_then(|described| described.predefined_attribute) {
        Some(attribute) => add_values(client, instance_id, name, values, attribute).await,
        // The SDK must not retry this request. If the SDK repeated a request that was successful, Connect would report
        // a conflict with the attribute that the first request created.
        None => create(&client.without_retries(), instance_id, name, values).await,
    }
}

async fn create(client: &Client, instance_id: &str, name: &str, values: &BTreeSet<&str>) -> Result<(), StepError> {
    if RESERVED.iter().any(|prefix| name.starts_with(prefix)) {
        return Err(StepError::invalid_input(format!(
            "the instance has no predefined attribute \"{name}\", and only AWS can create attributes with this prefix; use \
             another name in users.groups"
        )));
    }
    let list = values.iter().map(|value| (*value).to_owned()).collect();
    let call = client.create_predefined_attribute().instance_id(instance_id).name(name);
    let sent = call.values(PredefinedAttributeValues::StringList(list)).send().await;
    let created = sent.none_if(&["DuplicateResourceException"]);
    let created = created.doing(format_args!("creating the predefined attribute \"{name}\""))?;
    if created.is_none() {
        return Err(StepError::conflict(format!(
            "the instance has a predefined attribute whose name differs from \"{name}\" only in case; use the name of the \
             existing attribute in users.groups"
        )));
    }
    info!(name, values = values.len(), "predefined attribute created");
    Ok(())
}

/// Adds the values that the attribute does not have yet. The request replaces the whole attribute. So the request
/// contains all existing values, which are read immediately before, and the new values.
async fn add_values(
    client: &Client,
    instance_id: &str,
    name: &str,
    values: &BTreeSet<&str>,
    attribute: PredefinedAttribute,
) -> Result<(), StepError> {
    let mut all = match attribute.values {
        Some(PredefinedAttributeValues::StringList(list)) => list,
        None => Vec::new(),
        Some(_) => {
            return Err(StepError::conflict(format!(
                "the predefined attribute \"{name}\" has values that are not text, so no value can be added"
            )));
        }
    };
    let missing: Vec<String> = values
        .iter()
        .filter(|value| !all.iter().any(|known| known == *value))
        .map(|value| (*value).to_owned())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    if attribute.attribute_configuration.as_ref().is_some_and(|configuration| configuration.is_read_only) {
        return Err(StepError::conflict(format!(
            "the predefined attribute \"{name}\" is read-only and does not have the value \"{}\"; use one of its values in \
             users.groups",
            missing[0]
        )));
    }
    let fold = |value: &String| value.to_lowercase();
    if let Some((value, other)) =
        missing.iter().find_map(|value| Some((value, all.iter().find(|other| fold(other) == fold(value))?)))
    {
        return Err(StepError::conflict(format!(
            "the predefined attribute \"{name}\" has the value \"{other}\", which differs from \"{value}\" only in case; \
             use the existing value in users.groups"
        )));
    }
    if all.len() + missing.len() > MAX_VALUES {
        return Err(StepError::limit_exceeded(format!(
            "the predefined attribute \"{name}\" would have {} values, but the maximum is {MAX_VALUES}",
            all.len() + missing.len()
        )));
    }
    let added = missing.join(", ");
    all.extend(missing);
    let validated = attribute.attribute_configuration.map(|configuration| {
        let input = InputPredefinedAttributeConfiguration::builder();
        input.enable_value_validation_on_association(configuration.enable_value_validation_on_association).build()
    });
    let sent = client
        .update_predefined_attribute()
        .instance_id(instance_id)
        .name(name)
        .values(PredefinedAttributeValues::StringList(all))
        .set_purposes(attribute.purposes)
        .set_attribute_configuration(validated)
        .send()
        .await;
    sent.doing(format_args!("adding values to the predefined attribute \"{name}\""))?;
    info!(name, added, "values added to a predefined attribute");
    Ok(())
}
