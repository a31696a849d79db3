//! Test setup: a stand-in in front of a fake emulator that records requests, and clients that build AWS requests
//! without an SDK. The clock scale is 1, so each delay lasts as long as in the real cloud unless a test advances the
//! clock.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::HeaderMap;
use local_cloud::stand_in::{Behaviour, ClientCredentials, LocalCloud, Options, Tenant};
use serde_json::{Value, json};

/// The requests that the fake emulator has received, each as method, path and body.
pub(crate) type Notebook = Arc<Mutex<Vec<(String, String, String)>>>;

pub(crate) struct Cloud {
    pub(crate) cloud: LocalCloud,
    pub(crate) notebook: Notebook,
    client: reqwest::Client,
}

/// A response: its status, its error code (if any) and its body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) body: Value,
    pub(crate) text: String,
}

pub(crate) fn options() -> Options {
    Options {
        clock_scale: 1.0,
        upstream: String::new(),
        region: "ap-northeast-1".into(),
        account: "000000000000".into(),
        tenant: Tenant::default(),
        tenant_id: "11111111-1111-4111-8111-111111111111".into(),
        client: ClientCredentials {
            client_id: "22222222-2222-4222-8222-222222222222".into(),
            client_secret: "s3cret".into(),
        },
        record: None,
        real_rates: false,
        // If botocore's models are available, every call of these tests is also compared with the official models.
        models: std::env::var_os("LOCAL_CLOUD_MODELS").map(Into::into),
        behaviour: Behaviour { instance_seconds: 45.0, ..Behaviour::default() },
        assume: Vec::new(),
    }
}

pub(crate) async fn start() -> Cloud {
    start_with(options()).await
}

pub(crate) async fn start_with(mut options: Options) -> Cloud {
    let notebook = Notebook::default();
    let service = axum::Router::new().fallback(emulate).with_state(Arc::clone(&notebook));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    options.upstream = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, service).await });
    let cloud = LocalCloud::start(options).await.unwrap();
    Cloud { cloud, notebook, client: reqwest::Client::builder().no_proxy().build().unwrap() }
}

/// The last value of a form field in the requests so far, escaped for XML.
fn last(notebook: &Notebook, name: &str) -> Option<String> {
    let requests = notebook.lock().unwrap();
    let value =
        |body: &str| form_urlencoded::parse(body.as_bytes()).find(|(key, _)| key == name).map(|(_, v)| v.into_owned());
    let found = requests.iter().rev().find_map(|(_, _, body)| value(body))?;
    Some(found.replace('&', "&amp;").replace('<', "&lt;"))
}

