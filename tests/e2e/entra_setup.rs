//! Tests the script that `onboard entra-setup` prints, and the effect of this script on a tenant. The tests use two
//! fake programs. The fake Azure CLI ignores case when it searches for a name, as the real Azure CLI does. The fake AWS
//! CLI only records its calls.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output, Stdio},
};

use super::{
    commands::interrupt::{CTRL_C, typing},
    common::{err, onboard, out},
};
use onboarding_core::{
    entra::{GRAPH_APP_ID, Identity},
    names,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The fake Azure CLI, which stores a tenant that is empty at first.
const AZ: &str = include_str!("../../.ci/documents/az");
const AWS: &str = r#"#!/usr/bin/env bash
echo "aws $*" >> "$CALLS"
case "$*" in
  "iam get-outbound"*)
    if [ -e "$CALLS.issuer" ]; then cat "$CALLS.issuer"; exit; fi
    echo "An error occurred (${FEDERATION:-FeatureDisabled}) when calling the GetOutboundWebIdentityFederationInfo operation: no" >&2
    exit 254 ;;
  "iam enable-outbound"*) echo https://12345678.tokens.sts.global.api.aws | tee "$CALLS.issuer" ;;
  "sts get-caller-identity"*) echo arn:aws:sts::111122223333:assumed-role/Admin/me ;;
  "secretsmanager describe-secret"*) exit 254 ;;
  "secretsmanager create-secret"*) cat "${@:$#-4:1}" > /dev/null 2>&1; file=$(echo "$*" | grep -o "file://[^ ]*"); cat "${file#file://}" >> "$SECRETS"; echo arn:aws:secretsmanager:ap-northeast-1:111122223333:secret:x ;;
esac
"#;

const REGION: &str = "ap-northeast-1";

struct Fixture {
    folder: TempDir,
}

impl Fixture {
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

    /// Lets a program use the fake CLIs.
    fn with(&self, mut command: Command) -> Command {
        let mut paths = vec![self.folder.path().to_path_buf()];
        paths.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap()));
        command.env("PATH", std::env::join_paths(paths).unwrap()).env("CALLS", self.path("calls"));
        command.env("SECRETS", self.path("secrets")).env("ENTRA_SETUP_WAITS", "0").env("AWS_REGION", REGION);
        command.current_dir(self.folder.path());
        command
    }

    /// `onboard entra-setup --run`, which asks for confirmation before the first change.
    fn asking(&self, arguments: &[&str]) -> Command {
        let mut command = onboard();
        command.arg("entra-setup").args(arguments).arg("--run");
        self.with(command)
    }

    fn run(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
        self.asking(arguments).arg("--yes").envs(environment.iter().copied()).output().unwrap()
    }

    /// The script that `onboard entra-setup` prints, in a file that bash runs.
    fn script(&self, arguments: &[&str]) -> Command {
        let output = onboard().arg("entra-setup").args(arguments).env("AWS_REGION", REGION).output().unwrap();
        fs::write(self.path("script.sh"), output.stdout).unwrap();
        let mut command = Command::new("bash");
        command.arg(self.path("script.sh"));
        self.with(command)
    }

    fn calls(&self) -> Vec<String> {
        fs::read_to_string(self.path("calls")).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// The changes requested from the Azure CLI and the AWS CLI since the last call of this function.
    fn changes(&self) -> Vec<String> {
        let writes =
            [" create", " add", " update", " reset", " delete", " put-", " tag-", " enable-", "admin-consent", "POST"];
        let changes = self.calls().into_iter();
        let changes = changes.filter(|call| writes.iter().any(|word| call.contains(word))).collect();
        fs::remove_file(self.path("calls")).unwrap_or_default();
        changes
    }

    /// The tenant that the fake Azure CLI stores.
    fn tenant(&self) -> Value {
        serde_json::from_slice(&fs::read(self.path("calls.tenant")).unwrap()).unwrap()
    }

    /// Replaces the tenant's applications.
    fn let_there_be(&self, applications: &Value) {
        let graph = json!({ "id": GRAPH_PRINCIPAL, "appId": GRAPH_APP_ID });
        let tenant = json!({ "made": 900, "applications": applications, "principals": [graph], "assignments": [] });
        fs::write(self.path("calls.tenant"), tenant.to_string()).unwrap();
    }
}

/// Id of Microsoft Graph's service principal in the tenant.
const GRAPH_PRINCIPAL: &str = "5e000000-0000-4000-8000-000000000000";

/// The ids in a list of objects, sorted.
fn ids<'v>(list: &'v Value, name: &str) -> Vec<&'v str> {
    let mut ids: Vec<&str> = list.as_array().unwrap().iter().map(|one| one[name].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids
}

