//! IAM features that the emulator lacks. These are tags on SAML providers, the validation of SAML metadata, the setting
//! for outbound web identity federation, and the delay before a trust policy can name a new provider.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::stand_in::aws_error::{Protocol, Refusal, escape};
use crate::stand_in::clock::Clock;
use crate::stand_in::http::{Request, Response};
use crate::stand_in::inventory;
use crate::stand_in::options::Behaviour;
use crate::stand_in::upstream::Upstream;

/// The shortest metadata document that IAM accepts.
const SHORTEST: usize = 1000;

/// What this module stores in addition to the emulator's IAM.
#[derive(Debug, Default)]
struct State {
    tags: HashMap<String, BTreeMap<String, String>>,
    created: HashMap<String, OffsetDateTime>,
    /// Replaced metadata documents, each with the time until which some AWS endpoints still use the document.
    before: HashMap<String, Vec<(String, OffsetDateTime)>>,
    federation: bool,
    /// The number of calls to STS so far. It selects the endpoint that a call reaches.
    endpoint: usize,
}

/// Handles requests to IAM before they are forwarded to the emulator's IAM, and adds the missing features.
#[derive(Debug)]
pub(crate) struct Iam {
    upstream: Upstream,
    clock: Clock,
    behaviour: RwLock<Arc<Behaviour>>,
    issuer: String,
    state: Mutex<State>,
}

/// The parameters of a request in AWS's query protocol.
type Form = BTreeMap<String, String>;

impl Iam {
    pub(crate) fn new(upstream: Upstream, clock: Clock, behaviour: Behaviour) -> Self {
        let issuer = format!("https://{}.tokens.sts.global.api.aws", Uuid::new_v4());
        Self { upstream, clock, behaviour: RwLock::new(Arc::new(behaviour)), issuer, state: Mutex::default() }
    }

