//! A small fake of IAM and STS in memory. The fake implements the operations that the steps use, applies the rules of
//! IAM for names, versions and tags, and records the called actions.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use serde_json::json;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

use super::clients;
use connect_onboarding::context::Context;

/// The ID of the AWS account.
pub(crate) const ACCOUNT: &str = "111122223333";
/// The ID of the Entra tenant.
pub(crate) const TENANT: &str = "0f5a1de4-0000-4000-8000-00000000000a";

type Form = BTreeMap<String, String>;
type Tags = BTreeMap<String, String>;

#[derive(Clone, Debug, Default)]
pub(crate) struct Provider {
    pub(crate) metadata: String,
    pub(crate) tags: Tags,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Policy {
    /// The version number and the document of each policy version.
    pub(crate) versions: Vec<(u32, String)>,
    pub(crate) default: u32,
    pub(crate) tags: Tags,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Role {
    pub(crate) trust: String,
    pub(crate) seconds: u32,
    pub(crate) description: String,
    pub(crate) attached: Vec<String>,
    pub(crate) boundary: Option<String>,
    pub(crate) tags: Tags,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    /// The SAML providers by name.
    pub(crate) providers: BTreeMap<String, Provider>,
    /// The policies by path and name, for example `/connect-onboarding/P`.
    pub(crate) policies: BTreeMap<String, Policy>,
    /// The roles by name.
    pub(crate) roles: BTreeMap<String, Role>,
    /// The IAM users that every policy is attached to.
    pub(crate) policy_users: Vec<String>,
    /// An action that fails once with this error, without effect.
    pub(crate) fail: Option<(&'static str, u16, &'static str, &'static str)>,
    /// An action for which IAM once returns an internal error, although the action takes effect.
    pub(crate) lose: Option<&'static str>,
    /// The response of the federation metadata endpoint.
    pub(crate) federation_metadata: String,
    calls: Vec<String>,
}

/// The fake, its server and its clients.
pub(crate) struct FakeIam {
    state: Arc<Mutex<State>>,
    _server: MockServer,
    pub(crate) ctx: Context,
}

impl FakeIam {
    pub(crate) async fn start() -> Self {
        Self::start_for(clients::on).await
    }

    /// Starts the fake, with clients that retry as the SDK clients of the functions do.
    pub(crate) async fn start_with_retries() -> Self {
        Self::start_for(clients::with_retries).await
    }

    async fn start_for(clients: impl Fn(&str) -> Context) -> Self {
        let (server, state) = (MockServer::start().await, Arc::<Mutex<State>>::default());
        Mock::given(any()).respond_with(Responder(state.clone())).mount(&server).await;
        let ctx = clients(&server.uri());
        Self { state, _server: server, ctx }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The actions called since the last call of this method.
    pub(crate) fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.state().calls)
    }

    /// The actions that changed something, since the last call of this method or [`Self::calls`].
    pub(crate) fn writes(&self) -> Vec<String> {
        self.calls().into_iter().filter(|call| !call.starts_with("Get") && !call.starts_with("List")).collect()
    }
}

/// The tags of an onboarding of this alias.
pub(crate) fn ours(alias: &str) -> Tags {
    onboarding_core::names::tags(alias).map(|(key, value)| (key.to_owned(), value)).into()
}

struct Responder(Arc<Mutex<State>>);

impl Respond for Responder {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.0.lock().unwrap();
        if request.method.as_str() == "GET" {
            return ResponseTemplate::new(200).set_body_string(&state.federation_metadata);
        }
        if request.headers.get("x-amz-target").is_some() {
            let secret = json!({ "tenantId": TENANT, "clientId": "c", "clientSecret": "s" }).to_string();
            return ResponseTemplate::new(200)
                .set_body_json(json!({ "Name": "graph-credential", "SecretString": secret }));
        }
        let form: Form = form_urlencoded::parse(&request.body).into_owned().collect();
        let action = form["Action"].clone();
        state.calls.push(action.clone());
        let outcome = match state.fail {
            Some((failing, status, code, message)) if failing == action => {
                state.fail = None;
                Err((status, code, message))
            }
            _ => state.act(&action, &form),
        };
        let lost = outcome.is_ok() && state.lose.take_if(|losing| *losing == action).is_some();
        let outcome = if lost { Err((500, "ServiceFailure", "An internal error occurred.")) } else { outcome };
        let (status, body) = match outcome {
            Ok(result) => (
                200,
                format!(
                    "<{action}Response xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><{action}Result>{result}</{action}Result>\
                     <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></{action}Response>"
                ),
            ),
            Err((status, code, message)) => (
                status,
                format!(
                    "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
                     <RequestId>r</RequestId></ErrorResponse>"
                ),
            ),
        };
        ResponseTemplate::new(status).set_body_raw(body, "text/xml")
    }
}

type Outcome = Result<String, (u16, &'static str, &'static str)>;

/// The page size, which is small because IAM may return fewer results than exist.
const VERSIONS_PER_PAGE: usize = 2;
const NONE: (u16, &str, &str) = (404, "NoSuchEntity", "It does not exist.");
const TAKEN: (u16, &str, &str) = (409, "EntityAlreadyExists", "It exists already.");

impl State {
    fn act(&mut self, action: &str, form: &Form) -> Outcome {
        let field = |name: &str| form.get(name).cloned().unwrap_or_default();
        match action {
            "GetCallerIdentity" => Ok(format!(
                "<Arn>arn:aws:sts::{ACCOUNT}:assumed-role/step/session</Arn><UserId>U</UserId><Account>{ACCOUNT}</Account>"
            )),
            "GetSAMLProvider" => {
                let arn = field("SAMLProviderArn");
                let provider = self.providers.get(arn.rsplit('/').next().unwrap_or_default()).ok_or(NONE)?;
                let metadata = escape(&provider.metadata);
                Ok(format!(
                    "<SAMLMetadataDocument>{metadata}</SAMLMetadataDocument><Tags>{}</Tags>",
                    members(&provider.tags)
                ))
            }
            "CreateSAMLProvider" => {
                let name = field("Name");
                if self.providers.contains_key(&name) {
                    return Err(TAKEN);
                }
                let provider = Provider { metadata: field("SAMLMetadataDocument"), tags: tags_of(form) };
                self.providers.insert(name.clone(), provider);
                Ok(format!("<SAMLProviderArn>arn:aws:iam::{ACCOUNT}:saml-provider/{name}</SAMLProviderArn>"))
            }
            "UpdateSAMLProvider" => {
                let arn = field("SAMLProviderArn");
                let provider = self.providers.get_mut(arn.rsplit('/').next().unwrap_or_default()).ok_or(NONE)?;
                provider.metadata = field("SAMLMetadataDocument");
                Ok(format!("<SAMLProviderArn>{arn}</SAMLProviderArn>"))
            }
            _ if action.contains("Polic") && !action.contains("Role") => self.policy(action, form),
            _ => self.role(action, form),
        }
    }

