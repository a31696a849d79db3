//! Calls to AWS and Microsoft Graph. An error response is returned as a normal result, because the checks evaluate
//! error responses.

use std::{
    future::Future,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use local_cloud::cloud::administrator;
use onboarding_core::saml::user_access_url;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::{
    args::LiveCheckArgs,
    cloud::{
        configuration::configured,
        error::CommandError,
        kept::Kept,
        signed::{CONNECT, IAM, STS, Service, Signed, refusal},
        stack::Stack,
    },
    exit::Exit,
    words::Words,
};

/// Maximum number of attempts for a throttled call.
const TRIES: u32 = 8;

/// URL of Entra's login service.
const LOGIN: &str = "https://login.microsoftonline.com";
/// The content type of a request in AWS's query protocol.
const FORM: &str = "application/x-www-form-urlencoded";

/// A response of AWS or Microsoft Graph, either successful or an error.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn is_ok(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// Whether the response body contains the text, ignoring case.
    pub(crate) fn contains(&self, text: &str) -> bool {
        self.text.to_lowercase().contains(&text.to_lowercase())
    }

    fn is_throttled(&self) -> bool {
        self.status == 429 && !self.contains("LimitExceeded") || self.contains("Throttling")
    }
}

/// Whether the check may make further calls, and whether the response to a call was lost.
#[derive(Debug, Default)]
struct Calls {
    interrupted: AtomicBool,
    interruption: Notify,
    unanswered: AtomicBool,
}

/// Access to AWS and Entra with the operator's credentials.
pub(crate) struct Clouds {
    config: SdkConfig,
    aws: Signed,
    http: reqwest::Client,
    graph: String,
    login: String,
    token: String,
    pub(crate) tenant: String,
    pub(crate) account: String,
    scale: f64,
    calls: Arc<Calls>,
    pub(crate) words: Words,
}

