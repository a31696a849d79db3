//! The context that every step receives: the settings of the function, and the clients for AWS and Microsoft Graph. The
//! AWS clients share one configuration. Each client is created when it is first used, so a cold start creates only the
//! clients that the function needs.

use std::{sync::OnceLock, time::Duration};

use aws_config::{
    BehaviorVersion, SdkConfig,
    environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider},
    retry::RetryConfig,
    timeout::TimeoutConfig,
};
use onboarding_core::{StepError, entra::Identity};
use tokio::sync::OnceCell;

use crate::{
    aws::{
        error::CallResult as _,
        http::Http,
        response_integrity::WholeXml,
        s3::{self, Object, Refusal},
        sessions::Sessions,
    },
    entra::{Graph, client_state::ClientStates},
    runtime::settings::Settings,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Maximum duration of one attempt to send a request.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);
/// The SDK's wait before the second attempt. This wait and the maximum wait between two attempts are the defaults of
/// the SDK.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const LONGEST_BACKOFF: Duration = Duration::from_secs(20);

/// The settings of the function and the clients of all services that a step may use.
#[derive(Debug)]
pub struct Context {
    config: SdkConfig,
    /// The function's settings.
    pub settings: Settings,
    connect: OnceLock<aws_sdk_connect::Client>,
    dynamodb: OnceLock<aws_sdk_dynamodb::Client>,
    events: OnceLock<aws_sdk_eventbridge::Client>,
    iam: OnceLock<aws_sdk_iam::Client>,
    quotas: OnceLock<aws_sdk_servicequotas::Client>,
    http: OnceLock<Http>,
    secrets: OnceLock<aws_sdk_secretsmanager::Client>,
    sns: OnceLock<aws_sdk_sns::Client>,
    step_functions: OnceLock<aws_sdk_sfn::Client>,
    sts: OnceLock<aws_sdk_sts::Client>,
    support: OnceLock<aws_sdk_support::Client>,
    graphs: [OnceLock<Graph>; 2],
    client_states: OnceCell<ClientStates>,
}