    fn policy(&mut self, action: &str, form: &Form) -> Outcome {
        let field = |name: &str| form.get(name).cloned().unwrap_or_default();
        let arn = field("PolicyArn");
        let key = arn.split_once(":policy").map(|(_, key)| key.to_owned()).unwrap_or_default();
        match action {
            "ListPolicies" => {
                let policies: String =
                    self.policies.iter().map(|(key, policy)| format!("<member>{}</member>", policy.xml(key))).collect();
                Ok(format!("<Policies>{policies}</Policies><IsTruncated>false</IsTruncated>"))
            }
            "CreatePolicy" => {
                let (path, name) = (field("Path"), field("PolicyName"));
                if self.policies.keys().any(|key| key.rsplit('/').next() == Some(&name)) {
                    return Err(TAKEN);
                }
                let policy = Policy { versions: vec![(1, field("PolicyDocument"))], default: 1, tags: tags_of(form) };
                let key = format!("{path}{name}");
                let xml = policy.xml(&key);
                self.policies.insert(key, policy);
                Ok(format!("<Policy>{xml}</Policy>"))
            }
            "GetPolicy" => Ok(format!(
                "<Policy>{}<AttachmentCount>{}</AttachmentCount></Policy>",
                self.policies.get(&key).ok_or(NONE)?.xml(&key),
                self.policy_users.len()
            )),
            // IAM may return a page without entities although more pages follow.
            "ListEntitiesForPolicy" if !form.contains_key("Marker") => Ok(page("", Some(0))),
            "ListEntitiesForPolicy" => {
                let member = |name: &String| format!("<member><UserName>{name}</UserName></member>");
                let users: String = self.policy_users.iter().map(member).collect();
                Ok(page(&format!("<PolicyUsers>{users}</PolicyUsers>"), None))
            }
            "DeletePolicy" => {
                if !self.policy_users.is_empty() || self.policies.get(&key).ok_or(NONE)?.versions.len() > 1 {
                    return Err((409, "DeleteConflict", "The policy is attached or has other versions."));
                }
                self.policies.remove(&key);
                Ok(String::new())
            }
            _ => self.policy_version(action, form, &key),
        }
    }

