//! The HTTP client that all SDK clients of a process share. The client does as little as possible during a cold start.
//!
//! The SDK's default HTTP client reads the system's root certificates once for each SDK client, and a second time to
//! validate them. Reading the certificates took more than half of the time of a cold start. Therefore, all SDK clients
//! share the connections of this client, which reads the certificates only if TLS is used. The local cloud uses plain
//! HTTP, so the certificates are not read there.
//!
//! Before each attempt to send a request, the client waits for the [`fence`], which checks the step's lease.

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
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};

use crate::runtime::fence;

/// The HTTP client in the configuration of all SDK clients. The clones of this client share its connections.
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
    /// Creates a client. `connect_timeout` applies to all SDK clients that share the connections. All other timeouts
    /// are set in the SDK configuration.
    #[must_use]
    pub fn new(connect_timeout: Duration) -> Self {
        let settings = HttpConnectorSettings::builder().connect_timeout(connect_timeout).build();
        Self { connectors: Arc::new(Connectors { settings, plain: OnceLock::new(), tls: OnceLock::new() }) }
    }

    /// Reads the root certificates before the first call. Called during the function's initialization, when Lambda
    /// provides a full vCPU regardless of the memory size.
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
        let connectors = Arc::clone(&self.connectors);
        HttpConnectorFuture::new(async move {
            fence::pass().await.map_err(|error| ConnectorError::io(error.into()))?;
            let plain = request.uri().starts_with("http://");
            if plain { connectors.plain() } else { connectors.tls() }.call(request).await
        })
    }
}

impl Connectors {
    /// A connector without TLS, which needs no certificates.
    fn plain(&self) -> &Connector {
        self.plain.get_or_init(|| self.connector(TrustStore::empty()))
    }

    /// A connector that trusts the system's root certificates, or those in `SSL_CERT_FILE` and `SSL_CERT_DIR`.
    fn tls(&self) -> &Connector {
        self.tls.get_or_init(|| self.connector(TrustStore::default()))
    }

    fn connector(&self, trust: TrustStore) -> Connector {
        let builder = Connector::builder()
            .connector_settings(self.settings.clone())
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc));
        match TlsContext::builder().with_trust_store(trust).build() {
            Ok(context) => builder.tls_context(context).build(),
            // This branch is never reached, because creating the TLS context does not fail. The default TLS context of
            // the builder would also trust the system's root certificates.
            Err(_) => builder.build(),
        }
    }
}
