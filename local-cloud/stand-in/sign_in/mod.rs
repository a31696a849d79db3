//! The test sign-in: all steps from the user access URL to the first page of Connect, with the current settings of
//! Entra and AWS. The Entra part is in [`crate::stand_in::graph`]. The module [`aws`] emulates AWS sign-in and
//! Connect's user lookup, [`exchange`] emulates STS. A test sign-in changes no resource, is recorded in CloudTrail, and
//! shares no code with the product.
//!
//! [`operation`] is the API operation `AssumeRoleWithSAML`, and [`identity_provider`] signs responses for its callers.

pub(crate) mod assertion;
pub(crate) mod aws;
pub(crate) mod exchange;
pub(crate) mod global;
pub(crate) mod identity_provider;
pub(crate) mod operation;
pub(crate) mod relay_state;
pub(crate) mod response;
pub(crate) mod xml_signature;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use crate::stand_in::front::Cloud;

/// The user and application of a test sign-in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The Entra application, by client ID or display name.
    pub application: String,
    /// The user, by object ID or user principal name.
    pub user: String,
    /// The ID of a session that an earlier test sign-in has started. If given, the browser opens Connect with this
    /// session, without a new sign-in.
    #[serde(default)]
    pub session: Option<String>,
}

/// The result of a test sign-in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SignedIn {
    /// Whether the user is signed in to Connect.
    pub signed_in: bool,
    /// The service that rejected the sign-in: `Microsoft Entra ID`, `AWS sign-in` or `Amazon Connect`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_by: Option<String>,
    /// The message of the error page, if the sign-in was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The role session name, if AWS has created a role session. Connect looks up the user with this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The ID of the instance that the relay state selects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<String>,
    /// The URL of the page that opens after sign-in, if the relay state selects a page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// The ID of the session in Connect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The thumbprints of the certificates with which the responses were signed. There are several certificates while
    /// Entra's replicas differ.
    pub certificates: Vec<String>,
    /// The forms that the browser posted to AWS, in the order in which they were checked.
    pub forms: Vec<Form>,
}

/// The form with which the browser posts a SAML response to AWS (SAML 2.0 bindings, 3.5: HTTP POST).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Form {
    /// The URL to which the form is posted.
    pub action: String,
    /// The field `SAMLResponse`: the response in base64.
    pub saml_response: String,
    /// The field `RelayState`.
    pub relay_state: String,
}

/// The data that Entra sends to the browser and that the browser posts to AWS.
#[derive(Clone, Debug)]
pub(crate) struct PostedResponse {
    pub(crate) reply_url: String,
    /// The SAML response, as XML.
    pub(crate) response: String,
    pub(crate) relay_state: String,
    /// The thumbprint of the signing certificate.
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

/// The error page on which a sign-in ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    by: &'static str,
    message: String,
}

impl Refusal {
    pub(crate) fn new(by: &'static str, message: impl Into<String>) -> Self {
        Self { by, message: message.into() }
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }
}

/// The index of the certificate (base64 DER) with whose key a SAML response (base64) was signed. `None` if the response
/// is not valid, or was signed with another key.
#[must_use]
pub fn signer(response: &str, certificates: &[&str]) -> Option<usize> {
    let response = String::from_utf8(STANDARD.decode(response).ok()?).ok()?;
    let id = assertion::Assertion::read(&response).ok()?.id;
    let signs = |certificate: &&str| xml_signature::verify(&response, &id, &[(*certificate).to_owned()]).is_ok();
    certificates.iter().position(signs)
}

/// Signs a user in. While Entra's replicas may differ, there are several possible responses. The sign-in succeeds only
/// if every possible response leads to Connect.
pub(crate) async fn rehearse(cloud: &Cloud, wanted: &SignIn) -> SignedIn {
    let mut outcome = SignedIn::default();
    if let Some(session) = &wanted.session {
        return resume(cloud, session);
    }
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
    outcome.ended(refused)
}

impl SignedIn {
    fn ended(mut self, refused: Option<Refusal>) -> Self {
        self.signed_in = refused.is_none();
        if let Some(Refusal { by, message }) = refused {
            self.refused_by = Some(by.into());
            self.message = Some(message);
            self.session = None;
        }
        self
    }
}

/// Opens Connect with an existing session.
fn resume(cloud: &Cloud, session: &str) -> SignedIn {
    match aws::resume(cloud, session) {
        Ok((instance, username)) => SignedIn {
            session: Some(session.to_owned()),
            instance_id: Some(instance),
            username: Some(username),
            ..SignedIn::default()
        }
        .ended(None),
        Err(refusal) => SignedIn::default().ended(Some(refusal)),
    }
}

/// The steps of a sign-in from the posted SAML response to Connect.
async fn enter(cloud: &Cloud, posted: &PostedResponse, outcome: &mut SignedIn) -> Result<(), Refusal> {
    let session = aws::assume_role(cloud, posted).await?;
    outcome.username = Some(session.name.clone());
    let target = match global::target(cloud, &posted.reply_url, &session.name)? {
        Some(target) => target,
        None => relay_state::target(cloud, &posted.relay_state)?,
    };
    outcome.instance_id = Some(target.instance.clone());
    outcome.session = Some(aws::federate(cloud, &session, &target).await?);
    outcome.page = target.page.map(|page| page.url);
    Ok(())
}
