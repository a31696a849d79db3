//! The IAM permissions that requests to Amazon Connect require. The actions, resources and condition keys are those of
//! AWS's Service Authorization Reference ("Actions, resources, and condition keys for Amazon Connect"). The required
//! permissions include those for the dependent actions that Connect performs on behalf of its caller.

use serde_json::{Map, Value};

use super::policy::Ask;
use crate::stand_in::input::Input;
use crate::stand_in::world::Setting;

/// The Directory Service action that Connect performs each time it reads an instance. Directory Service stores the
/// instance's users.
const DIRECTORY: [&str; 1] = ["ds:DescribeDirectories"];
/// Further Directory Service actions that Connect performs. These actions do not support resource-level permissions.
const WITHOUT_DIRECTORY: [&str; 3] = ["ds:CheckAlias", "ds:CreateDirectory", "ds:CreateIdentityPoolDirectory"];
/// The Directory Service actions that `CreateInstance` performs on the directory of the instance.
const NEW_DIRECTORY: [&str; 4] =
    ["ds:AuthorizeApplication", "ds:CreateAlias", "ds:DeleteDirectory", "ds:UnauthorizeApplication"];
/// Pairs of an action and a condition key that is not set for this action: AWS does not list the key for the action,
/// although the request contains a value for it.
const WITHOUT_KEY: [(&str, &str); 8] = [
    ("ListFlowAssociations", "connect:StorageResourceType"),
    ("ListInstanceStorageConfigs", "connect:StorageResourceType"),
    ("ListPhoneNumbersV2", "connect:InstanceId"),
    ("ListQueues", "connect:InstanceId"),
    ("ListTrafficDistributionGroups", "connect:InstanceId"),
    ("SearchAvailablePhoneNumbers", "connect:InstanceId"),
    ("TagResource", "connect:InstanceId"),
    ("UpdatePhoneNumberMetadata", "connect:InstanceId"),
];

/// The permissions that one request requires. `tags` returns the tags of the resource with a given ARN.
pub(super) fn asks(
    setting: &Setting,
    operation: &str,
    input: &Input,
    tags: &dyn Fn(&str) -> Map<String, Value>,
) -> Vec<Ask> {
    let ask = |action: &str, arn: &str| ask(setting, action, arn, input, tags);
    let mut asks: Vec<Ask> = resources(setting, operation, input).into_iter().map(|arn| ask(operation, &arn)).collect();
    // A creation request that contains tags also requires the permission to tag.
    let created = match operation {
        "CreateInstance" => Some(setting.arn("instance/*")),
        "CreateUser" => Some(within(setting, input, "agent/*")),
        "CreateSecurityProfile" => Some(within(setting, input, "security-profile/*")),
        "ClaimPhoneNumber" => Some(setting.arn("phone-number/*")),
        "CreateContactFlow" => Some(within(setting, input, "contact-flow/*")),
        "CreateTestCase" => Some(within(setting, input, "test-case/*")),
        _ => None,
    };
    let tagged = input.object("Tags").is_some_and(|tags| !tags.is_empty());
    asks.extend(created.filter(|_| tagged).map(|arn| ask("TagResource", &arn)));
    asks.extend(dependent(setting, operation, input));
    asks.into_iter().map(|ask| ask.with("aws:RequestedRegion", setting.region.clone())).collect()
}

