//! `onboard open`: prints the address of a page of an onboarding and, on a terminal, opens it in the browser.

use std::process::{Command, Stdio};

use onboarding_core::contract::Report;

use crate::{
    args::{OpenArgs, PageArg},
    cloud::{Cloud, error::CommandError},
    commands::report::find,
    exit::Exit,
    output::PageAddress,
    report::page,
    ui::Console,
};

/// Programs that open an address in the operator's browser: `open` on macOS, `xdg-open` on Linux.
const BROWSERS: [&str; 2] = ["open", "xdg-open"];

/// Runs the command.
///
/// # Errors
/// Fails if the onboarding has no report, if the page does not exist, or if a request to AWS or the local cloud fails.
pub async fn run(args: OpenArgs, console: &Console) -> Result<Exit, CommandError> {
    let words = console.words();
    let cloud = Cloud::open(&args.target, words).await?;
    let (described, report) = find(&cloud, args.onboarding.as_deref(), console).await?;
    let name = &described.execution.name;
    let report = report.and_then(|report| serde_json::from_value::<Report>(report).ok());
    let report = report
        .ok_or_else(|| CommandError::undecided("NoReportYet", words.no_report_yet(name), words.follow_with(name)))?;
    let url = match args.page {
        PageArg::SignIn => Some(report.sso_url.clone()),
        PageArg::Connect => report.instance.access_url.clone(),
        PageArg::Execution => page::execution_link(&report),
        PageArg::Application => page::application_link(&report),
    };
    let url = url.filter(|url| !url.is_empty());
    let url = url.ok_or_else(|| CommandError::input(words.no_such_page(), words.choose_another_page()))?;
    console.result(&PageAddress { url: url.clone() });
    console.line(&url);
    if cloud.local.is_none() && console.stream().is_terminal() && !console.is_json() && !opened(&url) {
        console.line(&words.no_browser());
    }
    Ok(Exit::Done)
}

/// Opens an address in the browser. Returns false if no program that opens addresses is installed.
fn opened(url: &str) -> bool {
    BROWSERS.iter().any(|browser| {
        let mut command = Command::new(browser);
        command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    })
}
