//! `plan-teardown`: what a teardown would remove, object by object, and whether that is what a person approved (the how-to
//! has no way back). Only what carries our mark is removed; users and instance only where the input names them.
//!
//! An instance that never came to its registration is torn down as well: the onboarding has noted its input before it made
//! anything else.
//!
//! * Reads: `dynamodb:GetItem` on the registry; `connect:DescribeInstance`, `connect:ListPhoneNumbersV2`,
//!   `connect:SearchUsers`; `iam:GetSAMLProvider`, `iam:GetPolicy`, `iam:GetRole`, `iam:ListAttachedRolePolicies`,
//!   `iam:ListRolePolicies`; Graph `/servicePrincipals/{id}` with its claims policies and assignments,
//!   `/applications/{id}`, `/policies/claimsMappingPolicies`, `/subscriptions`; of an instance that is not registered also
//!   `/applicationTemplates`, `/servicePrincipals` and `/applications` (lists).
//! * Writes: nothing.
//! * Permissions: the reads; in Graph `Application.Read.All`, `Policy.Read.All`, `Group.Read.All`.
//! * Safe to repeat: it only reads. After a teardown that broke off, its plan is what is left, and what was approved once
//!   stays approved as long as nothing new is to be removed.

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
    clients::Clients,
    connect::Directory,
    iam::{self, Owner},
    inspect::{
        entra::Found,
        federation::{Federation, FoundRole},
        instance, unfinished,
    },
    registry::{Entry, Registry},
    telephony,
};

/// Makes the plan.
///
/// # Errors
/// `InvalidInput` with every fault of the input, or where the typed alias is not the instance's.
pub async fn run(cx: &Clients, input: PlanTeardownInput) -> Result<PlanTeardownOutput, StepError> {
    let request = Teardown::parse_step(&input.request)?;
    let registry = Registry::new(cx)?;
    let registered = registry.find(&request.instance_id).await?;
    let is_registered = registered.is_some();
    let entry = match registered {
        Some(entry) => entry,
        None => unfinished::entry(cx, &registry, &request.instance_id).await?,
    };
    if let Some(typed) = request.confirm_alias.as_ref().filter(|typed| **typed != entry.alias) {
        return Err(StepError::invalid_input(format!(
            "$.confirmAlias: \"{typed}\" is not the alias of the instance {}; type the alias of the instance that you want to \
             tear down",
            request.instance_id
        )));
    }
    let account = iam::arn_prefix(cx).await?;
    let wished = entry.input();
    let place = (account.as_str(), cx.region(), entry.instance_id.as_str());
    let federation = Federation::new(&wished.iam, wished.users.username, place)?;
    let found = instance::describe(cx, &entry.instance_id).await?;
    let goes =
        request.instance == Fate::Delete && found.as_ref().is_some_and(|found| instance::is_ours(found, &entry.alias));
    let (items, open) = (Vec::new(), Vec::new());
    let exists = found.is_some();
    let mut planner =
        Planner { cx, request: &request, entry: &entry, federation: &federation, exists, goes, items, open };
    planner.subscriptions(&registry).await?;
    planner.users().await?;
    planner.federation().await?;
    planner.application().await?;
    let phone_numbers = planner.instance().await?;
    // What is only being torn down may have nothing left but the mark that says so.
    let begun = || async { Ok::<_, StepError>(registry.teardown(&request.instance_id).await?.is_some()) };
    if !is_registered && !planner.items.iter().any(|item| item.action.removes()) && !begun().await? {
        return Err(StepError::invalid_input(format!(
            "the instance {} ({}) is not in the registry, and nothing else carries the mark of an onboarding of it: this stack \
             has not onboarded it, or its teardown has finished. Name users or instance where those shall go",
            request.instance_id, entry.alias
        )));
    }
    let item = |action| PlanItem::new(Area::Registry, "registry entry", &entry.alias, action, "");
    planner.items.push(item(Action::Delete));
    let Planner { items, open, .. } = planner;

    let (approved, approval) = approval(&registry, &request, &items).await?;
    let digest = if approved { approval.digest.clone() } else { Approval::of(&items).digest };
    info!(instance = entry.alias, digest, approved, "teardown planned");
    Ok(PlanTeardownOutput {
        status: PlanStatus::Planned,
        digest,
        items,
        open_items: open,
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
            application_fate: request.application,
            application: entry.application,
            groups: entry.groups,
            saml_provider_arn: federation.saml_provider_arn,
            policy_arn: federation.policy_arn,
            role_arn: federation.role_arn,
            phone_numbers,
        },
    })
}

