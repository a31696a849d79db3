//! Starts and stops the two parts of the local cloud. The stand-in runs in this process. The emulator runs in a process
//! of its own, and receives the calls that the stand-in forwards.

use std::path::{Path, PathBuf};

use crate::{
    emulator::{
        CredentialKind, Credentials, Emulator, NotStarted, Venv,
        credentials::TENANT_ID,
        launcher,
        stack::{ACCOUNT, REGION},
    },
    stand_in::{Assumption, Behaviour, ClientCredentials, GraphBehaviour, LocalCloud, Options, SupportPath, Tenant},
};

/// Client ID of the administrator's application: the Entra application with which tools and tests change the emulated
/// tenant. The functions do not use this application.
pub const ADMINISTRATOR: &str = "adade000-0000-4000-8000-000000000001";
/// Client secret of the administrator's application.
pub const ADMINISTRATORS_SECRET: &str = "local-cloud-administrators-secret";

/// The settings of a local cloud.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The groups and members of the Entra tenant.
    pub tenant: Tenant,
    /// How the functions authenticate to Microsoft Graph.
    pub credential: CredentialKind,
    /// Clock scale: how many seconds an operation in the local cloud takes for each second that the operation takes in
    /// the real cloud.
    pub clock_scale: f64,
    /// The assumptions about AWS and Entra whose alternative reading is emulated (see stand-in/assumptions).
    pub assume: Vec<&'static Assumption>,
    /// Whether the emulated Amazon Connect applies the real API rate limits. If false, Connect applies higher rate
    /// limits.
    pub real_rates: bool,
    /// Whether Lambda has the low concurrency limit of a new AWS account.
    pub fresh_account: bool,
    /// The file that records all calls of the functions to AWS and Microsoft services. If `None`, no file is written.
    pub record: Option<PathBuf>,
    /// The file that records all evaluated JSONata expressions. If `None`, no file is written.
    pub record_expressions: Option<PathBuf>,
}

/// A running local cloud. Dropping the value stops the local cloud.
pub struct Cloud {
    stand_in: LocalCloud,
    emulator: Emulator,
    emulator_url: String,
    credentials: Credentials,
}

impl Cloud {
    /// Starts the stand-in and the emulator.
    ///
    /// # Errors
    /// Fails if the stand-in or the emulator does not start.
    pub async fn start(settings: Settings, venv: &Venv, folder: &Path) -> Result<Self, NotStarted> {
        let credentials = Credentials::new(settings.credential)?;
        let (listener, port) = launcher::listen()?;
        let emulator_url = launcher::url(port);
        let options = Options {
            clock_scale: settings.clock_scale,
            upstream: emulator_url.clone(),
            region: REGION.into(),
            account: ACCOUNT.into(),
            tenant: settings.tenant,
            tenant_id: TENANT_ID.into(),
            client: ClientCredentials { client_id: ADMINISTRATOR.into(), client_secret: ADMINISTRATORS_SECRET.into() },
            record: settings.record,
            real_rates: settings.real_rates,
            models: venv.service_models(),
            // AWS Support needs weeks to resolve a support case, and the stand-in needs hours by default. In a local
            // run, a support case is resolved as fast as a quota request.
            behaviour: Behaviour {
                graph: GraphBehaviour {
                    registrations: credentials.registrations.clone(),
                    // The administrator's application may also change groups. The functions' applications have no
                    // permission to change groups.
                    roles: [GraphBehaviour::default().roles, vec!["Group.ReadWrite.All".into()]].concat(),
                    ..GraphBehaviour::default()
                },
                support_path: SupportPath { picked_up: 300.0, decided: 1_500.0, ..SupportPath::default() },
                ..Behaviour::default()
            },
            assume: settings.assume,
        };
        let stand_in = LocalCloud::start(options).await?;
        let aws = stand_in.aws_url();
        let emulator = launcher::Settings {
            port,
            stand_in: &aws,
            clock_scale: settings.clock_scale,
            concurrency: settings.fresh_account.then_some(launcher::FRESH_ACCOUNT),
            expressions: settings.record_expressions.as_deref(),
            folder,
        };
        let emulator = Emulator::start(venv, &emulator, listener).await?;
        Ok(Self { stand_in, emulator, emulator_url, credentials })
    }

    /// The emulator's URL.
    #[must_use]
    pub fn emulator_url(&self) -> &str {
        &self.emulator_url
    }

    /// The running stand-in.
    #[must_use]
    pub const fn stand_in(&self) -> &LocalCloud {
        &self.stand_in
    }

    /// The credentials that the functions use for Entra.
    #[must_use]
    pub const fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The stack's parameters, except the ARNs of secrets.
    #[must_use]
    pub fn parameters(&self) -> std::collections::BTreeMap<&'static str, String> {
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
        let mut parameters = self.credentials.parameters.clone();
        parameters.extend([
            ("Stage", "local".to_owned()),
            ("GraphUrl", self.stand_in.graph_url()),
            ("LoginUrl", self.stand_in.login_url()),
            ("Architecture", architecture.to_owned()),
        ]);
        parameters
    }

    /// Stops the stand-in, the emulator and all processes that they started.
    pub async fn stop(self) {
        self.emulator.stop().await;
        self.stand_in.shutdown().await;
    }
}

/// The credentials of the administrator's application: `tenantId`, `clientId`, `clientSecret`.
#[must_use]
pub fn administrator() -> serde_json::Value {
    serde_json::json!({ "tenantId": TENANT_ID, "clientId": ADMINISTRATOR, "clientSecret": ADMINISTRATORS_SECRET })
}
