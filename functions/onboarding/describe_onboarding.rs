//! `describe-onboarding`: derives the content of `onboarding.json` from an existing instance, for the command `onboard
//! adopt`. If an onboarding has registered the instance, the registry contains the input of this onboarding. The step
//! replaces the settings of the instance and of the application in this input with the current settings. If the
//! instance is not registered, the step finds the enterprise application by its relay state. The step derives the
//! groups from the assignments to the application and from the users of the instance.
//!
//! * Reads: `connect:ListInstances`, `connect:DescribeInstance`, `connect:ListInstanceAttributes`,
//!   `connect:ListInstanceStorageConfigs`, `connect:ListApprovedOrigins`; `dynamodb:GetItem` on the registry; in Graph
//!   the application with its claims policies and assignments. If the instance is not registered, also
//!   `connect:ListPhoneNumbersV2`, `connect:ListContactFlows`, `connect:DescribeContactFlow`, `connect:SearchUsers`,
//!   `connect:ListSecurityProfiles`, `connect:ListRoutingProfiles`, `connect:DescribeUserHierarchyGroup`; `iam:GetSAMLProvider`, `iam:GetPolicy`,
//!   `iam:GetPolicyVersion`, `iam:GetRole`, `iam:ListAttachedRolePolicies`, `iam:ListRolePolicies`; the federation
//!   metadata; in Graph `GET /applicationTemplates`, `/servicePrincipals`, `/groups`, `/groups/{id}/members`.
//! * Writes: nothing.
//! * Permissions: the AWS actions listed under Reads; in Graph `Application.Read.All`, `Policy.Read.All`,
//!   `Group.Read.All`, `User.Read.All`.
//! * Safe to repeat: the step only reads.

use onboarding_core::{
    StepError, StepErrorKind,
    adoption::{
        self, FoundInstance, Request, add_phone_numbers, add_starter_flow, destination, document, iso_duration,
    },
    contract::{DescribeOnboardingInput, DescribeOnboardingOutput, OpenItem, PlanStatus},
    iam::{LONGEST_SESSION, SHORTEST_SESSION},
    onboarding::{Language, Onboarding, Users},
    sync::Ownership,
};

use crate::{
    aws::phone_numbers,
    context::Context,
    inspect::{
        adoptable::{self, Groups},
        entra::Found,
        starter_flow,
    },
    registry::{Entry, Registry},
};

/// Maximum number of notification email addresses in an input.
const MAX_EMAILS: usize = 5;

/// Describes an instance.
///
/// # Errors
/// `InvalidInput` if the instance does not exist, if it does not use SAML, or if its groups are unknown. `Conflict` if
/// the relay states of several applications contain the instance ID. Otherwise, the error that AWS or Graph returns.
pub async fn run(ctx: &Context, input: DescribeOnboardingInput) -> Result<DescribeOnboardingOutput, StepError> {
    let request = Request::parse_step(&input.request)?;
    let described = adoptable::usable_instance(ctx, &request.alias).await?;
    let id = described.id().unwrap_or_default();
    // Connect may return the alias in lower case, or as it was entered when the instance was created. The generated
    // file contains the spelling that Connect returns.
    let alias = described.instance_alias().unwrap_or(&request.alias);
    let entry = Registry::new(ctx)?.find(id).await?;
    let settings = adoptable::settings(ctx, id, alias).await?;
    let (onboarding, open_items) = match &entry {
        Some(entry) => of_registered(ctx, entry, &settings, &request.groups).await?,
        None => of_unregistered(ctx, (id, described.arn().unwrap_or_default()), &settings, &request.groups).await?,
    };
    let onboarding = document(&onboarding).map_err(|error| StepError::internal(error.to_string()))?;
    Onboarding::parse_step(&onboarding).map_err(|error| {
        StepError::invalid_input(format!(
            "the instance has settings that an onboarding does not accept; change them, or write the input with `onboard \
             init`: {}",
            error.message
        ))
    })?;
    let status = PlanStatus::Planned;
    Ok(DescribeOnboardingOutput {
        status,
        instance_id: id.to_owned(),
        registered: entry.is_some(),
        onboarding,
        open_items,
    })
}

/// Describes a registered instance. The result is the input of the last onboarding of the instance, with the current
/// settings.
async fn of_registered(
    ctx: &Context,
    entry: &Entry,
    settings: &FoundInstance,
    groups: &[String],
) -> Result<(Onboarding, Vec<OpenItem>), StepError> {
    if !groups.is_empty() {
        return Err(StepError::invalid_input(format!(
            "the instance {} is onboarded, so its groups are those of its last onboarding; omit --group",
            entry.alias
        )));
    }
    let mut onboarding = entry.input();
    let alias = onboarding.instance.alias.clone();
    let (instance, mut open_items) = settings.section(Some(&onboarding.instance));
    onboarding.instance = instance;
    // The alias keeps the spelling of the last onboarding, because the tags contain this spelling.
    onboarding.instance.alias = alias;
    let known = entry.application.clone().unwrap_or_default();
    match Found::read(ctx.graph(), &known.service_principal_id, &known.application_id).await {
        Ok(Some(found)) => {
            let emails = !onboarding.entra.notification_emails.is_empty();
            open_items.extend(add_application(ctx, &mut onboarding, &entry.instance_id, &found, emails));
        }
        Ok(None) => open_items.push(OpenItem::new(
            "enterprise application",
            "the application of the last onboarding does not exist; the file contains the settings of the last onboarding",
            "The next onboarding creates a new application.",
        )),
        Err(error) if error.kind == StepErrorKind::AccessDenied => open_items.push(OpenItem::new(
            "enterprise application",
            format!("it can't be read, so the file contains the settings of the last onboarding: {}", error.message),
            "To read the application, grant the permission to the runtime identity: `onboard entra-setup`",
        )),
        Err(error) => return Err(error),
    }
    Ok((onboarding, open_items))
}

