//! The rehearsal of a sign-in: everything that happens between the user access URL and Connect's first page, by the
//! settings of both clouds as they stand. Entra's half is in [`crate::graph`]; [`aws`] is AWS sign-in and STS; behind
//! that Connect looks for its user. Nothing here changes anything, and nothing is shared with the product.

pub(crate) mod assertion;
pub(crate) mod aws;
pub(crate) mod xml_signature;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use crate::front::Cloud;

/// Who wants to sign in where.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The Entra application, by its client id or display name.
    pub application: String,
    /// The person, by object id or user principal name.
    pub user: String,
}

/// How a sign-in ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SignedIn {
    /// Whether the person is in Connect now.
    pub signed_in: bool,
    /// Whose page the person sees instead: `Microsoft Entra ID`, `AWS sign-in` or `Amazon Connect`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_by: Option<String>,
    /// What it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The role session's name, as far as it got: the username that Connect looks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The instance that the relay state leads to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<String>,
    /// The thumbprints of the certificates whose keys signed: more than one while Entra's replicas do not agree.
    pub certificates: Vec<String>,
    /// What the browser posted to AWS, in the order in which it was judged.
    pub forms: Vec<Form>,
}

/// The form by which the browser carries a SAML response to AWS (SAML 2.0 bindings, 3.5: HTTP POST).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Form {
    /// Where it is posted.
    pub action: String,
    /// The field `SAMLResponse`: the response in base64.
    pub saml_response: String,
    /// The field `RelayState`.
    pub relay_state: String,
}

/// What the browser carries from Entra to AWS.
#[derive(Clone, Debug)]
pub(crate) struct PostedResponse {
    pub(crate) reply_url: String,
    /// The SAML response, as XML.
    pub(crate) response: String,
    pub(crate) relay_state: String,
    /// Whose key signed it.
    pub(crate) thumbprint: String,
}

impl PostedResponse {
    fn form(&self) -> Form {
        Form {
            action: self.reply_url.clone(),
            saml_response: STANDARD.encode(&self.response),
            relay_state: self.relay_state.clone(),
        }
    }
}

/// The page on which a sign-in ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    by: &'static str,
    message: String,
}

impl Refusal {
    pub(crate) fn new(by: &'static str, message: impl Into<String>) -> Self {
        Self { by, message: message.into() }
    }
}

/// Signs a person in. Where replicas may not agree yet, each way has to lead to Connect.
pub(crate) async fn rehearse(cloud: &Cloud, wanted: &SignIn) -> SignedIn {
    let mut outcome = SignedIn::default();
    let refused = match cloud.graph.saml_responses(&wanted.application, &wanted.user) {
        Err(refusal) => Some(refusal),
        Ok(responses) => {
            let mut refused = None;
            for posted in &responses {
                if !outcome.certificates.contains(&posted.thumbprint) {
                    outcome.certificates.push(posted.thumbprint.clone());
                }
                outcome.forms.push(posted.form());
                if let Err(refusal) = enter(cloud, posted, &mut outcome).await {
                    refused = Some(refusal);
                    break;
                }
            }
            refused
        }
    };
    outcome.signed_in = refused.is_none();
    if let Some(Refusal { by, message }) = refused {
        outcome.refused_by = Some(by.into());
        outcome.message = Some(message);
    }
    outcome
}

/// From the posted response into Connect.
async fn enter(cloud: &Cloud, posted: &PostedResponse, outcome: &mut SignedIn) -> Result<(), Refusal> {
    let session = aws::assume_role(cloud, posted).await?;
    outcome.username = Some(session.name.clone());
    let instance = aws::destination(cloud, &posted.relay_state)?;
    outcome.instance_id = Some(instance.clone());
    aws::federate(cloud, &session, &instance).await
}
