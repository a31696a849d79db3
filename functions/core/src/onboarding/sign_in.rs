//! The input section `signIn`: the page that opens after sign-in.

use serde::{Deserialize, Serialize};

#[cfg(feature = "schema")]
use schemars::JsonSchema;

/// What users see after they have signed in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct SignIn {
    /// The page that opens after sign-in: `agentWorkspace`, `ccp`, `admin`, or a path within the instance, for example
    /// `/real-time-metrics`. The security profiles of the users must grant access to this page. If absent, Amazon
    /// Connect opens its own start page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<Destination>,
}

/// A page of the instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(untagged)]
pub enum Destination {
    /// A page, specified by its name.
    Page(Page),
    /// A path within the instance, not percent-encoded, with a query if the page needs one.
    Path(
        #[cfg_attr(feature = "schema", schemars(length(max = 1024), regex(pattern = r"^/([^/\\#%\s][^\\#%\s]*)?$")))]
        String,
    ),
}

/// The pages that the input can specify by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Page {
    /// The agent workspace.
    AgentWorkspace,
    /// The Contact Control Panel.
    Ccp,
    /// The home page of the admin website.
    Admin,
}

impl Destination {
    /// Maximum length of the path of a page, in characters. Amazon Connect documents no limit.
    pub const MAX_PATH: usize = 1024;

    /// The path of the page, relative to the access URL of the instance. The sources of the paths are in the
    /// administrator guide of Amazon Connect. "Use a destination in your relay state URL" contains the paths of the
    /// agent workspace and the CCP. Other pages of the guide contain the URL `https://<alias>.my.connect.aws/home` of
    /// the admin website, for example "Set up S3 Object Lock for immutable call recordings".
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Self::Page(Page::AgentWorkspace) => "/agent-app-v2",
            Self::Page(Page::Ccp) => "/ccp-v2/",
            Self::Page(Page::Admin) => "/home",
            Self::Path(path) => path,
        }
    }
}
