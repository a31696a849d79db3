//! Log lines on standard output, in the form and from the level that the function's logging configuration names.
//!
//! In JSON a line is `{"level", "fields": {"message", …}, "span": {"step", "requestId", "execution", "alias"}}`; `serve` makes
//! the span. What `lambda_runtime` offers for this filters by regular expressions, whose tables of all Unicode a function
//! carries through every cold start.

use tracing::{Metadata, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer as _,
    filter::{FilterFn, filter_fn},
    fmt::{self, MakeWriter},
    layer::SubscriberExt as _,
    registry,
};

/// Starts logging. Without a configuration: text, from `INFO`.
pub fn init() {
    let variable = |name| std::env::var(name).unwrap_or_default();
    let level = level(&variable("AWS_LAMBDA_LOG_LEVEL"));
    let set = if variable("AWS_LAMBDA_LOG_FORMAT").eq_ignore_ascii_case("json") {
        tracing::subscriber::set_global_default(json(level, std::io::stdout))
    } else {
        let lines = fmt::layer().with_target(false).without_time().with_ansi(false);
        tracing::subscriber::set_global_default(registry().with(lines.with_filter(told_from(level))))
    };
    // There is one start, so there is nobody who could have been faster.
    drop(set);
}

/// One object a line; of the spans only the innermost, which is the invocation.
fn json(
    level: LevelFilter,
    writer: impl for<'a> MakeWriter<'a> + Send + Sync + 'static,
) -> impl Subscriber + Send + Sync {
    let lines = fmt::layer()
        .with_target(false)
        // Lambda and CloudWatch write the time.
        .without_time()
        .json()
        .with_span_list(false)
        .with_writer(writer);
    registry().with(lines.with_filter(told_from(level)))
}

/// Everything from this level on, but for Lambda's runtime: it says of a failed step what `serve` says, without for whom,
/// and in its finest level the whole event.
fn told_from(level: LevelFilter) -> FilterFn<impl Fn(&Metadata<'_>) -> bool> {
    filter_fn(move |line: &Metadata<'_>| *line.level() <= level && !line.target().starts_with("lambda_runtime"))
        .with_max_level_hint(level)
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
    fn the_runtimes_own_lines_are_left_out_for_they_do_not_say_for_whom() {
        let written = Written::default();
        tracing::subscriber::with_default(json_lines(written.clone()), || {
            tracing::error!(target: "lambda_runtime::layers::api_response", "InvalidInput: …");
            tracing::debug!("too fine");
            tracing::info!("ours");
        });
        let messages: Vec<_> = written.lines().iter().map(|line| line["fields"]["message"].clone()).collect();
        assert_eq!(messages, ["ours"]);
    }

    #[test]
    fn every_level_of_lambda_is_understood_and_info_is_the_default() {
        let names = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", ""];
        let levels = names.map(|name| level(name).to_string());
        assert_eq!(levels, ["trace", "debug", "info", "warn", "error", "error", "info"]);
    }
}
