//! Names, tags and name prefixes of all objects that an onboarding creates. Only this module defines such names.

use crate::entra::Identity;

/// The key of the tag that identifies the objects created by Connect Onboarding.
pub const MANAGED_BY_KEY: &str = "managed-by";
/// The value of the tag [`MANAGED_BY_KEY`].
pub const MANAGED_BY: &str = "connect-onboarding";
/// The key of the tag that contains the alias of the instance, on every object that Connect Onboarding creates.
pub const ONBOARDING_KEY: &str = "onboarding";
/// The key of the tag that contains the object id of the Entra user, on a Connect user.
pub const ENTRA_OBJECT_ID_KEY: &str = "entra-object-id";
/// The key of the tag that contains the expiry date of a credential, on the secret with this credential. The value is a
/// date or an RFC 3339 time.
pub const EXPIRES_KEY: &str = "expires";
/// The name of the security profile without permissions. The sync assigns this profile to users who left all groups and
/// are kept.
pub const NO_ACCESS_PROFILE: &str = "Connect Onboarding No Access";
/// The name of the starter flow, which answers calls to phone numbers that have no other flow.
pub const STARTER_FLOW: &str = "Connect Onboarding starter flow";
/// The name of the test case that calls the starter flow.
pub const FIRST_CALL_TEST: &str = "Connect Onboarding first call";
/// The IAM path of the roles and policies that an onboarding creates. The functions have permissions only for this
/// path.
pub const IAM_PATH: &str = "/connect-onboarding/";
/// The display name of the application in the Microsoft Entra gallery from which an onboarding creates the Entra
/// application.
pub const GALLERY_APPLICATION: &str = "AWS Single-Account Access";
/// The template id of the gallery application. The template id is needed if Microsoft renames this application again.
/// The former name was "Amazon Web Services (AWS)".
pub const GALLERY_APPLICATION_ID: &str = "8b1025e4-1dd2-430b-a150-2ef79cd700f5";

/// The name of the IAM role with which an Entra application identity signs in to Entra. The subject of the federated
/// tokens is the ARN of this role. The name is fixed, because the federated credential in Entra must contain exactly
/// this ARN. The name includes the Region, because role names are unique in an AWS account.
#[must_use]
pub fn graph_role(stack: &str, region: &str, identity: Identity) -> String {
    format!("{stack}-{region}-graph-{identity}")
}

/// The display name of the app registration of an Entra application identity.
#[must_use]
pub fn app_registration(stack: &str, identity: Identity) -> String {
    format!("Connect Onboarding {identity} ({stack})")
}

/// The name of the secret that contains the credential of an Entra application identity, if this identity uses a
/// secret.
#[must_use]
pub fn credential_secret(stack: &str, identity: Identity) -> String {
    format!("{stack}/graph-{identity}")
}

/// Whether two aliases belong to the same instance. An alias is part of a host name, so Amazon Connect treats upper and
/// lower case letters as equal. Every comparison of aliases and of `onboarding` tag values must use this function.
#[must_use]
pub fn same_alias(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// The two tags on every object that Connect Onboarding creates.
#[must_use]
pub fn tags(alias: &str) -> [(&'static str, String); 2] {
    [(MANAGED_BY_KEY, MANAGED_BY.into()), (ONBOARDING_KEY, alias.into())]
}

/// The tag on a service principal that belongs to an onboarding. In Microsoft Graph, a tag is a string without a key.
#[must_use]
pub fn service_principal_tag(alias: &str) -> String {
    format!("{MANAGED_BY}:{alias}")
}

/// The additional tag on a service principal that existed before the onboarding. An onboarding does not change the
/// properties of a service principal with this tag, and a teardown does not delete the service principal.
pub const ADOPTED_TAG: &str = "connect-onboarding-adopted";

/// The alias in a service principal's tag. `None` if Connect Onboarding did not add the tag.
#[must_use]
pub fn alias_in_service_principal_tag(tag: &str) -> Option<&str> {
    tag.strip_prefix(MANAGED_BY)?.strip_prefix(':')
}

/// Whether a tag of a service principal is the tag that an onboarding of this alias adds.
#[must_use]
pub fn is_service_principal_tag(tag: &str, alias: &str) -> bool {
    alias_in_service_principal_tag(tag).is_some_and(|other| same_alias(other, alias))
}

/// The default display name of the Entra application.
#[must_use]
pub fn application(alias: &str) -> String {
    format!("Amazon Connect {alias}")
}

/// The default name of the SAML provider.
#[must_use]
pub fn saml_provider(alias: &str) -> String {
    format!("AmazonConnect-{alias}")
}

/// The default name of the IAM policy.
#[must_use]
pub fn policy(alias: &str) -> String {
    format!("AmazonConnect-{alias}-Federation")
}

/// The default name of the IAM role.
#[must_use]
pub fn role(alias: &str) -> String {
    format!("AmazonConnect-{alias}")
}

/// The display name of the claims mapping policy.
#[must_use]
pub fn claims_policy(alias: &str) -> String {
    format!("Amazon Connect {alias} ({MANAGED_BY})")
}

/// The subject of the signing certificate.
#[must_use]
pub fn certificate_subject(alias: &str) -> String {
    format!("CN=Amazon Connect {alias}")
}

/// The prefix of the S3 object keys under which an instance stores one type of data.
#[must_use]
pub fn storage_prefix(alias: &str, resource_type: &str) -> String {
    let folder = match resource_type {
        "CALL_RECORDINGS" => "call-recordings",
        "CHAT_TRANSCRIPTS" => "chat-transcripts",
        "SCHEDULED_REPORTS" => "scheduled-reports",
        other => return format!("connect/{alias}/{}", other.to_lowercase().replace('_', "-")),
    };
    format!("connect/{alias}/{folder}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_of_a_service_principal_is_recognised_in_any_case_and_only_for_its_alias() {
        let tag = service_principal_tag("Acme-Support");
        assert!(is_service_principal_tag(&tag, "acme-support"));
        assert!(!is_service_principal_tag(&tag, "acme"));
        assert!(!is_service_principal_tag("WindowsAzureActiveDirectoryIntegratedApp", "acme"));
    }
}
