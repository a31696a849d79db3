//! `plan-teardown`: shows what a teardown would remove, object by object, and whether this plan is approved. Only
//! objects with our tags are removed; users and the instance only if the input requests this.
//!
//! An instance whose onboarding failed before the registration can be torn down too, because an onboarding stores its
//! input before it creates anything.
//!
//! * Reads: `dynamodb:GetItem` and `dynamodb:Scan` on the registry; `connect:DescribeInstance`,
//!   `connect:ListPhoneNumbersV2`, `connect:SearchUsers`; `iam:GetSAMLProvider`, `iam:GetPolicy`, `iam:GetRole`,
//!   `iam:ListAttachedRolePolicies`, `iam:ListRolePolicies`; Graph `/servicePrincipals/{id}` with its claims policies
//!   and assignments, `/applications/{id}`, `/policies/claimsMappingPolicies`, `/subscriptions`; for an unregistered
//!   instance also `/applicationTemplates`, `/servicePrincipals` and `/applications` (lists).
//! * Writes: nothing.
//! * Permissions: the reads; in Graph `Application.Read.All`, `Policy.Read.All`, `Group.Read.All`.
//! * Safe to repeat: it only reads. After an interrupted teardown, the plan contains the remaining objects. An
//!   approval stays valid as long as the plan contains no additional removals.

use onboarding_core::{
    StepError,
    contract::{
        Action, ApplicationFate, Approval, Area, Fate, OpenItem, PlanItem, PlanStatus, PlanTeardownInput,
        PlanTeardownOutput, Teardown, TeardownMode, TeardownTarget,
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
        entra::{APPLICATION, ApplicationOwner, Found, owner},
        federation::{Federation, FoundRole},
        incomplete, instance,
    },
    registry::{Entry, Registry},
};

