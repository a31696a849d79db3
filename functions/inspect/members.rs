//! The members of the groups in the input, and the plan of the user sync for these members.

use std::collections::BTreeSet;

use onboarding_core::{
    StepError, StepErrorKind,
    contract::{Action, Area, EntraGroup, OpenItem, PlanItem},
    onboarding::{Assignment, NestedGroups, Onboarding, UserGroup},
    sync::{Completeness, Counts, GroupRead, MAX_LISTED, Plan, PlannedUser, Policy, Profiles, plan},
};
use time::Date;

use super::traffic_group;
use crate::{connect::Directory, context::Context};

/// The security profiles that every new instance has.
const FIRST_SECURITY_PROFILES: [&str; 4] = ["Admin", "Agent", "CallCenterManager", "QualityAnalyst"];
/// The routing profile that every new instance has.
const FIRST_ROUTING_PROFILE: &str = "Basic Routing Profile";

/// The groups in an input with their members.
#[derive(Debug, Default)]
pub(crate) struct Members {
    /// The groups as returned by Entra, in the order in which the input lists them.
    pub(crate) groups: Vec<EntraGroup>,
    /// The groups in the input, each with its members.
    pub(crate) reads: Vec<GroupRead>,
    /// Open items that concern the groups, for the operator.
    pub(crate) open_items: Vec<OpenItem>,
}

impl Members {
    /// Finds each group in Entra and reads its members. If there are errors in several groups, the function returns one
    /// error that contains all of them.
    ///
    /// # Errors
    /// `InvalidInput` with the errors of all groups, or the error that Graph returns.
    pub(crate) async fn read(ctx: &Context, onboarding: &Onboarding) -> Result<Self, StepError> {
        let nested = onboarding.users.nested_groups == NestedGroups::Flatten;
        let (mut members, mut faults) = (Self::default(), Vec::new());
        for (index, wanted) in onboarding.users.groups.iter().enumerate() {
            let path = format!("$.users.groups[{index}].group");
            let group = match ctx.graph().resolve_group(&wanted.group).await {
                Ok(group) => group,
                Err(error) if matches!(error.kind, StepErrorKind::InvalidInput | StepErrorKind::Conflict) => {
                    faults.push(format!("{path}: {}", error.message));
                    continue;
                }
                Err(error) => return Err(error),
            };
            if let Some(earlier) = members.groups.iter().position(|earlier| earlier.id == group.id) {
                faults.push(format!("{path}: is the same group as groups[{earlier}] ({})", group.id));
                continue;
            }
            if onboarding.entra.assignment == Assignment::Groups && group.security_enabled == Some(false) {
                faults.push(format!(
                    "{path}: the group \"{}\" is not security-enabled, so Entra can't assign it to an application; use a \
                     security group, or set entra.assignment to \"users\"",
                    group.display_name
                ));
            }
            let Some(read) = ctx.graph().group_members(&group.id, nested).await? else {
                faults.push(format!("{path}: the group {} was deleted while it was read", group.id));
                continue;
            };
            if read.members.is_empty() {
                members.open_items.push(OpenItem::new(
                    format!("group {}", group.display_name),
                    "it has no members, so no user can sign in through it",
                    "Add members to the group in Entra. Their Connect users are created automatically.",
                ));
            }
            let users = u64::try_from(read.members.len()).unwrap_or(u64::MAX);
            members.reads.push(GroupRead {
                group_id: group.id.clone(),
                display_name: group.display_name.clone(),
                settings: wanted.clone(),
                members: read.members,
                nested_groups: read.nested_groups,
                other_objects: read.other_objects,
                completeness: Completeness::Complete,
            });
            members.groups.push(EntraGroup { id: group.id, display_name: group.display_name, users });
        }
        if faults.is_empty() {
            Ok(members)
        } else {
            Err(StepError::invalid_input(format!("the input has {} error(s):\n{}", faults.len(), faults.join("\n"))))
        }
    }

    /// Returns the object IDs of all members, without duplicates.
    pub(crate) fn ids(&self) -> BTreeSet<String> {
        self.reads.iter().flat_map(|read| &read.members).map(|member| member.id.clone()).collect()
    }

    /// Returns the number of members, without duplicates.
    pub(crate) fn count(&self) -> u64 {
        u64::try_from(self.ids().len()).unwrap_or(u64::MAX)
    }

