//! `verify-sign-in`: the login check (the how-to's SAML ログイン): everything that a sign-in needs is read back from both
//! clouds and compared with what it has to be, down to one user's name and the role session name that Entra would emit for
//! that person. The result is data: a failed check is reported, not an error.
//!
//! * Reads: `GET /servicePrincipals/{id}`, its `claimsMappingPolicies` and `appRoleAssignedTo`, `/applications/{id}`,
//!   `/users/{id}`, the federation metadata; `iam:GetSAMLProvider`, `iam:GetRole`, `iam:ListAttachedRolePolicies`,
//!   `iam:GetPolicy`, `iam:GetPolicyVersion`; `connect:DescribeInstance`, `connect:SearchUsers`.
//! * Writes: nothing.
//! * Safe to repeat: it only reads.

use aws_sdk_connect::types::{ControlPlaneTagFilter, InstanceStatus, TagCondition, UserSearchFilter};
use onboarding_core::{
    StepError,
    contract::{Check, VerifySignInInput, VerifySignInOutput},
    iam::{federation_policy, same_document, session_seconds, sign_in_endpoints, trust_policy},
    names,
    saml::{claims_definition, read_metadata, relay_state, user_access_url},
};
use serde_json::Value;

use crate::{aws_error, clients::Clients, iam};

/// Runs the step.
///
/// # Errors
/// Whatever keeps a cloud from answering; what it answers becomes a check.
pub async fn run(cx: &Clients, input: VerifySignInInput) -> Result<VerifySignInOutput, StepError> {
    let mut checks = Checks::default();
    entra(cx, &input, &mut checks).await?;
    saml_provider(cx, &input, &mut checks).await?;
    role(cx, &input, &mut checks).await?;
    policy(cx, &input, &mut checks).await?;
    instance(cx, &input, &mut checks).await?;
    one_user(cx, &input, &mut checks).await?;
    let tenant = cx.graph().tenant_id().await?;
    Ok(VerifySignInOutput {
        passed: checks.0.iter().all(|check| check.passed),
        checks: checks.0,
        sso_url: user_access_url(&input.application.app_id, &tenant),
    })
}

#[derive(Default)]
struct Checks(Vec<Check>);

impl Checks {
    fn equal(&mut self, name: impl Into<String>, expected: impl Into<String>, found: impl Into<String>) {
        let (expected, found) = (expected.into(), found.into());
        self.0.push(Check { name: name.into(), passed: expected == found, expected, found });
    }

    fn that(&mut self, name: impl Into<String>, passed: bool, expected: impl Into<String>, found: impl Into<String>) {
        self.0.push(Check { name: name.into(), passed, expected: expected.into(), found: found.into() });
    }

    /// A document is too long for a report: it says only whether it is the one wanted.
    fn document(&mut self, name: &str, wanted: &Value, found: &Value) {
        let same = same_document(wanted, found);
        self.that(
            name,
            same,
            "the document that the onboarding writes",
            if same { "the same" } else { "another document" },
        );
    }
}

