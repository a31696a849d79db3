//! Arguments of `onboard entra-setup`.

use clap::ValueEnum;
use local_cloud::emulator::CredentialKind;
use onboarding_core::entra::{Identity, TOKEN_AUDIENCE};

use super::AwsArgs;

/// The identities to create, and their credentials.
#[derive(Debug, clap::Args)]
pub struct EntraSetupArgs {
    /// Credential with which the stack authenticates to Microsoft Graph
    #[arg(long, value_enum, value_name = "KIND", default_value_t = CredentialArg::Keyless)]
    pub credential: CredentialArg,
    /// Create only this identity [default: both]
    #[arg(long, value_enum, value_name = "IDENTITY")]
    pub only: Option<IdentityArg>,
    /// Remove this identity instead: its application and its secret
    #[arg(long, value_enum, value_name = "IDENTITY", conflicts_with_all = ["only", "credential"])]
    pub remove: Option<IdentityArg>,
    /// Name of the stack; the stack does not have to exist yet [default: from samconfig.toml, or else
    /// connect-onboarding]
    #[arg(long, alias = "stack-name", value_name = "NAME", env = "ONBOARD_STACK", hide_env_values = true)]
    pub stack: Option<String>,
    /// Selects the account and the stack's Region.
    #[command(flatten)]
    pub aws: AwsArgs,
    /// Audience of federated credentials; different in a national cloud
    #[arg(long, value_name = "URI", default_value = TOKEN_AUDIENCE)]
    pub audience: String,
    /// Run the script instead of printing it
    #[arg(long)]
    pub run: bool,
}

impl EntraSetupArgs {
    /// The identities to create.
    #[must_use]
    pub fn identities(&self) -> Vec<Identity> {
        self.only.map_or_else(|| Identity::ALL.to_vec(), |one| vec![one.into()])
    }
}

/// An identity with which the stack signs in to Entra.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum IdentityArg {
    /// For onboarding: registers and configures the enterprise application
    Setup,
    /// For operation: reads groups and users
    Runtime,
}

impl From<IdentityArg> for Identity {
    fn from(one: IdentityArg) -> Self {
        match one {
            IdentityArg::Setup => Self::Setup,
            IdentityArg::Runtime => Self::Runtime,
        }
    }
}

/// Credential with which the functions authenticate to Microsoft Graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CredentialArg {
    /// Tokens issued by AWS; no secret exists
    Keyless,
    /// A certificate per identity, with the private key in Secrets Manager
    Certificate,
    /// A client secret per identity, in Secrets Manager
    Secret,
}

impl CredentialArg {
    /// The name of this credential kind on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Keyless => "keyless",
            Self::Certificate => "certificate",
            Self::Secret => "secret",
        }
    }
}

impl From<CredentialArg> for CredentialKind {
    fn from(one: CredentialArg) -> Self {
        match one {
            CredentialArg::Keyless => Self::Keyless,
            CredentialArg::Certificate => Self::Certificate,
            CredentialArg::Secret => Self::Secret,
        }
    }
}
