//! Runs only the stand-in, in front of an emulator that is already running, for experiments with any AWS or Graph
//! client. The stand-in runs until it is interrupted.
//!
//! `cargo run -p local-cloud --example serve -- UPSTREAM_URL [RECORD_FILE [BOTOCORE_DATA_DIRECTORY]]`

use std::io::Write;

use local_cloud::stand_in::{Behaviour, ClientCredentials, LocalCloud, Options, Tenant};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let upstream = arguments.next().ok_or("specify the URL of the emulator, for example http://127.0.0.1:4570")?;
    let cloud = LocalCloud::start(Options {
        clock_scale: 0.01,
        upstream,
        region: "ap-northeast-1".into(),
        account: "000000000000".into(),
        tenant: Tenant::default(),
        tenant_id: "11111111-1111-4111-8111-111111111111".into(),
        client: ClientCredentials {
            client_id: "22222222-2222-4222-8222-222222222222".into(),
            client_secret: "local".into(),
        },
        record: arguments.next().map(Into::into),
        real_rates: false,
        models: arguments.next().map(Into::into),
        behaviour: Behaviour::default(),
        assume: Vec::new(),
    })
    .await?;
    let mut out = std::io::stdout();
    writeln!(out, "aws {}\ngraph {}\nlogin {}", cloud.aws_url(), cloud.graph_url(), cloud.login_url())?;
    out.flush()?;
    std::future::pending().await
}