/// Creates the plan.
///
/// # Errors
/// `InvalidInput` with all problems of the input, or if the alias typed for confirmation is not the instance's alias.
pub async fn run(ctx: &Context, input: PlanTeardownInput) -> Result<PlanTeardownOutput, StepError> {
    let request = Teardown::parse_step(&input.request)?;
    let registry = Registry::new(ctx)?;
    let registered = registry.find(&request.instance_id).await?;
    let is_registered = registered.is_some();
    let entry = match registered {
        Some(entry) => entry,
        None => incomplete::entry(ctx, &registry, &request.instance_id).await?,
    };
    if let Some(typed) = request.confirm_alias.as_ref().filter(|typed| !names::same_alias(typed, &entry.alias)) {
        return Err(StepError::invalid_input(format!(
            "$.confirmAlias: \"{typed}\" is not the alias of the instance {}; type the alias of the instance that you want to \
             tear down",
            request.instance_id
        )));
    }
    let account = iam::arn_prefix(ctx.sts()).await?;
    let wished = entry.input();
    let place = (account.as_str(), ctx.region(), entry.instance_id.as_str());
    let federation = Federation::new(&wished.iam, wished.users.username, place)?;
    let found = instance::describe(ctx, &entry.instance_id).await?;
    let goes =
        request.instance == Fate::Delete && found.as_ref().is_some_and(|found| instance::is_ours(found, &entry.alias));
    let planner =
        Planner { ctx, request: &request, entry: &entry, federation: &federation, exists: found.is_some(), goes };
    let (application, fate) = planner.application().await?;
    let (instance, phone_numbers) = planner.instance().await?;
    let parts = [
        planner.subscriptions(&registry).await?,
        planner.users().await?,
        planner.federation().await?,
        application,
        instance,
    ];
    let (mut items, mut open_items) = (Vec::new(), Vec::new());
    for part in parts {
        items.extend(part.items);
        open_items.extend(part.open);
    }
    // A teardown in progress may have removed everything except its own record in the registry.
    let begun = || async { Ok::<_, StepError>(registry.teardown(&request.instance_id).await?.is_some()) };
    if !is_registered && !items.iter().any(|item| item.action.removes()) && !begun().await? {
        return Err(StepError::invalid_input(format!(
            "the instance {} ({}) is not in the registry, and nothing else carries the mark of an onboarding of it: this stack \
             has not onboarded it, or its teardown has finished. Name users or instance where those shall go",
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
        open_items,
        approved,
        approval,
        registered: is_registered,
        target: TeardownTarget {
            instance_id: entry.instance_id,
            instance_arn: entry.instance_arn,
            alias: entry.alias,
            language: entry.language,
            users: request.users,
            instance: if goes { Fate::Delete } else { Fate::Keep },
            application_fate: fate,
            application: entry.application,
            groups: entry.groups,
            saml_provider_arn: federation.saml_provider_arn,
            policy_arn: federation.policy_arn,
            role_arn: federation.role_arn,
            phone_numbers,
        },
    })
}

/// Returns whether the plan is the approved plan or a remainder of it, and the approval to store.
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
    let begun = registry.teardown(&request.instance_id).await?;
    Ok(match begun.filter(|begun| begun.digest == *digest && begun.covers(items)) {
        Some(begun) => (true, begun),
        None => (false, now),
    })
}

/// A part of the plan: its objects, and notes for the operator.
#[derive(Debug, Default)]
struct Part {
    items: Vec<PlanItem>,
    open: Vec<OpenItem>,
}

impl Part {
    fn line(&mut self, area: Area, kind: &str, name: impl Into<String>, action: Action, detail: impl Into<String>) {
        self.items.push(PlanItem::new(area, kind, name, action, detail));
    }

    /// Adds an object that is kept although the input does not request this.
    fn stays(&mut self, area: Area, kind: &str, name: &str, why: &str) {
        self.line(area, kind, name, Action::Leave, why);
        self.open.push(OpenItem::new(
            format!("{kind} {name}"),
            format!("it stays: {why}"),
            "Delete it by hand if nobody needs it.",
        ));
    }

    /// Adds an IAM object; the action depends on its tags.
    fn owned(&mut self, kind: &str, name: &str, owner: Ownership, detail: String) {
        match owner {
            Ownership::Ours => self.line(Area::Iam, kind, name, Action::Delete, detail),
            Ownership::OtherOnboarding(_) => self.stays(Area::Iam, kind, name, "it belongs to another onboarding"),
            Ownership::Unmanaged => self.stays(Area::Iam, kind, name, "it carries no mark of ours"),
        }
    }
}

struct Planner<'a> {
    ctx: &'a Context,
    request: &'a Teardown,
    entry: &'a Entry,
    federation: &'a Federation,
    /// Whether the instance exists.
    exists: bool,
    /// Whether the instance is deleted: the input requests it, and the instance is ours.
    goes: bool,
}

