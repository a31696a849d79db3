//! `plan-teardown`: shows object by object what a teardown would remove, and whether this plan is approved. A teardown
//! removes only objects with the tags of this onboarding. A teardown removes the users and the instance only if the
//! input requests this.
//!
//! An onboarding stores its input as soon as the instance is active. So if the onboarding failed before it registered
//! the instance, the instance can also be torn down.
//!
//! * Reads: `dynamodb:GetItem` and `dynamodb:Scan` on the registry; `connect:DescribeInstance`,
//!   `connect:ListApprovedOrigins`, `connect:ListPhoneNumbersV2`, `connect:SearchUsers`, `connect:ListContactFlows`,
//!   `connect:DescribeContactFlow`, `connect:ListTestCases`, `connect:DescribeTestCase`; `iam:GetSAMLProvider`,
//!   `iam:GetPolicy`, `iam:GetRole`, `iam:ListAttachedRolePolicies`, `iam:ListRolePolicies`; in Graph
//!   `/servicePrincipals/{id}` with its claims policies and assignments, `/applications/{id}`,
//!   `/policies/claimsMappingPolicies`, `/subscriptions`, and for an instance that is not registered also the lists
//!   `/applicationTemplates`, `/servicePrincipals` and `/applications`.
//! * Writes: nothing.
//! * Permissions: the AWS actions listed under Reads; in Graph `Application.Read.All`, `Policy.Read.All`,
//!   `Group.Read.All`.
//! * Safe to repeat: the step only reads. After an interrupted teardown, the plan contains the remaining objects. An
//!   approval remains valid as long as the plan contains no removal that the operator has not approved.

use std::collections::BTreeSet;

use onboarding_core::{
    StepError,
    contract::{
        Action, ApplicationDisposition, Approval, Area, Disposition, EntraGroup, OpenItem, PlanItem, PlanStatus,
        PlanTeardownInput, PlanTeardownOutput, Teardown, TeardownMode, TeardownTarget,
    },
    names,
    sync::Ownership,
};
use tracing::info;

use crate::{
    aws::{iam, phone_numbers},
    connect::Directory,
    context::Context,
    inspect::{
        assignments,
        entra::{APPLICATION, ApplicationOwner, Found, owner},
        federation::{Federation, FoundRole},
        incomplete, instance,
        origins::{ORIGIN, Origins},
        starter_flow,
    },
    registry::{Entry, Registry},
};

/// The reason for keeping an object without the tags of this onboarding.
const NOT_TAGGED: &str = "it has no tag of this onboarding";

/// Plans a teardown.
///
/// # Errors
/// `InvalidInput` with all errors in the input, or if the alias that the operator typed as a confirmation differs from
/// the alias of the instance.
pub async fn run(ctx: &Context, input: PlanTeardownInput) -> Result<PlanTeardownOutput, StepError> {
    let request = Teardown::parse_step(&input.request)?;
    let registry = Registry::new(ctx)?;
    let (entry, is_registered) = match registry.find(&request.instance_id).await? {
        Some(entry) => (entry, true),
        None => (incomplete::entry(ctx, &registry, &request.instance_id).await?, false),
    };
    check_confirmation(&request, &entry.alias)?;
    let account = iam::arn_prefix(ctx.sts()).await?;
    let onboarding = entry.input();
    let place = (account.as_str(), ctx.region(), entry.instance_id.as_str());
    let federation = Federation::new(&onboarding, place)?;
    let found = instance::describe(ctx, &entry.instance_id).await?;
    let deletes_instance = request.instance == Disposition::Delete
        && found.as_ref().is_some_and(|found| instance::is_ours(&found.instance, &entry.alias));
    let planner = Planner {
        ctx,
        request: &request,
        entry: &entry,
        federation: &federation,
        exists: found.is_some(),
        deletes_instance,
    };
    let (application, fate) = planner.application().await?;
    let (origins, approved_origins) = planner.origins().await?;
    let (first_call, starter_flow, first_call_test) = planner.first_call().await?;
    let (instance, phone_numbers) = planner.instance().await?;
    let parts = [
        planner.subscriptions(&registry).await?,
        planner.users().await?,
        planner.federation().await?,
        application,
        origins,
        first_call,
        instance,
    ];
    let (mut items, notes): (Vec<PlanItem>, Vec<Vec<OpenItem>>) =
        parts.into_iter().flatten().map(|Planned { item, notes }| (item, notes)).unzip();
    // An interrupted teardown may already have removed everything except its own record in the registry.
    let is_pending = || async { Ok::<_, StepError>(registry.teardown(&request.instance_id).await?.is_some()) };
    if !is_registered && !items.iter().any(|item| item.action.removes()) && !is_pending().await? {
        return Err(StepError::invalid_input(format!(
            "the instance {} ({}) is not in the registry, and no other object has its tags: this stack has not onboarded it, or \
             its teardown has finished. Set `users` or `instance` to delete these",
            request.instance_id, entry.alias
        )));
    }
    items.push(PlanItem::new(Area::Registry, "registry entry", &entry.alias, Action::Delete, ""));

    let (approved, approval) = approval(&registry, &request, &items).await?;
    let digest = if approved { approval.digest.clone() } else { Approval::of(&items).digest };
    info!(instance = entry.alias, digest, approved, "teardown planned");
    Ok(PlanTeardownOutput {
        status: PlanStatus::Planned,
        digest,
        items,
        open_items: notes.into_iter().flatten().collect(),
        approved,
        approval,
        registered: is_registered,
        target: TeardownTarget {
            approved_origins,
            starter_flow,
            first_call_test,
            ..planner.target(fate, phone_numbers)
        },
    })
}

