//! Reads the operator's AWS configuration. The profile, the credentials and the Region are determined as in the AWS
//! CLI. The name of the stack and the Region can also come from `samconfig.toml`, the settings file of `sam deploy`.
//!
//! There is no default Region. With a wrong Region, a command would use a wrong stack, and `entra-setup` would make
//! Entra trust roles with wrong names, because the names contain the Region.

use std::{collections::BTreeMap, fs, io::ErrorKind, path::Path, time::SystemTime};

use aws_config::{
    BehaviorVersion, Region, SdkConfig,
    ecs::EcsCredentialsProvider,
    imds::credentials::ImdsCredentialsProvider,
    meta::credentials::CredentialsProviderChain,
    profile::{Profile, ProfileFileCredentialsProvider, ProfileSet, load},
    provider_config::ProviderConfig,
};
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, Result as CredentialsResult, SharedCredentialsProvider, future},
};
use aws_types::os_shim_internal::{Env, Fs};
use toml::{Table, Value};

use super::error::{CommandError, chain};
use crate::{
    args::{AwsArgs, STACK_VARIABLE},
    ui::detail,
    words::{Words, quoted},
};

/// Name of the stack if neither the operator nor `samconfig.toml` specifies another name.
pub(crate) const STACK: &str = "connect-onboarding";
/// The settings file of `sam deploy`, in the current directory.
const SAM_CONFIG: &str = "samconfig.toml";
/// Credentials are requested again if they expire within this number of seconds.
const EXPIRES_SOON: u64 = 300;

/// Loads the configuration and the credentials.
///
/// # Errors
/// Fails if the profile does not exist, no Region is set, or there are no valid credentials.
pub(crate) async fn configured(aws: &AwsArgs, words: Words) -> Result<SdkConfig, CommandError> {
    let profiles = Profiles::load(aws, words).await?;
    let region = Region::new(profiles.region(aws, words)?);
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).region(region.clone());
    if let Some(name) = &aws.profile {
        loader = loader.profile_name(name);
    }
    let config = loader.load().await;
    let provider = match &aws.profile {
        Some(name) => Some(of_profile(name, region, &config)),
        None => config.credentials_provider(),
    };
    let Some(provider) = provider else {
        return Err(CommandError::cloud("NoCredentials", words.no_credentials(""), words.get_credentials()));
    };
    let provider = Cached { provider, credentials: tokio::sync::Mutex::default() };
    provider.get().await.map_err(|error| profiles.no_credentials(&chain(&error), words))?;
    Ok(config.into_builder().credentials_provider(SharedCredentialsProvider::new(provider)).build())
}

/// Determines the Region, without loading credentials.
///
/// # Errors
/// Fails if the profile does not exist or no Region is set.
pub(crate) async fn region(aws: &AwsArgs, words: Words) -> Result<String, CommandError> {
    Profiles::load(aws, words).await?.region(aws, words)
}

/// The name of the stack: the name that the operator specified, or else the name in `samconfig.toml`, or else the
/// default name.
///
/// # Errors
/// Fails if `samconfig.toml` is invalid.
pub(crate) fn stack(specified: Option<&str>, words: Words) -> Result<String, CommandError> {
    let (name, source) = match specified.filter(|name| !name.is_empty()) {
        Some(name) if set(STACK_VARIABLE).as_deref() == Some(name) => (name.to_owned(), STACK_VARIABLE.to_owned()),
        Some(name) => (name.to_owned(), "--stack".to_owned()),
        None => match SamConfig::read(Path::new(SAM_CONFIG), words)?.stack {
            Some(name) => (name, SAM_CONFIG.to_owned()),
            None => (STACK.to_owned(), words.the_default()),
        },
    };
    detail(&words.uses_stack(&name, source));
    Ok(name)
}

/// The S3 bucket and the stack parameters in `samconfig.toml`.
///
/// # Errors
/// Fails if `samconfig.toml` is invalid.
pub(crate) fn deployment(words: Words) -> Result<(Option<String>, BTreeMap<String, String>), CommandError> {
    let config = SamConfig::read(Path::new(SAM_CONFIG), words)?;
    Ok((config.bucket, config.parameters))
}

