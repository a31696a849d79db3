//! `onboard entra-setup`: the script that it prints, and what that script does to an Azure and an AWS command line that only
//! remember what they were told.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Output};

use super::common::{err, onboard, out};
use onboarding_core::entra::Identity;
use serde_json::Value;
use tempfile::TempDir;

/// Answers as the Azure CLI does in a tenant in which nothing is there yet.
const AZ: &str = include_str!("../../../.ci/documents/az");
const AWS: &str = r#"#!/usr/bin/env bash
echo "aws $*" >> "$CALLS"
case "$*" in
  "iam get-outbound"*) exit 254 ;;
  "iam enable-outbound"*) echo https://12345678.tokens.sts.global.api.aws ;;
  "sts get-caller-identity"*) echo arn:aws:sts::111122223333:assumed-role/Admin/me ;;
  "secretsmanager describe-secret"*) exit 254 ;;
  "secretsmanager create-secret"*) cat "${@:$#-4:1}" > /dev/null 2>&1; file=$(echo "$*" | grep -o "file://[^ ]*"); cat "${file#file://}" >> "$SECRETS"; echo arn:aws:secretsmanager:ap-northeast-1:111122223333:secret:x ;;
esac
"#;

struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("az", AZ), ("aws", AWS)] {
            let file = folder.path().join(name);
            fs::write(&file, text).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self { folder }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
        let mut paths = vec![self.folder.path().to_path_buf()];
        paths.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap()));
        let mut command = onboard();
        command.arg("entra-setup").args(arguments).arg("--run");
        command.env("PATH", std::env::join_paths(paths).unwrap()).env("CALLS", self.path("calls"));
        command.env("SECRETS", self.path("secrets")).env("ENTRA_SETUP_WAITS", "0");
        command.envs(environment.iter().copied()).output().unwrap()
    }

    fn calls(&self) -> Vec<String> {
        fs::read_to_string(self.path("calls")).unwrap_or_default().lines().map(str::to_owned).collect()
    }
}

fn has(program: &str) -> bool {
    std::env::split_paths(&std::env::var_os("PATH").unwrap())
        .any(|folder: std::path::PathBuf| Path::new(&folder).join(program).is_file())
}

#[test]
fn both_identities_are_made_without_a_secret_and_the_parameters_are_told() {
    let desk = Desk::new();
    let output = desk.run(&[], &[]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    for line in [
        "TenantId=7e7a0000-0000-4000-8000-000000000001",
        "SetupClientId=c1e70000-0000-4000-8000-000000000001",
        "RuntimeClientId=c1e70000-0000-4000-8000-000000000002",
    ] {
        assert!(out(&output).contains(line), "{line} is missing in:\n{}", out(&output));
    }
    let calls = desk.calls();
    for identity in Identity::ALL {
        let number = if identity == Identity::Setup { 1 } else { 2 };
        let of = format!("--id c1e70000-0000-4000-8000-00000000000{number}");
        let mine: Vec<&String> = calls.iter().filter(|call| call.contains(&of)).collect();
        let at = |part: &str| {
            mine.iter().position(|call| call.contains(part)).unwrap_or_else(|| panic!("{part}: {mine:#?}"))
        };
        let granted = at("permission add");
        for permission in identity.permissions() {
            assert!(mine[granted].contains(&format!("{}=Role", permission.id)), "{}", permission.name);
        }
        assert!(granted < at("admin-consent"), "consent is for what was added");
        let subject = format!("arn:aws:iam::111122223333:role/connect-onboarding-ap-northeast-1-graph-{identity}");
        let federated = mine[at("federated-credential create")];
        for part in [subject.as_str(), "https://12345678.tokens.sts.global.api.aws", "api://AzureADTokenExchange"] {
            assert!(federated.contains(part), "{part}: {federated}");
        }
    }
    assert!(
        !calls.iter().any(|call| call.contains("secretsmanager") || call.contains("credential reset")),
        "{calls:#?}"
    );
}

#[test]
fn what_is_there_already_is_not_made_again() {
    let desk = Desk::new();
    assert_eq!(desk.run(&[], &[("MADE", "1")]).status.code(), Some(0));
    assert!(!desk.calls().iter().any(|call| call.contains("ad app create")));
}

#[test]
fn a_client_secret_goes_into_secrets_manager_and_into_no_command_line_or_output() {
    if !has("jq") {
        // The script needs it, and says so; there is nothing to see without it.
        let output = Desk::new().run(&["--credential", "secret"], &[]);
        assert_eq!(output.status.code(), Some(2));
        assert!(err(&output).contains("jq"), "{}", err(&output));
        return;
    }
    let desk = Desk::new();
    let output = desk.run(&["--credential", "secret"], &[]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let stored = fs::read_to_string(desk.path("secrets")).unwrap();
    let stored: Vec<Value> = serde_json::Deserializer::from_str(&stored).into_iter().map(Result::unwrap).collect();
    assert_eq!(stored.len(), 2);
    assert!(stored.iter().all(|secret| secret["clientSecret"] == "hunter2" && secret["expires"].is_string()));
    assert!(!desk.calls().iter().any(|call| call.contains("hunter2")));
    assert!(!out(&output).contains("hunter2") && !err(&output).contains("hunter2"));
    assert!(out(&output).contains("SetupCredentialSecret=arn:aws:secretsmanager:"));
}

#[test]
fn a_refused_consent_stops_the_setup_and_says_so() {
    let desk = Desk::new();
    let output = desk.run(&["--only", "runtime"], &[("CONSENT", "1")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("nothing is made twice"), "{}", err(&output));
    assert!(!desk.calls().iter().any(|call| call.contains("federated-credential create")));
}

#[test]
fn an_identity_is_taken_away_by_name() {
    let desk = Desk::new();
    let output = desk.run(&["--remove", "setup"], &[("MADE", "1")]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert!(desk.calls().iter().any(|call| call == "az ad app delete --id c1e70000-0000-4000-8000-00000000000f"));
    assert!(out(&output).contains("without SetupClientId"));
}

#[test]
fn the_script_can_be_read_as_json_and_names_each_permission() {
    let output = onboard().args(["entra-setup", "--json", "--stack", "acme"]).output().unwrap();
    let document: Value = serde_json::from_str(&out(&output)).unwrap();
    assert_eq!(document["identities"][1]["roleName"], "acme-ap-northeast-1-graph-runtime");
    for (identity, told) in Identity::ALL.into_iter().zip(document["identities"].as_array().unwrap()) {
        let names: Vec<&str> =
            told["permissions"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert!(identity.permissions().iter().map(|permission| permission.name).eq(names));
    }
}

#[test]
fn what_could_break_out_of_the_script_is_no_argument() {
    for arguments in [["--stack", "a'; rm -rf ~"], ["--region", "x y"], ["--audience", "api://$(id)"]] {
        let output = onboard().arg("entra-setup").args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(out(&output).is_empty());
    }
}