impl Planner<'_> {
    async fn subscriptions(&self, registry: &Registry<'_>) -> Result<Part, StepError> {
        let mut part = Part::default();
        let url = self.ctx.settings.notification_url()?;
        let known = self.ctx.graph().subscriptions().await?;
        let elsewhere = registry.groups_of_others(&self.entry.instance_id).await?;
        for group in &self.entry.groups {
            let mut ours = known.iter().filter(|one| one.watches(&group.id) && one.calls(url)).peekable();
            if ours.peek().is_none() {
                continue;
            }
            let name = format!("group {}", group.display_name);
            if ours.any(|one| !one.serves(&elsewhere)) {
                part.line(Area::Notifications, "subscription", name, Action::Delete, "");
            } else {
                let why = "another instance follows this group or shares the subscription to all groups";
                part.line(Area::Notifications, "subscription", name, Action::Leave, why);
            }
        }
        Ok(part)
    }

    async fn users(&self) -> Result<Part, StepError> {
        let mut part = Part::default();
        if !self.exists {
            return Ok(part);
        }
        let directory =
            Directory::new(self.ctx.connect(), &self.entry.instance_id, &self.entry.alias, self.ctx.settings.clock());
        let users = directory.users().await?;
        let ours = users.iter().filter(|user| user.ownership == Ownership::Ours).count();
        let others = users.len() - ours;
        let (kind, name) = ("Connect users", "of this onboarding");
        if self.goes {
            let detail = format!("{} users go with the instance, {others} of them not of this onboarding", users.len());
            part.line(Area::Users, kind, "of the instance", Action::Delete, detail);
            return Ok(part);
        }
        match self.request.users {
            Fate::Delete if ours > 0 => {
                part.line(Area::Users, kind, name, Action::Delete, format!("{ours} users"));
            }
            Fate::Keep if ours > 0 => {
                let detail = format!("{ours} users stay, and nobody of them can sign in");
                part.line(Area::Users, kind, name, Action::Leave, detail);
            }
            Fate::Delete | Fate::Keep => {}
        }
        if others > 0 {
            part.line(Area::Users, kind, "of others", Action::Leave, format!("{others} users without our tags"));
        }
        Ok(part)
    }

    async fn federation(&self) -> Result<Part, StepError> {
        let mut part = Part::default();
        let (ctx, alias) = (self.ctx, self.entry.alias.as_str());
        let name = self.federation.role_name().to_owned();
        let found = FoundRole::read(ctx, &name).await?;
        if let Some(role) = &found.role {
            let more = found.attached.iter().filter(|arn| **arn != self.federation.policy_arn).count()
                + iam::inline_policies(ctx.iam(), &name).await?.len();
            let detail = if more > 0 { format!("with {more} policies that somebody added") } else { String::new() };
            part.owned("IAM role", &name, iam::owner(role.tags(), alias), detail);
        }
        if let Some(policy) = iam::policy(ctx.iam(), &self.federation.policy_arn).await? {
            let name = policy.policy_name().unwrap_or_default().to_owned();
            let attached = policy.attachment_count().unwrap_or_default();
            let by_us = i32::from(found.attached.contains(&self.federation.policy_arn));
            if attached > by_us {
                let why = format!("attached to {} other roles, users or groups", attached - by_us);
                part.stays(Area::Iam, "IAM policy", &name, &why);
            } else {
                part.owned("IAM policy", &name, iam::owner(policy.tags(), alias), String::new());
            }
        }
        let arn = self.federation.saml_provider_arn.clone();
        if let Some(provider) = iam::saml_provider(ctx.iam(), &arn).await? {
            let name = arn.rsplit('/').next().unwrap_or_default();
            part.owned("SAML provider", name, iam::owner(provider.tags(), alias), String::new());
        }
        Ok(part)
    }

    /// Plans the application. An application that existed before the onboarding is never deleted; only our settings
    /// are removed from it.
    async fn application(&self) -> Result<(Part, ApplicationFate), StepError> {
        let (graph, asked) = (self.ctx.graph(), self.request.application);
        let found = match &self.entry.application {
            Some(known) => Found::read(graph, &known.service_principal_id, &known.application_id).await?,
            None => None,
        };
        let (mut part, fate) = match &found {
            Some(found) => self.found_application(found),
            None => (self.registration().await?, asked),
        };
        if asked != ApplicationFate::Keep {
            let ours = found.filter(|found| owner(&found.principal, &self.entry.alias) != ApplicationOwner::Unknown);
            self.claims_policies(ours.as_ref().map(|found| found.principal.id.as_str()), &mut part).await?;
        }
        Ok((part, fate))
    }

    /// Plans the removal of our claims policies, unless they are also assigned to another application.
    async fn claims_policies(&self, principal: Option<&str>, part: &mut Part) -> Result<(), StepError> {
        const KIND: &str = "claims mapping policy";
        let (graph, name) = (self.ctx.graph(), names::claims_policy(&self.entry.alias));
        for policy in graph.claims_policies_named(&name).await? {
            let applied = graph.claims_policy_applies_to(&policy.id).await?;
            match applied.iter().all(|id| Some(id.as_str()) == principal) {
                true => part.line(Area::Entra, KIND, &name, Action::Delete, ""),
                false => part.line(Area::Entra, KIND, &name, Action::Leave, "it is on another application as well"),
            }
        }
        Ok(())
    }

    fn found_application(&self, found: &Found) -> (Part, ApplicationFate) {
        let mut part = Part::default();
        let name = self.entry.input().entra.application_name;
        let assigned = found.assignments.len();
        let fate = match (self.request.application, owner(&found.principal, &self.entry.alias)) {
            (ApplicationFate::Keep, _) => {
                part.line(Area::Entra, APPLICATION, name, Action::Leave, "as the input says");
                return (part, ApplicationFate::Keep);
            }
            (asked, ApplicationOwner::Unknown) => {
                part.stays(Area::Entra, APPLICATION, &name, "it carries no mark of ours");
                return (part, asked);
            }
            (ApplicationFate::Empty, ApplicationOwner::Ours | ApplicationOwner::Adopted)
            | (ApplicationFate::Delete, ApplicationOwner::Adopted) => ApplicationFate::Empty,
            (ApplicationFate::Delete, ApplicationOwner::Ours) => {
                part.line(Area::Entra, APPLICATION, name, Action::Delete, "Entra keeps it for 30 days");
                return (part, ApplicationFate::Delete);
            }
        };
        if assigned > 0 {
            part.line(Area::Entra, "assignments", &name, Action::Delete, format!("{assigned} groups or people"));
        }
        let adopted = owner(&found.principal, &self.entry.alias) == ApplicationOwner::Adopted;
        let detail = match adopted {
            true => "it was there before this onboarding, so it stays; relay state and our tags are taken away",
            false => "relay state and our mark are taken away",
        };
        part.line(Area::Entra, APPLICATION, name, Action::Empty, detail);
        (part, fate)
    }

    /// Plans the remainder of an application whose service principal no longer exists.
    async fn registration(&self) -> Result<Part, StepError> {
        let mut part = Part::default();
        let Some(known) = self.entry.application.as_ref().filter(|known| !known.application_id.is_empty()) else {
            return Ok(part);
        };
        if self.request.application != ApplicationFate::Delete
            || self.ctx.graph().application(&known.application_id).await?.is_none()
        {
            return Ok(part);
        }
        let name = self.entry.input().entra.application_name;
        if known.adopted {
            part.stays(Area::Entra, "application registration", &name, "it may have been there before this onboarding");
        } else {
            part.line(Area::Entra, APPLICATION, name, Action::Delete, "only its registration is left");
        }
        Ok(part)
    }

    /// Plans the instance and its phone numbers, and returns the phone numbers that would be released.
    async fn instance(&self) -> Result<(Part, Vec<String>), StepError> {
        let mut part = Part::default();
        let (ctx, entry) = (self.ctx, self.entry);
        let kind = "Amazon Connect instance";
        let goes = self.goes;
        if !self.exists {
            return Ok((part, Vec::new()));
        }
        let numbers = phone_numbers::in_e164(ctx.connect(), &entry.instance_arn).await?;
        let action = if goes { Action::Release } else { Action::Leave };
        for number in &numbers {
            let detail = if goes { "it can't be had again" } else { "" };
            part.line(Area::PhoneNumbers, "phone number", number, action, detail);
        }
        match self.request.instance {
            Fate::Keep => part.line(Area::Instance, kind, &entry.alias, Action::Leave, "as the input says"),
            Fate::Delete if goes => {
                part.line(Area::Instance, kind, &entry.alias, Action::Delete, entry.instance_id.clone());
                part.open.push(OpenItem::new(
                    format!("instance {}", entry.alias),
                    "its deletion can't be undone; flows, queues, profiles, contact records and metrics go with it",
                    "An account may create and delete 100 instances together in 30 days; beyond that AWS blocks it for 30 days.",
                ));
            }
            Fate::Delete => {
                part.line(Area::Instance, kind, &entry.alias, Action::Leave, "it carries no mark of ours");
                part.open.push(OpenItem::new(
                    format!("instance {}", entry.alias),
                    "it stays: it was there before this onboarding",
                    "Delete it in the Amazon Connect console if nobody needs it.",
                ));
            }
        }
        part.open.push(OpenItem::new(
            "storage",
            format!("recordings, transcripts and reports stay in the stack's bucket under connect/{}/", entry.alias),
            "Delete the objects when they may go.",
        ));
        part.open.push(OpenItem::new(
            "quotas",
            "granted quotas stay as they are",
            "Nothing: Service Quotas has no way to lower them.",
        ));
        Ok((part, if goes { numbers } else { Vec::new() }))
    }
}
