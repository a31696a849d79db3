//! Replicated instances (Amazon Connect Global Resiliency): whether an instance is the source or the replica, and the
//! global sign-in of a replicated instance.
//!
//! Source of the rules: Amazon Connect Administrator Guide, "Integrate your identity provider (`IdP`) with a Connect
//! Customer Global Resiliency SAML sign in endpoint" and "Create a replica of your existing Connect Customer instance".
//! The source instance and its replica have the same instance ID. The global sign-in endpoint is
//! `https://ID.SOURCE-REGION.sign-in.connect.aws/saml`. The reply URL in the identity provider is this endpoint with a
//! query that contains the account, the IAM role and the SAML provider. No relay state is needed.

use serde_json::Value;

use crate::{contract::OpenItem, iam::sign_in_endpoints};

/// The fields of a `DescribeInstance` response that describe the replication of an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reported {
    /// The field `SourceRegion`: the Region of the source instance.
    pub source_region: Option<String>,
    /// The field `GlobalSignInEndpoint`.
    pub endpoint: Option<String>,
    /// The Regions in `ReplicationStatusSummaryList`.
    pub regions: Vec<String>,
}

/// Whether an instance is replicated, and if so, whether it is the source or the replica.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Replication {
    /// The instance is not replicated.
    #[default]
    Single,
    /// The instance was created in this Region and has a replica.
    Source(GlobalSignIn),
    /// The instance is the replica of an instance in another Region.
    Replica {
        /// The Region of the source instance.
        source_region: String,
    },
}

impl Replication {
    /// Determines whether the instance with this ID is a source or a replica. `reported` contains fields of the
    /// `DescribeInstance` response in `region`. If the response contains a global endpoint or another Region, the
    /// instance is treated as replicated even if other fields are missing, so that an onboarding never overwrites the
    /// global sign-in.
    #[must_use]
    pub fn of(instance_id: &str, region: &str, reported: &Reported) -> Self {
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let endpoint = filled(&reported.endpoint);
        let named = endpoint.as_deref().and_then(region_of);
        let has_other = reported.regions.iter().any(|one| !one.is_empty() && one != region);
        let source = filled(&reported.source_region).or_else(|| named.map(ToOwned::to_owned));
        match source {
            None if endpoint.is_none() && !has_other => Self::Single,
            Some(source_region) if source_region != region => Self::Replica { source_region },
            _ => Self::Source(GlobalSignIn::new(
                endpoint.unwrap_or_else(|| format!("https://{instance_id}.{region}.sign-in.connect.aws/saml")),
            )),
        }
    }

    /// The global sign-in, if the instance is the source instance of a replica.
    #[must_use]
    pub const fn global_sign_in(&self) -> Option<&GlobalSignIn> {
        match self {
            Self::Source(global) => Some(global),
            Self::Single | Self::Replica { .. } => None,
        }
    }

    /// If the instance is a replica, the reason why it can't be the instance of an onboarding.
    #[must_use]
    pub fn refusal(&self, region: &str) -> Option<String> {
        let Self::Replica { source_region } = self else { return None };
        Some(format!(
            "it is the replica in {region} of an instance in {source_region}: Amazon Connect copies users and settings only \
             from the source, and only the source can assign users to a traffic distribution group; run this in \
             {source_region} with the alias of the source"
        ))
    }
}

/// The Region in a URL of the form `https://ID.REGION.sign-in.connect.aws…`.
fn region_of(endpoint: &str) -> Option<&str> {
    let host = endpoint.strip_prefix("https://")?.split('/').next()?;
    host.strip_suffix(".sign-in.connect.aws")?.split_once('.').map(|(_, region)| region)
}

/// Maximum length of a reply URL in Entra ID (Microsoft identity platform, "Redirect URI (reply URL) restrictions and
/// limitations").
pub const LONGEST_REPLY_URL: usize = 256;

/// The global sign-in of a replicated instance, which redirects users to the Region that the traffic distribution group
/// selects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlobalSignIn {
    endpoint: String,
}

impl GlobalSignIn {
    /// Creates the global sign-in from the URL that `DescribeInstance` returns, with or without the path `/saml`.
    #[must_use]
    pub fn new(url: impl AsRef<str>) -> Self {
        let url = url.as_ref().split('?').next().unwrap_or_default().trim_end_matches('/');
        let endpoint = if url.ends_with("/saml") { url.to_owned() } else { format!("{url}/saml") };
        Self { endpoint }
    }

    /// The global sign-in endpoint, without a query.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The pattern for the global sign-in endpoint as an audience in the trust policy of the role.
    #[must_use]
    pub fn audience(&self) -> String {
        format!("{}*", self.endpoint)
    }

