//! The HTTP client under all SDK clients: one for the process, with as little work in a cold start as possible.
//!
//! The SDK's own default reads the system's root certificates for every client, and once more to check that it can. That
//! was more than half of a cold start. Here the clients share one connector, and certificates are read where there is a
//! connection to protect: not for the local cloud, which speaks plain HTTP.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use aws_smithy_http_client::{
    Connector,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
    },
    orchestrator::HttpRequest,
    runtime_components::RuntimeComponents,
};

/// What an SDK configuration takes as its HTTP client. Clones share their connections.
#[derive(Clone, Debug)]
pub struct Http {
    connectors: Arc<Connectors>,
}

#[derive(Debug)]
struct Connectors {
    settings: HttpConnectorSettings,
    plain: OnceLock<Connector>,
    tls: OnceLock<Connector>,
}

impl Http {
    /// A client that gives up a connection that is not made in this time. It is the one timeout of the connection for all
    /// clients that share it; all others are those of the SDK configuration.
    #[must_use]
    pub fn new(connect_timeout: Duration) -> Self {
        let settings = HttpConnectorSettings::builder().connect_timeout(connect_timeout).build();
        Self { connectors: Arc::new(Connectors { settings, plain: OnceLock::new(), tls: OnceLock::new() }) }
    }

    /// Reads the root certificates now: while a function starts, Lambda gives it a whole processor and not the share that
    /// its memory size buys.
    pub fn prepare_tls(&self) {
        self.connectors.tls();
    }
}

impl From<Http> for SharedHttpClient {
    fn from(http: Http) -> Self {
        Self::new(http)
    }
}

impl HttpClient for Http {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Http {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let plain = request.uri().starts_with("http://");
        if plain { self.connectors.plain() } else { self.connectors.tls() }.call(request)
    }
}

impl Connectors {
    /// It trusts nobody and so reads no certificates.
    fn plain(&self) -> &Connector {
        self.plain.get_or_init(|| self.connector(TrustStore::empty()))
    }

    /// It trusts whom the system trusts, or `SSL_CERT_FILE` and `SSL_CERT_DIR`.
    fn tls(&self) -> &Connector {
        self.tls.get_or_init(|| self.connector(TrustStore::default()))
    }

    fn connector(&self, trust: TrustStore) -> Connector {
        let builder = Connector::builder()
            .connector_settings(self.settings.clone())
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc));
        match TlsContext::builder().with_trust_store(trust).build() {
            Ok(context) => builder.tls_context(context).build(),
            // Nothing in a context of ours can fail to build; the system's trust is the default.
            Err(_) => builder.build(),
        }
    }
}