/// The credentials of a profile that the operator specified. As in the AWS CLI, credentials in environment variables do
/// not take precedence over such a profile.
fn of_profile(name: &str, region: Region, config: &SdkConfig) -> SharedCredentialsProvider {
    let context = ProviderConfig::without_region()
        .with_region(Some(region))
        .with_use_fips(config.use_fips())
        .with_use_dual_stack(config.use_dual_stack());
    let profile = ProfileFileCredentialsProvider::builder().profile_name(name).configure(&context).build();
    let chain = CredentialsProviderChain::first_try("Profile", profile)
        .or_else("EcsContainer", EcsCredentialsProvider::builder().configure(&context).build())
        .or_else("Ec2InstanceMetadata", ImdsCredentialsProvider::builder().configure(&context).build());
    SharedCredentialsProvider::new(chain)
}

/// Caches credentials until shortly before they expire. Without this cache, each signed call would request new
/// credentials from IAM Identity Center or run the profile's credential process again.
#[derive(Debug)]
struct Cached {
    provider: SharedCredentialsProvider,
    credentials: tokio::sync::Mutex<Option<Credentials>>,
}

impl Cached {
    async fn get(&self) -> CredentialsResult {
        let mut known = self.credentials.lock().await;
        let expires_soon = |credentials: &Credentials| {
            credentials.expiry().is_some_and(|expiry| {
                expiry.duration_since(SystemTime::now()).map_or(true, |left| left.as_secs() < EXPIRES_SOON)
            })
        };
        match known.as_ref().filter(|credentials| !expires_soon(credentials)) {
            Some(credentials) => Ok(credentials.clone()),
            None => Ok(known.insert(self.provider.provide_credentials().await?).clone()),
        }
    }
}

impl ProvideCredentials for Cached {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.get())
    }
}

/// The profiles of the AWS configuration files, and the selected profile.
struct Profiles {
    known: ProfileSet,
    /// Name of the profile in use.
    selected: String,
    /// Whether credentials in environment variables take precedence over the profile.
    environment: bool,
}

impl Profiles {
    async fn load(aws: &AwsArgs, words: Words) -> Result<Self, CommandError> {
        let known = load(&Fs::real(), &Env::real(), &Default::default(), None).await.map_err(|error| {
            CommandError::cloud("InvalidConfiguration", words.configuration_invalid(chain(&error)), words.correct_it())
        })?;
        let specified = aws.profile.clone().or_else(|| set("AWS_PROFILE"));
        if let Some(name) = specified.as_ref().filter(|name| known.get_profile(name).is_none()) {
            let mut names: Vec<&str> = known.profiles().collect();
            names.sort_unstable();
            let action = if names.is_empty() { words.no_profiles() } else { words.known_profiles(names.join(", ")) };
            return Err(CommandError::cloud("UnknownProfile", words.unknown_profile(name), action));
        }
        if let Some(name) = &specified {
            detail(&words.uses_profile(name));
        }
        let environment = aws.profile.is_none() && set("AWS_ACCESS_KEY_ID").is_some();
        Ok(Self { known, selected: specified.unwrap_or_else(|| "default".into()), environment })
    }

    /// The selected profile, and the profiles from which it gets its credentials (`source_profile`).
    fn chain(&self) -> Vec<&Profile> {
        let mut chain: Vec<&Profile> = Vec::new();
        let mut next = self.known.get_profile(&self.selected);
        while let Some(profile) = next.filter(|one| chain.iter().all(|known| known.name() != one.name())) {
            chain.push(profile);
            next = profile.get("source_profile").and_then(|name| self.known.get_profile(name));
        }
        chain
    }

