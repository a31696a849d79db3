//! Log lines on standard output, in the form and from the level that the function's logging configuration names.
//!
//! What `lambda_runtime` offers for this filters by regular expressions, whose tables of all Unicode a function carries
//! through every cold start.

use tracing::level_filters::LevelFilter;

/// Starts logging. Without a configuration: text, from `INFO`.
pub fn init() {
    let variable = |name| std::env::var(name).unwrap_or_default();
    let lines = tracing_subscriber::fmt()
        .with_target(false)
        // Lambda and CloudWatch write the time.
        .without_time()
        .with_max_level(level(&variable("AWS_LAMBDA_LOG_LEVEL")));
    if variable("AWS_LAMBDA_LOG_FORMAT").eq_ignore_ascii_case("json") {
        lines.json().init();
    } else {
        lines.with_ansi(false).init();
    }
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
mod tests {
    use super::*;

    #[test]
    fn every_level_of_lambda_is_understood_and_info_is_the_default() {
        let names = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", ""];
        let levels = names.map(|name| level(name).to_string());
        assert_eq!(levels, ["trace", "debug", "info", "warn", "error", "error", "info"]);
    }
}
