//! Generates the script of `onboard entra-setup`. The script contains no ids of a tenant or an account, because it
//! reads them when it runs. The script can therefore be reviewed and stored.

use std::fmt::Write;

use onboarding_core::{
    entra::{GRAPH_APP_ID, Identity},
    names,
};

use super::Setup;
use crate::{
    args::CredentialArg,
    ui::Console,
    words::{Words, quoted},
};

/// The start of the script, with the shell functions that all identities need. The script stops if a command fails.
/// Changes in Entra take time to replicate, so some commands are retried.
///
/// Some commands of the Azure CLI are not sufficient. `az ad app permission add` adds a permission again that already
/// exists, and the filter of `az ad app list` ignores case. Each shell function therefore reads the current state first
/// and writes only what is missing. `az ad app permission admin-consent` works only in the cloud named `AzureCloud`. To
/// grant admin consent, the script therefore creates app role assignments.
const HEAD: &str = r#"# The messages contain commands in backquotes.
# shellcheck disable=SC2016
set -euo pipefail
MODE=${1:-}
case $MODE in
  '' | --yes | --show) ;;
  *)
    echo "Usage: $0 [--yes | --show]" >&2
    exit 2
    ;;
esac

again() {
  local wait
  for wait in ${ENTRA_SETUP_WAITS:-5 10 20 30 60}; do "$@" 2>/dev/null && return; sleep "$wait"; done
  "$@"
}

# Prints the client id of the application with exactly this name, or nothing if there is none.
application() {
  local ids
  ids=$(az ad app list --filter "displayName eq '$1'" --query "[?displayName=='$1'].appId" --output tsv) || return
  if [ "$(wc -w <<< "$ids")" -gt 1 ]; then
    echo "Several applications are named $1. Delete or rename all but one: ${ids//$'\n'/ }" >&2
    return 1
  fi
  echo "$ids"
}

"#;

/// Shell function that prints the issuer of the account's tokens, or nothing if outbound web identity federation is
/// disabled. Any other error ends the script. If the federation is disabled, IAM returns the error code
/// `FeatureDisabled`, although the service model names the exception `FeatureDisabledException`.
const ISSUER: &str = r#"# Prints the issuer of the account's tokens, or nothing if outbound identity federation is turned off.
issuer() {
  local error
  { error=$(aws iam get-outbound-web-identity-federation-info --query IssuerIdentifier --output text 2>&1 >&3); } 3>&1 && return
  case $error in
    *"(FeatureDisabled)"* | *"(FeatureDisabledException)"*) ;;
    *)
      echo "$error" >&2
      return 1
      ;;
  esac
}

"#;

/// Shell functions with which the script registers an identity.
const FUNCTIONS: &str = r#"# Whether a list contains this line, ignoring case.
listed() { grep -qixF -- "$2" <<< "$1"; }