    fn policy_version(&mut self, action: &str, form: &Form, key: &str) -> Outcome {
        let field = |name: &str| form.get(name).cloned().unwrap_or_default();
        match action {
            "GetPolicyVersion" => {
                let policy = self.policies.get(key).ok_or(NONE)?;
                let id = field("VersionId");
                let (number, document) =
                    policy.versions.iter().find(|(number, _)| format!("v{number}") == id).ok_or(NONE)?;
                let document: String = form_urlencoded::byte_serialize(document.as_bytes()).collect();
                Ok(format!(
                    "<PolicyVersion><VersionId>v{number}</VersionId><Document>{}</Document></PolicyVersion>",
                    document.replace('+', "%20")
                ))
            }
            "ListPolicyVersions" => {
                let policy = self.policies.get(key).ok_or(NONE)?;
                let start: usize = field("Marker").parse().unwrap_or_default();
                let next = Some(start + VERSIONS_PER_PAGE).filter(|next| *next < policy.versions.len());
                let versions = policy.versions.iter().skip(start).take(VERSIONS_PER_PAGE).map(|(number, _)| {
                    let default = *number == policy.default;
                    format!("<member><VersionId>v{number}</VersionId><IsDefaultVersion>{default}</IsDefaultVersion></member>")
                });
                Ok(page(&format!("<Versions>{}</Versions>", versions.collect::<String>()), next))
            }
            "DeletePolicyVersion" => {
                let id = field("VersionId");
                let policy = self.policies.get_mut(key).ok_or(NONE)?;
                if id == format!("v{}", policy.default) {
                    return Err((409, "DeleteConflict", "The default version can't be deleted."));
                }
                let place = policy.versions.iter().position(|(number, _)| format!("v{number}") == id).ok_or(NONE)?;
                policy.versions.remove(place);
                Ok(String::new())
            }
            "CreatePolicyVersion" => {
                let policy = self.policies.get_mut(key).ok_or(NONE)?;
                if policy.versions.len() >= 5 {
                    return Err((409, "LimitExceeded", "A managed policy can have up to 5 versions."));
                }
                let number = policy.versions.iter().map(|(number, _)| number + 1).max().unwrap_or(1);
                policy.versions.push((number, field("PolicyDocument")));
                if field("SetAsDefault") == "true" {
                    policy.default = number;
                }
                Ok(format!("<PolicyVersion><VersionId>v{number}</VersionId></PolicyVersion>"))
            }
            _ => Err((400, "InvalidAction", "The fake does not implement this action.")),
        }
    }