/// Describes an instance that is not in the registry.
async fn of_unregistered(
    ctx: &Context,
    (id, arn): (&str, &str),
    settings: &FoundInstance,
    named: &[String],
) -> Result<(Onboarding, Vec<OpenItem>), StepError> {
    let found = adoptable::application(ctx, id).await?;
    let groups = Groups::read(ctx, found.as_ref(), named).await?;
    let claims = found.as_ref().and_then(adoptable::claims);
    let username = claims.as_ref().and_then(|claims| claims.username);
    let derived = groups.derive(ctx, (id, &settings.alias), username).await?;
    if derived.groups.is_empty() {
        return Err(StepError::invalid_input(format!(
            "no group of the instance {} has a member with a Connect user, so the security profiles are unknown; write \
             the input with `onboard init`",
            settings.alias
        )));
    }
    let users = Users {
        username: derived.username,
        guests: derived.guests,
        groups: derived.groups.into_iter().map(|group| group.settings).collect(),
        ..Users::default()
    };
    let mut onboarding = Onboarding::with_defaults(&settings.alias, users, Language::default());
    let (instance, mut open_items) = settings.section(None);
    onboarding.instance = instance;
    onboarding.entra.assignment = groups.assignment;
    open_items.extend(add_phone_numbers(&mut onboarding, &phone_numbers::held(ctx.connect(), arn).await?));
    let flow = starter_flow::flow(ctx.connect(), id, &settings.alias).await?;
    let flow = flow.filter(|flow| flow.owner == Ownership::Ours && !flow.is_archived);
    open_items.extend(flow.and_then(|flow| add_starter_flow(&mut onboarding, &flow.content)));
    match &found {
        Some(found) => {
            open_items.extend(add_application(ctx, &mut onboarding, id, found, true));
            let known = claims.unwrap_or_default();
            let session = known.session_seconds.filter(|it| (SHORTEST_SESSION..=LONGEST_SESSION).contains(it));
            if let Some(seconds) = session {
                onboarding.iam.session_duration = iso_duration(seconds);
            }
            if known == adoption::FoundClaims::default() {
                open_items.push(unknown_claims(&onboarding.entra.application_name));
            }
            open_items.extend(adoptable::name_iam_objects(ctx, &mut onboarding, id, (found, &known)).await?);
        }
        None => open_items.push(OpenItem::new(
            "enterprise application",
            "no enterprise application of the gallery application has a relay state that leads to this instance",
            "None if the onboarding is to create a new application. Otherwise, set entra.applicationName.",
        )),
    }
    open_items.extend(derived.open_items);
    Ok((onboarding, open_items))
}

/// Adds the settings of the application to the generated input: the name of the application and the page that opens
/// after sign-in. If `emails` is true, also adds the recipients of the emails about the expiry of the certificate.
fn add_application(
    ctx: &Context,
    onboarding: &mut Onboarding,
    instance_id: &str,
    found: &Found,
    emails: bool,
) -> Option<OpenItem> {
    if let Some(name) = &found.principal.display_name {
        onboarding.entra.application_name.clone_from(name);
    }
    if emails {
        let mut present = found.principal.notification_email_addresses.clone();
        present.truncate(MAX_EMAILS);
        let declared = std::mem::take(&mut onboarding.entra.notification_emails);
        present.sort_by_key(|email| declared.iter().position(|other| other == email).unwrap_or(usize::MAX));
        onboarding.entra.notification_emails = present;
    }
    let relay_state = found.principal.relay_state()?;
    onboarding.sign_in.destination = destination(relay_state, ctx.region(), instance_id);
    let same = onboarding.sign_in.destination.is_some() || !relay_state.contains('?');
    (!same).then(|| {
        OpenItem::new(
            "relay state",
            format!("the input cannot describe the page in the relay state {relay_state}"),
            "Set signIn.destination, or the next onboarding removes the page from the relay state.",
        )
    })
}

/// Returns the open item for an application whose claims an administrator edited in the portal.
fn unknown_claims(application: &str) -> OpenItem {
    OpenItem::new(
        format!("claims of {application}"),
        "Graph returns no claims mapping policy for the application, so its role, its session duration and the source of \
         its usernames are unknown. The username is the attribute that matches most users",
        "Compare users.username and iam with Attributes & Claims of the application. The onboarding creates its own claims \
         mapping policy and its own IAM role.",
    )
}