fn ask(setting: &Setting, action: &str, arn: &str, input: &Input, tags: &dyn Fn(&str) -> Map<String, Value>) -> Ask {
    // AWS publishes no action for `DeleteAllEntitySessions`.
    let name = match action {
        "DeleteAllEntitySessions" => setting.behaviour.sign_out_action.to_owned(),
        // AWS publishes no actions for test cases.
        action if action.contains("TestCase") && !setting.behaviour.test_case_actions => {
            action.replace("TestCase", "Test")
        }
        action => action.to_owned(),
    };
    let mut ask = Ask::new(format!("connect:{name}"), arn);
    let asked = ["Tags", "tags"].iter().filter_map(|name| input.object(name)).flatten();
    let mut keys: Vec<&str> = input.texts("tagKeys");
    for (key, value) in asked {
        ask = ask.with(&format!("aws:RequestTag/{key}"), value.as_str().unwrap_or_default());
        keys.push(key);
    }
    for key in keys.into_iter().filter(|_| setting.behaviour.tag_keys_evaluated) {
        ask = ask.with("aws:TagKeys", key);
    }
    let by_tags = setting.behaviour.deletion_by_tags || !["DeleteInstance", "DeleteUser"].contains(&action);
    for (key, value) in tags(arn).into_iter().filter(|_| by_tags) {
        ask = ask.with(&format!("aws:ResourceTag/{key}"), value.as_str().unwrap_or_default());
    }
    for (key, member) in [
        ("connect:InstanceId", "InstanceId"),
        ("connect:AttributeType", "AttributeType"),
        ("connect:StorageResourceType", "ResourceType"),
    ] {
        let listed = !WITHOUT_KEY.contains(&(action, key));
        if let Some(value) = input.text(member).filter(|_| listed) {
            ask = ask.with(key, value.rsplit('/').next().unwrap_or(value));
        }
    }
    ask
}

/// The ARN of the instance that a request names by ID or ARN.
fn instance(setting: &Setting, input: &Input) -> String {
    let named = input.text("InstanceId").or_else(|| input.text("TargetArn")).unwrap_or_default();
    setting.arn(&format!("instance/{}", named.rsplit('/').next().unwrap_or(named)))
}

/// The ARN of a resource inside the instance that a request names.
fn within(setting: &Setting, input: &Input, what: &str) -> String {
    format!("{}/{what}", instance(setting, input))
}

/// The resources of an operation. The caller needs the operation's permission on each of these resources.
fn resources(setting: &Setting, operation: &str, input: &Input) -> Vec<String> {
    let inside = |what: &str| within(setting, input, what);
    let named = |folder: &str, member: &str| {
        let id = input.text(member)?;
        Some(inside(&format!("{folder}/{}", id.rsplit('/').next().unwrap_or(id))))
    };
    let profiles = || {
        let ids = input.texts("SecurityProfileIds");
        ids.into_iter().map(|id| inside(&format!("security-profile/{id}"))).collect::<Vec<_>>()
    };
    let number = || {
        let id = input.text("PhoneNumberId").unwrap_or_default();
        setting.arn(&format!("phone-number/{}", id.rsplit('/').next().unwrap_or(id)))
    };
    let group = || {
        let id = input.text("TrafficDistributionGroupId").unwrap_or_default();
        setting.arn(&format!("traffic-distribution-group/{}", id.rsplit('/').next().unwrap_or(id)))
    };
    match operation {
        "CreateInstance" | "ListInstances" => vec!["*".into()],
        "CreateUser" => {
            let others = [named("routing-profile", "RoutingProfileId"), named("agent-group", "HierarchyGroupId")];
            [vec![inside("agent/*")], profiles(), others.into_iter().flatten().collect()].concat()
        }
        "CreateSecurityProfile" => vec![inside("security-profile/*")],
        "UpdateUserSecurityProfiles" => [named("agent", "UserId").into_iter().collect(), profiles()].concat(),
        "UpdateUserRoutingProfile" => {
            [named("agent", "UserId"), named("routing-profile", "RoutingProfileId")].into_iter().flatten().collect()
        }
        "UpdateUserHierarchy" => {
            [named("agent", "UserId"), named("agent-group", "HierarchyGroupId")].into_iter().flatten().collect()
        }
        "TagResource" | "UntagResource" | "ListTagsForResource" => {
            vec![input.text("resourceArn").unwrap_or_default().to_owned()]
        }
        "ListPhoneNumbersV2" | "SearchAvailablePhoneNumbers" => vec![setting.arn("phone-number/*")],
        "ClaimPhoneNumber" => vec![instance(setting, input), setting.arn("phone-number/*")],
        "DescribePhoneNumber" | "ReleasePhoneNumber" | "UpdatePhoneNumberMetadata" => vec![number()],
        "AssociatePhoneNumberContactFlow" => {
            [Some(number()), named("contact-flow", "ContactFlowId")].into_iter().flatten().collect()
        }
        "DisassociatePhoneNumberContactFlow" => vec![number()],
        "ListTrafficDistributionGroups" => vec![setting.arn("traffic-distribution-group/*")],
        "ListTrafficDistributionGroupUsers" => vec![group()],
        "AssociateTrafficDistributionGroupUser" | "DisassociateTrafficDistributionGroupUser" => {
            [named("agent", "UserId").into_iter().collect(), vec![instance(setting, input), group()]].concat()
        }
        "DeleteAllEntitySessions" => named("agent", "EntityId").into_iter().collect(),
        "AssociateUserProficiencies"
        | "UpdateUserProficiencies"
        | "DisassociateUserProficiencies"
        | "ListUserProficiencies" => {
            [named("agent", "UserId").into_iter().collect(), vec![instance(setting, input)]].concat()
        }
        // AWS lists a contact flow and a user as optional resources of this action, so Connect may also check the
        // permission on them.
        "UpdateQuickConnectConfig" => {
            let config = input.object("QuickConnectConfig").and_then(|config| config.get("UserConfig"));
            let of = |folder: &str, member: &str| {
                let id = config?.get(member)?.as_str()?;
                Some(inside(&format!("{folder}/{}", id.rsplit('/').next().unwrap_or(id))))
            };
            let others = [of("contact-flow", "ContactFlowId"), of("agent", "UserId")];
            named("transfer-destination", "QuickConnectId").into_iter().chain(others.into_iter().flatten()).collect()
        }
        "CreateQuickConnect" => vec![inside("transfer-destination/*")],
        "ListContactFlows" | "CreateContactFlow" => vec![inside("contact-flow/*")],
        "CreateTestCase" => vec![inside("test-case/*")],
        "ListQueues" => vec![inside("queue/*")],
        _ => {
            let one = named("agent", "UserId")
                .or_else(|| named("agent-group", "HierarchyGroupId"))
                .or_else(|| named("security-profile", "SecurityProfileId"))
                .or_else(|| named("routing-profile", "RoutingProfileId"))
                .or_else(|| named("transfer-destination", "QuickConnectId"))
                .or_else(|| named("contact-flow", "ContactFlowId"))
                .or_else(|| named("test-case", "TestCaseId"));
            vec![one.unwrap_or_else(|| instance(setting, input))]
        }
    }
}

