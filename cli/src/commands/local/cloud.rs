//! Starts and stops the local cloud: the stand-in in this process, and the emulator behind it.

use std::path::Path;

use local_cloud::stand_in::{Behaviour, ClientCredentials, GraphBehaviour, LocalCloud, Options, SupportPath};

use super::{
    credentials::{Credentials, TENANT_ID},
    emulator::{self, Emulator, Settings},
    failure::Failure,
    plan::Plan,
    venv::Venv,
};
use crate::args::LocalArgs;

/// Client id of an administrator's application for tools and tests that access the tenant. The functions do not use it.
pub const ADMINISTRATOR: &str = "adade000-0000-4000-8000-000000000001";
/// Client secret of the administrator's application.
pub const ADMINISTRATORS_SECRET: &str = "local-cloud-administrators-secret";

/// A running local cloud. It stops when the value is dropped.
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
    /// Fails if one of them does not start.
    pub async fn start(args: &LocalArgs, plan: &Plan, venv: &Venv, folder: &Path) -> Result<Self, Failure> {
        let credentials = Credentials::new(args.credential)?;
        let (listener, port) = emulator::listen()?;
        let emulator_url = emulator::url(port);
        let options = Options {
            clock_scale: args.clock_scale,
            upstream: emulator_url.clone(),
            region: emulator::REGION.into(),
            account: emulator::ACCOUNT.into(),
            tenant: plan.tenant.clone(),
            tenant_id: TENANT_ID.into(),
            client: ClientCredentials { client_id: ADMINISTRATOR.into(), client_secret: ADMINISTRATORS_SECRET.into() },
            faults: plan.faults.clone(),
            record: args.record.clone(),
            real_rates: args.real_rates,
            models: venv.service_models(),
            // In reality these waits take weeks, and by default hours in the stand-in. Here they are as short as a
            // quota decision.
            behaviour: Behaviour {
                graph: GraphBehaviour { registrations: credentials.registrations.clone(), ..GraphBehaviour::default() },
                support_path: SupportPath { picked_up: 300.0, decided: 1_500.0, ..SupportPath::default() },
                ..Behaviour::default()
            },
            assume: plan.assume.clone(),
        };
        let stand_in = LocalCloud::start(options).await;
        let stand_in =
            stand_in.map_err(|error| Failure::not_started(|words| (error.to_string(), words.look_and_try_again())))?;
        let aws = stand_in.aws_url();
        let settings = Settings {
            port,
            stand_in: &aws,
            clock_scale: args.clock_scale,
            concurrency: args.fresh_account.then_some(emulator::FRESH_ACCOUNT),
            expressions: args.record_expressions.as_deref(),
            folder,
        };
        let emulator = Emulator::start(venv, &settings, listener).await?;
        Ok(Self { stand_in, emulator, emulator_url, credentials })
    }

    /// The emulator's URL.
    #[must_use]
    pub fn emulator_url(&self) -> &str {
        &self.emulator_url
    }

    /// The stand-in.
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