/// The permission ids that an identity needs, sorted.
fn needed(identity: Identity) -> Vec<&'static str> {
    let mut ids: Vec<&str> = identity.permissions().iter().map(|permission| permission.id).collect();
    ids.sort_unstable();
    ids
}

fn has(program: &str) -> bool {
    std::env::split_paths(&std::env::var_os("PATH").unwrap())
        .any(|folder: std::path::PathBuf| Path::new(&folder).join(program).is_file())
}

#[test]
fn both_identities_are_created_without_a_secret_and_a_second_run_changes_nothing() {
    let fixture = Fixture::new();
    let output = fixture.run(&[], &[]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let tenant = fixture.tenant();
    let printed = out(&output);
    assert!(printed.contains("TenantId=7e7a0000-0000-4000-8000-000000000001"), "{printed}");
    for (identity, application) in Identity::ALL.into_iter().zip(tenant["applications"].as_array().unwrap()) {
        let id = application["appId"].as_str().unwrap();
        let parameter = if identity == Identity::Setup { "SetupClientId" } else { "RuntimeClientId" };
        assert!(printed.contains(&format!("{parameter}={id}")), "{printed}");
        let access = &application["requiredResourceAccess"];
        assert_eq!(ids(access, "resourceAppId"), [GRAPH_APP_ID]);
        assert_eq!(ids(&access[0]["resourceAccess"], "id"), needed(identity));
        let principals = tenant["principals"].as_array().unwrap();
        let principal = &principals.iter().find(|one| one["appId"] == id).unwrap()["id"];
        let granted = tenant["assignments"].as_array().unwrap().iter();
        let granted: Value = granted.filter(|one| one["principalId"] == *principal).cloned().collect();
        assert_eq!(ids(&granted, "appRoleId"), needed(identity));
        assert!(granted.as_array().unwrap().iter().all(|one| one["resourceId"] == GRAPH_PRINCIPAL));
        let role = format!("connect-onboarding-ap-northeast-1-graph-{identity}");
        assert_eq!(
            application["federated"],
            json!([{
                "name": role, "issuer": "https://12345678.tokens.sts.global.api.aws",
                "subject": format!("arn:aws:iam::111122223333:role/{role}"), "audiences": ["api://AzureADTokenExchange"],
            }])
        );
    }
    let calls = fixture.calls();
    assert!(
        !calls.iter().any(|call| call.contains("secretsmanager") || call.contains("credential reset")),
        "{calls:#?}"
    );
    fixture.changes();
    assert_eq!(fixture.run(&[], &[]).status.code(), Some(0));
    assert_eq!(fixture.changes(), [""; 0]);
    assert_eq!(fixture.tenant(), tenant);
}

#[test]
fn without_a_confirmation_the_tenant_and_the_account_are_shown_and_nothing_changes() {
    let fixture = Fixture::new();
    for arguments in [&[][..], &["--no-input"], &["--json"], &["--credential", "certificate"], &["--remove", "setup"]] {
        if arguments.contains(&"certificate") && !has("jq") {
            continue;
        }
        let output = fixture.asking(arguments).output().unwrap();
        let (printed, messages) = (out(&output), err(&output));
        assert_eq!(output.status.code(), Some(5), "{arguments:?} {messages}");
        assert!(messages.contains("run the command with --yes"), "{messages}");
        let shown = if arguments == ["--json"] { &messages } else { &printed };
        assert!(shown.contains("Tenant: 7e7a0000-0000-4000-8000-000000000001, signed in as"), "{shown}");
        assert!(shown.contains("AWS account: 111122223333 in ap-northeast-1"), "{shown}");
        if arguments == ["--remove", "setup"] {
            assert!(shown.contains("Deletes the application Connect Onboarding setup"), "{shown}");
        } else {
            let granted = |one: &onboarding_core::entra::Permission| shown.contains(one.name);
            assert!(Identity::ALL.into_iter().flat_map(Identity::permissions).all(granted), "{shown}");
            assert_eq!(shown.contains("a setting of the whole account"), !arguments.contains(&"certificate"));
        }
    }
    assert_eq!(fixture.changes(), [""; 0]);
}

#[test]
fn the_operator_is_asked_before_the_first_change() {
    let fixture = Fixture::new();
    for (typed, expected) in [(CTRL_C, 130), ("n\n", 5), ("\u{4}", 5)] {
        let (code, text) = typing(&fixture.asking(&[]), &[("[y/N]", typed)]);
        assert_eq!(code, Some(expected), "{typed:?} {text}");
    }
    assert_eq!(fixture.changes(), [""; 0]);
    let (code, text) = typing(&fixture.asking(&["--only", "runtime"]), &[("[y/N]", "y\n")]);
    assert!(code == Some(0) && text.contains("RuntimeClientId="), "{code:?} {text}");
    assert_eq!(fixture.tenant()["applications"].as_array().unwrap().len(), 1);
}

#[test]
fn the_printed_script_asks_on_a_terminal_and_needs_an_argument_without_a_terminal() {
    let fixture = Fixture::new();
    // Ctrl-C ends bash with signal 2, which a shell reports as exit code 130.
    for (typed, expected) in [(CTRL_C, -2), ("n\n", 5), ("\u{4}", 5)] {
        let (code, text) = typing(&fixture.script(&[]), &[("[y/N]", typed)]);
        assert_eq!(code, Some(expected), "{typed:?} {text}");
    }
    // `setsid` starts the script without a controlling terminal.
    let script = fixture.script(&[]);
    let mut detached = Command::new("setsid");
    detached.arg("--wait").arg(script.get_program()).args(script.get_args()).stdin(Stdio::null());
    let output = fixture.with(detached).output().unwrap();
    assert_eq!(output.status.code(), Some(5), "{}", err(&output));
    assert!(err(&output).contains("run the script with --yes"), "{}", err(&output));
    let output = fixture.script(&[]).arg("--show").output().unwrap();
    assert!(output.status.success() && out(&output).contains("Group.Read.All"), "{}", err(&output));
    assert_eq!(fixture.script(&[]).arg("-y").output().unwrap().status.code(), Some(2));
    assert_eq!(fixture.changes(), [""; 0]);
    assert!(fixture.script(&[]).arg("--yes").output().unwrap().status.success());
    assert_eq!(fixture.tenant()["applications"].as_array().unwrap().len(), 2);
    let (code, text) = typing(&fixture.script(&["--remove", "setup"]), &[("[y/N]", "yes\n")]);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(fixture.tenant()["applications"].as_array().unwrap().len(), 1);
}

#[test]
fn outbound_federation_is_turned_on_only_if_iam_reports_that_it_is_turned_off() {
    let fixture = Fixture::new();
    let output = fixture.run(&[], &[("FEDERATION", "AccessDenied")]);
    assert_eq!(output.status.code(), Some(1), "{}", out(&output));
    assert!(err(&output).contains("(AccessDenied)"), "{}", err(&output));
    assert_eq!(fixture.changes(), [""; 0]);
    assert_eq!(fixture.run(&[], &[("FEDERATION", "FeatureDisabledException")]).status.code(), Some(0));
    assert!(fixture.changes().iter().any(|call| call.starts_with("aws iam enable-outbound")));
}

#[test]
fn with_json_a_run_prints_the_parameters_as_json_and_the_output_of_the_script_to_standard_error() {
    let output = Fixture::new().run(&["--json"], &[]);
    let setup: Value = serde_json::from_str(&out(&output)).unwrap();
    assert_eq!(setup["parameters"]["TenantId"], "7e7a0000-0000-4000-8000-000000000001", "{}", err(&output));
    let names: Vec<&str> = setup["parameters"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["RuntimeClientId", "SetupClientId", "TenantId"]);
    assert!(err(&output).contains("onboard deploy` (--parameter NAME=VALUE) or `sam deploy`:"), "{}", err(&output));
}

#[test]
fn missing_permissions_are_added_and_existing_ones_stay() {
    let fixture = Fixture::new();
    let first = Identity::Runtime.permissions()[0].id;
    let mail = "810c84a8-4a9e-49e6-bf7d-12d183f40d01";
    let role = "connect-onboarding-ap-northeast-1-graph-runtime";
    // An application whose name differs only in case does not belong to the stack, so the script does not change it. A
    // federated credential for another AWS account is corrected.
    fixture.let_there_be(&json!([
        { "appId": "other", "displayName": "CONNECT ONBOARDING RUNTIME (connect-onboarding)",
          "requiredResourceAccess": [], "federated": [] },
        { "appId": "ours", "displayName": names::app_registration("connect-onboarding", Identity::Runtime),
          "requiredResourceAccess": [{ "resourceAppId": GRAPH_APP_ID, "resourceAccess": [
              { "id": mail, "type": "Role" }, { "id": first.to_uppercase(), "type": "Role" } ] }],
          "federated": [{ "name": role, "issuer": "https://earlier", "subject": "s", "audiences": ["a"] }] },
    ]));
    // `az ad app permission admin-consent` rejects national clouds, so the script must not use it.
    let output = fixture.run(&["--only", "runtime"], &[("CLOUD", "AzureUSGovernment")]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let changes = fixture.changes();
    let added = changes.iter().find(|call| call.contains("permission add")).unwrap();
    assert!(added.contains("--id ours") && !added.to_lowercase().contains(first), "{added}");
    let tenant = fixture.tenant();
    let (other, ours) = (&tenant["applications"][0], &tenant["applications"][1]);
    assert_eq!(other["requiredResourceAccess"], json!([]));
    assert_eq!(
        ours["requiredResourceAccess"][0]["resourceAccess"].as_array().unwrap().len(),
        needed(Identity::Runtime).len() + 1
    );
    assert_eq!(ours["federated"][0]["issuer"], "https://12345678.tokens.sts.global.api.aws");
    assert_eq!(ours["federated"].as_array().unwrap().len(), 1);
}

#[test]
fn two_applications_with_the_same_name_stop_the_setup() {
    let fixture = Fixture::new();
    let name = names::app_registration("connect-onboarding", Identity::Setup);
    let application =
        |id: &str| json!({ "appId": id, "displayName": name, "requiredResourceAccess": [], "federated": [] });
    fixture.let_there_be(&json!([application("one"), application("two")]));
    for arguments in [["--only", "setup"], ["--remove", "setup"]] {
        let output = fixture.run(&arguments, &[]);
        assert_eq!(output.status.code(), Some(1));
        assert!(err(&output).contains("one two"), "{}", err(&output));
    }
    assert!(!fixture.changes().iter().any(|call| call.starts_with("az ")));
}

#[test]
fn a_client_secret_is_stored_in_secrets_manager_and_never_on_a_command_line_or_in_the_output() {
    if !has("jq") {
        // This machine has no jq, so the test can only check that the script reports jq as missing.
        let output = Fixture::new().run(&["--credential", "secret"], &[]);
        assert_eq!(output.status.code(), Some(2));
        assert!(err(&output).contains("jq"), "{}", err(&output));
        return;
    }
    let fixture = Fixture::new();
    let output = fixture.run(&["--credential", "secret"], &[]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let stored = fs::read_to_string(fixture.path("secrets")).unwrap();
    let stored: Vec<Value> = serde_json::Deserializer::from_str(&stored).into_iter().map(Result::unwrap).collect();
    assert_eq!(stored.len(), 2);
    assert!(stored.iter().all(|secret| secret["clientSecret"] == "hunter2" && secret["expires"].is_string()));
    assert!(!fixture.calls().iter().any(|call| call.contains("hunter2")));
    assert!(!out(&output).contains("hunter2") && !err(&output).contains("hunter2"));
    assert!(out(&output).contains("SetupCredentialSecret=arn:aws:secretsmanager:"));
}

#[test]
fn a_denied_consent_stops_the_setup_with_a_message() {
    let fixture = Fixture::new();
    let output = fixture.run(&["--only", "runtime"], &[("CONSENT", "denied")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("nothing is created twice"), "{}", err(&output));
    assert!(!fixture.calls().iter().any(|call| call.contains("federated-credential create")));
}

#[test]
fn remove_deletes_an_identity_by_name() {
    let fixture = Fixture::new();
    assert_eq!(fixture.run(&[], &[]).status.code(), Some(0));
    let output = fixture.run(&["--remove", "setup"], &[]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let left = names::app_registration("connect-onboarding", Identity::Runtime);
    assert_eq!(ids(&fixture.tenant()["applications"], "displayName"), [left]);
    let how = "deploy --parameter SetupClientId= --parameter SetupCredentialSecret=";
    assert!(out(&output).contains(how), "{}", out(&output));
    let japanese = fixture.run(&["--remove", "setup", "--lang", "ja"], &[]);
    assert!(out(&japanese).contains("setup アイデンティティを削除しました"), "{}", out(&japanese));
}

#[test]
fn the_json_output_contains_the_script_and_each_permission() {
    let output = onboard().args(["entra-setup", "--json", "--stack", "acme", "--region", REGION]).output().unwrap();
    let document: Value = serde_json::from_str(&out(&output)).unwrap();
    assert_eq!(document["identities"][1]["roleName"], "acme-ap-northeast-1-graph-runtime");
    for (identity, printed) in Identity::ALL.into_iter().zip(document["identities"].as_array().unwrap()) {
        let names: Vec<&str> =
            printed["permissions"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert!(identity.permissions().iter().map(|permission| permission.name).eq(names));
    }
}

#[test]
fn arguments_that_could_inject_commands_into_the_script_are_rejected() {
    for arguments in [["--stack", "a'; rm -rf ~"], ["--region", "x y"], ["--audience", "api://$(id)"]] {
        let output = onboard().arg("entra-setup").args(arguments).env("AWS_REGION", REGION).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(out(&output).is_empty());
    }
}