/// Whether the plan is the approved one, or what is left of it; and what is to be remembered of that.
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

struct Planner<'a> {
    cx: &'a Clients,
    request: &'a Teardown,
    entry: &'a Entry,
    federation: &'a Federation,
    /// Whether the instance is there.
    exists: bool,
    /// Whether it is deleted: it is ours, and the input says so.
    goes: bool,
    items: Vec<PlanItem>,
    open: Vec<OpenItem>,
}

impl Planner<'_> {
    fn line(&mut self, area: Area, kind: &str, name: impl Into<String>, action: Action, detail: impl Into<String>) {
        self.items.push(PlanItem::new(area, kind, name, action, detail));
    }

    async fn subscriptions(&mut self, registry: &Registry<'_>) -> Result<(), StepError> {
        let url = self.cx.settings.notification_url()?;
        let known = self.cx.graph().subscriptions().await?;
        let elsewhere = registry.groups_of_others(&self.entry.instance_id).await?;
        for group in &self.entry.groups {
            let mut ours = known.iter().filter(|one| one.watches(&group.id) && one.calls(url)).peekable();
            if ours.peek().is_none() {
                continue;
            }
            let name = format!("group {}", group.display_name);
            if ours.any(|one| !one.serves(&elsewhere)) {
                self.line(Area::Notifications, "subscription", name, Action::Delete, "");
            } else {
                let why = "another instance follows this group or shares the subscription to all groups";
                self.line(Area::Notifications, "subscription", name, Action::Leave, why);
            }
        }
        Ok(())
    }

    async fn users(&mut self) -> Result<(), StepError> {
        if !self.exists {
            return Ok(());
        }
        let directory =
            Directory::new(self.cx.connect(), &self.entry.instance_id, &self.entry.alias, self.cx.settings.clock());
        let users = directory.users().await?;
        let ours = users.iter().filter(|user| user.ownership == Ownership::Ours).count();
        let others = users.len() - ours;
        let (kind, name) = ("Connect users", "of this onboarding");
        match (self.goes, self.request.users) {
            (true, _) => {
                let detail =
                    format!("{} users go with the instance, {others} of them not of this onboarding", users.len());
                self.line(Area::Users, kind, "of the instance", Action::Delete, detail);
            }
            (false, Fate::Delete) if ours > 0 => {
                self.line(Area::Users, kind, name, Action::Delete, format!("{ours} users"));
            }
            (false, Fate::Keep) if ours > 0 => {
                let detail = format!("{ours} users stay, and nobody of them can sign in");
                self.line(Area::Users, kind, name, Action::Leave, detail);
            }
            _ => {}
        }
        if others > 0 && !self.goes {
            self.line(Area::Users, kind, "of others", Action::Leave, format!("{others} users without our tags"));
        }
        Ok(())
    }

    async fn federation(&mut self) -> Result<(), StepError> {
        let (cx, alias) = (self.cx, self.entry.alias.as_str());
        let name = self.federation.role_name().to_owned();
        let found = FoundRole::read(cx, &name).await?;
        if let Some(role) = &found.role {
            let more = found.attached.iter().filter(|arn| **arn != self.federation.policy_arn).count()
                + iam::inline_policies(cx, &name).await?.len();
            let detail = if more > 0 { format!("with {more} policies that somebody added") } else { String::new() };
            self.owned("IAM role", &name, iam::owner(role.tags(), alias), detail);
        }
        if let Some(policy) = iam::policy(cx, &self.federation.policy_arn).await? {
            let name = policy.policy_name().unwrap_or_default().to_owned();
            let attached = policy.attachment_count().unwrap_or_default();
            let by_us = i32::from(found.attached.contains(&self.federation.policy_arn));
            if attached > by_us {
                let why = format!("attached to {} other roles, users or groups", attached - by_us);
                self.stays("IAM policy", &name, &why);
            } else {
                self.owned("IAM policy", &name, iam::owner(policy.tags(), alias), String::new());
            }
        }
        let arn = self.federation.saml_provider_arn.clone();
        if let Some(provider) = iam::saml_provider(cx, &arn).await? {
            let name = arn.rsplit('/').next().unwrap_or_default();
            self.owned("SAML provider", name, iam::owner(provider.tags(), alias), String::new());
        }
        Ok(())
    }

    fn owned(&mut self, kind: &str, name: &str, owner: Owner, detail: String) {
        match owner {
            Owner::Ours => self.line(Area::Iam, kind, name, Action::Delete, detail),
            Owner::OtherOnboarding => self.stays(kind, name, "it belongs to another onboarding"),
            Owner::Unknown => self.stays(kind, name, "it carries no mark of ours"),
        }
    }

    fn stays(&mut self, kind: &str, name: &str, why: &str) {
        self.line(Area::Iam, kind, name, Action::Leave, why);
        self.open.push(OpenItem::new(
            format!("{kind} {name}"),
            format!("it stays: {why}"),
            "Delete it by hand if nobody needs it.",
        ));
    }

    async fn application(&mut self) -> Result<(), StepError> {
        let graph = self.cx.graph();
        let name = self.entry.input().entra.application_name;
        let found = match &self.entry.application {
            Some(known) => Found::read(graph, &known.service_principal_id, &known.application_id).await?,
            None => None,
        };
        let kind = "enterprise application";
        let ours = |found: &Found| found.principal.tags.contains(&names::service_principal_tag(&self.entry.alias));
        match (&found, self.request.application) {
            (None, ApplicationFate::Keep) => return Ok(()),
            (None, _) => {}
            (Some(_), ApplicationFate::Keep) => {
                self.line(Area::Entra, kind, name, Action::Leave, "as the input says");
                return Ok(());
            }
            (Some(found), _) if !ours(found) => {
                self.line(Area::Entra, kind, &name, Action::Leave, "it carries no mark of ours");
                self.open.push(OpenItem::new(
                    format!("{kind} {name}"),
                    "it stays: it carries no mark of ours",
                    "Delete it by hand if nobody needs it.",
                ));
                return Ok(());
            }
            (Some(found), ApplicationFate::Empty) => {
                if !found.assignments.is_empty() {
                    let detail = format!("{} groups or people", found.assignments.len());
                    self.line(Area::Entra, "assignments", &name, Action::Delete, detail);
                }
                self.line(Area::Entra, kind, name, Action::Empty, "relay state and our mark are taken away");
            }
            (Some(_), ApplicationFate::Delete) => {
                self.line(Area::Entra, kind, name, Action::Delete, "Entra keeps it for 30 days");
            }
        }
        let policy = names::claims_policy(&self.entry.alias);
        if !graph.claims_policies_named(&policy).await?.is_empty() {
            self.line(Area::Entra, "claims mapping policy", policy, Action::Delete, "");
        }
        Ok(())
    }

    /// The instance and what goes or stays with it; gives the phone numbers that are released.
    async fn instance(&mut self) -> Result<Vec<String>, StepError> {
        let (cx, entry) = (self.cx, self.entry);
        let kind = "Amazon Connect instance";
        let goes = self.goes;
        if !self.exists {
            return Ok(Vec::new());
        }
        let numbers = telephony::phone_numbers(cx, &entry.instance_arn).await?;
        let action = if goes { Action::Release } else { Action::Leave };
        for number in &numbers {
            let detail = if goes { "it can't be had again" } else { "" };
            self.line(Area::PhoneNumbers, "phone number", number, action, detail);
        }
        match self.request.instance {
            Fate::Keep => self.line(Area::Instance, kind, &entry.alias, Action::Leave, "as the input says"),
            Fate::Delete if goes => {
                self.line(Area::Instance, kind, &entry.alias, Action::Delete, entry.instance_id.clone());
                self.open.push(OpenItem::new(
                    format!("instance {}", entry.alias),
                    "its deletion can't be undone; flows, queues, profiles, contact records and metrics go with it",
                    "An account may create and delete 100 instances together in 30 days; beyond that AWS blocks it for 30 days.",
                ));
            }
            Fate::Delete => {
                self.line(Area::Instance, kind, &entry.alias, Action::Leave, "it carries no mark of ours");
                self.open.push(OpenItem::new(
                    format!("instance {}", entry.alias),
                    "it stays: it was there before this onboarding",
                    "Delete it in the Amazon Connect console if nobody needs it.",
                ));
            }
        }
        self.open.push(OpenItem::new(
            "storage",
            format!("recordings, transcripts and reports stay in the stack's bucket under connect/{}/", entry.alias),
            "Delete the objects when they may go.",
        ));
        self.open.push(OpenItem::new(
            "quotas",
            "granted quotas stay as they are",
            "Nothing: Service Quotas has no way to lower them.",
        ));
        Ok(if goes { numbers } else { Vec::new() })
    }
}
