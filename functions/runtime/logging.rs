//! Writes log lines to standard output. The logging configuration of the function determines the format and the lowest
//! level.
//!
//! In JSON format, a log line is `{"level", "fields": {"message", …}, "span": {"step", "requestId", "execution",
//! "alias"}}`. `serve` creates the span. The logging of `lambda_runtime` is not used, because it filters with regular
//! expressions, and their Unicode tables make each cold start slower.

use tracing::{Metadata, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer as _,
    filter::{FilterFn, filter_fn},
    fmt::{self, MakeWriter},
    layer::SubscriberExt as _,
    registry,
};

/// Starts logging. The defaults are text format and the level `INFO`.
pub fn init() {
    let variable = |name| std::env::var(name).unwrap_or_default();
    let level = level(&variable("AWS_LAMBDA_LOG_LEVEL"));
    let started = if variable("AWS_LAMBDA_LOG_FORMAT").eq_ignore_ascii_case("json") {
        tracing::subscriber::set_global_default(json(level, std::io::stdout))
    } else {
        let lines = fmt::layer().with_target(false).without_time().with_ansi(false);
        tracing::subscriber::set_global_default(registry().with(lines.with_filter(from_level(level))))
    };
    // This operation can't fail, because logging is started only once per process.
    drop(started);
}

/// Writes one JSON object per log line. The object contains only the innermost span, which describes the invocation.
fn json(
    level: LevelFilter,
    writer: impl for<'a> MakeWriter<'a> + Send + Sync + 'static,
) -> impl Subscriber + Send + Sync {
    let lines = fmt::layer()
        .with_target(false)
        // Lambda and CloudWatch add the time.
        .without_time()
        .json()
        .with_span_list(false)
        .with_writer(writer);
    registry().with(lines.with_filter(from_level(level)))
}

/// Accepts all log lines of this level or above, except those of Lambda's runtime. After a failed step, the runtime
/// would repeat the line that `serve` logs, but without the instance. At its most detailed level, the runtime would log
/// the complete event.
fn from_level(level: LevelFilter) -> FilterFn<impl Fn(&Metadata<'_>) -> bool> {
    filter_fn(move |line: &Metadata<'_>| *line.level() <= level && !line.target().starts_with("lambda_runtime"))
        .with_max_level_hint(level)
}

/// Converts Lambda's name of a log level.
fn level(name: &str) -> LevelFilter {
    match name {
        "TRACE" => LevelFilter::TRACE,
        "DEBUG" => LevelFilter::DEBUG,
        "WARN" => LevelFilter::WARN,
        "ERROR" | "FATAL" => LevelFilter::ERROR,
        _ => LevelFilter::INFO,
    }
}

#[cfg(test)]
pub(crate) use tests::{LogBuffer, json_lines};

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use super::*;

    /// The logged lines.
    #[derive(Clone, Default)]
    pub(crate) struct LogBuffer(Arc<Mutex<Vec<u8>>>);

    impl LogBuffer {
        pub(crate) fn lines(&self) -> Vec<serde_json::Value> {
            let bytes = self.0.lock().unwrap();
            let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
        }
    }

    impl io::Write for LogBuffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Returns a subscriber for tests that writes the same log lines as in Lambda.
    pub(crate) fn json_lines(buffer: LogBuffer) -> impl Subscriber + Send + Sync {
        json(LevelFilter::INFO, move || buffer.clone())
    }

    #[test]
    fn log_lines_of_the_lambda_runtime_are_omitted() {
        let buffer = LogBuffer::default();
        tracing::subscriber::with_default(json_lines(buffer.clone()), || {
            tracing::error!(target: "lambda_runtime::layers::api_response", "InvalidInput: …");
            tracing::debug!("too fine");
            tracing::info!("ours");
        });
        let messages: Vec<_> = buffer.lines().iter().map(|line| line["fields"]["message"].clone()).collect();
        assert_eq!(messages, ["ours"]);
    }

    #[test]
    fn every_log_level_of_lambda_is_accepted_and_info_is_the_default() {
        let names = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", ""];
        let levels = names.map(|name| level(name).to_string());
        assert_eq!(levels, ["trace", "debug", "info", "warn", "error", "error", "info"]);
    }
}