    /// The Region from the first source that specifies a Region: `--region`, the environment variables, the profile, or
    /// `samconfig.toml`.
    fn region(&self, aws: &AwsArgs, words: Words) -> Result<String, CommandError> {
        let of_profile = || self.chain().into_iter().find_map(|profile| profile.get("region").map(str::to_owned));
        let option = aws.region.clone().map(|region| (region, "--region"));
        let variable = |name| set(name).map(|region| (region, name));
        let specified = option.or_else(|| variable("AWS_REGION")).or_else(|| variable("AWS_DEFAULT_REGION"));
        let (region, source) = match (specified, of_profile()) {
            (Some((region, source)), _) => (region, source),
            (None, Some(region)) => (region, self.selected.as_str()),
            (None, None) => match SamConfig::read(Path::new(SAM_CONFIG), words)?.region {
                Some(region) => (region, SAM_CONFIG),
                None => return Err(CommandError::cloud("NoRegion", words.no_region(), words.specify_a_region())),
            },
        };
        detail(&words.uses_region(&region, source));
        // Only lowercase letters, digits and hyphens are accepted, because the Region is inserted into host names and
        // into the script of `entra-setup`.
        let plain = region.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if plain && region.starts_with(|c: char| c.is_ascii_lowercase()) {
            Ok(region)
        } else {
            Err(CommandError::input(words.no_region_name(region), words.specify_a_region()))
        }
    }

    /// Creates the error for credentials that could not be loaded. Which action the error recommends depends on how the
    /// profile gets its credentials.
    fn no_credentials(&self, why: &str, words: Words) -> CommandError {
        if why.contains("dispatch failure") {
            return CommandError::cloud("Unavailable", words.no_credentials(why), words.check_network());
        }
        let chain = self.chain();
        let has = |profile: &Profile, names: &[&str]| names.iter().any(|name| profile.get(name).is_some());
        let found = |names: &[&str]| chain.iter().find(|profile| has(profile, names)).map(|profile| profile.name());
        if !self.environment && found(&["login_session"]).is_some() {
            let what = words.login_profile(&self.selected);
            return CommandError::cloud("NoCredentials", what, words.export_credentials(quoted(&self.selected)));
        }
        let action = match (self.environment, found(&["sso_session", "sso_start_url"]), found(&["credential_process"]))
        {
            (false, Some(name), _) if why.contains("ForbiddenException") => words.assign_permission_set(name),
            (false, Some(name), _) => words.sign_in_with_sso(quoted(name)),
            (false, None, Some(name)) => words.check_credential_process(name),
            // The SDK for Rust sends no MFA code, so a trust policy that requires MFA denies the request.
            (false, None, None) if why.contains("AccessDenied") && found(&["mfa_serial"]).is_some() => {
                words.mfa_profile(&self.selected, words.export_credentials(quoted(&self.selected)))
            }
            _ => words.get_credentials(),
        };
        CommandError::cloud("NoCredentials", words.no_credentials(why), action)
    }
}

/// The value of an environment variable. An empty variable is treated as not set, as in the AWS CLI.
fn set(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|value| !value.is_empty())
}

/// The settings in `samconfig.toml` that select the stack and its parameters.
#[derive(Debug, Default, PartialEq, Eq)]
struct SamConfig {
    stack: Option<String>,
    region: Option<String>,
    bucket: Option<String>,
    parameters: BTreeMap<String, String>,
}

