//! Settings for the delays, limits and inconsistencies of Microsoft Graph that the tenant emulates.

use super::clients::AppRegistration;

/// The permissions that the tenant grants, its delays, and its deviations from the documented behavior. All durations
/// are in seconds, as in the real cloud. The clock scale shortens them.
#[derive(Clone, Debug)]
pub struct GraphBehaviour {
    /// The application permissions of the application in [`crate::stand_in::Options::client`] that have admin consent.
    /// Each token contains these permissions as `roles`.
    pub roles: Vec<String>,
    /// Further applications that can request tokens, besides the application in the options.
    pub registrations: Vec<AppRegistration>,
    /// How long the token endpoint still uses the old consent and credentials after an app registration was changed.
    pub registration_seconds: f64,
    /// How long requests that name a new application or service principal by ID return status 404.
    pub replication_seconds: f64,
    /// How long a new application and service principal are missing from lists with `$filter`. The same delay applies
    /// to advanced queries, because they use the same index.
    pub list_replication_seconds: f64,
    /// How long some replicas lack the app roles of a new application. During this time, requests to assign a role
    /// return status 400.
    pub role_replication_seconds: f64,
    /// How long the tenant's identifier URI policy takes to recognize that an application is in SAML mode.
    pub saml_mode_seconds: f64,
    /// How long a new claims mapping policy cannot be referenced.
    pub policy_replication_seconds: f64,
    /// How long `appliesTo` of a claims mapping policy still contains a service principal from which the policy was
    /// removed.
    pub policy_removal_seconds: f64,
    /// How long a new signing certificate is valid if the request contains no `endDateTime`. The clock of the local
    /// cloud does not shorten this time, because clients compare the expiry date with their own clock.
    pub certificate_lifetime: time::Duration,
    /// How long reads of the service principal do not return a new signing certificate.
    pub certificate_seconds: f64,
    /// How long a new signing certificate is missing from the federation metadata, and how long the federation metadata
    /// still contains a removed certificate.
    pub metadata_seconds: f64,
    /// How long some replicas still sign with the previous certificate after another certificate was activated.
    pub activation_seconds: f64,
    /// Every n-th read of a service principal is served by a stale replica. For [`Self::stale_read_seconds`] after a
    /// change of the credentials, this replica still returns the old credentials. `None`: no stale reads.
    pub stale_reads_every: Option<u64>,
    /// How long a stale replica returns the old credentials after a change.
    pub stale_read_seconds: f64,
    /// Whether an application cannot be deleted while its service principal is in SAML mode.
    pub refuses_saml_deletion: bool,
    /// Whether the tenant's identifier URI policy exempts SAML applications.
    pub exempts_saml_identifiers: bool,
    /// Whether a deleted application also keeps the identifier URIs that were removed from it before the deletion.
    pub deleted_hold_identifiers: bool,
    /// Whether the error for an identifier URI that another application uses has an error code of its own. If false,
    /// only the error message identifies the cause.
    pub identifier_taken_by_code: bool,
    /// Whether Graph's error for an assignment that already exists has status 409 and an error message about an
    /// entitlement grant.
    pub assignment_exists_as_conflict: bool,
    /// Whether the error for a reference that already exists describes a conflicting object.
    pub reference_exists_as_conflict: bool,
    /// Whether Graph refuses to remove a signing certificate by a PATCH of the credential lists.
    pub refuses_certificate_removal: bool,
    /// The date (`2027-01-31`) on which the AWS template is removed from the gallery.
    pub template_deprecation: Option<String>,
    /// How long `GET members` returns the old members after a change of the membership.
    pub membership_seconds: f64,
    /// After how many pages a list returns an empty page with a next link. `None`: never.
    pub empty_page_after: Option<usize>,
    /// The number of resource units per ten seconds above which Graph returns 429. If `None`, the documented limit for
    /// a tenant of this size applies.
    pub resource_units: Option<u32>,
    /// The delay between a change and its notification. Further changes during this delay are sent in the same batch.
    pub notification_seconds: f64,
    /// Every n-th batch of notifications is sent twice. `None`: never.
    pub duplicate_notifications_every: Option<u64>,
    /// The delay of every n-th batch of notifications is six times as long. `None`: never.
    pub late_notifications_every: Option<u64>,
    /// How long a delta link can be used.
    pub delta_token_seconds: f64,
    /// Every n-th request to a delta link also returns changes from before the link was issued. `None`: never.
    pub replayed_changes_every: Option<u64>,
    /// How long before the time of the link the replayed changes begin.
    pub replayed_seconds: f64,
    /// The verified domains of the tenant.
    pub verified_domains: Vec<String>,
    /// Identifier URIs that other applications use.
    pub taken_identifier_uris: Vec<String>,
}

impl Default for GraphBehaviour {
    fn default() -> Self {
        let roles = [
            "Application.ReadWrite.All",
            "AppRoleAssignment.ReadWrite.All",
            "Group.Read.All",
            "Policy.ReadWrite.ApplicationConfiguration",
            "User.Read.All",
        ];
        Self {
            roles: roles.map(String::from).to_vec(),
            registrations: Vec::new(),
            registration_seconds: 30.0,
            replication_seconds: 6.0,
            list_replication_seconds: 20.0,
            role_replication_seconds: 20.0,
            saml_mode_seconds: 2.0,
            policy_replication_seconds: 2.0,
            policy_removal_seconds: 2.0,
            certificate_lifetime: time::Duration::days(3 * 365),
            certificate_seconds: 5.0,
            metadata_seconds: 10.0,
            activation_seconds: 60.0,
            stale_reads_every: None,
            stale_read_seconds: 60.0,
            refuses_saml_deletion: false,
            exempts_saml_identifiers: true,
            deleted_hold_identifiers: false,
            identifier_taken_by_code: false,
            assignment_exists_as_conflict: false,
            reference_exists_as_conflict: false,
            refuses_certificate_removal: false,
            template_deprecation: None,
            membership_seconds: 5.0,
            empty_page_after: Some(2),
            resource_units: None,
            notification_seconds: 10.0,
            duplicate_notifications_every: Some(5),
            late_notifications_every: Some(7),
            delta_token_seconds: 7.0 * 86_400.0,
            replayed_changes_every: Some(5),
            replayed_seconds: 600.0,
            verified_domains: vec!["contoso.onmicrosoft.com".into()],
            taken_identifier_uris: Vec::new(),
        }
    }
}
