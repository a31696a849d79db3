//! Tests that the program reads credentials, Region and stack from the same sources as other AWS tools. Each test has
//! its own home directory, and its own server, which responds to the requests to AWS services.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::{Command, Output},
};

use super::common::{err, onboard, out};
use regex::Regex;
use serde_json::{Value, json};
use tempfile::TempDir;
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{any, header, method, path, query_param},
};

/// A profile of IAM Identity Center, a profile with an access key, and a profile that takes its credentials from
/// another profile.
const CONFIG: &str = "[default]\nregion = us-west-2\n\
    [profile single]\nsso_session = acme-sso\nsso_account_id = 111122223333\nsso_role_name = Operator\nregion = eu-west-1\n\
    [sso-session acme-sso]\nsso_region = eu-central-1\nsso_start_url = https://acme.awsapps.com/start\n\
    [profile keys]\nregion = ap-southeast-2\n\
    [profile role]\nrole_arn = arn:aws:iam::111122223333:role/Operator\nsource_profile = single\n\
    [profile login]\nregion = eu-west-1\nlogin_session = arn:aws:iam::111122223333:user/Operator\n\
    [profile mfa]\nregion = eu-west-1\nrole_arn = arn:aws:iam::111122223333:role/Operator\nsource_profile = keys\n\
    mfa_serial = arn:aws:iam::111122223333:mfa/operator\n\
    [profile process]\nregion = ca-central-1\ncredential_process = ./credentials\n";
const CREDENTIALS: &str = "[default]\naws_access_key_id = OfDefault\naws_secret_access_key = s\n\
    [keys]\naws_access_key_id = OfKeys\naws_secret_access_key = s\n";
/// The token file. The AWS CLI names this file after the SHA-1 hash of the session name.
const TOKEN: &str = ".aws/sso/cache/97de80f8b6607d97ffda321b351f24048b242432.json";
/// CloudFormation's response for a missing stack.
const NO_STACK: &str = "<ErrorResponse><Error><Code>ValidationError</Code>\
    <Message>Stack with id x does not exist</Message></Error></ErrorResponse>";

struct Home {
    folder: TempDir,
    server: MockServer,
}

impl Home {
    async fn new() -> Self {
        let home = Self { folder: tempfile::tempdir().unwrap(), server: MockServer::start().await };
        home.write(".aws/config", CONFIG);
        home.write(".aws/credentials", CREDENTIALS);
        home
    }

    /// A home directory, and a server that reports every requested stack as missing.
    async fn without_stack() -> Self {
        let home = Self::new().await;
        Mock::given(any()).respond_with(ResponseTemplate::new(400).set_body_string(NO_STACK)).mount(&home.server).await;
        home
    }

    fn write(&self, name: &str, text: &str) {
        let file = self.folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }

    /// Creates a program that first writes its own name to the file `calls` and then runs this statement.
    fn program(&self, name: &str, statement: &str) {
        self.write(name, &format!("#!/bin/sh\necho {name} >> calls\n{statement}\n"));
        fs::set_permissions(self.folder.path().join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn signs_in(&self, expires: &str) {
        let token =
            json!({ "startUrl": "https://acme.awsapps.com/start", "accessToken": "token", "expiresAt": expires });
        self.write(TOKEN, &token.to_string());
    }

    fn command(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
        let mut command = onboard();
        command.args(arguments).current_dir(self.folder.path()).env("HOME", self.folder.path());
        command.env("AWS_ENDPOINT_URL", self.server.uri()).env("AWS_EC2_METADATA_DISABLED", "true");
        command.envs(variables.iter().copied());
        command
    }

    fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        self.command(arguments, variables).output().unwrap()
    }

    /// Runs `list`, and returns access key, Region and stack of its request.
    async fn request(&self, arguments: &[&str], variables: &[(&str, &str)]) -> (String, String, String) {
        self.server.reset().await;
        Mock::given(any()).respond_with(ResponseTemplate::new(400).set_body_string(NO_STACK)).mount(&self.server).await;
        let output = self.run(&[&["list"], arguments].concat(), variables);
        assert_eq!(output.status.code(), Some(4), "{arguments:?} {}", err(&output));
        let requests = self.server.received_requests().await.unwrap();
        let request = requests.last().unwrap_or_else(|| panic!("{arguments:?} sent no request: {}", err(&output)));
        let (key, region) = scope(request);
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let stack = body.split('&').find_map(|field| field.strip_prefix("StackName=")).unwrap_or_default();
        assert!(err(&output).contains(&format!("Stack {stack} does not exist in this account in {region}")));
        (key, region, stack.to_owned())
    }
}

/// Access key and Region in the signature of a request.
fn scope(request: &Request) -> (String, String) {
    let signature = request.headers["authorization"].to_str().unwrap();
    let scope = Regex::new("Credential=([^/]+)/[0-9]+/([^/]+)/").unwrap();
    let found = scope.captures(signature).unwrap();
    (found[1].to_owned(), found[2].to_owned())
}

fn error(output: &Output) -> Value {
    let line: Value = serde_json::from_str(out(output).trim()).unwrap_or_else(|_| panic!("{}", err(output)));
    line["error"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_come_from_the_profile_of_the_option_the_environment_or_the_default_profile() {
    let home = Home::new().await;
    let keys = [("AWS_ACCESS_KEY_ID", "OfEnvironment"), ("AWS_SECRET_ACCESS_KEY", "s")];
    let profile = [("AWS_PROFILE", "keys")];
    for (arguments, variables, key) in [
        (&[][..], &[][..], "OfDefault"),
        (&[], &profile, "OfKeys"),
        (&["--profile", "keys"], &[], "OfKeys"),
        // As in the AWS CLI: credentials in environment variables take precedence over `AWS_PROFILE`, but not over
        // `--profile`.
        (&[], &[profile[0], keys[0], keys[1]], "OfEnvironment"),
        (&["--profile", "keys"], &keys, "OfKeys"),
    ] {
        let (used, _, _) = home.request(arguments, variables).await;
        assert_eq!(used, key, "{arguments:?} {variables:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_region_comes_from_the_option_the_environment_the_profile_or_samconfig() {
    let home = Home::new().await;
    home.write("samconfig.toml", "[default.deploy.parameters]\nregion = \"eu-north-1\"\n");
    let (first, second) = (("AWS_REGION", "eu-west-2"), ("AWS_DEFAULT_REGION", "eu-west-3"));
    for (arguments, variables, region) in [
        (&["--region", "eu-south-1"][..], &[first, second][..], "eu-south-1"),
        (&[], &[first, second], "eu-west-2"),
        (&[], &[second], "eu-west-3"),
        (&["--profile", "keys"], &[second], "eu-west-3"),
        (&["--profile", "keys"], &[], "ap-southeast-2"),
        (&[], &[("AWS_REGION", "")], "us-west-2"),
    ] {
        let (_, used, _) = home.request(arguments, variables).await;
        assert_eq!(used, region, "{arguments:?} {variables:?}");
    }
    home.write(".aws/config", "");
    assert_eq!(home.request(&[], &[]).await.1, "eu-north-1");
    home.write("samconfig.toml", "version = 0.1\n");
    let output = home.run(&["list", "--json"], &[]);
    assert_eq!((output.status.code(), &error(&output)["name"]), (Some(4), &json!("NoRegion")), "{}", err(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stack_comes_from_the_option_the_environment_or_samconfig() {
    let home = Home::new().await;
    assert_eq!(home.request(&[], &[]).await.2, "connect-onboarding");
    home.write("samconfig.toml", "[default.deploy.parameters]\nstack_name = \"of-samconfig\"\n");
    let variable = [("ONBOARD_STACK", "of-environment")];
    for (arguments, variables, stack) in [
        (&[][..], &[][..], "of-samconfig"),
        (&[], &variable, "of-environment"),
        (&["--stack", "of-option"], &variable, "of-option"),
        (&["--stack-name", "of-option"], &[], "of-option"),
        (&[], &[("ONBOARD_STACK", "")], "of-samconfig"),
    ] {
        let (_, _, used) = home.request(arguments, variables).await;
        assert_eq!(used, stack, "{arguments:?} {variables:?}");
    }
    home.write("samconfig.toml", "[default\n");
    let output = home.run(&["list", "--json"], &[]);
    assert_eq!(output.status.code(), Some(2), "{}", err(&output));
    assert!(error(&output)["message"].as_str().unwrap().contains("samconfig.toml"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_profile_is_named_with_the_known_profiles() {
    let home = Home::without_stack().await;
    for (arguments, variables) in
        [(&["list", "--json", "--profile", "key"][..], &[][..]), (&["list", "--json"], &[("AWS_PROFILE", "key")])]
    {
        let output = home.run(arguments, variables);
        let error = error(&output);
        assert_eq!((output.status.code(), &error["name"]), (Some(4), &json!("UnknownProfile")), "{error}");
        assert!(error["message"].as_str().unwrap().contains("profile key "), "{error}");
        assert!(
            error["action"].as_str().unwrap().contains("default, keys, login, mfa, process, role, single"),
            "{error}"
        );
    }
    assert!(home.server.received_requests().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_process_is_run_once_for_all_calls() {
    let home = Home::new().await;
    let credentials = json!({ "Version": 1, "AccessKeyId": "OfProcess", "SecretAccessKey": "s", "SessionToken": "t" });
    home.program("credentials", &format!("echo '{credentials}'"));
    // CloudFormation returns status 500, so the tool repeats its call.
    Mock::given(any()).respond_with(ResponseTemplate::new(500)).mount(&home.server).await;
    let output = home.run(&["list", "--profile", "process"], &[]);
    assert_eq!(output.status.code(), Some(4), "{}", err(&output));
    let requests = home.server.received_requests().await.unwrap();
    let scopes: Vec<_> = requests.iter().map(scope).collect();
    assert!(scopes.len() > 1, "{scopes:?}");
    assert!(scopes.iter().all(|scope| *scope == ("OfProcess".into(), "ca-central-1".into())), "{scopes:?}");
    assert_eq!(home.read("calls"), "credentials\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_credential_process_is_named() {
    let home = Home::without_stack().await;
    home.program("credentials", "exit 3");
    let output = home.run(&["list", "--json", "--profile", "process"], &[]);
    let error = error(&output);
    assert_eq!((output.status.code(), &error["name"]), (Some(4), &json!("NoCredentials")), "{error}");
    assert!(error["action"].as_str().unwrap().contains("credential_process of the profile process"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn for_a_session_of_aws_login_and_a_role_with_mfa_the_command_that_exports_credentials_is_printed() {
    let home = Home::new().await;
    let denied = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no MFA</Message></Error></ErrorResponse>";
    Mock::given(any()).respond_with(ResponseTemplate::new(403).set_body_string(denied)).mount(&home.server).await;
    for (profile, named) in [("login", "aws login"), ("mfa", "MFA code")] {
        for (arguments, variables) in [
            (&["list", "--json", "--profile", profile][..], &[][..]),
            (&["list", "--json"], &[("AWS_PROFILE", profile)]),
        ] {
            let output = home.run(arguments, variables);
            let error = error(&output);
            assert_eq!((output.status.code(), &error["name"]), (Some(4), &json!("NoCredentials")), "{error}");
            assert!(error.to_string().contains(named) && !error.to_string().contains("cargo"), "{error}");
            let export = format!("`eval \"$(aws configure export-credentials --profile {profile} --format env)\"`");
            assert!(error["action"].as_str().unwrap().contains(&export), "{error}");
        }
    }
    // If the role can't be assumed for another reason, the message does not request an MFA code.
    home.server.reset().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(400).set_body_string(NO_STACK)).mount(&home.server).await;
    let error = error(&home.run(&["list", "--json", "--profile", "mfa"], &[]));
    assert!(!error["action"].as_str().unwrap().contains("MFA"), "{error}");
    assert_eq!(
        home.request(
            &[],
            &[("AWS_PROFILE", "login"), ("AWS_ACCESS_KEY_ID", "Exported"), ("AWS_SECRET_ACCESS_KEY", "s")]
        )
        .await
        .0,
        "Exported"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_of_iam_identity_center_signs_in_with_the_token_of_the_aws_cli() {
    let home = Home::new().await;
    home.signs_in("2099-01-01T00:00:00Z");
    let role = json!({ "roleCredentials": {
        "accessKeyId": "OfSso", "secretAccessKey": "s", "sessionToken": "t", "expiration": 4_070_908_800_000_u64,
    } });
    let center = Mock::given(method("GET"))
        .and(path("/federation/credentials"))
        .and(query_param("role_name", "Operator"))
        .and(query_param("account_id", "111122223333"))
        .and(header("x-amz-sso_bearer_token", "token"));
    center.respond_with(ResponseTemplate::new(200).set_body_json(role)).expect(1).mount(&home.server).await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(400).set_body_string(NO_STACK))
        .mount(&home.server)
        .await;
    let output = home.run(&["list", "--profile", "single"], &[]);
    assert!(err(&output).contains("does not exist in this account in eu-west-1"), "{}", err(&output));
    let requests = home.server.received_requests().await.unwrap();
    assert_eq!(scope(requests.last().unwrap()), ("OfSso".into(), "eu-west-1".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_valid_token_of_iam_identity_center_the_command_that_signs_in_is_printed() {
    let home = Home::new().await;
    let rejected = json!({ "message": "Session token not found or invalid" });
    Mock::given(any())
        .respond_with(
            ResponseTemplate::new(401)
                .insert_header("x-amzn-errortype", "UnauthorizedException")
                .set_body_json(rejected),
        )
        .mount(&home.server)
        .await;
    // The token is missing, has expired, or is rejected by the service.
    for token in [None, Some("2020-01-01T00:00:00Z"), Some("2099-01-01T00:00:00Z")] {
        if let Some(expires) = token {
            home.signs_in(expires);
        }
        for profile in ["single", "role"] {
            let output = home.run(&["list", "--json", "--profile", profile, "--region", "eu-west-1"], &[]);
            let error = error(&output);
            assert_eq!((output.status.code(), &error["name"]), (Some(4), &json!("NoCredentials")), "{error}");
            // The profile `role` takes its credentials from the profile `single`.
            assert!(error["action"].as_str().unwrap().contains("`aws sso login --profile single`"), "{error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_permission_set_is_not_a_missing_sign_in() {
    let home = Home::new().await;
    home.signs_in("2099-01-01T00:00:00Z");
    Mock::given(any())
        .respond_with(
            ResponseTemplate::new(403)
                .insert_header("x-amzn-errortype", "ForbiddenException")
                .set_body_json(json!({ "message": "No access" })),
        )
        .mount(&home.server)
        .await;
    let error = error(&home.run(&["list", "--json", "--profile", "single"], &[]));
    assert!(error["action"].as_str().unwrap().contains("permission set of the profile single"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn entra_setup_assumes_no_region_and_uses_profile_region_and_stack_as_the_other_commands() {
    let home = Home::without_stack().await;
    home.write(".aws/config", &CONFIG.replace("region = us-west-2\n", ""));
    let output = home.run(&["entra-setup", "--json"], &[]);
    assert_eq!((output.status.code(), &error(&output)["name"]), (Some(4), &json!("NoRegion")), "{}", out(&output));
    home.write("samconfig.toml", "[default.deploy.parameters]\nstack_name = \"acme\"\n");
    let output = home.run(&["entra-setup", "--json", "--profile", "keys"], &[]);
    let setup: Value = serde_json::from_str(&out(&output)).unwrap();
    assert_eq!(setup["identities"][0]["roleName"], "acme-ap-southeast-2-graph-setup", "{setup:#}");
    let script = setup["script"].as_str().unwrap();
    for line in ["export AWS_PROFILE=keys", "export AWS_REGION=ap-southeast-2 AWS_DEFAULT_REGION=ap-southeast-2"] {
        assert!(script.lines().any(|one| one == line), "{line} is missing in:\n{script}");
    }
    assert!(home.server.received_requests().await.unwrap().is_empty());
}