impl Context {
    /// Creates the context of this process, with the credentials of the function's role, the Region and the settings.
    pub async fn from_env() -> Self {
        let settings = Settings::from_env();
        let clock = settings.clock();
        let http = Http::new(CONNECT_TIMEOUT);
        // These retries cover only short interruptions. After a longer interruption, the `Retry` fields of the state
        // machine repeat the step.
        let retry = RetryConfig::standard()
            .with_max_attempts(3)
            .with_initial_backoff(clock.wait(FIRST_BACKOFF))
            .with_max_backoff(clock.wait(LONGEST_BACKOFF));
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http.clone())
            .retry_config(retry)
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT_TIMEOUT)
                    .operation_attempt_timeout(clock.timeout(ATTEMPT_TIMEOUT))
                    .build(),
            );
        // Lambda sets both variables for every function. The SDK's default provider chains also read these variables
        // first, but only after they have created all other providers, which increases the startup time.
        if std::env::var_os("AWS_ACCESS_KEY_ID").is_some() && std::env::var_os("AWS_REGION").is_some() {
            loader = loader
                .region(EnvironmentVariableRegionProvider::new())
                .credentials_provider(EnvironmentVariableCredentialsProvider::new());
        }
        let config = loader.load().await;
        if config.endpoint_url().is_none_or(|url| !url.starts_with("http://")) {
            http.prepare_tls();
        }
        let context = Self::new(config, settings);
        context.http.get_or_init(|| http);
        context
    }

    /// Creates a context with a given configuration.
    #[must_use]
    pub const fn new(config: SdkConfig, settings: Settings) -> Self {
        Self {
            config,
            settings,
            connect: OnceLock::new(),
            dynamodb: OnceLock::new(),
            events: OnceLock::new(),
            iam: OnceLock::new(),
            quotas: OnceLock::new(),
            http: OnceLock::new(),
            secrets: OnceLock::new(),
            sns: OnceLock::new(),
            step_functions: OnceLock::new(),
            sts: OnceLock::new(),
            support: OnceLock::new(),
            graphs: [const { OnceLock::new() }; 2],
            client_states: OnceCell::const_new(),
        }
    }

    /// Returns the Region of the function.
    #[must_use]
    pub fn region(&self) -> &str {
        self.config.region().map_or("us-east-1", |region| region.as_ref())
    }

    /// Returns the client for Amazon Connect.
    pub fn connect(&self) -> &aws_sdk_connect::Client {
        self.connect.get_or_init(|| aws_sdk_connect::Client::new(&self.config))
    }

    /// Returns the client for DynamoDB, used by the registry.
    pub fn dynamodb(&self) -> &aws_sdk_dynamodb::Client {
        self.dynamodb.get_or_init(|| aws_sdk_dynamodb::Client::new(&self.config))
    }

    /// Returns the client for EventBridge, used to publish events.
    pub fn events(&self) -> &aws_sdk_eventbridge::Client {
        self.events.get_or_init(|| aws_sdk_eventbridge::Client::new(&self.config))
    }

    /// Returns the client for Amazon SNS, used for notifications.
    pub fn sns(&self) -> &aws_sdk_sns::Client {
        self.sns.get_or_init(|| aws_sdk_sns::Client::new(&self.config))
    }

    /// Returns the client for IAM.
    pub fn iam(&self) -> &aws_sdk_iam::Client {
        self.iam.get_or_init(|| {
            let config = aws_sdk_iam::config::Builder::from(&self.config).interceptor(WholeXml);
            aws_sdk_iam::Client::from_conf(config.build())
        })
    }

    /// Returns the client for Service Quotas.
    pub fn quotas(&self) -> &aws_sdk_servicequotas::Client {
        self.quotas.get_or_init(|| aws_sdk_servicequotas::Client::new(&self.config))
    }

    /// Requests an object from S3.
    ///
    /// # Errors
    /// If S3 returns an error or can't be reached.
    pub async fn object(&self, bucket: &str, key: &str) -> Result<Object, Refusal> {
        s3::get(self.http(), &self.config, self.settings.clock(), bucket, key).await
    }

    /// Returns the client that ends the sessions of Connect users.
    pub fn sessions(&self) -> Sessions<'_> {
        Sessions::new(self.http(), &self.config, self.settings.clock())
    }

    fn http(&self) -> &Http {
        self.http.get_or_init(|| Http::new(CONNECT_TIMEOUT))
    }

    /// Returns the client for Secrets Manager.
    pub fn secrets(&self) -> &aws_sdk_secretsmanager::Client {
        self.secrets.get_or_init(|| aws_sdk_secretsmanager::Client::new(&self.config))
    }

    /// Returns the client for Step Functions, used for starting the user sync and reading executions.
    pub fn step_functions(&self) -> &aws_sdk_sfn::Client {
        self.step_functions.get_or_init(|| aws_sdk_sfn::Client::new(&self.config))
    }

    /// Returns the client for STS.
    pub fn sts(&self) -> &aws_sdk_sts::Client {
        self.sts.get_or_init(|| {
            let config = aws_sdk_sts::config::Builder::from(&self.config).interceptor(WholeXml);
            aws_sdk_sts::Client::from_conf(config.build())
        })
    }

    /// Returns the client for AWS Support, a global service whose endpoint is in us-east-1.
    pub fn support(&self) -> &aws_sdk_support::Client {
        self.support.get_or_init(|| {
            let config =
                aws_sdk_support::config::Builder::from(&self.config).region(aws_config::Region::new("us-east-1"));
            aws_sdk_support::Client::from_conf(config.build())
        })
    }

    /// Returns the client for Microsoft Graph that signs in with the Entra identity of this function (setup or
    /// runtime). The client reads the credential of the identity when it sends its first request.
    pub fn graph(&self) -> &Graph {
        self.graph_as(self.settings.graph_identity())
    }

    /// Returns the client for Microsoft Graph that signs in with the given Entra identity. Functions that may use both
    /// identities call this method.
    pub fn graph_as(&self, identity: Identity) -> &Graph {
        let [setup, runtime] = &self.graphs;
        let slot = match identity {
            Identity::Setup => setup,
            Identity::Runtime => runtime,
        };
        slot.get_or_init(|| Graph::new(identity, self.config.clone(), self.settings.clone()))
    }

    /// Returns the object that creates and verifies the `clientState` values of Graph subscriptions. The `clientState`
    /// values are derived from a secret key, which is read from Secrets Manager once per process.
    ///
    /// # Errors
    /// If the secret key can't be read.
    pub async fn client_states(&self) -> Result<&ClientStates, StepError> {
        self.client_states
            .get_or_try_init(|| async {
                let name = self.settings.client_state_secret()?;
                let secret = self
                    .secrets()
                    .get_secret_value()
                    .secret_id(name)
                    .send()
                    .await
                    .doing(format_args!("reading the key of the client states from {name}"))?;
                let key = secret.secret_string().filter(|key| !key.is_empty()).ok_or_else(|| {
                    StepError::internal(format!("the secret {name} is empty; deploy the stack again"))
                })?;
                Ok(ClientStates::new(key))
            })
            .await
    }
}
