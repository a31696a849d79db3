//! Describes an onboarding as a Terraform configuration. The configuration contains one resource and one `import` block
//! for each object. With this configuration, Terraform can import the existing objects, and `terraform plan` shows no
//! changes.
//!
//! The Terraform providers `hashicorp/aws` (documentation in `website/docs/r/`) and `hashicorp/azuread`
//! (`docs/resources/`) define the arguments of the resources, and the format of the ids in the `import` blocks. For
//! some resources, version 3 of `azuread` requires other import ids than its documentation shows: paths of Microsoft
//! Graph, for example `/servicePrincipals/{id}/appRoleAssignedTo/{id}` (`internal/services/approleassignments` of the
//! provider).
//!
//! [`render`] is pure. Its input contains no secret, because the private signing keys never leave Entra.

mod hcl;
mod starter_flow;

use std::collections::BTreeSet;

use serde_json::Value as Json;

use self::hcl::{Block, Value};
pub use self::starter_flow::StarterFlow;
use crate::cloud::iam::{Federation, Tags};

/// The minimum versions of the providers. Earlier versions lack some of the resources, arguments or import ids of the
/// configuration. Version 6.6.0 of the AWS provider added `aws_connect_phone_number_contact_flow_association`
/// (hashicorp/terraform-provider-aws pull request 43557).
const PROVIDERS: [(&str, &str); 2] = [("aws", ">= 6.6"), ("azuread", ">= 3.0")];
/// The arguments of the application resource that Terraform must not change. The onboarding does not set these
/// properties, because the Entra gallery or an administrator sets them.
const APPLICATION_IGNORES: [&str; 23] = [
    "api",
    "app_role",
    "description",
    "feature_tags",
    "group_membership_claims",
    "logo_image",
    "marketing_url",
    "notes",
    "optional_claims",
    "owners",
    "privacy_statement_url",
    "public_client",
    "required_resource_access",
    "service_management_reference",
    "sign_in_audience",
    "single_page_application",
    "support_url",
    "tags",
    "template_id",
    "terms_of_service_url",
    "web[0].homepage_url",
    "web[0].implicit_grant",
    "web[0].logout_url",
];
/// The arguments of the service principal resource that Terraform must not change, because the onboarding does not set
/// these properties.
const PRINCIPAL_IGNORES: [&str; 5] = ["alternative_names", "description", "feature_tags", "notes", "owners"];

/// The Connect instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instance {
    /// Id of the instance.
    pub id: String,
    /// Alias of the instance.
    pub alias: String,
    /// The identity management type of the instance; for an onboarded instance, `SAML`.
    pub identity_management: String,
    /// Whether inbound calls are enabled.
    pub inbound_calls: bool,
    /// Whether outbound calls are enabled.
    pub outbound_calls: bool,
    /// The type (for example `CONTACT_LENS`) and the value of each instance attribute. Attributes whose value is
    /// neither `true` nor `false` are not included.
    pub attributes: Vec<(String, bool)>,
    /// The storage locations in S3.
    pub storage: Vec<Storage>,
    /// The security profile that the onboarding created, if it exists.
    pub security_profile: Option<SecurityProfile>,
    /// The starter flow, if it exists.
    pub starter_flow: Option<StarterFlow>,
    /// Tags of the instance.
    pub tags: Tags,
}

/// A storage location of an instance in S3.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Storage {
    /// The type of the stored data, for example `CALL_RECORDINGS`.
    pub resource_type: String,
    /// The id of the association between the instance and the storage location.
    pub association: String,
    /// Name of the S3 bucket.
    pub bucket: String,
    /// Prefix of the S3 object keys.
    pub prefix: String,
    /// The ARN of the KMS key with which the data is encrypted, if there is one.
    pub key: Option<String>,
}

/// A security profile of Connect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecurityProfile {
    /// Id of the security profile.
    pub id: String,
    /// Name of the security profile.
    pub name: String,
    /// Description of the security profile, if there is one.
    pub description: Option<String>,
    /// Permissions of the security profile, sorted.
    pub permissions: Vec<String>,
    /// Tags of the security profile.
    pub tags: Tags,
}