impl Clouds {
    pub(crate) async fn open(args: &LiveCheckArgs, words: Words) -> Result<Self, CommandError> {
        let (config, graph, login, scale) = if args.local {
            let kept = Kept::running(words).map_err(|why| CommandError::no_local_cloud(words, why))?;
            let credentials = Credentials::new("test", "test", None, None, "local cloud");
            (config(&kept.region, Some(&kept.stand_in), credentials), kept.graph_url, kept.login_url, kept.clock_scale)
        } else {
            let config = configured(&args.aws, words).await?;
            (config, "https://graph.microsoft.com".into(), LOGIN.into(), 1.0)
        };
        let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).build().unwrap_or_default();
        let (tenant, token) = if args.local { local_token(&http, &login, words).await? } else { az_token(words)? };
        let aws = Signed::new(config.clone(), words);
        let (account, calls) = (String::new(), Arc::default());
        let mut clouds = Self { config, aws, http, graph, login, token, tenant, account, scale, calls, words };
        let identity = clouds.good("sts:GetCallerIdentity", clouds.query(STS, "GetCallerIdentity", &[]).await?)?;
        clouds.account = element(&identity.text, "Account").unwrap_or_default();
        Ok(clouds)
    }

    /// Returns a copy that calls AWS with the credentials of the role, and Entra still with the operator's credentials.
    pub(crate) async fn in_role(&self, role: &str) -> Result<Self, CommandError> {
        let form = [("RoleArn", role), ("RoleSessionName", "live-check")];
        let mut answer = self.query(STS, "AssumeRole", &form).await?;
        // The role is new, and AWS allows assuming it only some seconds after it was created.
        for _ in 0..20 {
            if answer.is_ok() {
                break;
            }
            self.pause(3.0).await;
            answer = self.query(STS, "AssumeRole", &form).await?;
        }
        let text = self.good("sts:AssumeRole", answer)?.text;
        let part = |name: &str| element(&text, name).unwrap_or_default();
        let token = Some(part("SessionToken"));
        let credentials = Credentials::new(part("AccessKeyId"), part("SecretAccessKey"), token, None, "live-check");
        let config = config(self.region(), self.config.endpoint_url(), credentials);
        Ok(Self {
            aws: Signed::new(config.clone(), self.words),
            config,
            http: self.http.clone(),
            graph: self.graph.clone(),
            login: self.login.clone(),
            token: self.token.clone(),
            tenant: self.tenant.clone(),
            account: self.account.clone(),
            scale: self.scale,
            calls: Arc::clone(&self.calls),
            words: self.words,
        })
    }

    /// Interrupts the check. From then on, each new call fails. If a call was already sent, the command still waits for
    /// its response, because the response contains the id of the resource that the call creates.
    pub(crate) fn interrupt(&self) {
        self.calls.interrupted.store(true, Ordering::Relaxed);
        self.calls.interruption.notify_waiters();
    }

    /// Allows calls again after [`Self::interrupt`], so that the command can remove its resources. Returns whether the
    /// check was interrupted.
    pub(crate) fn resume(&self) -> bool {
        self.calls.interrupted.swap(false, Ordering::Relaxed)
    }

    /// Whether a call got no response. Such a call may have created a resource whose id is unknown.
    pub(crate) fn lost_a_response(&self) -> bool {
        self.calls.unanswered.load(Ordering::Relaxed)
    }

    fn check_interruption(&self) -> Result<(), CommandError> {
        if !self.calls.interrupted.load(Ordering::Relaxed) {
            return Ok(());
        }
        Err(CommandError::new(Exit::Interrupted, "Interrupted", self.words.not_reached(), ""))
    }

    pub(crate) fn region(&self) -> &str {
        self.config.region().map_or("", |region| region.as_ref())
    }

    /// Returns the response if it is successful, or else an error. The checks use this method for calls without whose
    /// result they can't continue.
    pub(crate) fn good(&self, doing: &str, answer: Answer) -> Result<Answer, CommandError> {
        if answer.is_ok() {
            return Ok(answer);
        }
        let (code, message) = refusal(&answer.text).unwrap_or_else(|| (answer.status.to_string(), answer.text.clone()));
        Err(CommandError::refused(self.words, doing, &code, &message))
    }

    /// Returns the CloudFormation stack with this name.
    pub(crate) async fn stack(&self, name: &str) -> Result<Stack, CommandError> {
        Stack::describe(&self.aws, name, self.words).await
    }

    /// Calls an operation of IAM or STS.
    pub(crate) async fn query(
        &self,
        service: Service,
        action: &str,
        form: &[(&str, &str)],
    ) -> Result<Answer, CommandError> {
        let body = query_body(service, action, form);
        let headers = vec![("content-type", FORM.to_owned())];
        self.repeated(async || self.aws.answer(service, (Method::POST, "/"), headers.clone(), body.as_bytes()).await)
            .await
    }

    /// Calls `AssumeRoleWithSAML`. The SAML response in the request is the credential, so the request is not signed.
    pub(crate) async fn assume_role_with_saml(&self, form: &[(&str, &str)]) -> Result<Answer, CommandError> {
        let url = format!("{}/", self.aws.endpoint(STS));
        let body = query_body(STS, "AssumeRoleWithSAML", form);
        self.repeated(async || {
            let request = self.http.post(&url).header("content-type", FORM).body(body.clone());
            self.sent(request, "sts:AssumeRoleWithSAML").await
        })
        .await
    }

    /// Calls an operation of the AWS JSON protocol.
    pub(crate) async fn target(&self, service: Service, target: &str, body: &Value) -> Result<Answer, CommandError> {
        let headers =
            vec![("content-type", "application/x-amz-json-1.1".to_owned()), ("x-amz-target", target.to_owned())];
        let body = body.to_string();
        self.repeated(async || self.aws.answer(service, (Method::POST, "/"), headers.clone(), body.as_bytes()).await)
            .await
    }

    /// Calls an operation of Amazon Connect.
    pub(crate) async fn connect(&self, method: Method, path: &str, body: &Value) -> Result<Answer, CommandError> {
        self.repeated(async || self.connect_once(method.clone(), path, body).await).await
    }

    /// Calls an operation of Amazon Connect once. A throttled call is not retried.
    pub(crate) async fn connect_once(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<(u16, String), CommandError> {
        self.check_interruption()?;
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let headers = vec![("content-type", "application/json".to_owned())];
        self.aws.answer(CONNECT, (method, path), headers, body.as_bytes()).await
    }

    /// Calls an operation of Microsoft Graph.
    pub(crate) async fn graph(&self, method: Method, path: &str, body: &Value) -> Result<Answer, CommandError> {
        let url = format!("{}/v1.0{path}", self.graph);
        self.repeated(async || {
            let mut request = self.http.request(method.clone(), &url).bearer_auth(&self.token);
            if !body.is_null() {
                request = request.json(body);
            }
            self.sent(request, &url).await
        })
        .await
    }

    /// Reads the federation metadata of an application.
    pub(crate) async fn metadata(&self, app_id: &str) -> Result<Answer, CommandError> {
        let path = "federationmetadata/2007-06/federationmetadata.xml";
        let url = format!("{}/{}/{path}?appid={app_id}", self.login, self.tenant);
        self.repeated(async || self.sent(self.http.get(&url), &url).await).await
    }

    /// The URL with which a user signs in to an application.
    pub(crate) fn user_access_url(&self, app_id: &str) -> String {
        if self.login == LOGIN {
            return user_access_url(app_id, &self.tenant);
        }
        format!("{}/api/signin/{app_id}?tenantId={}", self.login, self.tenant)
    }

    async fn sent(&self, request: reqwest::RequestBuilder, url: &str) -> Result<(u16, String), CommandError> {
        let unreached =
            |error: reqwest::Error| CommandError::unreached(self.words, url, &error.without_url().to_string());
        let answer = request.send().await.map_err(unreached)?;
        Ok((answer.status().as_u16(), answer.text().await.map_err(unreached)?))
    }

    async fn repeated(
        &self,
        call: impl AsyncFn() -> Result<(u16, String), CommandError>,
    ) -> Result<Answer, CommandError> {
        let mut tries = 0;
        loop {
            self.check_interruption()?;
            let called = call().await;
            if called.is_err() {
                self.calls.unanswered.store(true, Ordering::Relaxed);
            }
            let (status, text) = called?;
            let answer = Answer { status, text };
            tries += 1;
            if !answer.is_throttled() || tries >= TRIES {
                return Ok(answer);
            }
            // The rate limits of the local cloud use real time, so this delay is not scaled with the local cloud's
            // clock.
            tokio::time::sleep(Duration::from_millis(200 << tries)).await;
        }
    }

    /// Waits for this number of seconds. In a local cloud, the wait is shorter, because one second of its clock takes
    /// only `scale` seconds. An interruption ends the wait.
    pub(crate) async fn pause(&self, seconds: f64) {
        let interrupted = self.calls.interruption.notified();
        if self.check_interruption().is_ok() {
            let time = Duration::from_secs_f64(seconds * self.scale).max(Duration::from_millis(5));
            let _ = tokio::time::timeout(time, interrupted).await;
        }
    }

    /// The number of seconds since `start`. In a local cloud, these are seconds of its clock.
    pub(crate) fn seconds_after(&self, start: Instant) -> f64 {
        start.elapsed().as_secs_f64() / self.scale
    }

    /// The number of seconds since `at`, which is the time at which an AWS service changed something, in seconds since
    /// the epoch. In a local cloud, the result is in seconds of its clock.
    pub(crate) fn seconds_since(&self, at: f64) -> f64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        (now.as_secs_f64() - at) / self.scale
    }

    /// Polls until `check` returns true or `seconds` have passed. In a local cloud, these are seconds of its clock.
    /// Returns the number of seconds after which the successful poll started, or `None` if `check` never returned true.
    /// One more poll starts after `seconds` have passed.
    pub(crate) async fn poll<F>(&self, seconds: f64, check: impl Fn() -> F) -> Result<Option<f64>, CommandError>
    where
        F: Future<Output = Result<bool, CommandError>>,
    {
        let started = Instant::now();
        loop {
            let at = self.seconds_after(started);
            if check().await? {
                return Ok(Some(at));
            }
            if at >= seconds {
                return Ok(None);
            }
            self.pause((seconds / 20.0).min(5.0)).await;
        }
    }
}

