//! Arguments of `onboard entra-setup`.

use clap::ValueEnum;
use local_cloud::emulator::CredentialKind;
use onboarding_core::entra::{Identity, TOKEN_AUDIENCE};

/// Which identities are made, and how.
#[derive(Debug, clap::Args)]
pub struct EntraSetupArgs {
    /// By what the stack signs in to Microsoft Graph
    #[arg(long, value_enum, value_name = "KIND", default_value_t = CredentialArg::Keyless)]
    pub credential: CredentialArg,
    /// Only this identity [default: both]
    #[arg(long, value_enum, value_name = "IDENTITY")]
    pub only: Option<IdentityArg>,
    /// Take this identity away instead: its application and its secret
    #[arg(long, value_enum, value_name = "IDENTITY", conflicts_with_all = ["only", "credential"])]
    pub remove: Option<IdentityArg>,
    /// The name that the stack has or will have
    #[arg(long, value_name = "NAME", default_value = "connect-onboarding")]
    pub stack: String,
    /// The stack's Region
    #[arg(long, value_name = "REGION", env = "AWS_REGION", default_value = "ap-northeast-1")]
    pub region: String,
    /// The audience of federated credentials; another one in a national cloud
    #[arg(long, value_name = "URI", default_value = TOKEN_AUDIENCE)]
    pub audience: String,
    /// Run it here instead of printing it
    #[arg(long)]
    pub run: bool,
}

impl EntraSetupArgs {
    /// The identities that are made.
    #[must_use]
    pub fn identities(&self) -> Vec<Identity> {
        self.only.map_or_else(|| Identity::ALL.to_vec(), |one| vec![one.into()])
    }
}

/// One of the two identities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum IdentityArg {
    /// Onboards: registers and configures the enterprise application
    Setup,
    /// Stays: reads groups and users
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

/// By what the functions sign in to Microsoft Graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CredentialArg {
    /// By tokens of AWS's own; there is no secret anywhere
    Keyless,
    /// By a certificate each, whose private keys lie in Secrets Manager
    Certificate,
    /// By a client secret each, in Secrets Manager
    Secret,
}

impl CredentialArg {
    /// The name on the command line.
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
