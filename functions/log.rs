//! Log lines on standard output, in the form and from the level that the function's logging configuration names.
//!
//! In JSON a line is `{"level", "fields": {"message", …}, "span": {"step", "requestId", "execution", "alias"}}`; `serve` makes
//! the span. What `lambda_runtime` offers for this filters by regular expressions, whose tables of all Unicode a function
//! carries through every cold start.

use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::fmt::MakeWriter;

/// Starts logging. Without a configuration: text, from `INFO`.
pub fn init() {
    let variable = |name| std::env::var(name).unwrap_or_default();
    let level = level(&variable("AWS_LAMBDA_LOG_LEVEL"));
    let set = if variable("AWS_LAMBDA_LOG_FORMAT").eq_ignore_ascii_case("json") {
        tracing::subscriber::set_global_default(json(level, std::io::stdout))
    } else {
        let lines = tracing_subscriber::fmt().with_target(false).without_time().with_max_level(level);
        tracing::subscriber::set_global_default(lines.with_ansi(false).finish())
    };
    // There is one start, so there is nobody who could have been faster.
    drop(set);
}

/// One object a line; of the spans only the innermost, which is the invocation.
fn json(
    level: LevelFilter,
    writer: impl for<'a> MakeWriter<'a> + Send + Sync + 'static,
) -> impl Subscriber + Send + Sync {
    tracing_subscriber::fmt()
        .with_target(false)
        // Lambda and CloudWatch write the time.
        .without_time()
        .with_max_level(level)
        .json()
        .with_span_list(false)
        .with_writer(writer)
        .finish()
}

/// The level by Lambda's name for it.
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
pub(crate) use tests::{Written, json_lines};

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use super::*;

    /// What was logged.
    #[derive(Clone, Default)]
    pub(crate) struct Written(Arc<Mutex<Vec<u8>>>);

    impl Written {
        pub(crate) fn lines(&self) -> Vec<serde_json::Value> {
            let bytes = self.0.lock().unwrap();
            let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
        }
    }

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The same lines as in Lambda, for a test to read.
    pub(crate) fn json_lines(written: Written) -> impl Subscriber + Send + Sync {
        json(LevelFilter::INFO, move || written.clone())
    }

    #[test]
    fn every_level_of_lambda_is_understood_and_info_is_the_default() {
        let names = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", ""];
        let levels = names.map(|name| level(name).to_string());
        assert_eq!(levels, ["trace", "debug", "info", "warn", "error", "error", "info"]);
    }
}