/// The body of a request in AWS's query protocol.
fn query_body(service: Service, action: &str, form: &[(&str, &str)]) -> String {
    let version = if service == IAM { "2010-05-08" } else { "2011-06-15" };
    let mut body = format!("Action={action}&Version={version}");
    for (name, value) in form {
        let value = percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC);
        body += &format!("&{name}={value}");
    }
    body
}

/// The text of the first XML element with this name.
pub(crate) fn element(xml: &str, name: &str) -> Option<String> {
    let document = roxmltree::Document::parse(xml).ok()?;
    let found = document.descendants().find(|node| node.tag_name().name() == name)?;
    found.text().map(str::to_owned)
}

fn config(region: &str, endpoint: Option<&str>, credentials: Credentials) -> SdkConfig {
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .credentials_provider(SharedCredentialsProvider::new(credentials));
    config.set_endpoint_url(endpoint.map(str::to_owned));
    config.build()
}

async fn local_token(http: &reqwest::Client, login: &str, words: Words) -> Result<(String, String), CommandError> {
    let known = administrator();
    let text = |name: &str| known[name].as_str().unwrap_or_default().to_owned();
    let tenant = text("tenantId");
    let url = format!("{login}/{tenant}/oauth2/v2.0/token");
    let form = [
        ("client_id", text("clientId")),
        ("client_secret", text("clientSecret")),
        ("grant_type", "client_credentials".to_owned()),
        ("scope", "https://graph.microsoft.com/.default".to_owned()),
    ];
    let unreached = |error: reqwest::Error| CommandError::unreached(words, &url, &error.to_string());
    let answer = http.post(&url).form(&form).send().await.map_err(unreached)?;
    let token: Value = answer.json().await.unwrap_or(json!({}));
    Ok((tenant, token["access_token"].as_str().unwrap_or_default().to_owned()))
}

/// The tenant of the user who is signed in to the Azure CLI, and an access token of this user for Microsoft Graph.
fn az_token(words: Words) -> Result<(String, String), CommandError> {
    let arguments = ["account", "get-access-token", "--resource-type", "ms-graph", "--output", "json"];
    let refused = |why: String| CommandError::cloud("NoAzureCli", words.no_az_token(why), words.sign_in_with_az());
    let output = Command::new("az").args(arguments).output().map_err(|error| refused(error.to_string()))?;
    if !output.status.success() {
        return Err(refused(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
    Ok((text("tenant"), text("accessToken")))
}