/// The objects that the Terraform configuration describes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Source {
    /// The AWS Region.
    pub region: String,
    /// Id of the Entra tenant.
    pub tenant_id: String,
    /// The Connect instance.
    pub instance: Instance,
    /// The IAM objects.
    pub federation: Federation,
    /// The enterprise application, as the drift check logged it. Null if the drift check could not read the
    /// application.
    pub application: Json,
    /// The assignments of users and groups to the enterprise application.
    pub assignments: Vec<Json>,
}

/// A Terraform configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// The text of the configuration.
    pub text: String,
    /// The Terraform addresses of the resources (for example `aws_iam_role.sign_in`), in the order in which they are in
    /// the text.
    pub resources: Vec<String>,
}

/// The instance attributes, each with the argument of the resource `aws_connect_instance` that sets this attribute.
const ATTRIBUTES: [(&str, &str); 5] = [
    ("AUTO_RESOLVE_BEST_VOICES", "auto_resolve_best_voices_enabled"),
    ("CONTACTFLOW_LOGS", "contact_flow_logs_enabled"),
    ("CONTACT_LENS", "contact_lens_enabled"),
    ("EARLY_MEDIA", "early_media_enabled"),
    ("MULTI_PARTY_CONFERENCE", "multi_party_conference_enabled"),
];

/// Describes an onboarding as a Terraform configuration.
#[must_use]
pub fn render(source: &Source) -> Configuration {
    let mut writer = Writer::default();
    writer.settings(source);
    writer.instance(&source.instance);
    writer.federation(&source.federation);
    writer.application(source);
    Configuration { text: writer.text, resources: writer.resources }
}

#[derive(Default)]
struct Writer {
    text: String,
    resources: Vec<String>,
}

