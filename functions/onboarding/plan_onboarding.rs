//! `plan-onboarding`: shows the effect of an onboarding before the onboarding is started. The plan contains each object
//! that the onboarding would create, adopt, change or keep. The plan also contains each object that the onboarding
//! would wait for, and each conflict that would stop the onboarding.
//!
//! * Reads: the same as the steps of the onboarding. Graph `GET /applicationTemplates`, `/groups`,
//!   `/groups/{id}/members` or `/transitiveMembers`, `/servicePrincipals`, `/applications`, claims policies and
//!   assignments of the application, `/subscriptions`; the federation metadata; `connect:ListInstances`,
//!   `connect:DescribeInstance`, `connect:ListInstanceAttributes`, `connect:ListInstanceStorageConfigs`,
//!   `connect:ListApprovedOrigins`, `connect:ListPhoneNumbersV2`, `connect:SearchAvailablePhoneNumbers`,
//!   `connect:SearchUsers`, `connect:ListContactFlows`, `connect:DescribeContactFlow`, `connect:ListTestCases`,
//!   `connect:DescribeTestCase`, the lists of profiles and hierarchy groups, for a replicated instance
//!   `connect:ListTrafficDistributionGroups`; `iam:GetSAMLProvider`, `iam:GetPolicy`, `iam:GetPolicyVersion`,
//!   `iam:GetRole`, `iam:ListAttachedRolePolicies`, `iam:ListRolePolicies`; the Service Quotas calls of
//!   `request-quotas`, except the call that requests an increase; `support:DescribeCases`; `dynamodb:GetItem` on the
//!   registry. The documents for phone number orders are not read.
//! * Writes: nothing.
//! * Permissions: the AWS actions listed under Reads; in Graph `Application.Read.All`, `Policy.Read.All`,
//!   `Group.Read.All`, `User.Read.All`.
//! * Safe to repeat: the step only reads. The onboarding reads all objects again, so it also detects changes that were
//!   made after the plan.

use onboarding_core::{
    StepError, StepErrorKind,
    contract::{
        Action, Area, EntraApplication, OpenItem, PlanItem, PlanOnboardingInput, PlanOnboardingOutput, PlanStatus,
        RegisterInstanceInput,
    },
    inspection::{Object, Presence},
    onboarding::{INSTANCES_QUOTA, Onboarding, quota_is_per_instance},
    replication::GlobalSignIn,
    saml::read_metadata,
    telephony::older_plans_end,
};
use time::OffsetDateTime;

use crate::{
    aws::{
        iam, instances,
        quotas::{self, Wanted, targets},
    },
    context::Context,
    inspect::{
        entra::{self, ApplicationOwner, Found},
        federation::{Federation, policy_object, provider_object, role_object},
        instance,
        members::{Members, UserPlan},
        origins, record, starter_flow,
    },
    onboarding::telephony,
    registry::{Entry, Registry},
};

/// Plans an onboarding.
///
/// # Errors
/// `InvalidInput` with all errors in the input and in its groups; otherwise the error that AWS or Graph returns.
pub async fn run(ctx: &Context, input: PlanOnboardingInput) -> Result<PlanOnboardingOutput, StepError> {
    let onboarding = Onboarding::parse_step(&input.onboarding)?;
    quotas::check_codes(ctx.quotas(), ctx.region(), &onboarding.quotas.0).await?;
    let now = OffsetDateTime::now_utc();
    let members = Members::read(ctx, &onboarding).await?;
    let instance = Instance::find(ctx, &onboarding).await?;
    let planner = Planner { ctx, onboarding: &onboarding, members: &members, instance: &instance, now };

    let (mut items, mut open_items) = planner.instance().await?;
    let telephony = planner.telephony().await?;
    let orders = telephony.iter().any(|item| item.area == Area::PhoneNumbers && item.action == Action::Wait);
    open_items.extend(older_plans_end(now.date()).filter(|_| orders));
    items.extend(telephony);
    let (sign_on, switches) = planner.sign_on().await?;
    items.extend(sign_on);
    open_items.extend(switches);
    let users = planner.users().await?;
    items.extend(users.items());

    open_items.extend(members.open_items);
    open_items.extend(users.open_items);
    let (status, planned_users) = (PlanStatus::Planned, users.planned_users);
    Ok(PlanOnboardingOutput { status, items, open_items, planned_users }.within_limits())
}

/// The current state of the instance.
#[derive(Debug)]
struct Instance {
    object: Object,
    id: Option<String>,
    arn: Option<String>,
    /// The settings for global sign-in, if the instance is replicated to another Region.
    global: Option<GlobalSignIn>,
    entry: Option<Entry>,
}