# Adds missing permissions (ids) for an API to an application (client id).
request_permissions() {
  local client=$1 api=$2 present permission missing=()
  shift 2
  present=$(again az ad app permission list --id "$client" --query "[?resourceAppId=='$api'].resourceAccess[].id" --output tsv)
  for permission; do listed "$present" "$permission" || missing+=("$permission=Role"); done
  if [ ${#missing[@]} -gt 0 ]; then
    again az ad app permission add --id "$client" --api "$api" --api-permissions "${missing[@]}" --output none
  fi
}

# Grants one permission (id) of an API to an application. Both are identified by their service principals.
grant() {
  local assignments="$GRAPH/v1.0/servicePrincipals/$1/appRoleAssignments" granted
  granted=$(az rest --method GET --url "$assignments?\$top=999" --query "value[?resourceId=='$2'].appRoleId" --output tsv) || return
  listed "$granted" "$3" || az rest --method POST --url "$assignments" --output none \
    --body "{\"principalId\": \"$1\", \"resourceId\": \"$2\", \"appRoleId\": \"$3\"}"
}

consent() {
  local principal api permission
  principal=$(again az ad sp show --id "$1" --query id --output tsv)
  api=$(az ad sp show --id "$2" --query id --output tsv)
  shift 2
  for permission; do again grant "$principal" "$api" "$permission"; done
}

"#;

/// Shell function that adds or updates the federated credential `name`. With this credential, the application accepts
/// AWS tokens that have the specified subject.
const TRUST: &str = r#"# Makes the application accept tokens with this subject.
trust() {
  local client=$1 name=$2 subject=$3 audience=$4 verb=create named=() found
  local credentials=(az ad app federated-credential list --id "$client" --output tsv --query)
  local body="{\"name\": \"$name\", \"issuer\": \"$ISSUER\", \"subject\": \"$subject\", \"audiences\": [\"$audience\"]}"
  local same="[?issuer=='$ISSUER' && subject=='$subject' && contains(audiences, '$audience')].name"
  found=$(again "${credentials[@]}" "$same")
  if [ -n "$found" ]; then return; fi
  found=$("${credentials[@]}" "[?name=='$name'].name")
  if [ -n "$found" ]; then verb=update named=(--federated-credential-id "$name"); fi
  again az ad app federated-credential "$verb" --id "$client" ${named[@]+"${named[@]}"} --output none --parameters "$body"
}

"#;

/// Generates the complete script. The script prints its messages in the language of the console.
pub(super) fn of(setup: &Setup<'_>, console: &Console) -> String {
    let mut script = format!(
        "#!/usr/bin/env bash\n# Connect Onboarding: {} in Microsoft Entra ID, for the stack {} in {}.\n\
         # Needs a signed-in Azure CLI (az login; Privileged Role Administrator or Global Administrator) and AWS CLI.\n\
         # Shows the tenant, the account and the changes, and asks before the first change. Arguments:\n\
         #   --yes     makes the changes without asking\n\
         #   --show    shows the tenant, the account and the changes, and makes no change\n",
        if setup.args.remove.is_some() { "removes an identity" } else { "creates the two identities" },
        setup.stack,
        setup.region
    );
    script.push_str(HEAD);
    ask(&mut script, console.words());
    environment(&mut script, setup);
    if let Some(identity) = setup.args.remove {
        remove(&mut script, setup, identity.into(), console);
    } else {
        make(&mut script, setup, console);
    }
    script
}

/// Selects the account and the Region for the AWS CLI. If the operator specified a profile, the script unsets the
/// environment variables with credentials, because they would take precedence over the profile.
fn environment(script: &mut String, setup: &Setup<'_>) {
    if let Some(profile) = &setup.args.aws.profile {
        let _ = writeln!(
            script,
            "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN\nexport AWS_PROFILE={}",
            quoted(profile)
        );
    }
    let _ = writeln!(script, "export AWS_REGION={0} AWS_DEFAULT_REGION={0}\n", setup.region);
}

/// Shell function that asks for confirmation before the first change. The answer is read from the terminal, so the
/// function also works if bash reads the script from standard input.
fn ask(script: &mut String, words: Words) {
    let _ = write!(
        script,
        r#"# Asks before the first change.
confirm() {{
  local answer=
  if ! {{ : < /dev/tty; }} 2>/dev/null; then
    echo {} >&2
    exit 5
  fi
  read -r -p {} answer < /dev/tty || echo >&2
  case $answer in
    [yY] | [yY][eE][sS]) ;;
    *)
      echo {} >&2
      exit 5
      ;;
  esac
}}

"#,
        quoted(&words.setup_needs_yes()),
        quoted(&format!("{} ", words.setup_question())),
        quoted(&words.not_confirmed())
    );
}

/// Shows the tenant, the account and the changes, and then asks for confirmation. If an application (and no user) is
/// signed in to the Azure CLI, the Azure CLI does not return the name of the tenant, so the name is not shown.
fn confirm(script: &mut String, setup: &Setup<'_>, words: Words) {
    let keyless = setup.args.credential == CredentialArg::Keyless && setup.args.remove.is_none();
    script.push_str(
        "TENANT_ID=$(az account show --query tenantId --output tsv)\n\
         CALLER=$(aws sts get-caller-identity --query Arn --output text)\n\
         ACCOUNT=$(cut -d: -f5 <<< \"$CALLER\")\n",
    );
    if keyless {
        script.push_str("ISSUER=$(issuer)\n");
    }
    let _ = write!(
        script,
        "if [ \"$MODE\" != --yes ]; then\n  \
         TENANT_NAME=$(az account show --query tenantDisplayName --output tsv)\n  \
         OPERATOR=$(az account show --query user.name --output tsv)\n  \
         cat <<CHANGES\n{}\n{}\n\n",
        words.setup_tenant("$TENANT_ID${TENANT_NAME:+ ($TENANT_NAME)}", "$OPERATOR"),
        words.setup_account("$ACCOUNT", &setup.region, "$CALLER")
    );
    changes(script, setup, words);
    script.push_str("CHANGES\n");
    if keyless {
        let federates = quoted(&words.setup_federates());
        let _ = writeln!(script, "  if [ -z \"$ISSUER\" ]; then echo {federates}; fi");
    }
    script.push_str("  if [ \"$MODE\" = --show ]; then exit; fi\n  confirm\nfi\n\n");
}