impl Writer {
    fn add(&mut self, block: &Block) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text += &block.to_string();
    }

    /// Adds a resource and its `import` block. Returns the Terraform address of the resource.
    fn resource(&mut self, kind: &str, name: &str, id: &str, fill: impl FnOnce(Block) -> Block) -> String {
        let address = format!("{kind}.{name}");
        self.add(&Block::new("import", &[]).with("to", Value::Reference(address.clone())).with("id", id));
        self.add(&fill(Block::new("resource", &[kind, name])));
        self.resources.push(address.clone());
        address
    }

    fn settings(&mut self, source: &Source) {
        let provider = |(name, version): (&str, &str)| {
            let entries = [("source", format!("hashicorp/{name}")), ("version", version.to_owned())];
            Value::Map(entries.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect())
        };
        let [aws, azuread] = PROVIDERS;
        let providers =
            Block::new("required_providers", &[]).with("aws", provider(aws)).with("azuread", provider(azuread));
        // Terraform supports `import` blocks since version 1.5.
        self.add(&Block::new("terraform", &[]).with("required_version", ">= 1.5").containing(providers));
        self.add(&Block::new("provider", &["aws"]).with("region", source.region.as_str()));
        self.add(&Block::new("provider", &["azuread"]).with("tenant_id", source.tenant_id.as_str()));
    }

    fn instance(&mut self, instance: &Instance) {
        let address = self.resource("aws_connect_instance", "this", &instance.id, |mut block| {
            block = block
                .with("instance_alias", instance.alias.as_str())
                .with("identity_management_type", instance.identity_management.as_str())
                .with("inbound_calls_enabled", instance.inbound_calls)
                .with("outbound_calls_enabled", instance.outbound_calls);
            for (attribute, argument) in ATTRIBUTES {
                let value = instance.attributes.iter().find(|(name, _)| name == attribute);
                block = block.with_some(argument, value.map(|(_, value)| *value));
            }
            block.with("tags", tags(&instance.tags)).containing(protected(&[]))
        });
        for storage in &instance.storage {
            let id = format!("{}:{}:{}", instance.id, storage.association, storage.resource_type);
            let name = storage.resource_type.to_lowercase();
            self.resource("aws_connect_instance_storage_config", &name, &id, |block| {
                let key = storage
                    .key
                    .as_deref()
                    .map(|key| Block::new("encryption_config", &[]).with("encryption_type", "KMS").with("key_id", key));
                let mut s3 = Block::new("s3_config", &[])
                    .with("bucket_name", storage.bucket.as_str())
                    .with("bucket_prefix", storage.prefix.as_str());
                if let Some(key) = key {
                    s3 = s3.containing(key);
                }
                block
                    .with("instance_id", Value::Reference(format!("{address}.id")))
                    .with("resource_type", storage.resource_type.as_str())
                    .containing(Block::new("storage_config", &[]).with("storage_type", "S3").containing(s3))
            });
        }
        if let Some(profile) = &instance.security_profile {
            let id = format!("{}:{}", instance.id, profile.id);
            self.resource("aws_connect_security_profile", "no_access", &id, |block| {
                block
                    .with("instance_id", Value::Reference(format!("{address}.id")))
                    .with("name", profile.name.as_str())
                    .with_some("description", profile.description.as_deref())
                    .with("permissions", texts(&profile.permissions))
                    .with("tags", tags(&profile.tags))
            });
        }
        if let Some(flow) = &instance.starter_flow {
            self.starter_flow(flow, (&address, &instance.id));
        }
    }

    fn federation(&mut self, federation: &Federation) {
        if let Some(provider) = &federation.provider {
            self.resource("aws_iam_saml_provider", "entra", &provider.arn, |block| {
                block
                    .with("name", provider.name.as_str())
                    .with("saml_metadata_document", provider.metadata.as_str())
                    .with("tags", tags(&provider.tags))
            });
        }
        let policy = federation.policy.as_ref().map(|policy| {
            let address = self.resource("aws_iam_policy", "sign_in", &policy.arn, |block| {
                block
                    .with("name", policy.name.as_str())
                    .with("path", policy.path.as_str())
                    .with_some("description", policy.description.as_deref())
                    .with("policy", policy.document.as_str())
                    .with("tags", tags(&policy.tags))
            });
            (policy.arn.clone(), address)
        });
        let Some(role) = &federation.role else { return };
        let address = self.resource("aws_iam_role", "sign_in", &role.name, |block| {
            block
                .with("name", role.name.as_str())
                .with("path", role.path.as_str())
                .with_some("description", role.description.as_deref())
                .with("max_session_duration", Value::Number(role.max_session))
                .with_some("permissions_boundary", role.boundary.as_deref())
                .with("assume_role_policy", role.trust.as_str())
                .with("tags", tags(&role.tags))
        });
        for (index, arn) in role.attached.iter().enumerate() {
            let ours = policy.as_ref().filter(|(policy, _)| policy == arn);
            let name = if ours.is_some() { "sign_in".to_owned() } else { format!("further_{}", index + 1) };
            let id = format!("{}/{arn}", role.name);
            self.resource("aws_iam_role_policy_attachment", &name, &id, |block| {
                let arn = ours
                    .map_or_else(|| Value::from(arn.as_str()), |(_, policy)| Value::Reference(format!("{policy}.arn")));
                block.with("role", Value::Reference(format!("{address}.name"))).with("policy_arn", arn)
            });
        }
    }

    fn application(&mut self, source: &Source) {
        let (application, principal) = (&source.application["application"], &source.application["servicePrincipal"]);
        let principal_id = text(principal, "id");
        if principal_id.is_empty() || text(application, "id").is_empty() {
            return;
        }
        let id = format!("/applications/{}", text(application, "id"));
        let registration = self.resource("azuread_application", "this", &id, |block| {
            block
                .with("display_name", text(principal, "displayName"))
                .with("identifier_uris", list(&application["identifierUris"]))
                .containing(Block::new("web", &[]).with("redirect_uris", list(&application["redirectUris"])))
                .containing(protected(&APPLICATION_IGNORES))
        });
        let id = format!("/servicePrincipals/{principal_id}");
        let principal = self.resource("azuread_service_principal", "this", &id, |block| {
            let relay_state = principal["relayState"].as_str();
            let block = block
                .with("client_id", Value::Reference(format!("{registration}.client_id")))
                .with_some("account_enabled", principal["accountEnabled"].as_bool())
                .with_some("app_role_assignment_required", principal["appRoleAssignmentRequired"].as_bool())
                .with_some("preferred_single_sign_on_mode", principal["preferredSingleSignOnMode"].as_str())
                .with_some("login_url", principal["loginUrl"].as_str().filter(|url| !url.is_empty()))
                .with("notification_email_addresses", list(&principal["notificationEmailAddresses"]))
                .with("tags", list(&principal["tags"]));
            match relay_state {
                Some(state) => block.containing(Block::new("saml_single_sign_on", &[]).with("relay_state", state)),
                None => block,
            }
            .containing(protected(&PRINCIPAL_IGNORES))
        });
        self.claims(source, (&principal, principal_id));
        self.assignments(source, (&principal, principal_id));
    }

    fn claims(&mut self, source: &Source, (principal, principal_id): (&str, &str)) {
        // Entra applies only one claims mapping policy to an application.
        let Some(policy) = source.application["claimsMappingPolicies"].as_array().and_then(|list| list.first()) else {
            return;
        };
        let id = format!("/policies/claimsMappingPolicies/{}", text(policy, "id"));
        let address = self.resource("azuread_claims_mapping_policy", "this", &id, |block| {
            block.with("display_name", text(policy, "displayName")).with("definition", list(&policy["definition"]))
        });
        let id = format!("/servicePrincipals/{principal_id}/claimsMappingPolicies/{}", text(policy, "id"));
        self.resource("azuread_service_principal_claims_mapping_policy_assignment", "this", &id, |block| {
            block
                .with("claims_mapping_policy_id", Value::Reference(format!("{address}.id")))
                .with("service_principal_id", Value::Reference(format!("{principal}.id")))
        });
    }

    fn assignments(&mut self, source: &Source, (principal, principal_id): (&str, &str)) {
        let mut named = BTreeSet::new();
        for assignment in &source.assignments {
            let member = text(assignment, "principalId");
            let id = format!("/servicePrincipals/{principal_id}/appRoleAssignedTo/{}", text(assignment, "id"));
            // A name in Terraform must start with a letter, but an object id can start with a digit.
            let mut name = format!("of_{}", member.replace('-', "_"));
            if !named.insert(member) {
                // A user or group can have several assignments, but only one for each app role. The app role therefore
                // makes the name unique.
                name = format!("{name}_{}", text(assignment, "appRoleId").replace('-', "_"));
            }
            self.resource("azuread_app_role_assignment", &name, &id, |block| {
                block
                    .with("app_role_id", text(assignment, "appRoleId"))
                    .with("principal_object_id", member)
                    .with("resource_object_id", Value::Reference(format!("{principal}.object_id")))
            });
        }
    }
}

