//! How unkind the tenant is: the delays, limits and moods of the real Graph, each of them a knob.

use super::clients::AppRegistration;

/// What the tenant grants and how it misbehaves. All durations are seconds of the real cloud; the clock scales them.
#[derive(Clone, Debug)]
pub struct GraphBehaviour {
    /// The application permissions that an administrator has consented to for the application of
    /// [`crate::Options::client`]; they appear in each token's `roles`.
    pub roles: Vec<String>,
    /// Further applications that may ask for tokens.
    pub registrations: Vec<AppRegistration>,
    /// How long a changed registration (consent, credentials) takes to reach the token endpoint.
    pub registration_seconds: f64,
    /// How long a newly instantiated application and service principal answer 404 by id.
    pub replication_seconds: f64,
    /// How long they stay out of lists with `$filter`; the same index serves advanced queries, so it lags there too.
    pub list_replication_seconds: f64,
    /// How long some replicas of the new application don't know its app roles: assignments are refused with 400.
    pub role_replication_seconds: f64,
    /// How long the tenant's policy on identifier URIs does not see that an application has become a SAML application.
    pub saml_mode_seconds: f64,
    /// How long a new claims mapping policy can't be referenced.
    pub policy_replication_seconds: f64,
    /// How long a new signing certificate stays out of what is read of its service principal.
    pub certificate_seconds: f64,
    /// How long the federation metadata goes without a new signing certificate, and on with a removed one.
    pub metadata_seconds: f64,
    /// For how long after another certificate was made active some of the tenant still signs with the one before.
    pub activation_seconds: f64,
    /// Each how-manieth read of a service principal is answered by a stale replica, which shows its credentials as they were
    /// before the last change, for [`Self::stale_read_seconds`] after it; `None`: none is.
    pub stale_reads_every: Option<u64>,
    /// For how long after a change of credentials a stale replica shows those of before.
    pub stale_read_seconds: f64,
    /// Whether an application can't be deleted as long as it has a service principal in SAML mode.
    pub refuses_saml_deletion: bool,
    /// Whether the tenant's policy on identifier URIs exempts SAML applications.
    pub exempts_saml_identifiers: bool,
    /// Whether a deleted application holds the identifiers that were taken from it before.
    pub deleted_hold_identifiers: bool,
    /// Whether an identifier URI that is taken is refused by a code instead of by a text.
    pub identifier_taken_by_code: bool,
    /// Whether an assignment that exists is refused as an entitlement grant, with 409.
    pub assignment_exists_as_conflict: bool,
    /// Whether a reference that exists is refused as a conflicting object.
    pub reference_exists_as_conflict: bool,
    /// Whether a signing certificate can't be removed by writing the credential lists without it.
    pub refuses_certificate_removal: bool,
    /// The day (`2027-01-31`) on which the template for AWS is removed from the gallery.
    pub template_deprecation: Option<String>,
    /// How long `GET members` goes on answering as before a change of membership.
    pub membership_seconds: f64,
    /// After how many pages a listing has one page that is empty and yet has a next link; `None`: never.
    pub empty_page_after: Option<usize>,
    /// Resource units per ten seconds before 429; `None`: the documented limit for the size of the tenant.
    pub resource_units: Option<u32>,
    /// How long a change notification takes to set out; changes of that time travel in one batch.
    pub notification_seconds: f64,
    /// Each how-manieth batch of notifications is sent twice; `None`: none is.
    pub duplicate_notifications_every: Option<u64>,
    /// Each how-manieth batch of notifications takes six times as long; `None`: none does.
    pub late_notifications_every: Option<u64>,
    /// The domains that the tenant has verified.
    pub verified_domains: Vec<String>,
    /// Identifier URIs that applications of other teams have taken.
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
            verified_domains: vec!["contoso.onmicrosoft.com".into()],
            taken_identifier_uris: Vec::new(),
        }
    }
}