impl Instance {
    async fn find(ctx: &Context, onboarding: &Onboarding) -> Result<Self, StepError> {
        let alias = onboarding.instance.alias.as_str();
        let found = instance::of_alias(ctx, alias).await?;
        let object = instance::object(ctx.region(), alias, found.as_ref());
        // If the instance can't be used, the objects that depend on it are planned as if the instance did not exist.
        let usable = found.filter(|_| !matches!(object.presence, Presence::Foreign(_)));
        let entry = match &usable {
            Some(usable) => Registry::new(ctx)?.find(usable.id()).await?,
            None => None,
        };
        let global = usable.as_ref().and_then(instance::Described::global_sign_in).cloned();
        let usable = usable.map(|described| described.instance);
        let arn = usable.as_ref().and_then(|instance| instance.arn().map(ToOwned::to_owned));
        Ok(Self { id: usable.and_then(|instance| instance.id), arn, global, object, entry })
    }
}

struct Planner<'a> {
    ctx: &'a Context,
    onboarding: &'a Onboarding,
    members: &'a Members,
    instance: &'a Instance,
    now: OffsetDateTime,
}

impl Planner<'_> {
    fn is_registered(&self) -> bool {
        self.instance.entry.is_some()
    }

    fn planned(&self, objects: &[Object]) -> Vec<PlanItem> {
        objects.iter().map(|object| object.planned(self.is_registered())).collect()
    }

    /// Plans the instance and its quota.
    async fn instance(&self) -> Result<(Vec<PlanItem>, Vec<OpenItem>), StepError> {
        let id = self.instance.id.as_deref();
        let mut items = Vec::new();
        if self.instance.object.presence == Presence::Absent {
            let count =
                targets::whole(u64::try_from(instances::living(self.ctx.connect()).await?).unwrap_or(u64::MAX)) + 1.0;
            items.push(self.quota_item(INSTANCES_QUOTA, (count, count)).await?);
        }
        items.push(self.instance.object.planned(self.is_registered()));
        let wanted = &self.onboarding.instance;
        items.extend(self.planned(&instance::attribute_objects(self.ctx, id, wanted).await?));
        let storage = instance::storage_objects(self.ctx, id, wanted).await?;
        items.extend(self.planned(&storage));
        items.extend(self.planned(&origins::origin_objects(self.ctx, id, wanted).await?));
        let open_items = storage.iter().filter_map(|object| match &object.presence {
            Presence::Elsewhere(place) => Some(OpenItem::new(
                format!("storage {}", object.name),
                format!("the instance already stores it at {place}, not in the stack's bucket"),
                "None if this location is intended.",
            )),
            _ => None,
        });
        Ok((items, open_items.collect()))
    }

    async fn quota_item(&self, code: &str, (at_least, ask_for): (f64, f64)) -> Result<PlanItem, StepError> {
        let instance_arn = self.instance.arn.as_deref().filter(|_| quota_is_per_instance(code));
        quotas::preview(self.ctx.quotas(), Wanted { code, instance_arn, at_least, ask_for, required: false }).await
    }

    /// Plans the quotas and the phone numbers of the instance.
    async fn telephony(&self) -> Result<Vec<PlanItem>, StepError> {
        let (quotas, members) = (&self.onboarding.quotas.0, self.members.count());
        let arn = self.instance.arn.as_deref();
        let targets = match arn {
            Some(arn) => targets::on_instance(self.ctx.connect(), quotas, members, arn).await?,
            None => targets::of(quotas, (members > 0).then(|| targets::whole(members))),
        };
        let mut items = Vec::new();
        for target in targets {
            items.push(self.quota_item(&target.code, (target.at_least, target.ask_for)).await?);
        }
        let id = self.instance.id.as_deref();
        let alias = &self.onboarding.instance.alias;
        let wanted = (&self.onboarding.telephony, self.onboarding.language);
        items.extend(self.planned(&starter_flow::objects(self.ctx.connect(), id, alias, wanted).await?));
        items.extend(telephony::preview(self.ctx, arn, self.onboarding).await?);
        Ok(items)
    }

    /// Plans the objects in Entra and IAM, and the registry entry.
    async fn sign_on(&self) -> Result<(Vec<PlanItem>, Vec<OpenItem>), StepError> {
        let (ctx, onboarding, groups) = (self.ctx, self.onboarding, self.members.groups.as_slice());
        let alias = onboarding.instance.alias.as_str();
        let account = iam::arn_prefix(ctx.sts()).await?;
        let id = self.instance.id.as_deref().unwrap_or("of the new instance");
        let global = self.instance.global.clone();
        let wanted = Federation { global, ..Federation::new(onboarding, (&account, ctx.region(), id))? };
        let graph = ctx.graph();
        let name = &onboarding.entra.application_name;
        let (found, instead) = self.entra_application().await?;
        let mut application = found.as_ref().map(|found| self.application(found));
        let mut objects = match instead {
            Some(presence) => {
                if matches!(presence, Presence::Hidden(_)) {
                    application = self.instance.entry.as_ref().and_then(|entry| entry.application.clone());
                }
                vec![Object::new(Area::Entra, entra::APPLICATION, name, presence)]
            }
            None => entra::objects(found.as_ref(), onboarding, &wanted, (groups, &self.members.ids()), self.now),
        };
        let open_items = objects.iter().filter(|object| object.kind == entra::APPLICATION).flat_map(entra::open_items);
        let open_items = open_items.chain(self.global_sign_in(found.as_ref(), &wanted)).collect();
        // The federation metadata is read only if the application already has a usable certificate. Otherwise, the
        // onboarding will add a certificate, which changes the metadata.
        let certificate = objects
            .iter()
            .find(|object| object.kind == entra::CERTIFICATE && object.presence == Presence::Ours)
            .map(|object| object.name.clone());
        let published = match &application {
            Some(application) if certificate.is_some() || found.is_none() => {
                Some(read_metadata(&graph.federation_metadata(&application.app_id).await?)?)
            }
            _ => None,
        };
        let certificates = found.as_ref().map(Found::certificates).unwrap_or_default();
        // The items are in the order in which the onboarding processes the objects: the IAM objects follow the
        // certificate and precede the claims.
        let federation = [
            provider_object(ctx, &wanted, alias, (published.as_ref(), certificate.as_deref(), &certificates)).await?,
            policy_object(ctx, &wanted, alias).await?,
            role_object(ctx, &wanted, alias).await?,
        ];
        let place =
            objects.iter().position(|object| object.kind == entra::CERTIFICATE).map_or(objects.len(), |at| at + 1);
        objects.splice(place..place, federation);
        objects.push(record::entry_object(alias, self.instance.entry.as_ref(), self.entry(application).as_ref()));
        let subscriptions = graph.subscriptions().await?;
        objects.extend(record::subscription_objects(
            groups,
            &subscriptions,
            ctx.settings.notification_url()?,
            self.now,
        ));
        Ok((self.planned(&objects), open_items))
    }

    /// Returns an open item if the instance is replicated, but the application is not configured for global sign-in.
    fn global_sign_in(&self, found: Option<&Found>, wanted: &Federation) -> Option<OpenItem> {
        let (global, id) = (wanted.global.as_ref()?, self.instance.id.as_deref()?);
        let in_use = found.is_some_and(|found| found.uses_global_sign_in(wanted));
        (!in_use).then(|| global.open_item(id, &wanted.role_arn, &wanted.saml_provider_arn))
    }

    /// Finds the application in Entra. If the application can't be used or can't be read, the result contains the
    /// reason instead.
    async fn entra_application(&self) -> Result<(Option<Found>, Option<Presence>), StepError> {
        let graph = self.ctx.graph();
        let (alias, name) = (&self.onboarding.instance.alias, &self.onboarding.entra.application_name);
        let search = async {
            let Some(principal) = entra::find(graph, alias, name).await? else { return Ok(None) };
            let Some(found) = Found::read(graph, &principal.id, "").await? else { return Ok(None) };
            found.with_gallery(graph).await.map(Some)
        };
        match search.await {
            Ok(found) => Ok((found, None)),
            Err(error) if error.kind == StepErrorKind::Conflict => Ok((None, Some(Presence::Foreign(error.message)))),
            // The runtime identity may have no permission to read applications. The onboarding itself uses the setup
            // identity, which has this permission.
            Err(error) if error.kind == StepErrorKind::AccessDenied => {
                Ok((None, Some(Presence::Hidden(format!("it can't be read: {}", error.message)))))
            }
            Err(error) => Err(error),
        }
    }

    /// Returns the data about the application in the format of the registry.
    fn application(&self, found: &Found) -> EntraApplication {
        let known = self.instance.entry.as_ref().and_then(|entry| entry.application.clone()).filter(|known| {
            known.service_principal_id == found.principal.id && known.application_id == found.application.id
        });
        let adopted = entra::owner(&found.principal, &self.onboarding.instance.alias) != ApplicationOwner::Ours;
        EntraApplication {
            application_id: found.application.id.clone(),
            app_id: found.principal.app_id.clone(),
            service_principal_id: found.principal.id.clone(),
            adopted,
            ..known.unwrap_or_default()
        }
    }

    /// Returns the registry entry that the onboarding would write.
    fn entry(&self, application: Option<EntraApplication>) -> Option<Entry> {
        let known = self.instance.entry.as_ref()?;
        Some(Entry::from(RegisterInstanceInput {
            onboarding: self.onboarding.clone(),
            instance_id: known.instance_id.clone(),
            instance_arn: known.instance_arn.clone(),
            tenant_id: known.tenant_id.clone(),
            groups: self.members.groups.clone(),
            instance_adopted: known.instance_adopted,
            application: application?,
        }))
    }

    async fn users(&self) -> Result<UserPlan, StepError> {
        let today = self.now.date();
        match self.instance.id.as_deref() {
            Some(id) => {
                let (alias, is_replicated) = (&self.onboarding.instance.alias, self.instance.global.is_some());
                self.members.plan_on(self.ctx, (id, alias), (self.onboarding, is_replicated), today).await
            }
            None => Ok(self.members.plan_on_new(self.onboarding, today)),
        }
    }
}
