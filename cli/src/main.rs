//! `onboard`: the operator's command-line tool of Connect Onboarding. The library contains the implementation.

fn main() -> std::process::ExitCode {
    onboard_cli::main()
}