async fn entra(cx: &Clients, input: &VerifySignInInput, checks: &mut Checks) -> Result<(), StepError> {
    let graph = cx.graph();
    let principal = graph.service_principal(&input.application.service_principal_id).await?.unwrap_or_default();
    let application = graph.application(&input.application.application_id).await?.unwrap_or_default();
    let none = || "none".to_owned();
    let (mode, expected_mode) = (principal.preferred_single_sign_on_mode.clone(), "saml");
    checks.equal("single sign-on mode", expected_mode, mode.unwrap_or_else(none));
    checks.that(
        "application enabled",
        principal.account_enabled != Some(false),
        "true",
        (principal.account_enabled != Some(false)).to_string(),
    );
    let relay = relay_state(&input.region, &input.instance_id);
    checks.equal("relay state", relay, principal.relay_state().map_or_else(none, ToOwned::to_owned));
    let login_url = principal.login_url.clone().filter(|url| !url.is_empty());
    checks.that("login URL", login_url.is_none(), "none", login_url.unwrap_or_else(none));
    let active = principal.preferred_token_signing_key_thumbprint.clone().unwrap_or_else(none);
    let wanted = &input.sign_on.certificate_thumbprint;
    checks.that("active signing certificate", active.eq_ignore_ascii_case(wanted), wanted, &active);
    let identifiers = application.identifier_uris.join(", ");
    checks.that(
        "identifier",
        application.identifier_uris.contains(&input.sign_on.identifier_uri),
        &input.sign_on.identifier_uri,
        identifiers,
    );
    let [_, regional] = sign_in_endpoints(&input.region);
    let replies = &application.web.redirect_uris;
    checks.that("reply URL", replies.contains(&regional), &regional, replies.join(", "));

    let seconds = session_seconds(&input.session_duration)?;
    let wanted = claims_definition(&input.role_arn, &input.saml_provider_arn, input.username, seconds);
    let policies = graph.claims_policies_of(&input.application.service_principal_id).await?;
    let text = policies.first().and_then(|policy| policy.definition.first()).map_or("", String::as_str);
    checks.document("claims", &wanted, &serde_json::from_str(text).unwrap_or(Value::Null));

    let assigned = graph.assignments(&input.application.service_principal_id).await?;
    for group in &input.groups {
        let there = !assigned.is_empty() && assigned.iter().any(|assignment| assignment.principal_id == group.id);
        // Without Entra ID P1 the people are assigned one by one, not their group.
        let by_person = !there
            && !assigned.is_empty()
            && !assigned.iter().any(|a| input.groups.iter().any(|g| g.id == a.principal_id));
        let found = if there {
            "assigned"
        } else if by_person {
            "its members are assigned one by one"
        } else {
            "not assigned"
        };
        checks.that(format!("assignment of {}", group.display_name), there || by_person, "assigned", found);
    }
    Ok(())
}

async fn saml_provider(cx: &Clients, input: &VerifySignInInput, checks: &mut Checks) -> Result<(), StepError> {
    let arn = &input.saml_provider_arn;
    let wanted = &input.sign_on.certificate_thumbprint;
    let published = cx.graph().federation_metadata(&input.application.app_id).await?;
    let provided = match cx.iam().get_saml_provider().saml_provider_arn(arn).send().await {
        Ok(provider) => provider.saml_metadata_document.unwrap_or_default(),
        Err(error) if aws_error::is_not_found(&error) => String::new(),
        Err(error) => return Err(aws_error::step_error(&format!("reading the SAML provider {arn}"), &error)),
    };
    for (name, xml) in [("certificate in Entra's metadata", published), ("certificate in the SAML provider", provided)]
    {
        match read_metadata(&xml) {
            Ok(metadata) => {
                let trusted = metadata.thumbprints.iter().any(|thumbprint| thumbprint.eq_ignore_ascii_case(wanted));
                let right = trusted && metadata.entity_id == input.sign_on.entity_id;
                let expected = format!("{wanted} of {}", input.sign_on.entity_id);
                checks.that(
                    name,
                    right,
                    expected,
                    format!("{} of {}", metadata.thumbprints.join(", "), metadata.entity_id),
                );
            }
            Err(error) => checks.that(name, false, wanted, error.message),
        }
    }
    Ok(())
}

async fn role(cx: &Clients, input: &VerifySignInInput, checks: &mut Checks) -> Result<(), StepError> {
    let name = input.role_arn.rsplit('/').next().unwrap_or_default();
    let role = match cx.iam().get_role().role_name(name).send().await {
        Ok(output) => output.role,
        Err(error) if aws_error::is_not_found(&error) => None,
        Err(error) => return Err(aws_error::step_error(&format!("reading the role {name}"), &error)),
    };
    let Some(role) = role else {
        checks.equal("role", &input.role_arn, "none");
        return Ok(());
    };
    checks.equal("role", &input.role_arn, role.arn());
    let trust = iam::document(role.assume_role_policy_document());
    checks.document("trust policy", &trust_policy(&input.saml_provider_arn, &input.region), &trust);
    let longest = role.max_session_duration().and_then(|seconds| u32::try_from(seconds).ok()).unwrap_or(3600);
    let wanted = session_seconds(&input.session_duration)?;
    checks.that("session duration", longest >= wanted, format!("at least {wanted} s"), format!("{longest} s"));
    let attached = cx.iam().list_attached_role_policies().role_name(name).into_paginator().items().send();
    let attached: Vec<_> = attached
        .collect::<Result<Vec<_>, _>>()
        .await
        .map_err(|error| aws_error::step_error(&format!("listing the policies of the role {name}"), &error))?;
    let arns: Vec<&str> = attached.iter().filter_map(|policy| policy.policy_arn()).collect();
    checks.that("attached policy", arns.contains(&input.policy_arn.as_str()), &input.policy_arn, arns.join(", "));
    Ok(())
}

