//! What things are called: default names, tags, prefixes. The one place that names things.

use crate::entra::Identity;

/// The tag key that marks everything we make.
pub const MANAGED_BY_KEY: &str = "managed-by";
/// The tag value that marks everything we make.
pub const MANAGED_BY: &str = "connect-onboarding";
/// The tag key that says for which alias.
pub const ONBOARDING_KEY: &str = "onboarding";
/// The tag key on a Connect user that holds the Entra object id.
pub const ENTRA_OBJECT_ID_KEY: &str = "entra-object-id";
/// The tag key on a credential's secret that says when the credential ends (RFC 3339, or a date).
pub const EXPIRES_KEY: &str = "expires";
/// The IAM path of our roles and policies, by which the functions' own permissions name them.
pub const IAM_PATH: &str = "/connect-onboarding/";
/// The display name of Microsoft's gallery application.
pub const GALLERY_APPLICATION: &str = "AWS Single-Account Access";
/// Its template id, should Microsoft rename it once more (it was "Amazon Web Services (AWS)" before).
pub const GALLERY_APPLICATION_ID: &str = "8b1025e4-1dd2-430b-a150-2ef79cd700f5";

/// The IAM role whose ARN is the subject of an identity's keyless tokens. Entra's federated credential names it letter for
/// letter, so the name is fixed, and carries the Region because role names are the account's.
#[must_use]
pub fn graph_role(stack: &str, region: &str, identity: Identity) -> String {
    format!("{stack}-{region}-graph-{identity}")
}

/// The display name of an identity's app registration.
#[must_use]
pub fn app_registration(stack: &str, identity: Identity) -> String {
    format!("Connect Onboarding {identity} ({stack})")
}

/// The secret that holds an identity's credential, where it has one.
#[must_use]
pub fn credential_secret(stack: &str, identity: Identity) -> String {
    format!("{stack}/graph-{identity}")
}

/// Whether two aliases name the same instance: an alias is a host name, so Amazon Connect ignores upper and lower case. Every
/// comparison of aliases, and of the values of our `onboarding` tags, uses this function.
#[must_use]
pub fn same_alias(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// The two tags that everything carries.
#[must_use]
pub fn tags(alias: &str) -> [(&'static str, String); 2] {
    [(MANAGED_BY_KEY, MANAGED_BY.into()), (ONBOARDING_KEY, alias.into())]
}

/// The marker that stands in the `tags` of our service principal: Graph's tags are plain strings.
#[must_use]
pub fn service_principal_tag(alias: &str) -> String {
    format!("{MANAGED_BY}:{alias}")
}

/// The further marker in the `tags` of a service principal that was there before its onboarding. What was adopted stays so:
/// its switches are not changed, and a teardown does not delete it.
pub const ADOPTED_TAG: &str = "connect-onboarding-adopted";

/// The alias in the marker of a service principal, if the tag is such a marker.
#[must_use]
pub fn alias_in_service_principal_tag(tag: &str) -> Option<&str> {
    tag.strip_prefix(MANAGED_BY)?.strip_prefix(':')
}

/// Whether a tag of a service principal is the marker of this alias.
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

/// The default name of the policy.
#[must_use]
pub fn policy(alias: &str) -> String {
    format!("AmazonConnect-{alias}-Federation")
}

/// The default name of the role.
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

/// The prefix in the bucket under which an instance stores one kind of thing.
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
    fn the_marker_of_a_service_principal_is_recognised_in_any_case_and_only_for_its_alias() {
        let tag = service_principal_tag("Acme-Support");
        assert!(is_service_principal_tag(&tag, "acme-support"));
        assert!(!is_service_principal_tag(&tag, "acme"));
        assert!(!is_service_principal_tag("WindowsAzureActiveDirectoryIntegratedApp", "acme"));
    }
}
