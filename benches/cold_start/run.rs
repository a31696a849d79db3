//! One cold start, from `exec` to the response to the first event.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde::Serialize;
use serde_json::Value;

use crate::{
    cloud::{Cloud, event},
    runtime_api::{RuntimeApi, What},
    tools::peak_kb,
};

/// A measured program.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) command: Vec<PathBuf>,
    /// The number of AWS calls that the program must make for the event.
    pub(crate) calls: usize,
}

/// The measurements of one cold start.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Sample {
    /// The time from `exec` to the request for the first event. This request ends Lambda's init phase.
    pub(crate) ready_ms: f64,
    /// The time from `exec` to the response to the first event.
    pub(crate) answered_ms: f64,
    /// The peak resident memory up to the response.
    pub(crate) peak_kb: u64,
}

/// A running program. Dropping the value kills the program, even if the measurement fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the program once and waits for its first response.
pub(crate) async fn cold_start(program: &Program) -> Result<Sample, String> {
    let fault = |what: String| format!("{}: {what}", program.name);
    let no_port = |error: std::io::Error| fault(format!("no port on 127.0.0.1 is free: {error}"));
    let mut cloud = Cloud::start().await.map_err(no_port)?;
    let mut lambda = RuntimeApi::start("cold-start", Duration::from_secs(60)).await.map_err(no_port)?;
    lambda.give(event());
    let mut command = command(program, &cloud, &lambda);

    let exec = Instant::now();
    let running = Running(command.spawn().map_err(|error| fault(format!("did not start: {error}")))?);
    let (mut ready, mut answered) = (None, None);
    loop {
        let seen = tokio::time::timeout(Duration::from_secs(30), lambda.seen.recv()).await;
        let Ok(Some(seen)) = seen else {
            return Err(fault("printed nothing for 30 s; its earlier output is above".into()));
        };
        match seen.what {
            What::Next if ready.is_none() => ready = Some(seen.at),
            What::Next => break,
            What::Answer(answer) if understood(&answer) => answered = Some(seen.at),
            What::Answer(body) | What::Failure(body) => {
                return Err(fault(format!("did not return the expected result: {body}")));
            }
        }
    }
    let peak_kb = peak_kb(&running.0.id().to_string())
        .map_err(|error| fault(format!("its memory could not be read: {error}")))?;
    let (Some(ready), Some(answered)) = (ready, answered) else {
        return Err(fault("requested the next event before it returned a result".into()));
    };
    let calls: Vec<_> = std::iter::from_fn(|| cloud.calls.try_recv().ok()).collect();
    if calls.len() != program.calls || calls.iter().any(|call| call != "GET /instance") {
        return Err(fault(format!("should have made {} call GET /instance, but made {calls:?}", program.calls)));
    }
    let ms = |at: Instant| at.duration_since(exec).as_secs_f64() * 1000.0;
    Ok(Sample { ready_ms: ms(ready), answered_ms: ms(answered), peak_kb })
}

/// Whether the program's response shows that the program has read the response of the Connect stub. The empty program
/// makes no call and returns no status, so its response is always accepted.
fn understood(answer: &str) -> bool {
    let answer: Value = serde_json::from_str(answer).unwrap_or_default();
    answer.get("status").is_none_or(|status| status == "SUFFICIENT")
}

/// Returns the command that starts the program with only the environment variables that a Lambda function has.
fn command(program: &Program, cloud: &Cloud, lambda: &RuntimeApi) -> Command {
    let mut command = Command::new(&program.command[0]);
    command
        .args(&program.command[1..])
        .env_clear()
        .envs([
            ("AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            ("AWS_SESSION_TOKEN", "IQoJb3JpZ2luX2VjEXAMPLETOKEN"),
            ("AWS_REGION", "ap-northeast-1"),
            ("AWS_DEFAULT_REGION", "ap-northeast-1"),
            ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023"),
            ("AWS_LAMBDA_FUNCTION_NAME", "cold-start"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
            ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/cold-start"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/01/01/[$LATEST]cold-start"),
            ("LAMBDA_TASK_ROOT", "/var/task"),
            ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
            ("LANG", "en_US.UTF-8"),
            ("PATH", "/usr/local/bin:/usr/bin/:/bin:/opt/bin"),
            ("TZ", ":UTC"),
            ("_HANDLER", "instance-quota"),
        ])
        .env("AWS_LAMBDA_RUNTIME_API", lambda.address.to_string())
        .env("AWS_ENDPOINT_URL", format!("http://{}", cloud.address))
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}