/// The actions that Connect performs on behalf of its caller.
fn dependent(setting: &Setting, operation: &str, input: &Input) -> Vec<Ask> {
    let all = |actions: &[&str]| actions.iter().map(|action| Ask::new(*action, "*")).collect::<Vec<_>>();
    let directory = match setting.behaviour.directories_by_arn {
        true => format!("arn:aws:ds:{}:{}:directory/d-90670a1b2c", setting.region, setting.account),
        false => "*".to_owned(),
    };
    let of_directory =
        |actions: &[&str]| actions.iter().map(|action| Ask::new(*action, directory.clone())).collect::<Vec<_>>();
    let role = || {
        let arn = format!(
            "arn:aws:iam::{}:role/aws-service-role/connect.amazonaws.com/AWSServiceRoleForAmazonConnect_x",
            setting.account
        );
        let ask = |action: &str| Ask::new(action, arn.clone());
        vec![
            ask("iam:CreateServiceLinkedRole").with("iam:AWSServiceName", "connect.amazonaws.com"),
            ask("iam:AttachRolePolicy"),
            ask("iam:PutRolePolicy"),
        ]
    };
    match operation {
        "CreateInstance" => [all(&DIRECTORY), all(&WITHOUT_DIRECTORY), of_directory(&NEW_DIRECTORY), role()].concat(),
        "DescribeInstance" | "ListInstances" => all(&DIRECTORY),
        "DeleteInstance" => {
            [all(&DIRECTORY), of_directory(&["ds:DeleteDirectory", "ds:UnauthorizeApplication"])].concat()
        }
        // AWS publishes no action for `UpdateUserConfig`. Connect may check an action with the name of the operation or
        // `UpdateUserPhoneConfig`, so the stand-in requires permissions for both actions.
        "UpdateUserConfig" => {
            let user = input.text("UserId").unwrap_or_default();
            vec![Ask::new("connect:UpdateUserPhoneConfig", within(setting, input, &format!("agent/{user}")))]
        }
        "UpdateInstanceAttribute" => {
            let group = format!("arn:aws:logs:{}:{}:log-group:/aws/connect/x", setting.region, setting.account);
            [all(&DIRECTORY), role(), vec![Ask::new("logs:CreateLogGroup", group)]].concat()
        }
        "AssociateInstanceStorageConfig" | "UpdateInstanceStorageConfig" => {
            let config = input.object("StorageConfig").and_then(|config| config.get("S3Config"));
            let text = |pointer: &str| config.and_then(|config| config.pointer(pointer)).and_then(Value::as_str);
            let bucket = text("/BucketName").map(|name| format!("arn:aws:s3:::{name}"));
            let key = text("/EncryptionConfig/KeyId");
            let storage = bucket.iter().flat_map(|arn| {
                ["s3:GetBucketAcl", "s3:GetBucketLocation"].map(|action| Ask::new(action, arn.as_str()))
            });
            let grants =
                key.iter().flat_map(|arn| ["kms:CreateGrant", "kms:DescribeKey"].map(|action| Ask::new(action, *arn)));
            [all(&DIRECTORY), role(), storage.chain(grants).collect()].concat()
        }
        // A search returns the details of users, so it also requires the permission to describe them.
        "SearchUsers" => ["connect:DescribeUser", "connect:ListUserProficiencies"]
            .map(|action| Ask::new(action, within(setting, input, "agent/*")))
            .into(),
        "SearchQuickConnects" => {
            vec![Ask::new("connect:DescribeQuickConnect", within(setting, input, "transfer-destination/*"))]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked(operation: &str, input: &Value) -> Vec<Ask> {
        let setting = Setting::for_tests();
        let input = Input(input.as_object().cloned().unwrap_or_default());
        let tags = |arn: &str| match arn.ends_with("/agent/u") {
            true => json!({ "managed-by": "us" }).as_object().cloned().unwrap_or_default(),
            false => Map::new(),
        };
        asks(&setting, operation, &input, &tags)
    }

    #[test]
    fn create_user_requires_permissions_for_the_profiles_and_for_tagging() {
        let asks = asked(
            "CreateUser",
            &json!({ "InstanceId": "i", "RoutingProfileId": "p", "SecurityProfileIds": ["s"], "Tags": { "k": "v" } }),
        );
        let named: Vec<_> = asks.iter().map(|ask| (ask.action.as_str(), ask.resource.as_str())).collect();
        assert_eq!(
            named,
            [
                ("connect:CreateUser", "arn:aws:connect:r:1:instance/i/agent/*"),
                ("connect:CreateUser", "arn:aws:connect:r:1:instance/i/security-profile/s"),
                ("connect:CreateUser", "arn:aws:connect:r:1:instance/i/routing-profile/p"),
                ("connect:TagResource", "arn:aws:connect:r:1:instance/i/agent/*"),
            ]
        );
        assert_eq!(asks[0].context["aws:requesttag/k"], ["v"]);
        assert_eq!(asks[0].context["connect:instanceid"], ["i"]);
    }

    #[test]
    fn delete_user_is_authorized_with_the_tags_of_the_user() {
        let asks = asked("DeleteUser", &json!({ "InstanceId": "i", "UserId": "u" }));
        assert_eq!(asks[0].context["aws:resourcetag/managed-by"], ["us"]);
    }

    #[test]
    fn an_existing_directory_is_authorized_by_its_arn() {
        let asks = asked("CreateInstance", &json!({ "InstanceAlias": "a" }));
        let resource = |action: &str| asks.iter().find(|ask| ask.action == action).map(|ask| ask.resource.as_str());
        assert_eq!(resource("ds:CreateIdentityPoolDirectory"), Some("*"));
        assert!(resource("ds:AuthorizeApplication").is_some_and(|arn| arn.starts_with("arn:aws:ds:r:1:directory/")));
    }

    #[test]
    fn update_user_config_requires_the_old_and_the_new_action_name() {
        let asks = asked("UpdateUserConfig", &json!({ "InstanceId": "i", "UserId": "u" }));
        let actions: Vec<_> = asks.iter().map(|ask| ask.action.as_str()).collect();
        assert_eq!(actions, ["connect:UpdateUserConfig", "connect:UpdateUserPhoneConfig"]);
        assert!(asks.iter().all(|ask| ask.resource == "arn:aws:connect:r:1:instance/i/agent/u"));
    }

    #[test]
    fn a_change_of_proficiencies_requires_the_action_on_the_user_and_on_the_instance() {
        for operation in ["AssociateUserProficiencies", "ListUserProficiencies"] {
            let asks = asked(operation, &json!({ "InstanceId": "i", "UserId": "u" }));
            let resources: Vec<_> = asks.iter().map(|ask| ask.resource.as_str()).collect();
            assert_eq!(resources, ["arn:aws:connect:r:1:instance/i/agent/u", "arn:aws:connect:r:1:instance/i"]);
        }
        let asks = asked("CreatePredefinedAttribute", &json!({ "InstanceId": "i", "Name": "Language" }));
        assert_eq!(asks[0].resource, "arn:aws:connect:r:1:instance/i");
    }

    #[test]
    fn a_change_of_a_traffic_distribution_group_requires_the_action_on_user_instance_and_group() {
        let input = json!({ "InstanceId": "i", "UserId": "u", "TrafficDistributionGroupId": "g" });
        for operation in ["AssociateTrafficDistributionGroupUser", "DisassociateTrafficDistributionGroupUser"] {
            let asks = asked(operation, &input);
            let resources: Vec<_> = asks.iter().map(|ask| ask.resource.as_str()).collect();
            assert_eq!(
                resources,
                [
                    "arn:aws:connect:r:1:instance/i/agent/u",
                    "arn:aws:connect:r:1:instance/i",
                    "arn:aws:connect:r:1:traffic-distribution-group/g"
                ]
            );
        }
        let asks = asked("ListTrafficDistributionGroups", &json!({ "InstanceId": "i" }));
        assert_eq!(asks[0].resource, "arn:aws:connect:r:1:traffic-distribution-group/*");
        assert!(!asks[0].context.contains_key("connect:instanceid"));
    }

    #[test]
    fn a_sign_out_requires_the_action_on_the_user() {
        let asks =
            asked("DeleteAllEntitySessions", &json!({ "InstanceId": "i", "EntityId": "u", "EntityType": "USER" }));
        assert_eq!(asks[0].action, "connect:DeleteAllEntitySessions");
        assert_eq!(asks[0].resource, "arn:aws:connect:r:1:instance/i/agent/u");
    }

    #[test]
    fn a_transfer_of_a_quick_connect_requires_the_permission_on_flow_and_user_and_a_search_the_details() {
        let config = json!({ "QuickConnectType": "USER", "UserConfig": { "UserId": "u", "ContactFlowId": "f" } });
        let asks = asked(
            "UpdateQuickConnectConfig",
            &json!({ "InstanceId": "i", "QuickConnectId": "q", "QuickConnectConfig": config }),
        );
        let resources: Vec<_> =
            asks.iter().filter_map(|ask| ask.resource.strip_prefix("arn:aws:connect:r:1:instance/i/")).collect();
        assert_eq!(resources, ["transfer-destination/q", "contact-flow/f", "agent/u"]);
        let asks = asked("SearchQuickConnects", &json!({ "InstanceId": "i" }));
        let named: Vec<_> = asks.iter().map(|ask| (ask.action.as_str(), ask.resource.as_str())).collect();
        assert_eq!(
            named,
            [
                ("connect:SearchQuickConnects", "arn:aws:connect:r:1:instance/i"),
                ("connect:DescribeQuickConnect", "arn:aws:connect:r:1:instance/i/transfer-destination/*"),
            ]
        );
    }

    #[test]
    fn flows_and_test_cases_are_authorized_by_their_arns_and_their_creation_also_requires_tagging() {
        let tags = json!({ "managed-by": "us" });
        for (operation, folder) in [("CreateContactFlow", "contact-flow"), ("CreateTestCase", "test-case")] {
            let asks = asked(operation, &json!({ "InstanceId": "i", "Name": "n", "Tags": tags }));
            let named: Vec<_> = asks.iter().map(|ask| (ask.action.as_str(), ask.resource.as_str())).collect();
            let (action, arn) = (format!("connect:{operation}"), format!("arn:aws:connect:r:1:instance/i/{folder}/*"));
            assert_eq!(named, [(action.as_str(), arn.as_str()), ("connect:TagResource", arn.as_str())]);
        }
        let deleted = asked("DeleteContactFlow", &json!({ "InstanceId": "i", "ContactFlowId": "f" }));
        assert_eq!(deleted[0].resource, "arn:aws:connect:r:1:instance/i/contact-flow/f");
        let started = asked("StartTestCaseExecution", &json!({ "InstanceId": "i", "TestCaseId": "t" }));
        assert_eq!(started[0].resource, "arn:aws:connect:r:1:instance/i/test-case/t");
        let flows = asked("ListFlowAssociations", &json!({ "InstanceId": "i" }));
        assert_eq!(flows[0].resource, "arn:aws:connect:r:1:instance/i");
    }

    #[test]
    fn a_search_for_numbers_has_no_instance_key() {
        let input = json!({ "InstanceId": "i", "PhoneNumberType": "DID" });
        let asks = asked("SearchAvailablePhoneNumbers", &input);
        assert!(!asks[0].context.contains_key("connect:instanceid"));
    }

    #[test]
    fn tagging_a_new_user_has_no_instance_key_and_listing_storage_has_no_type_key() {
        let user = json!({ "InstanceId": "i", "SecurityProfileIds": ["s"], "Tags": { "k": "v" } });
        let asks = asked("CreateUser", &user);
        let keyed = |action: &str| {
            let of_action = asks.iter().filter(|ask| ask.action == action);
            of_action.map(|ask| ask.context.contains_key("connect:instanceid")).collect::<Vec<_>>()
        };
        assert_eq!(
            (keyed("connect:CreateUser").first(), keyed("connect:TagResource").first()),
            (Some(&true), Some(&false))
        );
        for operation in ["ListInstanceStorageConfigs", "ListFlowAssociations"] {
            let asks = asked(operation, &json!({ "InstanceId": "i", "ResourceType": "CALL_RECORDINGS" }));
            assert!(!asks[0].context.contains_key("connect:storageresourcetype"), "{operation}");
        }
    }

    #[test]
    fn an_approved_origin_requires_the_action_on_the_instance() {
        for operation in ["AssociateApprovedOrigin", "ListApprovedOrigins", "DisassociateApprovedOrigin"] {
            let asks = asked(operation, &json!({ "InstanceId": "i", "Origin": "https://crm.example" }));
            let action = format!("connect:{operation}");
            let named: Vec<_> = asks.iter().map(|ask| (ask.action.as_str(), ask.resource.as_str())).collect();
            assert_eq!(named, [(action.as_str(), "arn:aws:connect:r:1:instance/i")]);
            assert_eq!(asks[0].context["connect:instanceid"], ["i"]);
        }
    }

    #[test]
    fn a_storage_configuration_requires_permissions_on_bucket_and_key() {
        let config = json!({ "S3Config": { "BucketName": "b", "EncryptionConfig": { "KeyId": "arn:key" } } });
        let asks = asked("AssociateInstanceStorageConfig", &json!({ "InstanceId": "i", "StorageConfig": config }));
        for wanted in [("s3:GetBucketAcl", "arn:aws:s3:::b"), ("kms:CreateGrant", "arn:key")] {
            assert!(asks.iter().any(|ask| (ask.action.as_str(), ask.resource.as_str()) == wanted), "{wanted:?}");
        }
    }
}
