//! Runs the product: the deployed binary as the function `sync-users`, with a small Runtime API instead of Lambda.

use std::{
    path::Path,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    fixture::Fixture,
    runtime_api::{RuntimeApi, What},
    tools::peak_kb,
};

/// The timeout that template.yaml sets for this function.
const TIMEOUT: Duration = Duration::from_secs(900);

/// The result of one complete sync, which may need several invocations of the function.
#[derive(Debug)]
pub(crate) struct Synced {
    /// The time from the start of the program (`exec`) to the program's last response.
    pub(crate) wall: Duration,
    pub(crate) peak_kb: u64,
    /// The function's last response.
    pub(crate) output: Value,
}

/// A running program. Dropping the value kills the program, even if the measurement fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs one complete sync in a new process. As the state machine does, invokes the function again as long as the status
/// in the function's output is `MORE`. The next event then contains the field `carry` of this output. If `incremental`
/// is true, the function may read only the changes since the last full comparison, as in a scheduled sync.
pub(crate) async fn sync(bootstrap: &Path, fixture: &Fixture, incremental: bool) -> Result<Synced, String> {
    let fault = |what: String| format!("bootstrap, sync-users: {what}");
    let mut lambda = RuntimeApi::start("sync-users", TIMEOUT).await.map_err(|error| fault(error.to_string()))?;

    let mut command = fixture.command(&[bootstrap.into()]);
    command.env("AWS_LAMBDA_RUNTIME_API", lambda.address.to_string()).stdin(Stdio::null()).stdout(Stdio::null());
    let exec = Instant::now();
    let mut running = Running(command.spawn().map_err(|error| fault(format!("did not start: {error}")))?);
    let mut carry = Value::Null;
    loop {
        lambda.give(json!({
            "instanceId": fixture.instance_id, "mode": "apply", "carry": carry, "incremental": incremental,
        }));
        let (at, output) = wait(&mut running.0, &mut lambda).await.map_err(fault)?;
        let wall = at.duration_since(exec);
        match output["status"].as_str() {
            Some("MORE") => carry = output["carry"].clone(),
            Some("DONE") => {
                let peak_kb = peak_kb(&running.0.id().to_string()).map_err(fault)?;
                return Ok(Synced { wall, peak_kb, output });
            }
            _ => return Err(fault(format!("did not return the expected result: {output}"))),
        }
    }
}

/// Waits for the program's response to the current event. Returns the time and the content of the response. Fails if
/// the program exits without a response.
async fn wait(program: &mut Child, lambda: &mut RuntimeApi) -> Result<(Instant, Value), String> {
    loop {
        match tokio::time::timeout(Duration::from_secs(1), lambda.seen.recv()).await {
            Ok(Some(seen)) => match seen.what {
                What::Next => {}
                What::Answer(answer) => {
                    let output = serde_json::from_str(&answer).map_err(|error| error.to_string())?;
                    return Ok((seen.at, output));
                }
                What::Failure(body) => return Err(body),
            },
            Ok(None) => return Err("the Runtime API is gone".into()),
            Err(_) => {
                if let Ok(Some(status)) = program.try_wait() {
                    return Err(format!("exited with {status}; its output is above"));
                }
            }
        }
    }
}
