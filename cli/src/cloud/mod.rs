//! The cloud that a command works on: AWS, or a local cloud that was kept (`onboard local --keep`). Every command goes through
//! here, so that each works against both.
//!
//! * [`stack`] — the deployed stack and its outputs, by which everything else is found.
//! * [`executions`] — starting, finding and describing executions.
//! * [`registry`] — the onboarded instances.
//! * [`signed`] — calls to services without an SDK crate here.
//! * [`trouble`] — what went wrong and what to do.

pub mod executions;
pub mod registry;
pub mod signed;
pub mod stack;
pub mod trouble;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};

use self::{signed::Signed, stack::Stack, trouble::Trouble};
use crate::{args::On, local::kept::Kept, words::Words};

/// A cloud with the stack in it.
#[derive(Debug)]
pub struct Cloud {
    /// Settings of all clients.
    pub config: SdkConfig,
    /// Step Functions.
    pub sfn: aws_sdk_sfn::Client,
    /// `DynamoDB`.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// Services without an SDK crate.
    pub signed: Signed,
    /// The stack.
    pub stack: Stack,
    /// Where it is a local cloud: how many seconds a second of the real one lasts there.
    pub local: Option<f64>,
    /// The options by which another command finds the same cloud, with a blank before each.
    pub options: String,
    /// The language of messages.
    pub words: Words,
}

impl Cloud {
    /// Opens the cloud that the arguments name and looks the stack up in it.
    ///
    /// # Errors
    /// Where there is no such cloud, no such stack, no way in.
    pub async fn open(on: &On, words: Words) -> Result<Self, Trouble> {
        if on.local {
            let kept = Kept::running(words).map_err(|why| Trouble::no_local_cloud(words, why))?;
            let stack = Stack { name: kept.stack, status: "CREATE_COMPLETE".into(), outputs: kept.outputs };
            let cloud = Self::at(&kept.stand_in, &kept.region, stack, Some(kept.clock_scale), words);
            return Ok(Self { options: on.options(), ..cloud });
        }
        let config = configured(on.profile.as_deref(), on.region.as_deref(), words).await?;
        let signed = Signed::new(config.clone(), words);
        let stack = Stack::describe(&signed, &on.stack, words).await?;
        Ok(Self { options: on.options(), ..Self::with(config, stack, None, words) })
    }

    /// A local cloud.
    #[must_use]
    pub fn at(endpoint: &str, region: &str, stack: Stack, scale: Option<f64>, words: Words) -> Self {
        // Never the caller's own settings: they name an account that costs money.
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .endpoint_url(endpoint)
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                "test",
                "test",
                None,
                None,
                "local cloud",
            )))
            .build();
        Self::with(config, stack, scale, words)
    }

    fn with(config: SdkConfig, stack: Stack, local: Option<f64>, words: Words) -> Self {
        Self {
            sfn: aws_sdk_sfn::Client::new(&config),
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            signed: Signed::new(config.clone(), words),
            config,
            stack,
            local,
            options: String::new(),
            words,
        }
    }

    /// The ARN of a state machine of the stack.
    ///
    /// # Errors
    /// Where the stack has none such.
    pub fn machine(&self, machine: Machine) -> Result<&str, Trouble> {
        self.stack.output(machine.output(), self.words)
    }

    /// The Region.
    #[must_use]
    pub fn region(&self) -> &str {
        self.config.region().map_or("", |region| region.as_ref())
    }
}

/// A state machine of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// From onboarding.json to users who sign in.
    Onboarding,
    /// What an onboarding would do.
    Plan,
    /// Users.
    UserSync,
    /// The way back.
    Teardown,
    /// What differs from what was set up.
    Drift,
    /// A new signing certificate.
    RotateCertificate,
}

impl Machine {
    /// Every one.
    pub const ALL: [Self; 6] =
        [Self::Onboarding, Self::Plan, Self::UserSync, Self::Teardown, Self::Drift, Self::RotateCertificate];

    /// The stack's output with its ARN.
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

    /// What it is called in lists and in names of executions.
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

/// The AWS configuration of the caller, with a Region.
pub(crate) async fn configured(
    profile: Option<&str>,
    region: Option<&str>,
    words: Words,
) -> Result<SdkConfig, Trouble> {
    let mut loader = aws_config::defaults(BehaviorVersion::latest());
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = region {
        loader = loader.region(Region::new(region.to_owned()));
    }
    let config = loader.load().await;
    if config.region().is_none() {
        return Err(Trouble::cloud("NoRegion", words.no_region(), words.name_a_region()));
    }
    Ok(config)
}