/// Prints one line for each change. For each identity, a further line lists the permissions for which the script grants
/// tenant-wide consent.
fn changes(script: &mut String, setup: &Setup<'_>, words: Words) {
    if let Some(identity) = setup.args.remove.map(Identity::from) {
        let (display, secret) =
            (names::app_registration(&setup.stack, identity), names::credential_secret(&setup.stack, identity));
        let _ = writeln!(script, "{}", words.setup_removes(display, secret));
        return;
    }
    for identity in setup.args.identities() {
        let display = names::app_registration(&setup.stack, identity);
        let permissions: Vec<&str> = identity.permissions().iter().map(|permission| permission.name).collect();
        let _ = writeln!(script, "{}", words.setup_grants(display, permissions.join(", ")));
        let credential = match setup.args.credential {
            CredentialArg::Keyless => words.setup_trusts(names::graph_role(&setup.stack, &setup.region, identity)),
            CredentialArg::Certificate | CredentialArg::Secret => {
                words.setup_stores(setup.args.credential.name(), names::credential_secret(&setup.stack, identity))
            }
        };
        let _ = writeln!(script, "  {credential}");
    }
}

fn make(script: &mut String, setup: &Setup<'_>, console: &Console) {
    script.push_str(FUNCTIONS);
    if setup.args.credential == CredentialArg::Keyless {
        script.push_str(TRUST);
        script.push_str(ISSUER);
    }
    confirm(script, setup, console.words());
    script.push_str(
        "GRAPH=$(az cloud show --query endpoints.microsoftGraphResourceId --output tsv)\n\
         GRAPH=${GRAPH%/}\n",
    );
    match setup.args.credential {
        CredentialArg::Keyless => script.push_str(
            "\n# AWS issues tokens for the stack's roles. This setting applies to the whole account; other programs may use it too.\n\
             if [ -z \"$ISSUER\" ]; then\n  \
             ISSUER=$(aws iam enable-outbound-web-identity-federation --query IssuerIdentifier --output text)\n\
             fi\n\
             ROLES=arn:$(cut -d: -f2 <<< \"$CALLER\"):iam::$ACCOUNT:role\n",
        ),
        CredentialArg::Certificate | CredentialArg::Secret => script.push_str(
            "\n# Keys and secrets are stored in this temporary folder, which only you can read and which is deleted at the end.\n\
             umask 077\nWORK=$(mktemp -d)\n\
             # A second signal must not end the deletion.\ntrap 'trap \"\" HUP INT TERM; rm -rf \"$WORK\"' EXIT\n",
        ),
    }
    for identity in setup.args.identities() {
        register(script, setup, identity);
    }
    let parameters = console.complete(&console.words().deployment_parameters());
    let _ = write!(script, "\necho\necho {}\n", quoted(&parameters));
    if setup.args.credential == CredentialArg::Keyless {
        script.push_str("echo \"  TenantId=$TENANT_ID\"\n");
    }
    for identity in setup.args.identities() {
        let (id, name) = (variable(identity), parameter(identity));
        let _ = match setup.args.credential {
            CredentialArg::Keyless => writeln!(script, "echo \"  {name}ClientId=${id}_CLIENT_ID\""),
            _ => writeln!(script, "echo \"  {name}CredentialSecret=${id}_SECRET_ARN\""),
        };
    }
}

/// Registers one identity: its app registration, service principal, permissions with consent, and credential.
fn register(script: &mut String, setup: &Setup<'_>, identity: Identity) {
    let (id, display) = (variable(identity), names::app_registration(&setup.stack, identity));
    let _ = write!(
        script,
        "\n# ---- The {identity} identity\n\
         {id}_CLIENT_ID=$(application '{display}')\n\
         if [ -z \"${id}_CLIENT_ID\" ]; then\n  \
         {id}_CLIENT_ID=$(az ad app create --display-name '{display}' --sign-in-audience AzureADMyOrg --query appId --output tsv)\n\
         fi\n\
         az ad sp show --id \"${id}_CLIENT_ID\" --output none 2>/dev/null || again az ad sp create --id \"${id}_CLIENT_ID\" --output none\n"
    );
    for permission in identity.permissions() {
        let _ = writeln!(script, "#   {}: {}", permission.name, permission.purpose);
    }
    let ids: Vec<&str> = identity.permissions().iter().map(|permission| permission.id).collect();
    let _ = write!(
        script,
        "{id}_PERMISSIONS=({})\n\
         request_permissions \"${id}_CLIENT_ID\" {GRAPH_APP_ID} \"${{{id}_PERMISSIONS[@]}}\"\n\
         consent \"${id}_CLIENT_ID\" {GRAPH_APP_ID} \"${{{id}_PERMISSIONS[@]}}\"\n",
        ids.join("\n  ")
    );
    match setup.args.credential {
        CredentialArg::Keyless => federate(script, setup, identity),
        CredentialArg::Certificate => {
            certificate(script, identity, &display);
            store(script, setup, identity);
        }
        CredentialArg::Secret => {
            secret(script, identity);
            store(script, setup, identity);
        }
    }
}