fn check_confirmation(request: &Teardown, alias: &str) -> Result<(), StepError> {
    match request.confirm_alias.as_ref().filter(|typed| !names::same_alias(typed, alias)) {
        None => Ok(()),
        Some(typed) => Err(StepError::invalid_input(format!(
            "$.confirmAlias: \"{typed}\" is not the alias of the instance {}; type the alias of the instance that you want to \
             tear down",
            request.instance_id
        ))),
    }
}

/// Returns whether the plan is approved. A plan is approved if it is the approved plan, or if it contains only the
/// remaining part of the approved plan. Also returns the approval to store.
async fn approval(
    registry: &Registry<'_>,
    request: &Teardown,
    items: &[PlanItem],
) -> Result<(bool, Approval), StepError> {
    let now = Approval::of(items);
    let Some(digest) = request.approved_digest.as_ref().filter(|_| request.mode == TeardownMode::Apply) else {
        return Ok((false, now));
    };
    if *digest == now.digest {
        return Ok((true, now));
    }
    let pending = registry.teardown(&request.instance_id).await?;
    Ok(match pending.filter(|pending| pending.digest == *digest && pending.covers(items)) {
        Some(pending) => (true, pending),
        None => (false, now),
    })
}

/// An object in the plan, with its open items for the operator.
#[derive(Debug)]
struct Planned {
    item: PlanItem,
    notes: Vec<OpenItem>,
}

impl Planned {
    fn new(area: Area, kind: &str, name: impl Into<String>, action: Action, detail: impl Into<String>) -> Self {
        Self { item: PlanItem::new(area, kind, name, action, detail), notes: Vec::new() }
    }

    /// Returns an object that the input requests to remove, but that the teardown keeps for the given reason.
    fn kept(area: Area, kind: &str, name: &str, reason: &str) -> Self {
        let note = OpenItem::new(
            format!("{kind} {name}"),
            format!("it is kept: {reason}"),
            "Delete it manually if it is no longer needed.",
        );
        Self::new(area, kind, name, Action::Leave, reason).noting([note])
    }

    /// Returns an IAM object. The tags of the object determine whether the teardown deletes or keeps the object.
    fn iam(kind: &str, name: &str, owner: &Ownership, detail: String) -> Self {
        match owner {
            Ownership::Ours => Self::new(Area::Iam, kind, name, Action::Delete, detail),
            Ownership::OtherOnboarding(_) => Self::kept(Area::Iam, kind, name, "it belongs to another onboarding"),
            Ownership::Unmanaged => Self::kept(Area::Iam, kind, name, NOT_TAGGED),
        }
    }

    fn noting(mut self, notes: impl IntoIterator<Item = OpenItem>) -> Self {
        self.notes.extend(notes);
        self
    }
}

struct Planner<'a> {
    ctx: &'a Context,
    request: &'a Teardown,
    entry: &'a Entry,
    federation: &'a Federation,
    /// Whether the instance exists.
    exists: bool,
    /// Whether the teardown deletes the instance. For this, the input must request the deletion, and the instance must
    /// have the tags of this onboarding.
    deletes_instance: bool,
}

