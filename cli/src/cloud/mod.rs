//! The cloud that a command works on: AWS, or a running local cloud (`onboard local --keep`). All commands access the
//! cloud through this module, so each command works with AWS and with a local cloud.
//!
//! * [`configuration`] — the operator's profile, credentials and Region, and the name of the stack.
//! * [`change_set`] — deployments through CloudFormation.
//! * [`stack`] — the deployed stack and its outputs. The outputs contain the names of the resources that commands use.
//! * [`executions`] — starts, finds and describes executions of the stack's state machines.
//! * [`iam`] — the IAM objects of an onboarding.
//! * [`kept`] — the addresses of a running local cloud.
//! * [`registry`] — the registry, which is the stack's table of the onboarded instances.
//! * [`signed`] — calls to AWS services whose SDK crate is not used.
//! * [`error`] — the errors of commands, with the recommended action.

pub mod change_set;
pub mod configuration;
pub mod error;
pub mod executions;
pub mod iam;
pub mod kept;
pub mod registry;
pub mod signed;
pub mod stack;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};

use self::{configuration::configured, error::CommandError, kept::Kept, signed::Signed, stack::Stack};
use crate::{
    args::{STACK_VARIABLE, StackArgs},
    words::Words,
};

/// AWS or a local cloud, in which the stack is deployed, and the clients that access it.
#[derive(Debug)]
pub struct Cloud {
    /// AWS SDK configuration, shared by all clients.
    pub config: SdkConfig,
    /// Step Functions client.
    pub sfn: aws_sdk_sfn::Client,
    /// `DynamoDB` client.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// Client for the services whose SDK crates are not used.
    pub signed: Signed,
    /// The deployed stack.
    pub stack: Stack,
    /// Clock scale of a local cloud: how many seconds the local cloud takes for what takes one second in AWS. `None` in
    /// AWS.
    pub local: Option<f64>,
    /// The language of messages.
    pub words: Words,
}

impl Cloud {
    /// Connects to the cloud that the arguments select, and reads the stack.
    ///
    /// # Errors
    /// Fails if no local cloud is running (with `--local`), if the stack does not exist, or if a request to AWS or the
    /// local cloud fails.
    pub async fn open(target: &StackArgs, words: Words) -> Result<Self, CommandError> {
        match Self::connect(target, words).await? {
            (cloud, None) => Ok(cloud),
            (_, Some(missing)) => Err(missing),
        }
    }

    /// Connects to the cloud that the arguments select. If the stack does not exist or the caller is not permitted to
    /// read it, the result contains this error, and the stack in the returned `Cloud` has no outputs.
    ///
    /// # Errors
    /// Fails if no local cloud is running (with `--local`), or if another request to AWS or the local cloud fails.
    pub async fn connect(target: &StackArgs, words: Words) -> Result<(Self, Option<CommandError>), CommandError> {
        if target.local {
            let kept = running(words)?;
            // A stack name from the environment variable `ONBOARD_STACK` is ignored, because this variable names a
            // stack in AWS.
            let named = target.stack.as_deref().filter(|name| std::env::var(STACK_VARIABLE).as_deref() != Ok(*name));
            if let Some(other) = named.filter(|name| **name != kept.stack) {
                let (what, how) = (words.no_stack(other, &kept.region), words.local_stack(&kept.stack));
                return Err(CommandError::cloud(CommandError::NO_STACK, what, how));
            }
            let stack = Stack { name: kept.stack, status: "CREATE_COMPLETE".into(), outputs: kept.outputs };
            return Ok((Self::at(&kept.stand_in, &kept.region, stack, Some(kept.clock_scale), words), None));
        }
        let config = configured(&target.aws, words).await?;
        let signed = Signed::new(config.clone(), words);
        let name = configuration::stack(target.stack.as_deref(), words)?;
        let (stack, missing) = match Stack::describe(&signed, &name, words).await {
            Ok(stack) => (stack, None),
            Err(error) if error.name == CommandError::NO_STACK || error.is_denied() => {
                (Stack::missing(&name), Some(error))
            }
            Err(error) => return Err(error),
        };
        Ok((Self::with(config, stack, None, words), missing))
    }

    /// The clients for a local cloud with this endpoint.
    #[must_use]
    pub fn at(endpoint: &str, region: &str, stack: Stack, scale: Option<f64>, words: Words) -> Self {
        Self::with(local(endpoint, region), stack, scale, words)
    }

    fn with(config: SdkConfig, stack: Stack, local: Option<f64>, words: Words) -> Self {
        Self {
            sfn: aws_sdk_sfn::Client::new(&config),
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            signed: Signed::new(config.clone(), words),
            config,
            stack,
            local,
            words,
        }
    }

    /// The ARN of a state machine of the stack.
    ///
    /// # Errors
    /// Fails if the stack has no such output.
    pub fn machine(&self, machine: Machine) -> Result<&str, CommandError> {
        self.stack.output(machine.output(), self.words)
    }

    /// The AWS Region of the stack.
    #[must_use]
    pub fn region(&self) -> &str {
        self.config.region().map_or("", |region| region.as_ref())
    }
}

fn running(words: Words) -> Result<Kept, CommandError> {
    Kept::running(words).map_err(|why| CommandError::no_local_cloud(words, why))
}

/// The configuration for a local cloud with this endpoint. The operator's own AWS configuration must not be used here,
/// because it selects a real account, where resources cost money.
fn local(endpoint: &str, region: &str) -> SdkConfig {
    let credentials = Credentials::new("test", "test", None, None, "local cloud");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build()
}

/// A state machine of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// Runs a complete onboarding.
    Onboarding,
    /// Computes the changes that an onboarding would make.
    Plan,
    /// Synchronises Connect users with Entra groups.
    UserSync,
    /// Removes an onboarding.
    Teardown,
    /// Finds drift: differences between the settings in AWS and Entra and the input of the onboarding.
    Drift,
    /// Replaces the SAML signing certificate.
    RotateCertificate,
}

impl Machine {
    /// All state machines of the stack.
    pub const ALL: [Self; 6] =
        [Self::Onboarding, Self::Plan, Self::UserSync, Self::Teardown, Self::Drift, Self::RotateCertificate];

    /// The stack output that contains the state machine's ARN.
    #[must_use]
    pub const fn output(self) -> &'static str {
        match self {
            Self::Onboarding => "OnboardingStateMachineArn",
            Self::Plan => "PlanStateMachineArn",
            Self::UserSync => "UserSyncStateMachineArn",
            Self::Teardown => "TeardownStateMachineArn",
            Self::Drift => "DriftStateMachineArn",
            Self::RotateCertificate => "RotateCertificateStateMachineArn",
        }
    }

    /// The state machine's name in lists and in the names of the executions.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Onboarding => "onboarding",
            Self::Plan => "plan",
            Self::UserSync => "user-sync",
            Self::Teardown => "teardown",
            Self::Drift => "drift",
            Self::RotateCertificate => "rotate-certificate",
        }
    }
}
