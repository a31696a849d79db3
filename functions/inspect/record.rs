//! The stack's own data about an instance: the registry entry, and the subscriptions through which Graph reports
//! changes to the groups of the instance.

use onboarding_core::{
    contract::{Area, EntraGroup},
    inspection::{Checks, Object, Presence},
};
use time::OffsetDateTime;

use crate::{
    entra::{Subscription, Watched},
    registry::Entry,
};

/// Compares the current registry entry with `wanted`, the entry that an onboarding would write. `wanted` is `None` if
/// that entry can't be determined.
pub(crate) fn entry_object(alias: &str, found: Option<&Entry>, wanted: Option<&Entry>) -> Object {
    let object = |presence| Object::new(Area::Registry, "registry entry", alias, presence);
    let Some(found) = found else { return object(Presence::Absent) };
    let mut checks = Checks::default();
    checks.that("configuration", wanted == Some(found), "the input of this onboarding", "another one");
    object(Presence::Ours).with(checks)
}

/// Checks that each group has a subscription.
pub(crate) fn subscription_objects(
    groups: &[EntraGroup],
    known: &[Subscription],
    url: &str,
    now: OffsetDateTime,
) -> Vec<Object> {
    let object = |group: &EntraGroup| {
        let watching = || known.iter().filter(|subscription| subscription.watches(&group.id));
        let name = format!("group {}", group.display_name);
        let object = |presence| Object::new(Area::Notifications, "subscription", name, presence);
        if let Some(ours) = watching().find(|subscription| subscription.calls(url)) {
            let mut checks = Checks::default();
            let ends = &ours.expiration_date_time;
            checks.that("lifetime", ours.lasts(now), "at least two weeks", format!("until {ends}"));
            return object(Presence::Ours).with(checks);
        }
        match watching().find(|other| other.is_to(Watched::Group(&group.id))) {
            Some(other) => object(Presence::Foreign(format!(
                "the subscription {} has another notification URL, and Graph allows one subscription for each \
                 application; the scheduled sync covers the group",
                other.id
            ))),
            None => object(Presence::Absent),
        }
    };
    groups.iter().map(object).collect()
}