/// The `lifecycle` block for an object without which no user can sign in. The block prevents Terraform from deleting
/// the object, and lists the arguments that Terraform must not change.
fn protected(ignored: &[&str]) -> Block {
    let block = Block::new("lifecycle", &[]).with("prevent_destroy", true);
    if ignored.is_empty() {
        return block;
    }
    block.with("ignore_changes", Value::List(ignored.iter().map(|name| Value::Reference((*name).to_owned())).collect()))
}

fn text<'v>(value: &'v Json, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

fn list(values: &Json) -> Value {
    Value::List(values.as_array().into_iter().flatten().filter_map(Json::as_str).map(Value::from).collect())
}

fn texts(values: &[String]) -> Value {
    Value::List(values.iter().map(|value| value.as_str().into()).collect())
}

fn tags(tags: &Tags) -> Value {
    // Tags that AWS services set themselves (for example the tags of CloudFormation) are omitted, because the provider
    // does not read them.
    let ours = tags.iter().filter(|(key, _)| !key.starts_with("aws:"));
    Value::Map(ours.map(|(key, value)| (key.clone(), value.as_str().into())).collect())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use hcl_edit::{parser::parse_body, structure::Body};
    use serde_json::json;

    use super::*;
    use crate::cloud::iam::{Policy, Role};

    fn source() -> Source {
        let role = Role {
            name: "r".into(),
            path: "/connect-onboarding/".into(),
            trust: "{\"Statement\": []}".into(),
            max_session: 43_200,
            attached: vec!["arn:aws:iam::1:policy/other".into(), "arn:p".into()],
            ..Role::default()
        };
        let policy = Policy { arn: "arn:p".into(), document: "${aws:userid}".into(), ..Policy::default() };
        Source {
            region: "ap-northeast-1".into(),
            tenant_id: "t".into(),
            instance: Instance {
                id: "i".into(),
                attributes: vec![("CONTACT_LENS".into(), false), ("NEW_ATTRIBUTE".into(), true)],
                storage: vec![Storage {
                    resource_type: "CALL_RECORDINGS".into(),
                    association: "a".into(),
                    key: Some("arn:key".into()),
                    ..Storage::default()
                }],
                starter_flow: Some(StarterFlow {
                    id: "f".into(),
                    content: "{\"Version\": \"2019-10-30\"}".into(),
                    numbers: vec!["n-1".into()],
                    ..StarterFlow::default()
                }),
                ..Instance::default()
            },
            federation: Federation { role: Some(role), policy: Some(policy), provider: None },
            application: json!({
                "application": { "id": "app", "identifierUris": ["https://signin.aws.amazon.com/saml#1"] },
                "servicePrincipal": { "id": "sp", "displayName": "Amazon Connect acme", "accountEnabled": true },
                "claimsMappingPolicies": [{ "id": "c", "displayName": "claims", "definition": ["{\"a\":\"b\"}"] }],
            }),
            assignments: vec![json!({ "id": "x_y", "principalId": "1-2", "appRoleId": "role" })],
        }
    }

    /// For each `import` block, the address of the resource and the id.
    fn imports(body: &Body) -> Vec<(String, String)> {
        let import = |block: &hcl_edit::structure::Block| {
            let value = |name: &str| block.body.get_attribute(name).unwrap().value.clone();
            (value("to").to_string().trim().to_owned(), value("id").as_str().unwrap().to_owned())
        };
        body.get_blocks("import").map(import).collect()
    }

    #[test]
    fn every_resource_has_an_import_block_with_the_id_that_its_provider_accepts() {
        let configuration = render(&source());
        let body = parse_body(&configuration.text).unwrap();
        let imports = imports(&body);
        let resources: Vec<String> = body
            .get_blocks("resource")
            .map(|block| block.labels.iter().map(|label| label.as_str()).collect::<Vec<_>>().join("."))
            .collect();
        assert_eq!(imports.iter().map(|(address, _)| address.clone()).collect::<Vec<_>>(), resources);
        assert_eq!(configuration.resources, resources);
        let id = |address: &str| imports.iter().find(|(one, _)| one == address).unwrap().1.clone();
        assert_eq!(id("aws_connect_instance.this"), "i");
        assert_eq!(id("aws_connect_instance_storage_config.call_recordings"), "i:a:CALL_RECORDINGS");
        assert_eq!(id("aws_connect_contact_flow.starter"), "i:f");
        assert_eq!(id("aws_connect_phone_number_contact_flow_association.of_n_1"), "n-1,i,f");
        assert_eq!(id("aws_iam_role_policy_attachment.sign_in"), "r/arn:p");
        assert_eq!(id("aws_iam_role_policy_attachment.further_1"), "r/arn:aws:iam::1:policy/other");
        assert_eq!(id("azuread_application.this"), "/applications/app");
        assert_eq!(id("azuread_service_principal.this"), "/servicePrincipals/sp");
        assert_eq!(id("azuread_claims_mapping_policy.this"), "/policies/claimsMappingPolicies/c");
        let of = "azuread_service_principal_claims_mapping_policy_assignment.this";
        assert_eq!(id(of), "/servicePrincipals/sp/claimsMappingPolicies/c");
        assert_eq!(id("azuread_app_role_assignment.of_1_2"), "/servicePrincipals/sp/appRoleAssignedTo/x_y");
    }

    #[test]
    fn a_principal_with_two_app_roles_has_two_resources_and_tags_of_aws_are_left_out() {
        let assignment = |role: &str| json!({ "id": role, "principalId": "p", "appRoleId": role });
        let mut source = Source { assignments: vec![assignment("a-1"), assignment("b")], ..source() };
        source.instance.tags =
            Tags::from([("aws:cloudformation:stack-name".into(), "s".into()), ("team".into(), "t".into())]);
        let configuration = render(&source);
        let of_principal = configuration.resources.iter().filter(|address| address.contains(".of_p"));
        let expected = ["azuread_app_role_assignment.of_p", "azuread_app_role_assignment.of_p_b"];
        assert_eq!(of_principal.collect::<Vec<_>>(), expected);
        assert!(configuration.text.contains("team") && !configuration.text.contains("aws:cloudformation"));
    }

    #[test]
    fn an_attribute_that_the_provider_does_not_know_and_an_application_that_could_not_be_read_are_left_out() {
        let text = render(&source()).text;
        assert!(text.contains("contact_lens_enabled     = false") && !text.contains("NEW_ATTRIBUTE"), "{text}");
        let hidden = render(&Source { application: Json::Null, ..source() });
        assert!(hidden.resources.iter().all(|address| !address.starts_with("azuread")), "{:?}", hidden.resources);
    }
}