    /// Plans the user sync for an existing instance. `is_replicated` states whether the sync adds the users of the
    /// onboarding to a traffic distribution group.
    ///
    /// # Errors
    /// If the users or profiles can't be read completely from Connect.
    pub(crate) async fn plan_on(
        &self,
        ctx: &Context,
        (instance_id, alias): (&str, &str),
        (onboarding, is_replicated): (&Onboarding, bool),
        today: Date,
    ) -> Result<UserPlan, StepError> {
        let directory = Directory::new(ctx.connect(), instance_id, alias, ctx.settings.clock());
        let hierarchy = onboarding.users.hierarchy_groups();
        let (users, profiles) = tokio::try_join!(directory.users(), directory.profiles(&hierarchy))?;
        let mut policy = Policy::from(&onboarding.users);
        if is_replicated {
            policy.traffic_group = traffic_group::read(ctx, instance_id).await.id;
        }
        Ok(UserPlan::of(&plan(&self.reads, &users, &profiles, &policy, today)))
    }

    /// Plans the user sync for a new instance. The plan assumes that all profiles exist. Profiles that a new instance
    /// does not have must be created by an administrator. The plan contains an open item for each such profile.
    pub(crate) fn plan_on_new(&self, onboarding: &Onboarding, today: Date) -> UserPlan {
        let groups = &onboarding.users.groups;
        let named =
            |names: &mut dyn Iterator<Item = &str>| names.map(|name| (name.to_owned(), name.to_owned())).collect();
        let profiles = Profiles {
            security: named(&mut groups.iter().flat_map(|group| &group.security_profiles).map(String::as_str)),
            routing: named(&mut groups.iter().map(|group| group.routing_profile.as_str())),
            hierarchy: named(&mut onboarding.users.hierarchy_groups().into_iter()),
        };
        let mut users = UserPlan::of(&plan(&self.reads, &[], &profiles, &Policy::from(&onboarding.users), today));
        users.open_items.extend(groups.iter().filter_map(missing_on_new));
        users
    }
}

/// Returns an open item with the profiles and hierarchy groups that the settings of this group contain, but that a new
/// instance does not have.
fn missing_on_new(group: &UserGroup) -> Option<OpenItem> {
    let profiles = group.security_profiles.iter().filter(|name| !FIRST_SECURITY_PROFILES.contains(&name.as_str()));
    let mut missing: Vec<String> = profiles.map(|name| format!("security profile {name}")).collect();
    if group.routing_profile != FIRST_ROUTING_PROFILE {
        missing.push(format!("routing profile {}", group.routing_profile));
    }
    missing.extend(group.hierarchy_group.iter().map(|path| format!("hierarchy group {path}")));
    (!missing.is_empty()).then(|| {
        OpenItem::new(
            format!("group {}", group.group),
            format!("a new instance does not have the {}", missing.join(", ")),
            "Create them in Amazon Connect when the instance exists. The next sync then creates the users.",
        )
    })
}

/// A summary of the plan of the user sync.
#[derive(Debug, Default)]
pub(crate) struct UserPlan {
    pub(crate) counts: Counts,
    pub(crate) open_items: Vec<OpenItem>,
    pub(crate) planned_users: Vec<PlannedUser>,
}

impl UserPlan {
    fn of(plan: &Plan) -> Self {
        let skipped = plan.skipped.iter().map(|skipped| {
            OpenItem::new(
                format!("member {}", skipped.username),
                skipped.reason.to_string(),
                "Correct the account in Entra, or choose another `users.username`.",
            )
        });
        let findings = plan
            .findings
            .iter()
            .map(|finding| OpenItem::new("user sync", finding.to_string(), "Check whether this is intended."));
        Self {
            counts: plan.counts(),
            open_items: skipped.chain(findings).take(MAX_LISTED).collect(),
            planned_users: plan.planned_users(),
        }
    }

    /// Returns one plan item for each kind of change to users.
    pub(crate) fn items(&self) -> Vec<PlanItem> {
        let counts = &self.counts;
        let lines = [
            (counts.create, Action::Create, ""),
            (counts.adopt, Action::Adopt, "by their exact username"),
            (
                counts.update,
                Action::Change,
                "name, profiles, hierarchy, channels, proficiencies or traffic distribution group",
            ),
            (counts.cancel_deletion, Action::Change, "they are members again; their scheduled deletion is canceled"),
            (counts.schedule_deletion, Action::Change, "they left; their deletion is scheduled"),
            (counts.delete, Action::Delete, "they left, and their grace period is over"),
            (counts.strip, Action::Change, "they left; they are kept without rights"),
            (counts.end_sessions, Action::Change, "they left; they are signed out and kept"),
            (counts.unchanged, Action::Leave, ""),
            (counts.postponed, Action::Leave, "their removal is postponed"),
        ];
        let some = lines.into_iter().filter(|(count, ..)| *count > 0);
        some.map(|(count, action, detail)| {
            PlanItem::new(Area::Users, "Connect users", format!("{count} users"), action, detail)
        })
        .collect()
    }
}
