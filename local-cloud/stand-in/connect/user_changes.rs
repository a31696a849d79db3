//! Changes to users. Each operation replaces a whole setting, so a repeated call has no further effect.

use serde_json::{Map, Value};

use super::{Instance, user_rules, users};
use crate::stand_in::aws_error::{Answer, Refusal};
use crate::stand_in::input::{Input, nothing};
use crate::stand_in::world::Setting;

/// Extends each channel list in the request with the user's current settings for the channels that the request does not
/// name.
fn merge_channels(present: &Map<String, Value>, settings: &mut Map<String, Value>) {
    for (name, list) in settings {
        let Some(list) = list.as_array_mut().filter(|list| !list.is_empty()) else { continue };
        let others = present.get(name).and_then(Value::as_array).into_iter().flatten();
        let others: Vec<Value> =
            others.filter(|one| !list.iter().any(|named| named["Channel"] == one["Channel"])).cloned().collect();
        list.extend(others);
    }
}

/// Runs an `UpdateUser…` operation.
pub(super) fn change(setting: &Setting, instance: &mut Instance, operation: &str, input: &Input) -> Answer {
    users::to_change(setting, instance, input)?;
    match operation {
        "UpdateUserIdentityInfo" => {
            let identity = user_rules::identity(instance, input.object("IdentityInfo"))?;
            users::named(setting, instance, input)?.identity = identity;
        }
        "UpdateUserSecurityProfiles" => {
            let security = user_rules::security_profiles(instance, input)?;
            users::named(setting, instance, input)?.security = security;
        }
        "UpdateUserRoutingProfile" => {
            let routing = user_rules::routing_profile(instance, input)?;
            users::named(setting, instance, input)?.routing = routing;
        }
        "UpdateUserHierarchy" => {
            let hierarchy = user_rules::hierarchy_group(instance, input)?;
            users::named(setting, instance, input)?.hierarchy = hierarchy;
        }
        "UpdateUserPhoneConfig" => {
            let settings = user_rules::phone_settings(input)?;
            let Some(phone) = settings.get("PhoneConfig") else {
                return Err(Refusal::invalid_request("PhoneConfig is required."));
            };
            let user = users::named(setting, instance, input)?;
            user.settings = [("PhoneConfig".to_owned(), phone.clone())].into_iter().collect();
        }
        "UpdateUserConfig" => {
            let mut settings = user_rules::phone_settings(input)?;
            let user = users::named(setting, instance, input)?;
            user.settings.remove("PhoneConfig");
            if setting.behaviour.config_merges_channels {
                merge_channels(&user.settings, &mut settings);
            }
            user.settings.extend(settings);
            user.settings
                .retain(|_, value| value.as_array().is_none_or(|list| !list.is_empty()) && *value != Value::Null);
        }
        _ => {
            let message = format!("{operation} is not part of the local cloud.");
            return Err(Refusal::new(404, "UnknownOperationException", message));
        }
    }
    users::named(setting, instance, input)?.modified = setting.clock.now();
    nothing()
}