    /// The reply URL that an administrator enters in Entra ID. The query of this URL can contain either the ARN or the
    /// name of the role. The ARN is preferred, because the name would contain the path of the role. The name is used
    /// only if the URL with the ARN is longer than [`LONGEST_REPLY_URL`].
    #[must_use]
    pub fn reply_url(&self, instance_id: &str, role_arn: &str, saml_provider_arn: &str) -> String {
        let account = role_arn.split(':').nth(4).unwrap_or_default();
        let role_name = role_arn.split_once(":role/").map_or(role_arn, |(_, name)| name);
        let provider_name = saml_provider_arn.rsplit('/').next().unwrap_or(saml_provider_arn);
        let url = |role: &str| {
            let endpoint = &self.endpoint;
            format!("{endpoint}?&instanceId={instance_id}&accountId={account}&role={role}&idp={provider_name}")
        };
        Some(url(role_arn)).filter(|url| url.len() <= LONGEST_REPLY_URL).unwrap_or_else(|| url(role_name))
    }

    /// The open item for a replicated instance whose enterprise application does not use the global sign-in.
    #[must_use]
    pub fn open_item(&self, instance_id: &str, role_arn: &str, saml_provider_arn: &str) -> OpenItem {
        let reply_url = self.reply_url(instance_id, role_arn, saml_provider_arn);
        let length = match reply_url.len() {
            length if length <= LONGEST_REPLY_URL => String::new(),
            length => format!(
                " This URL has {length} characters, but Entra ID accepts at most {LONGEST_REPLY_URL} characters, so use a \
                 role and a provider with shorter names."
            ),
        };
        OpenItem::new(
            "global sign-in",
            "the instance is replicated, but its users sign in to one Region only, so they can't be moved to the other \
             Region",
            format!(
                "When all users are in a traffic distribution group and in both Regions, set this reply URL in Entra ID \
                 instead of the present ones, and remove the relay state: {reply_url} .{length} The trust policy of the role \
                 must contain the audience {} under StringLike. From then on, onboarding and drift check keep these settings.",
                self.audience()
            ),
        )
    }

    /// Whether a URL is the global sign-in endpoint, with or without a query.
    #[must_use]
    pub fn is_reply_url(&self, url: &str) -> bool {
        url.strip_prefix(&self.endpoint).is_some_and(|rest| rest.is_empty() || rest.starts_with('?'))
    }

    /// Whether an application with these reply URLs uses the global sign-in.
    #[must_use]
    pub fn is_used_by(&self, reply_urls: &[String]) -> bool {
        reply_urls.iter().any(|url| self.is_reply_url(url))
    }

    /// Whether a trust policy accepts sign-ins only from this SAML provider and only to this instance. The sign-in can
    /// use the global endpoint or the AWS sign-in endpoints of this Region, because an administrator may have chosen
    /// any of these endpoints.
    #[must_use]
    pub fn is_trust_policy(&self, document: &Value, saml_provider_arn: &str, region: &str) -> bool {
        let statements = list(document.get("Statement"));
        !statements.is_empty() && statements.iter().all(|one| self.is_statement(one, saml_provider_arn, region))
    }

    fn is_statement(&self, statement: &Value, saml_provider_arn: &str, region: &str) -> bool {
        const FIELDS: [&str; 5] = ["Sid", "Effect", "Principal", "Action", "Condition"];
        let Some(fields) = statement.as_object() else { return false };
        let only = |value: Option<&Value>, wanted: &str| {
            let values = list(value);
            !values.is_empty() && values.iter().all(|one| *one == wanted)
        };
        let principal = statement.get("Principal").and_then(Value::as_object);
        let conditions = statement.get("Condition").and_then(Value::as_object);
        fields.keys().all(|field| FIELDS.contains(&field.as_str()))
            && only(statement.get("Effect"), "Allow")
            && only(statement.get("Action"), "sts:AssumeRoleWithSAML")
            && principal.is_some_and(|kinds| kinds.len() == 1 && only(kinds.get("Federated"), saml_provider_arn))
            && conditions.is_some_and(|operators| {
                !operators.is_empty()
                    && operators.iter().all(|(operator, keys)| self.is_condition(operator, keys, region))
            })
    }

    fn is_condition(&self, operator: &str, keys: &Value, region: &str) -> bool {
        let patterns = operator == "StringLike";
        let regional = sign_in_endpoints(region);
        let allowed = |audience: &Value| {
            audience.as_str().is_some_and(|audience| {
                let global = audience.strip_prefix(&self.endpoint).is_some_and(|rest| rest.starts_with('?'));
                let exact = !audience.contains(['*', '?']) || (!patterns && global);
                (patterns && audience == self.audience())
                    || (exact && (global || regional.iter().any(|one| one == audience)))
            })
        };
        let keys = keys.as_object();
        (patterns || operator == "StringEquals")
            && keys.is_some_and(|keys| {
                keys.len() == 1
                    && keys.iter().all(|(key, audiences)| {
                        let audiences = list(Some(audiences));
                        key.eq_ignore_ascii_case("SAML:aud")
                            && !audiences.is_empty()
                            && audiences.into_iter().all(allowed)
                    })
            })
    }
}

/// Returns the items of a JSON value that is either a list or a single item.
fn list(value: Option<&Value>) -> Vec<&Value> {
    match value {
        None => Vec::new(),
        Some(Value::Array(items)) => items.iter().collect(),
        Some(single) => vec![single],
    }
}

#[cfg(test)]
mod tests;