    fn behaviour(&self) -> Arc<Behaviour> {
        Arc::clone(&self.behaviour.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the behavior of IAM from the next call on.
    pub(crate) fn behave(&self, behaviour: Behaviour) {
        *self.behaviour.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(behaviour);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The issuer of this account's web identity tokens.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Whether outbound web identity federation is enabled.
    pub(crate) fn federates(&self) -> bool {
        self.state().federation
    }

    /// The tags of a SAML provider, in the format of IAM's list responses.
    pub(crate) fn tags(&self, arn: &str) -> Vec<Value> {
        let state = self.state();
        let tags = state.tags.get(arn).into_iter().flatten();
        tags.map(|(key, value)| serde_json::json!({ "Key": key, "Value": value })).collect()
    }

    /// The metadata documents of a SAML provider that AWS may currently use to validate a sign-in. These are the
    /// current document, and every earlier document that some AWS endpoints may still use. Empty if the provider does
    /// not exist.
    pub(crate) async fn sign_in_metadata(&self, arn: &str) -> Vec<String> {
        let Some(current) = self.metadata_of(arn).await else { return Vec::new() };
        let now = self.clock.now();
        let state = self.state();
        let before = state.before.get(arn).into_iter().flatten().filter(|(_, until)| *until > now);
        std::iter::once(current).chain(before.map(|(document, _)| document.clone())).collect()
    }

    /// The metadata document of a SAML provider that one endpoint of STS uses now. After an update, successive calls
    /// reach endpoints with the old and with the new document in turn.
    pub(crate) async fn sign_in_metadata_of_one_endpoint(&self, arn: &str) -> Option<String> {
        let mut documents = self.sign_in_metadata(arn).await;
        let mut state = self.state();
        state.endpoint = state.endpoint.wrapping_add(1);
        let at = state.endpoint % documents.len().max(1);
        (at < documents.len()).then(|| documents.swap_remove(at))
    }

    async fn metadata_of(&self, arn: &str) -> Option<String> {
        let found = inventory::ask(&self.upstream, "GetSAMLProvider", &[("SAMLProviderArn", arn)]).await;
        found.get("SAMLMetadataDocument").and_then(Value::as_str).map(str::to_owned)
    }

    /// Handles a request to IAM.
    pub(crate) async fn serve(&self, request: &Request) -> Response {
        let form: Form =
            form_urlencoded::parse(&request.body).into_owned().chain(request.query.iter().cloned()).collect();
        let action = form.get("Action").cloned().unwrap_or_default();
        match self.act(&action, &form, request).await {
            Ok(answer) => answer,
            Err(refusal) => refusal.answer(Protocol::Query),
        }
    }

    async fn act(&self, action: &str, form: &Form, request: &Request) -> Result<Response, Refusal> {
        let arn = form.get("SAMLProviderArn").cloned().unwrap_or_default();
        match action {
            "CreateSAMLProvider" => {
                self.metadata(form.get("SAMLMetadataDocument"))?;
                self.unlike_others("ListSAMLProviders", "Arn", form.get("Name")).await?;
                let answer = self.upstream.pass(request, Protocol::Query).await;
                Ok(self.created(answer, form))
            }
            "UpdateSAMLProvider" => {
                if form.contains_key("SAMLMetadataDocument") {
                    self.metadata(form.get("SAMLMetadataDocument"))?;
                }
                let before = self.metadata_of(&arn).await;
                let answer = self.upstream.pass(request, Protocol::Query).await;
                if let Some(before) = before.filter(|_| answer.status == 200) {
                    let until = self.clock.after(self.behaviour().provider_update_seconds);
                    self.state().before.entry(arn).or_default().push((before, until));
                }
                Ok(answer)
            }
            "DeleteSAMLProvider" => {
                let answer = self.upstream.pass(request, Protocol::Query).await;
                if answer.status == 200 {
                    self.state().tags.remove(&arn);
                    self.state().created.remove(&arn);
                    self.state().before.remove(&arn);
                }
                Ok(answer)
            }
            "GetSAMLProvider" => {
                let answer = self.upstream.pass(request, Protocol::Query).await;
                Ok(with_tags(answer, action, self.state().tags.get(&arn)))
            }
            "TagSAMLProvider" | "UntagSAMLProvider" | "ListSAMLProviderTags" => {
                self.must_exist(&arn).await?;
                self.tagging(action, &arn, form)
            }
            "EnableOutboundWebIdentityFederation"
            | "DisableOutboundWebIdentityFederation"
            | "GetOutboundWebIdentityFederationInfo" => self.federation(action),
            "DeletePolicy" => {
                self.only_version(form.get("PolicyArn").map(String::as_str).unwrap_or_default()).await?;
                Ok(self.upstream.pass(request, Protocol::Query).await)
            }
            "CreatePolicy" => {
                self.unlike_others("ListPolicies", "PolicyName", form.get("PolicyName")).await?;
                Ok(self.upstream.pass(request, Protocol::Query).await)
            }
            "CreateRole" | "UpdateAssumeRolePolicy" => {
                if action == "CreateRole" {
                    self.unlike_others("ListRoles", "RoleName", form.get("RoleName")).await?;
                }
                let policy = form.get("AssumeRolePolicyDocument").or_else(|| form.get("PolicyDocument"));
                self.principals(policy.map(String::as_str).unwrap_or_default()).await?;
                Ok(self.upstream.pass(request, Protocol::Query).await)
            }
            _ => Ok(self.upstream.pass(request, Protocol::Query).await),
        }
    }

    fn metadata(&self, document: Option<&String>) -> Result<(), Refusal> {
        metadata(document)?;
        let signed = document.is_some_and(|document| is_signed(document));
        if self.behaviour().metadata_must_be_signed && !signed {
            return Err(Refusal::new(
                400,
                "InvalidInput",
                "The SAML metadata document has no signature of its issuer.",
            ));
        }
        Ok(())
    }

    fn created(&self, answer: Response, form: &Form) -> Response {
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let arn = text.split("<SAMLProviderArn>").nth(1).and_then(|rest| rest.split('<').next());
        let Some(arn) = arn.filter(|_| answer.status == 200) else { return answer };
        let tags = tags_of(form);
        let mut state = self.state();
        state.created.insert(arn.to_owned(), self.clock.now());
        let answer = with_tags(answer, "CreateSAMLProvider", Some(&tags));
        state.tags.insert(arn.to_owned(), tags);
        answer
    }

    async fn must_exist(&self, arn: &str) -> Result<(), Refusal> {
        let answer = self.upstream.query("iam", &provider_query(arn)).await;
        if answer.status == 200 { Ok(()) } else { Err(no_such(arn)) }
    }

    /// Rejects a name that differs from an existing name only in upper and lower case: IAM names "are not distinguished
    /// by case" (IAM user guide, "IAM and AWS STS quotas"). The emulator itself rejects a name that is identical to an
    /// existing name.
    async fn unlike_others(&self, list: &str, element: &str, name: Option<&String>) -> Result<(), Refusal> {
        let Some(name) = name else { return Ok(()) };
        let form = [("Action", list), ("Version", "2010-05-08"), ("Scope", "Local"), ("MaxItems", "1000")];
        let answer = self.upstream.query("iam", &form).await;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let (start, end) = (format!("<{element}>"), format!("</{element}>"));
        let found = text.split(&start).skip(1).filter_map(|rest| rest.split(&end).next());
        let mut names = found.map(|found| found.rsplit('/').next().unwrap_or(found));
        match names.find(|other| *other != name && other.eq_ignore_ascii_case(name)) {
            Some(other) => {
                let message = format!("{name} already exists: the name {other} differs from it in case only.");
                Err(Refusal::new(409, "EntityAlreadyExists", message))
            }
            None => Ok(()),
        }
    }

    /// A policy can be deleted only after all its non-default versions have been deleted.
    async fn only_version(&self, arn: &str) -> Result<(), Refusal> {
        let form = [("Action", "ListPolicyVersions"), ("Version", "2010-05-08"), ("PolicyArn", arn)];
        let answer = self.upstream.query("iam", &form).await;
        let versions = String::from_utf8_lossy(&answer.body).matches("<VersionId>").count();
        if versions > 1 {
            return Err(Refusal::new(
                409,
                "DeleteConflict",
                "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. \
                 The default version is deleted with the policy.",
            ));
        }
        Ok(())
    }

    fn tagging(&self, action: &str, arn: &str, form: &Form) -> Result<Response, Refusal> {
        let mut state = self.state();
        let tags = state.tags.entry(arn.to_owned()).or_default();
        match action {
            "TagSAMLProvider" => {
                let mut all = tags.clone();
                all.extend(tags_of(form));
                if all.len() > 50 {
                    return Err(Refusal::new(409, "LimitExceeded", "A SAML provider has at most 50 tags."));
                }
                *tags = all;
                Ok(answer(action, None))
            }
            "UntagSAMLProvider" => {
                let gone: Vec<&String> =
                    form.iter().filter(|(name, _)| name.starts_with("TagKeys.member.")).map(|(_, key)| key).collect();
                tags.retain(|key, _| !gone.contains(&key));
                Ok(answer(action, None))
            }
            _ => Ok(answer(action, Some(&format!("<Tags>{}</Tags><IsTruncated>false</IsTruncated>", members(tags))))),
        }
    }

    fn federation(&self, action: &str) -> Result<Response, Refusal> {
        let mut state = self.state();
        let issuer = format!("<IssuerIdentifier>{}</IssuerIdentifier>", self.issuer);
        let disabled = || Refusal::new(404, "FeatureDisabled", "Outbound web identity federation is not enabled.");
        match (action, state.federation) {
            ("EnableOutboundWebIdentityFederation", false) => {
                state.federation = true;
                Ok(answer(action, Some(&issuer)))
            }
            ("EnableOutboundWebIdentityFederation", true) => {
                Err(Refusal::new(409, "FeatureEnabled", "Outbound web identity federation is enabled already."))
            }
            (_, false) => Err(disabled()),
            ("DisableOutboundWebIdentityFederation", true) => {
                state.federation = false;
                Ok(answer(action, None))
            }
            (_, true) => Ok(answer(action, Some(&format!("{issuer}<JwtVendingEnabled>true</JwtVendingEnabled>")))),
        }
    }

    /// Rejects a trust policy if one of the principals in it does not exist or is not visible to IAM yet.
    async fn principals(&self, policy: &str) -> Result<(), Refusal> {
        let Ok(policy) = serde_json::from_str::<Value>(policy) else { return Ok(()) };
        for (kind, arn) in principals_of(&policy) {
            let invalid = || {
                let message = format!("Invalid principal in policy: \"{kind}\":\"{arn}\"");
                Refusal::new(400, "MalformedPolicyDocument", message)
            };
            if arn.contains(":saml-provider/") {
                let visible = self
                    .state()
                    .created
                    .get(&arn)
                    .map(|at| *at + self.clock.lasts(self.behaviour().provider_visible_seconds));
                if visible.is_some_and(|visible| visible > self.clock.now()) {
                    return Err(invalid());
                }
                self.must_exist(&arn).await.map_err(|_| invalid())?;
            } else if let Some(role) = arn.split_once(":role/").map(|(_, path)| path.rsplit('/').next().unwrap_or(path))
            {
                let form = [("Action", "GetRole"), ("Version", "2010-05-08"), ("RoleName", role)];
                if self.upstream.query("iam", &form).await.status != 200 {
                    return Err(invalid());
                }
            }
        }
        Ok(())
    }
}

fn provider_query(arn: &str) -> [(&str, &str); 3] {
    [("Action", "GetSAMLProvider"), ("Version", "2010-05-08"), ("SAMLProviderArn", arn)]
}

fn no_such(arn: &str) -> Refusal {
    Refusal::new(404, "NoSuchEntity", format!("Manifest not found for arn {arn}"))
}

/// Type and name of every principal in a policy's statements.
fn principals_of(policy: &Value) -> Vec<(String, String)> {
    let statements = match policy.get("Statement") {
        Some(Value::Array(statements)) => statements.iter().collect(),
        Some(statement) => vec![statement],
        None => Vec::new(),
    };
    let mut found = Vec::new();
    for (kind, names) in statements.into_iter().filter_map(|one| one.get("Principal")?.as_object()).flatten() {
        let names = names.as_array().cloned().unwrap_or_else(|| vec![names.clone()]);
        found.extend(names.iter().filter_map(Value::as_str).map(|name| (kind.clone(), name.to_owned())));
    }
    found
}

/// Rejects a SAML metadata document that does not describe an identity provider.
fn metadata(document: Option<&String>) -> Result<(), Refusal> {
    let refuse = |message: &str| Err(Refusal::new(400, "InvalidInput", message));
    let Some(document) = document.filter(|document| document.chars().count() >= SHORTEST) else {
        return refuse("The SAML metadata document must have at least 1000 characters.");
    };
    let Ok(parsed) = roxmltree::Document::parse(document) else {
        return refuse("Could not parse metadata.");
    };
    let root = parsed.root_element();
    let provider = root.descendants().any(|node| node.tag_name().name() == "IDPSSODescriptor");
    if root.tag_name().name() != "EntityDescriptor" || root.attribute("entityID").is_none() || !provider {
        return refuse(
            "Could not parse metadata: an EntityDescriptor with an entityID and an IDPSSODescriptor is expected.",
        );
    }
    Ok(())
}

/// Whether the root element of a metadata document has a signature.
fn is_signed(document: &str) -> bool {
    roxmltree::Document::parse(document)
        .is_ok_and(|parsed| parsed.root_element().children().any(|node| node.tag_name().name() == "Signature"))
}

/// The tags in a form: `Tags.member.N.Key` and `.Value`.
fn tags_of(form: &Form) -> BTreeMap<String, String> {
    let keys = form.iter().filter(|(name, _)| name.starts_with("Tags.member.") && name.ends_with(".Key"));
    keys.map(|(name, key)| {
        let value = form.get(&format!("{}.Value", name.trim_end_matches(".Key")));
        (key.clone(), value.cloned().unwrap_or_default())
    })
    .collect()
}

fn members(tags: &BTreeMap<String, String>) -> String {
    let member = |(key, value): (&String, &String)| {
        format!("<member><Key>{}</Key><Value>{}</Value></member>", escape(key), escape(value))
    };
    tags.iter().map(member).collect()
}

/// Returns the emulator's response with the current tags of the provider. The tag list in the emulator's response is
/// replaced, because the emulator stores only the tags with which the provider was created.
fn with_tags(mut answer: Response, action: &str, tags: Option<&BTreeMap<String, String>>) -> Response {
    let Some(tags) = tags.filter(|_| answer.status == 200) else { return answer };
    let mut text = String::from_utf8_lossy(&answer.body).into_owned();
    if let (Some(from), Some(to)) = (text.find("<Tags>"), text.find("</Tags>")) {
        text.replace_range(from..to + "</Tags>".len(), "");
    }
    let end = format!("</{action}Result>");
    answer.body = text.replace(&end, &format!("<Tags>{}</Tags>{end}", members(tags))).into_bytes();
    answer
}

/// A response in the format of AWS's query protocol.
fn answer(action: &str, result: Option<&str>) -> Response {
    let id = Uuid::new_v4();
    let result = result.map(|result| format!("<{action}Result>{result}</{action}Result>")).unwrap_or_default();
    let body = format!(
        "<{action}Response xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">{result}<ResponseMetadata>\
         <RequestId>{id}</RequestId></ResponseMetadata></{action}Response>"
    );
    Response::new(200, "text/xml", body).with_header("x-amzn-requestid", id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_metadata_is_rejected() {
        let document = |inner: &str| {
            format!(
                "<EntityDescriptor entityID='https://sts.windows.net/x/'>{inner}<!--{}--></EntityDescriptor>",
                "x".repeat(1000)
            )
        };
        assert_eq!(metadata(Some(&document("<IDPSSODescriptor/>"))), Ok(()));
        for bad in [
            document(""),
            "x".repeat(2000),
            "<EntityDescriptor entityID='x'><IDPSSODescriptor/></EntityDescriptor>".into(),
        ] {
            assert_eq!(metadata(Some(&bad)).map_err(|refusal| refusal.code), Err("InvalidInput".to_owned()));
        }
    }

    #[test]
    fn a_saml_provider_response_contains_only_the_latest_tags() {
        let answer = |inner: &str| {
            let body = format!("<R><GetSAMLProviderResult><CreateDate/>{inner}</GetSAMLProviderResult></R>");
            Response::new(200, "text/xml", body)
        };
        let tags = BTreeMap::from([("a".to_owned(), "1".to_owned())]);
        let list = "<Tags><member><Key>a</Key><Value>1</Value></member></Tags>";
        for of_creation in ["", "<Tags></Tags>", "<Tags><member><Key>b</Key><Value>2</Value></member></Tags>"] {
            let found = with_tags(answer(of_creation), "GetSAMLProvider", Some(&tags));
            assert_eq!(String::from_utf8_lossy(&found.body), String::from_utf8_lossy(&answer(list).body));
        }
    }

    #[test]
    fn principals_are_found_in_single_and_listed_form() {
        let policy = serde_json::json!({ "Statement": [
            { "Principal": { "Federated": "a" } }, { "Principal": { "AWS": ["b", "c"] } }, { "Principal": "*" },
        ] });
        let names: Vec<String> = principals_of(&policy).into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["a", "b", "c"]);
    }
}