/// The fake emulator. It emulates roles with any name, and SAML providers whose name contains `known`. To all other
/// requests, it responds with a fixed greeting.
async fn emulate(State(notebook): State<Notebook>, request: axum::extract::Request) -> (HeaderMap, String) {
    let (parts, body) = request.into_parts();
    let body = String::from_utf8(axum::body::to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap();
    let answer = if body.contains("Action=CreateSAMLProvider") {
        let result = "<SAMLProviderArn>arn:aws:iam::000000000000:saml-provider/known</SAMLProviderArn>";
        format!(
            "<CreateSAMLProviderResponse><CreateSAMLProviderResult>{result}</CreateSAMLProviderResult></CreateSAMLProviderResponse>"
        )
    } else if body.contains("Action=GetSAMLProvider") && body.contains("known") {
        let document = last(&notebook, "SAMLMetadataDocument").unwrap_or_default();
        format!(
            "<GetSAMLProviderResponse><GetSAMLProviderResult><SAMLMetadataDocument>{document}</SAMLMetadataDocument>\
             </GetSAMLProviderResult></GetSAMLProviderResponse>"
        )
    } else if let Some(trust) = last(&notebook, "AssumeRolePolicyDocument").filter(|_| body.contains("Action=GetRole&"))
    {
        format!(
            "<GetRoleResponse><GetRoleResult><Role><Arn>arn:aws:iam::000000000000:role/r</Arn><RoleName>r</RoleName>\
             <RoleId>AROA1</RoleId><AssumeRolePolicyDocument>{trust}</AssumeRolePolicyDocument>\
             <MaxSessionDuration>3600</MaxSessionDuration></Role></GetRoleResult></GetRoleResponse>"
        )
    } else {
        "hello from the emulator".to_owned()
    };
    let host = parts.headers.get("host").map(|host| host.to_str().unwrap().to_owned()).unwrap_or_default();
    let path = format!("{host}{}", parts.uri);
    notebook.lock().unwrap().push((parts.method.to_string(), path, body.clone()));
    let mut headers = HeaderMap::new();
    headers.insert("x-emulator", "yes".parse().unwrap());
    if body.contains("Action=GetSAMLProvider") && !body.contains("known") {
        headers.insert("x-missing", "yes".parse().unwrap());
        return (headers, "<ErrorResponse/>".into());
    }
    (headers, answer)
}

impl Cloud {
    async fn send(&self, request: reqwest::RequestBuilder, service: &str) -> Answer {
        let scope =
            format!("AWS4-HMAC-SHA256 Credential=test/20261122/us-east-1/{service}/aws4_request, SignedHeaders=host");
        let answer = request.header("authorization", scope).send().await.unwrap();
        let status = answer.status().as_u16();
        let header = answer.headers().get("x-amzn-errortype").map(|code| code.to_str().unwrap().to_owned());
        let text = answer.text().await.unwrap();
        let body: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        let code = header.or_else(|| body["__type"].as_str().map(str::to_owned)).unwrap_or_default();
        Answer { status, code, body, text }
    }

    /// Sends a request to Connect.
    pub(crate) async fn connect(&self, method: &str, path: &str, body: Value) -> Answer {
        let url = format!("{}{path}", self.cloud.aws_url());
        let request = self.client.request(method.parse().unwrap(), url);
        let request = if body.is_null() { request } else { request.json(&body) };
        self.send(request, "connect").await
    }

    /// Sends a request to Service Quotas.
    pub(crate) async fn quotas(&self, operation: &str, body: Value) -> Answer {
        self.target("servicequotas", &format!("ServiceQuotasV20190624.{operation}"), body).await
    }

    /// Sends a request to AWS Support.
    pub(crate) async fn support(&self, operation: &str, body: Value) -> Answer {
        self.target("support", &format!("AWSSupport_20130415.{operation}"), body).await
    }

    pub(crate) async fn target(&self, service: &str, target: &str, body: Value) -> Answer {
        let request = self.client.post(self.cloud.aws_url()).header("x-amz-target", target);
        self.send(request.header("content-type", "application/x-amz-json-1.1").body(body.to_string()), service).await
    }

    /// Sends a request to IAM.
    pub(crate) async fn iam(&self, form: &[(&str, &str)]) -> Answer {
        self.send(self.client.post(self.cloud.aws_url()).form(form), "iam").await
    }

    /// Sends an unsigned request to STS.
    pub(crate) async fn sts(&self, form: &[(&str, &str)]) -> Answer {
        let answer = self.client.post(self.cloud.aws_url()).form(form).send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        let code =
            text.split_once("<Code>").and_then(|(_, rest)| rest.split('<').next()).unwrap_or_default().to_owned();
        Answer { status, code, body: Value::Null, text }
    }

    /// Sends an administration request.
    pub(crate) async fn admin(&self, method: &str, path: &str, body: Value) -> Answer {
        self.connect(method, &format!("/_admin/{path}"), body).await
    }

    /// Creates an instance and advances the clock until the instance is active. Returns the ID and the ARN of the
    /// instance.
    pub(crate) async fn instance(&self, alias: &str) -> (String, String) {
        let made = self.connect("PUT", "/instance", instance(alias)).await;
        assert_eq!(made.status, 200, "{}", made.text);
        self.cloud.advance(45.0);
        (made.body["Id"].as_str().unwrap().to_owned(), made.body["Arn"].as_str().unwrap().to_owned())
    }

    /// The IDs of the security profile `Agent` and the routing profile `Basic Routing Profile`.
    pub(crate) async fn profiles(&self, instance: &str) -> (String, String) {
        let id = |answer: Answer, key: &str, name: &str| {
            let found = answer.body[key].as_array().unwrap().iter().find(|one| one["Name"] == name).cloned();
            found.unwrap()["Id"].as_str().unwrap().to_owned()
        };
        let security = self.connect("GET", &format!("/security-profiles-summary/{instance}"), Value::Null).await;
        let routing = self.connect("GET", &format!("/routing-profiles-summary/{instance}"), Value::Null).await;
        (
            id(security, "SecurityProfileSummaryList", "Agent"),
            id(routing, "RoutingProfileSummaryList", "Basic Routing Profile"),
        )
    }

    /// Checks at the end of a test that the stand-in has found no error in its own responses.
    pub(crate) fn is_clean(&self) {
        assert_eq!(self.cloud.violations(), Vec::<String>::new());
    }
}

pub(crate) fn instance(alias: &str) -> Value {
    json!({
        "IdentityManagementType": "SAML", "InstanceAlias": alias, "InboundCallsEnabled": true, "OutboundCallsEnabled": false,
    })
}