/// Adds a federated credential to the application, so that the application accepts the AWS tokens of one IAM role.
fn federate(script: &mut String, setup: &Setup<'_>, identity: Identity) {
    let (id, role, audience) =
        (variable(identity), names::graph_role(&setup.stack, &setup.region, identity), &setup.args.audience);
    let _ = writeln!(script, "trust \"${id}_CLIENT_ID\" {role} \"$ROLES/{role}\" {audience}");
}

/// Adds a certificate to the application. Keeps the application's other certificates, so that the certificate in use
/// works until the new certificate is stored in Secrets Manager.
fn certificate(script: &mut String, identity: Identity, display: &str) {
    let id = variable(identity);
    let _ = write!(
        script,
        "openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj '/CN={display}' \\\n  \
         -keyout \"$WORK/{identity}.key\" -out \"$WORK/{identity}.crt\" 2>/dev/null\n\
         again az ad app credential reset --id \"${id}_CLIENT_ID\" --append --cert \"@$WORK/{identity}.crt\" --output none\n\
         EXPIRES=$(date -u -d '+365 days' +%F 2>/dev/null || date -u -v+365d +%F)\n\
         jq -n --arg tenantId \"$TENANT_ID\" --arg clientId \"${id}_CLIENT_ID\" \\\n  \
         --rawfile certificate \"$WORK/{identity}.crt\" --rawfile privateKey \"$WORK/{identity}.key\" \\\n  \
         '{{tenantId: $tenantId, clientId: $clientId, certificate: $certificate, privateKey: $privateKey}}' > \"$WORK/{identity}.json\"\n"
    );
}

fn secret(script: &mut String, identity: Identity) {
    let id = variable(identity);
    let _ = write!(
        script,
        "EXPIRES=$(date -u -d '+180 days' +%F 2>/dev/null || date -u -v+180d +%F)\n\
         again az ad app credential reset --id \"${id}_CLIENT_ID\" --append --display-name connect-onboarding \\\n  \
         --end-date \"$EXPIRES\" --query password --output tsv > \"$WORK/{identity}.secret\"\n\
         jq -n --arg tenantId \"$TENANT_ID\" --arg clientId \"${id}_CLIENT_ID\" --arg expires \"$EXPIRES\" \\\n  \
         --rawfile secret \"$WORK/{identity}.secret\" \\\n  \
         '{{tenantId: $tenantId, clientId: $clientId, clientSecret: ($secret | rtrimstr(\"\\n\")), expires: $expires}}' > \"$WORK/{identity}.json\"\n"
    );
}

/// Stores the credential in Secrets Manager. The Lambda functions reload a changed secret automatically.
fn store(script: &mut String, setup: &Setup<'_>, identity: Identity) {
    let (id, name, region) = (variable(identity), names::credential_secret(&setup.stack, identity), &setup.region);
    let key = names::EXPIRES_KEY;
    let _ = write!(
        script,
        "if {id}_SECRET_ARN=$(aws secretsmanager describe-secret --region {region} --secret-id {name} --query ARN --output text 2>/dev/null); then\n  \
         aws secretsmanager put-secret-value --region {region} --secret-id {name} --secret-string \"file://$WORK/{identity}.json\" --output text > /dev/null\n\
         else\n  \
         {id}_SECRET_ARN=$(aws secretsmanager create-secret --region {region} --name {name} --secret-string \"file://$WORK/{identity}.json\" --query ARN --output text)\n\
         fi\n\
         aws secretsmanager tag-resource --region {region} --secret-id {name} --tags \"Key={key},Value=$EXPIRES\"\n"
    );
}

fn remove(script: &mut String, setup: &Setup<'_>, identity: Identity, console: &Console) {
    let (display, secret, region) = (
        names::app_registration(&setup.stack, identity),
        names::credential_secret(&setup.stack, identity),
        &setup.region,
    );
    let removed = console.complete(&console.words().identity_removed(identity, parameter(identity)));
    confirm(script, setup, console.words());
    let _ = write!(
        script,
        "CLIENT_ID=$(application '{display}')\n\
         if [ -n \"$CLIENT_ID\" ]; then az ad app delete --id \"$CLIENT_ID\"; fi\n\
         if aws secretsmanager describe-secret --region {region} --secret-id {secret} > /dev/null 2>&1; then\n  \
         aws secretsmanager delete-secret --region {region} --secret-id {secret} --recovery-window-in-days 7 --output text > /dev/null\n\
         fi\n\
         echo {}\n",
        quoted(&removed)
    );
}

const fn variable(identity: Identity) -> &'static str {
    match identity {
        Identity::Setup => "SETUP",
        Identity::Runtime => "RUNTIME",
    }
}

const fn parameter(identity: Identity) -> &'static str {
    match identity {
        Identity::Setup => "Setup",
        Identity::Runtime => "Runtime",
    }
}
