//! Arguments of `onboard deploy`.

use std::path::PathBuf;

use super::StackArgs;

/// Arguments of `onboard deploy`.
#[derive(Debug, clap::Args)]
pub struct DeployArgs {
    /// A parameter of the stack; can be repeated [default: from samconfig.toml, or else the value that the stack has]
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parameter)]
    pub parameters: Vec<(String, String)>,
    /// S3 bucket for the code, in the Region of the stack [default: from samconfig.toml, or else a bucket that the
    /// command creates]
    #[arg(long, value_name = "NAME")]
    pub bucket: Option<String>,
    /// Directory that contains template.yaml and statemachine/ [default: the files in this program, or else the checkout]
    #[arg(long, value_name = "DIRECTORY")]
    pub folder: Option<PathBuf>,
    /// The functions' binary, built for Lambda [default: bootstrap/bootstrap in the directory, or
    /// target/lambda/bootstrap/bootstrap]
    #[arg(long, value_name = "FILE")]
    pub bootstrap: Option<PathBuf>,
    /// The options that select the stack.
    #[command(flatten)]
    pub target: StackArgs,
}

fn parameter(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && name.chars().all(char::is_alphanumeric) => {
            Ok((name.to_owned(), value.to_owned()))
        }
        _ => Err("must be NAME=VALUE".into()),
    }
}
