//! `onboard`: the operator's tool of Connect Onboarding. What it does stands in the library.

fn main() -> std::process::ExitCode {
    onboard_cli::main()
}