impl Planner<'_> {
    /// Returns the objects that the removal steps of the state machine process.
    fn target(&self, application_fate: ApplicationDisposition, phone_numbers: Vec<String>) -> TeardownTarget {
        let (entry, federation) = (self.entry.clone(), self.federation.clone());
        TeardownTarget {
            instance_id: entry.instance_id,
            instance_arn: entry.instance_arn,
            alias: entry.alias,
            language: entry.language,
            users: self.request.users,
            instance: if self.deletes_instance { Disposition::Delete } else { Disposition::Keep },
            application_fate,
            application: entry.application,
            groups: entry.groups,
            saml_provider_arn: federation.saml_provider_arn,
            policy_arn: federation.policy_arn,
            role_arn: federation.role_arn,
            phone_numbers,
            approved_origins: Vec::new(),
            starter_flow: false,
            first_call_test: false,
        }
    }

    /// Plans the approved origins, if the instance is kept. Also returns the origins that would be removed.
    async fn origins(&self) -> Result<(Vec<Planned>, Vec<String>), StepError> {
        if !self.exists || self.deletes_instance {
            return Ok((Vec::new(), Vec::new()));
        }
        let found = Origins::read(self.ctx, &self.entry.instance_id, &self.entry.input().instance).await?;
        let item = |origin: &String, action, detail| Planned::new(Area::Instance, ORIGIN, origin, action, detail);
        let ours: Vec<String> = found.ours().cloned().collect();
        let removed = ours.iter().map(|origin| item(origin, Action::Delete, ""));
        let kept = found.of_others().map(|origin| item(origin, Action::Leave, "this onboarding did not add it"));
        Ok((removed.chain(kept).collect(), ours))
    }

    /// Plans the starter flow and its test case, if the instance is kept. Also returns whether each of them would be
    /// removed.
    async fn first_call(&self) -> Result<(Vec<Planned>, bool, bool), StepError> {
        if !self.exists || self.deletes_instance {
            return Ok((Vec::new(), false, false));
        }
        let (client, id, alias) = (self.ctx.connect(), self.entry.instance_id.as_str(), self.entry.alias.as_str());
        let is_ours = |owner: &Ownership| *owner == Ownership::Ours;
        let flow = starter_flow::flow(client, id, alias).await?.is_some_and(|flow| is_ours(&flow.owner));
        let test_case = starter_flow::test_case_if_offered(client, id, alias).await?.flatten();
        let test_case = test_case.is_some_and(|case| is_ours(&case.owner));
        let item = |kind, name, detail| Planned::new(Area::PhoneNumbers, kind, name, Action::Delete, detail);
        let test_item = test_case.then(|| item(starter_flow::TEST_CASE, names::FIRST_CALL_TEST, ""));
        let detail = "phone numbers with this flow then have no flow";
        let flow_item = flow.then(|| item(starter_flow::FLOW, names::STARTER_FLOW, detail));
        Ok((test_item.into_iter().chain(flow_item).collect(), flow, test_case))
    }

    async fn subscriptions(&self, registry: &Registry<'_>) -> Result<Vec<Planned>, StepError> {
        let url = self.ctx.settings.notification_url()?;
        let existing = self.ctx.graph().subscriptions().await?;
        let groups_of_others = registry.groups_of_others(&self.entry.instance_id).await?;
        let subscription = |group: &EntraGroup| {
            let mut ours = existing.iter().filter(|one| one.watches(&group.id) && one.calls(url)).peekable();
            ours.peek()?;
            let (action, reason) = match ours.any(|one| !one.serves(&groups_of_others)) {
                true => (Action::Delete, ""),
                false => (Action::Leave, "another instance uses this group or shares the subscription to all groups"),
            };
            let name = format!("group {}", group.display_name);
            Some(Planned::new(Area::Notifications, "subscription", name, action, reason))
        };
        Ok(self.entry.groups.iter().filter_map(subscription).collect())
    }

    async fn users(&self) -> Result<Vec<Planned>, StepError> {
        if !self.exists {
            return Ok(Vec::new());
        }
        let (id, alias) = (&self.entry.instance_id, &self.entry.alias);
        let directory = Directory::new(self.ctx.connect(), id, alias, self.ctx.settings.clock());
        let users = directory.users().await?;
        let ours = users.iter().filter(|user| user.ownership == Ownership::Ours).count();
        let others = users.len() - ours;
        let item = |name, action, detail| Planned::new(Area::Users, "Connect users", name, action, detail);
        if self.deletes_instance {
            let detail = format!(
                "{} users are deleted with the instance; {others} of them were not created by this onboarding",
                users.len()
            );
            return Ok(vec![item("of the instance", Action::Delete, detail)]);
        }
        let ours = (ours > 0).then(|| match self.request.users {
            Disposition::Delete => item("of this onboarding", Action::Delete, format!("{ours} users")),
            Disposition::Keep => {
                item("of this onboarding", Action::Leave, format!("{ours} users are kept, but can no longer sign in"))
            }
        });
        let others = (others > 0)
            .then(|| item("of others", Action::Leave, format!("{others} users without the tags of this onboarding")));
        Ok(ours.into_iter().chain(others).collect())
    }

    async fn federation(&self) -> Result<Vec<Planned>, StepError> {
        let (client, alias) = (self.ctx.iam(), self.entry.alias.as_str());
        let Federation { policy_arn, saml_provider_arn, .. } = self.federation;
        let name = self.federation.role_name();
        let found = FoundRole::read(self.ctx, name).await?;
        let mut planned = Vec::new();
        if let Some(role) = &found.role {
            let more = found.attached.iter().filter(|arn| *arn != policy_arn).count()
                + iam::inline_policies(client, name).await?.len();
            let detail =
                if more > 0 { format!("with {more} policies that were added manually") } else { String::new() };
            planned.push(Planned::iam("IAM role", name, &iam::owner(role.tags(), alias), detail));
        }
        if let Some(policy) = iam::policy(client, policy_arn).await? {
            let name = policy.policy_name().unwrap_or_default();
            let by_others =
                policy.attachment_count().unwrap_or_default() - i32::from(found.attached.contains(policy_arn));
            planned.push(if by_others > 0 {
                let reason = format!("it is attached to {by_others} other roles, users or groups");
                Planned::kept(Area::Iam, "IAM policy", name, &reason)
            } else {
                Planned::iam("IAM policy", name, &iam::owner(policy.tags(), alias), String::new())
            });
        }
        if let Some(provider) = iam::saml_provider(client, saml_provider_arn).await? {
            let name = saml_provider_arn.rsplit('/').next().unwrap_or_default();
            planned.push(Planned::iam("SAML provider", name, &iam::owner(provider.tags(), alias), String::new()));
        }
        Ok(planned)
    }

    /// Plans the Entra application. If the application existed before the onboarding, it is never deleted. In this
    /// case, the teardown removes only the settings that the onboarding made.
    async fn application(&self) -> Result<(Vec<Planned>, ApplicationDisposition), StepError> {
        let (graph, requested) = (self.ctx.graph(), self.request.application);
        let found = match &self.entry.application {
            Some(entered) => Found::read(graph, &entered.service_principal_id, &entered.application_id).await?,
            None => None,
        };
        let (mut planned, fate) = match &found {
            Some(found) => self.found_application(found).await?,
            None => (self.registration().await?.into_iter().collect(), requested),
        };
        if requested != ApplicationDisposition::Keep {
            let ours = found.filter(|found| owner(&found.principal, &self.entry.alias) != ApplicationOwner::Unknown);
            planned.extend(self.claims_policies(ours.as_ref().map(|found| found.principal.id.as_str())).await?);
        }
        Ok((planned, fate))
    }

    /// Plans the removal of the claims policies that the onboarding created, unless another application also uses them.
    async fn claims_policies(&self, principal: Option<&str>) -> Result<Vec<Planned>, StepError> {
        let (graph, name) = (self.ctx.graph(), names::claims_policy(&self.entry.alias));
        let mut planned = Vec::new();
        for policy in graph.claims_policies_named(&name).await? {
            let applied = graph.claims_policy_applies_to(&policy.id).await?;
            let (action, reason) = match applied.iter().all(|id| Some(id.as_str()) == principal) {
                true => (Action::Delete, ""),
                false => (Action::Leave, "it is also assigned to another application"),
            };
            planned.push(Planned::new(Area::Entra, "claims mapping policy", &name, action, reason));
        }
        Ok(planned)
    }

    async fn found_application(&self, found: &Found) -> Result<(Vec<Planned>, ApplicationDisposition), StepError> {
        let name = self.entry.input().entra.application_name;
        let item = |action, detail| Planned::new(Area::Entra, APPLICATION, &name, action, detail);
        let owner = owner(&found.principal, &self.entry.alias);
        match (self.request.application, owner) {
            (ApplicationDisposition::Keep, _) => {
                return Ok((vec![item(Action::Leave, "as the input specifies")], ApplicationDisposition::Keep));
            }
            (requested, ApplicationOwner::Unknown) => {
                return Ok((vec![Planned::kept(Area::Entra, APPLICATION, &name, NOT_TAGGED)], requested));
            }
            (ApplicationDisposition::Delete, ApplicationOwner::Ours) => {
                let detail = "Entra keeps it for 30 days";
                return Ok((vec![item(Action::Delete, detail)], ApplicationDisposition::Delete));
            }
            (ApplicationDisposition::Empty, ApplicationOwner::Ours | ApplicationOwner::Adopted)
            | (ApplicationDisposition::Delete, ApplicationOwner::Adopted) => {}
        }
        let recorded = match owner {
            ApplicationOwner::Adopted => assignments::recorded(&Registry::new(self.ctx)?, found).await?,
            ApplicationOwner::Ours | ApplicationOwner::Unknown => BTreeSet::new(),
        };
        let (removed, kept) = assignments::removable(found, owner, &self.entry.groups, &recorded);
        let assignments = |count: usize, action, detail: &str| {
            let detail = format!("{count} groups or users{detail}");
            (count > 0).then(|| Planned::new(Area::Entra, "assignments", &name, action, detail))
        };
        let kept = assignments(kept.len(), Action::Leave, "; they may have been assigned before this onboarding");
        let removed = assignments(removed.len(), Action::Delete, "");
        let detail = match owner {
            ApplicationOwner::Adopted => {
                "it existed before this onboarding, so it is kept; its relay state and the tags of this onboarding are \
                 removed"
            }
            _ => "its relay state and the tags of this onboarding are removed",
        };
        let planned = removed.into_iter().chain(kept).chain([item(Action::Empty, detail)]);
        Ok((planned.collect(), ApplicationDisposition::Empty))
    }

    /// Plans the removal of an application object whose service principal no longer exists.
    async fn registration(&self) -> Result<Option<Planned>, StepError> {
        let Some(entered) = self.entry.application.as_ref().filter(|entered| !entered.application_id.is_empty()) else {
            return Ok(None);
        };
        if self.request.application != ApplicationDisposition::Delete
            || self.ctx.graph().application(&entered.application_id).await?.is_none()
        {
            return Ok(None);
        }
        let name = self.entry.input().entra.application_name;
        Ok(Some(if entered.adopted {
            Planned::kept(Area::Entra, "application registration", &name, "it may have existed before this onboarding")
        } else {
            Planned::new(Area::Entra, APPLICATION, name, Action::Delete, "only its registration is left")
        }))
    }

    /// Plans the instance and its phone numbers. Also returns the phone numbers that would be released.
    async fn instance(&self) -> Result<(Vec<Planned>, Vec<String>), StepError> {
        if !self.exists {
            return Ok((Vec::new(), Vec::new()));
        }
        let numbers = phone_numbers::in_e164(self.ctx.connect(), &self.entry.instance_arn).await?;
        let (action, detail) = match self.deletes_instance {
            true => (Action::Release, "it can't be claimed again"),
            false => (Action::Leave, ""),
        };
        let number = |number| Planned::new(Area::PhoneNumbers, "phone number", number, action, detail);
        let planned = numbers.iter().map(number).chain([self.instance_itself()]).collect();
        Ok((planned, if self.deletes_instance { numbers } else { Vec::new() }))
    }

    fn instance_itself(&self) -> Planned {
        let alias = self.entry.alias.as_str();
        let item =
            |action, detail: &str| Planned::new(Area::Instance, "Amazon Connect instance", alias, action, detail);
        let note = |what: &str, action: &str| OpenItem::new(format!("instance {alias}"), what, action);
        let planned = match self.request.instance {
            Disposition::Keep => item(Action::Leave, "as the input specifies"),
            Disposition::Delete if self.deletes_instance => item(Action::Delete, &self.entry.instance_id).noting([note(
                "its deletion can't be undone; flows, queues, profiles, contact records and metrics are deleted with it",
                "An account may create and delete 100 instances in total within 30 days; beyond that, AWS blocks it for 30 days.",
            )]),
            Disposition::Delete => item(Action::Leave, NOT_TAGGED).noting([note(
                "it is kept: it existed before this onboarding",
                "Delete it in the Amazon Connect console if it is no longer needed.",
            )]),
        };
        planned.noting([
            OpenItem::new(
                "storage",
                format!("recordings, transcripts and reports remain in the stack's bucket under connect/{alias}/"),
                "Delete the objects when they are no longer needed.",
            ),
            OpenItem::new("quotas", "the granted quotas are kept", "None: Service Quotas can't lower them."),
        ])
    }
}