impl SamConfig {
    /// Reads the settings of `sam deploy` in the file's environment `default`. If the file does not exist, no settings
    /// are returned.
    fn read(file: &Path, words: Words) -> Result<Self, CommandError> {
        let invalid = |why: String| CommandError::input(words.sam_config_invalid(why), words.correct_the_file());
        match fs::read_to_string(file) {
            Ok(text) => Self::parse(&text).map_err(|error| invalid(error.to_string())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(invalid(error.to_string())),
        }
    }

    fn parse(text: &str) -> Result<Self, toml::de::Error> {
        let table: Table = text.parse()?;
        let of = |command: &str, name: &str| table.get("default")?.get(command)?.get("parameters")?.get(name);
        // If the section of a command does not contain a parameter, the SAM CLI uses the parameter in the section
        // `global`.
        let text = |command: &str, name: &str| of(command, name)?.as_str().filter(|value| !value.is_empty());
        let setting = |name: &str| text("deploy", name).or_else(|| text("global", name)).map(str::to_owned);
        let overrides = of("deploy", "parameter_overrides").or_else(|| of("global", "parameter_overrides"));
        Ok(Self {
            stack: setting("stack_name"),
            region: setting("region"),
            bucket: setting("s3_bucket"),
            parameters: overrides.map(parameters).unwrap_or_default(),
        })
    }
}

/// Reads the parameters in `parameter_overrides`. The value is either a list of `Name=Value` entries or a text that
/// contains the entries separated by spaces, as `sam deploy --guided` writes it. In the text, a value can be in
/// quotation marks.
fn parameters(overrides: &Value) -> BTreeMap<String, String> {
    let words: Vec<String> = match overrides {
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Value::String(text) => unquoted_words(text),
        _ => Vec::new(),
    };
    let parameter = |word: &String| {
        let long = word.strip_prefix("ParameterKey=").and_then(|rest| rest.split_once(",ParameterValue="));
        let (name, value) = long.or_else(|| word.split_once('='))?;
        Some((name.to_owned(), value.trim_matches('"').to_owned()))
    };
    words.iter().filter_map(parameter).collect()
}

/// Splits a text at the spaces that are not between quotation marks, and removes the quotation marks.
fn unquoted_words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quotation = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let last = words.len() - 1;
        match (quotation, character) {
            (Some(mark), _) if mark == character => quotation = None,
            (None, '"' | '\'') => quotation = Some(character),
            (None, _) if character.is_whitespace() => words.push(String::new()),
            (Some('"') | None, '\\') => words[last].extend(characters.next()),
            _ => words[last].push(character),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;
    use crate::words::Lang;

    #[test]
    fn stack_and_region_are_read_from_the_parameters_of_sam_deploy() {
        let text = "version = 0.1\n[default.global.parameters]\nregion = \"eu-west-1\"\nstack_name = \"other\"\n\
                    [default.deploy.parameters]\nstack_name = \"acme\"\nregion = \"\"\n";
        let expected =
            SamConfig { stack: Some("acme".into()), region: Some("eu-west-1".into()), ..SamConfig::default() };
        assert_eq!(SamConfig::parse(text).unwrap(), expected);
        assert_eq!(SamConfig::parse("version = 0.1").unwrap(), SamConfig::default());
    }

    #[test]
    fn stack_parameters_are_read_in_each_form_that_sam_writes() {
        let expected = BTreeMap::from([
            ("SyncSchedule".to_owned(), "rate(1 hour)".to_owned()),
            ("TenantId".to_owned(), "b0".to_owned()),
        ]);
        for overrides in [
            r#""TenantId=\"b0\" SyncSchedule=\"rate(1 hour)\"""#,
            r#"["TenantId=b0", "SyncSchedule=rate(1 hour)"]"#,
            r#"'ParameterKey=TenantId,ParameterValue=b0 SyncSchedule="rate(1 hour)"'"#,
        ] {
            let text =
                format!("[default.deploy.parameters]\ns3_bucket = \"code\"\nparameter_overrides = {overrides}\n");
            let config = SamConfig::parse(&text).unwrap();
            assert_eq!((config.bucket.as_deref(), config.parameters), (Some("code"), expected.clone()), "{overrides}");
        }
    }

    #[test]
    fn an_invalid_samconfig_is_an_error_and_a_missing_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(SAM_CONFIG);
        assert_eq!(SamConfig::read(&file, Words(Lang::En)).unwrap(), SamConfig::default());
        fs::write(&file, "[default\nstack_name = 1").unwrap();
        let error = SamConfig::read(&file, Words(Lang::En)).unwrap_err();
        assert!(error.what.contains("line 1"), "{}", error.what);
    }

    #[tokio::test]
    async fn credentials_are_requested_again_only_shortly_before_they_expire() {
        #[derive(Debug)]
        struct Expiring(std::sync::atomic::AtomicU64);
        impl ProvideCredentials for Expiring {
            fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
            where
                Self: 'a,
            {
                let calls = self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                // The first call returns credentials that expire soon. Later calls return credentials that do not
                // expire soon.
                let expiry = SystemTime::now() + std::time::Duration::from_secs(60 + calls * 3_600);
                future::ProvideCredentials::ready(Ok(Credentials::new(
                    format!("key-{calls}"),
                    "secret",
                    None,
                    Some(expiry),
                    "test",
                )))
            }
        }
        let provider = SharedCredentialsProvider::new(Expiring(Default::default()));
        let cached = Cached { provider, credentials: tokio::sync::Mutex::default() };
        let mut keys = Vec::new();
        for _ in 0..3 {
            keys.push(cached.get().await.unwrap().access_key_id().to_owned());
        }
        assert_eq!(keys, ["key-0", "key-1", "key-1"]);
    }
}