    fn role(&mut self, action: &str, form: &Form) -> Outcome {
        let field = |name: &str| form.get(name).cloned().unwrap_or_default();
        let name = field("RoleName");
        if action == "CreateRole" {
            if self.roles.contains_key(&name) {
                return Err(TAKEN);
            }
            let role = Role {
                trust: field("AssumeRolePolicyDocument"),
                seconds: field("MaxSessionDuration").parse().unwrap_or(3600),
                description: field("Description"),
                attached: Vec::new(),
                boundary: form.get("PermissionsBoundary").cloned(),
                tags: tags_of(form),
            };
            let xml = role.xml(&name);
            self.roles.insert(name, role);
            return Ok(format!("<Role>{xml}</Role>"));
        }
        let role = self.roles.get_mut(&name).ok_or(NONE)?;
        match action {
            "GetRole" => return Ok(format!("<Role>{}</Role>", role.xml(&name))),
            "ListAttachedRolePolicies" => {
                let members: String = role
                    .attached
                    .iter()
                    .map(|arn| format!("<member><PolicyName>p</PolicyName><PolicyArn>{arn}</PolicyArn></member>"))
                    .collect();
                return Ok(format!("<AttachedPolicies>{members}</AttachedPolicies><IsTruncated>false</IsTruncated>"));
            }
            "UpdateAssumeRolePolicy" => role.trust = field("PolicyDocument"),
            "UpdateRole" => {
                role.seconds = field("MaxSessionDuration").parse().unwrap_or(3600);
                role.description = field("Description");
            }
            "PutRolePermissionsBoundary" => role.boundary = form.get("PermissionsBoundary").cloned(),
            "AttachRolePolicy" => role.attached.push(field("PolicyArn")),
            _ => return Err((400, "InvalidAction", "The fake does not implement this action.")),
        }
        Ok(String::new())
    }
}

impl Policy {
    fn xml(&self, key: &str) -> String {
        let (path, name) = key.rsplit_once('/').unwrap_or_default();
        format!(
            "<PolicyName>{name}</PolicyName><Path>{path}/</Path><Arn>arn:aws:iam::{ACCOUNT}:policy{key}</Arn>\
             <DefaultVersionId>v{}</DefaultVersionId><Tags>{}</Tags>",
            self.default,
            members(&self.tags)
        )
    }
}

impl Role {
    fn xml(&self, name: &str) -> String {
        let trust: String = form_urlencoded::byte_serialize(self.trust.as_bytes()).collect();
        let boundary = self.boundary.iter().map(|arn| {
            format!(
                "<PermissionsBoundary><PermissionsBoundaryType>PermissionsBoundaryPolicy</PermissionsBoundaryType>\
                 <PermissionsBoundaryArn>{arn}</PermissionsBoundaryArn></PermissionsBoundary>"
            )
        });
        format!(
            "<Path>/connect-onboarding/</Path><RoleName>{name}</RoleName><RoleId>AROA</RoleId>\
             <Arn>arn:aws:iam::{ACCOUNT}:role/connect-onboarding/{name}</Arn><CreateDate>2026-11-22T00:00:00Z</CreateDate>\
             <AssumeRolePolicyDocument>{}</AssumeRolePolicyDocument><MaxSessionDuration>{}</MaxSessionDuration>\
             <Description>{}</Description>{}<Tags>{}</Tags>",
            trust.replace('+', "%20"),
            self.seconds,
            self.description,
            boundary.collect::<String>(),
            members(&self.tags)
        )
    }
}

/// A page of a list; `next` is the marker of the next page.
fn page(results: &str, next: Option<usize>) -> String {
    match next {
        Some(next) => format!("{results}<IsTruncated>true</IsTruncated><Marker>{next}</Marker>"),
        None => format!("{results}<IsTruncated>false</IsTruncated>"),
    }
}

fn tags_of(form: &Form) -> Tags {
    (1..)
        .map_while(|n| Some((form.get(&format!("Tags.member.{n}.Key"))?, form.get(&format!("Tags.member.{n}.Value"))?)))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

fn members(tags: &Tags) -> String {
    tags.iter().map(|(key, value)| format!("<member><Key>{key}</Key><Value>{value}</Value></member>")).collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