async fn policy(cx: &Clients, input: &VerifySignInInput, checks: &mut Checks) -> Result<(), StepError> {
    let arn = &input.policy_arn;
    let version = match cx.iam().get_policy().policy_arn(arn).send().await {
        Ok(output) => output.policy.and_then(|policy| policy.default_version_id),
        Err(error) if aws_error::is_not_found(&error) => None,
        Err(error) => return Err(aws_error::step_error(&format!("reading the policy {arn}"), &error)),
    };
    let document = match version {
        None => Value::Null,
        Some(version) => {
            let sent = cx.iam().get_policy_version().policy_arn(arn).version_id(version).send().await;
            let output = sent.map_err(|error| aws_error::step_error(&format!("reading the policy {arn}"), &error))?;
            iam::document(output.policy_version.and_then(|version| version.document).as_deref())
        }
    };
    checks.document("policy", &federation_policy(&input.instance_id), &document);
    Ok(())
}

async fn instance(cx: &Clients, input: &VerifySignInInput, checks: &mut Checks) -> Result<(), StepError> {
    let id = &input.instance_id;
    let sent = cx.connect().describe_instance().instance_id(id).send().await;
    let instance = match sent {
        Ok(output) => output.instance,
        Err(error) if aws_error::is_not_found(&error) => None,
        Err(error) => return Err(aws_error::step_error(&format!("reading the Connect instance {id}"), &error)),
    };
    let status =
        instance.as_ref().and_then(|instance| instance.instance_status()).map_or("none", InstanceStatus::as_str);
    checks.equal("instance", "ACTIVE", status);
    let identity =
        instance.as_ref().and_then(|instance| instance.identity_management_type()).map_or("none", |kind| kind.as_str());
    checks.equal("identity management", "SAML", identity);
    Ok(())
}

/// Any one of the users that we made will do: all are made by the same rule.
async fn one_user(cx: &Clients, input: &VerifySignInInput, checks: &mut Checks) -> Result<(), StepError> {
    let ours = TagCondition::builder().tag_key(names::MANAGED_BY_KEY).tag_value(names::MANAGED_BY).build();
    let filter =
        UserSearchFilter::builder().tag_filter(ControlPlaneTagFilter::builder().tag_condition(ours).build()).build();
    let sent =
        cx.connect().search_users().instance_id(&input.instance_id).search_filter(filter).max_results(10).send().await;
    let found = sent.map_err(|error| aws_error::step_error("looking for one of the Connect users", &error))?;
    let tag = |user: &aws_sdk_connect::types::UserSearchSummary| {
        user.tags().and_then(|tags| tags.get(names::ENTRA_OBJECT_ID_KEY)).cloned()
    };
    for user in found.users() {
        let Some(object_id) = tag(user) else { continue };
        let Some(member) = cx.graph().user(&object_id).await? else { continue };
        let emitted = member.attribute(input.username).unwrap_or("none");
        checks.equal(
            format!("username of {object_id} is its role session name"),
            emitted,
            user.username().unwrap_or("none"),
        );
        return Ok(());
    }
    let nobody = input.groups.iter().all(|group| group.users == 0);
    checks.that("a user's name is its role session name", nobody, "at least one user", "no Connect user of ours");
    Ok(())
}
