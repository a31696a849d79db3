//! The reason for each permission in template.yaml that no function uses during the least-privilege test.

use std::collections::BTreeSet;

/// The functions with the permission (an empty list means all functions), the action, and the reason.
type Reason = (&'static [&'static str], &'static str, &'static str);

/// The functions that authenticate to Graph. In the local cloud, these functions authenticate with AWS tokens by
/// default, so they read no secret.
const GRAPH: &[&str] = &[
    "AssignGroupsFunction",
    "ConfigureEntraClaimsFunction",
    "ConfigureEntraSignOnFunction",
    "CreateEntraApplicationFunction",
    "CreateSamlProviderFunction",
    "DescribeOnboardingFunction",
    "DetectDriftFunction",
    "PlanOnboardingFunction",
    "PlanTeardownFunction",
    "PreflightFunction",
    "RemoveEntraApplicationFunction",
    "RotateCertificateFunction",
    "SyncUsersFunction",
    "UnsubscribeGroupsFunction",
    "VerifySignInFunction",
    "WatchExpiryFunction",
];

/// The functions in [`GRAPH`] that use a KMS key only to decrypt their Graph credential.
const KEY_OF_CREDENTIAL: &[&str] = &["PreflightFunction", "VerifySignInFunction"];

/// Why the teardown of the test reads and deletes no starter flow.
const NO_STARTER_FLOW: &str = "only if an instance with a starter flow is kept: tests/e2e/lifecycle/first_call.rs";

const REASONS: &[Reason] = &[
    (&["DeleteFederationFunction"], "iam:DeleteRolePolicy", "only if someone added an inline policy to the role"),
    (
        &["DeleteFederationFunction"],
        "iam:ListEntitiesForPolicy",
        "only while the policy is still attached, because of replication or another role",
    ),
    (
        &["DeleteUsersFunction"],
        "servicequotas:GetServiceQuota",
        "reads the account's rate only if there are more users than one burst",
    ),
    (
        &["DeleteUsersFunction"],
        "connect:DescribeSecurityProfile",
        "only if the action \"strip\" was used: tests/steps/user_sync/strip.rs",
    ),
    (
        &["DeleteUsersFunction"],
        "connect:DeleteSecurityProfile",
        "only if the action \"strip\" was used: tests/steps/user_sync/strip.rs",
    ),
    (
        &["ConfigureInstanceFunction", "DetectDriftFunction"],
        "connect:DescribeSecurityProfile",
        "only if the action \"strip\" was used: tests/e2e/lifecycle/drift.rs",
    ),
    (
        &["ConfigureInstanceFunction", "DetectDriftFunction"],
        "connect:ListSecurityProfilePermissions",
        "only if the action \"strip\" was used: tests/e2e/lifecycle/drift.rs",
    ),
    (
        &["ConfigureInstanceFunction"],
        "connect:UpdateSecurityProfile",
        "only if someone added permissions to the profile that the action \"strip\" uses",
    ),
    (
        &["DetectDriftFunction"],
        "connect:SearchUsers",
        "only if users have the profile that the action \"strip\" uses: tests/e2e/lifecycle/drift.rs",
    ),
    (&["DetectDriftFunction"], "connect:DescribeUser", "part of connect:SearchUsers"),
    (&["DetectDriftFunction"], "connect:ListUserProficiencies", "part of connect:SearchUsers"),
    (
        &["SyncUsersFunction"],
        "connect:CreateSecurityProfile",
        "only with users.removed.action \"strip\": tests/steps/user_sync/strip.rs",
    ),
    (&["SyncUsersFunction"], "connect:DescribeSecurityProfile", "checks the profile that the action \"strip\" uses"),
    (
        &["SyncUsersFunction"],
        "connect:ListSecurityProfilePermissions",
        "checks the profile that the action \"strip\" uses",
    ),
    (
        &["SyncUsersFunction"],
        "connect:UpdateSecurityProfile",
        "only if someone added permissions to the profile that the action \"strip\" uses",
    ),
    (
        &["SyncUsersFunction"],
        "connect:UpdateQuickConnectConfig",
        "only with users.removed.quickConnects.transferTo: tests/e2e/assumptions/life.rs",
    ),
    (
        &["PlanOnboardingFunction", "SyncUsersFunction"],
        "connect:ListTrafficDistributionGroups",
        "only if the instance is replicated: tests/e2e/lifecycle/replication.rs",
    ),
    (
        &["DetectDriftFunction"],
        "connect:ListReplicationFindings",
        "only if the instance is replicated: tests/e2e/lifecycle/replication.rs",
    ),
    (
        &["SyncUsersFunction"],
        "connect:AssociateTrafficDistributionGroupUser",
        "only if the instance is replicated: tests/e2e/lifecycle/replication.rs",
    ),
    (
        &["DeleteUsersFunction", "SyncUsersFunction"],
        "connect:DisassociateTrafficDistributionGroupUser",
        "only if the instance is replicated: tests/e2e/lifecycle/replication.rs",
    ),
    (&["WatchExpiryFunction"], "secretsmanager:DescribeSecret", "only in a stack whose setup identity has a secret"),
    (
        GRAPH,
        "secretsmanager:GetSecretValue",
        "only if an identity has a certificate or a client secret: functions/entra/tests",
    ),
    (KEY_OF_CREDENTIAL, "kms:Decrypt", "decrypts that certificate or client secret"),
    (
        &["CreateSamlProviderFunction"],
        "sts:AssumeRole",
        "reads public metadata by the tenant id, which can be part of the secret; the policy is shared",
    ),
    (
        &["NotifyFunction"],
        "dynamodb:UpdateItem",
        "records the notification about changes that wait for approval: tests/e2e/user_sync/approval.rs",
    ),
    (
        &["AssignGroupsFunction", "RemoveEntraApplicationFunction"],
        "dynamodb:UpdateItem",
        "only if single users are assigned to an adopted application: tests/e2e/lifecycle/adopted_application.rs",
    ),
    (
        &["LockAliasFunction", "RotateCertificateFunction"],
        "states:DescribeExecution",
        "only if another execution holds the alias's lock: lifecycle/locks.rs",
    ),
    (
        &["LockAliasFunction"],
        "dynamodb:GetItem",
        "reads the lock's holder if another execution holds it: lifecycle/locks.rs",
    ),
    (
        &["CreatePolicyFunction"],
        "iam:ListPolicies",
        "only if the policy's name is used outside the path of the onboarding: tests/steps/aws/policy.rs",
    ),
    (
        &["CreateRoleFunction"],
        "iam:PutRolePermissionsBoundary",
        "only in a stack with a permissions boundary: tests/steps/aws/role.rs",
    ),
    (
        &["SubscribeGroupsFunction", "SyncMembersFunction", "WatchExpiryFunction"],
        "kms:GenerateDataKey",
        "Lambda sends a failed event to the encrypted queue with the function's role",
    ),
    (&["SyncMembersFunction"], "sqs:ReceiveMessage", "Lambda polls the hint queue with the function's role"),
    (&["SyncMembersFunction"], "sqs:DeleteMessage", "Lambda deletes processed messages"),
    (&["SyncMembersFunction"], "sqs:GetQueueAttributes", "Lambda reads the hint queue's attributes before it polls"),
    (
        &["CreateStarterFlowFunction"],
        "connect:UpdateContactFlowContent",
        "only if someone changed the starter flow: tests/e2e/lifecycle/first_call.rs",
    ),
    (
        &["TestFirstCallFunction"],
        "connect:UpdateTestCase",
        "only if someone changed the test case: tests/steps/aws/first_call.rs",
    ),
    (
        &["TestFirstCallFunction"],
        "connect:ListTestCaseExecutionRecords",
        "only if the test fails: tests/steps/aws/first_call.rs",
    ),
    (&["DeleteStarterFlowFunction"], "dynamodb:GetItem", "confirms the lease only before a request"),
    (&["DeleteStarterFlowFunction"], "kms:Decrypt", "part of dynamodb:GetItem"),
    (&["DeleteStarterFlowFunction"], "connect:ListContactFlows", NO_STARTER_FLOW),
    (&["DeleteStarterFlowFunction"], "connect:DescribeContactFlow", NO_STARTER_FLOW),
    (&["DeleteStarterFlowFunction"], "connect:ListFlowAssociations", NO_STARTER_FLOW),
    (&["DeleteStarterFlowFunction"], "connect:ListTestCases", NO_STARTER_FLOW),
    (&["DeleteStarterFlowFunction"], "connect:DescribeTestCase", NO_STARTER_FLOW),
    (&["DeleteStarterFlowFunction"], "connect:DisassociatePhoneNumberContactFlow", NO_STARTER_FLOW),
    (&["DeleteStarterFlowFunction"], "connect:DeleteContactFlow", NO_STARTER_FLOW),
    (&["DeleteStarterFlowFunction"], "connect:DeleteTestCase", NO_STARTER_FLOW),
    (&["PlanTeardownFunction"], "connect:DescribeContactFlow", NO_STARTER_FLOW),
    (&["PlanTeardownFunction"], "connect:DescribeTestCase", NO_STARTER_FLOW),
    (
        &["OrderNumbersFunction"],
        "servicequotas:GetAWSDefaultServiceQuota",
        "only if the phone number quota was never increased; here the input increases it: tests/steps/aws/order_numbers",
    ),
    (
        &["DeleteUsersFunction", "SyncUsersFunction"],
        "servicequotas:GetAWSDefaultServiceQuota",
        "only if the account has no applied rate; the local cloud's account has one",
    ),
    (
        &["InstanceQuotaFunction", "RequestQuotasFunction"],
        "servicequotas:ListServiceQuotas",
        "only if an approved value is not visible otherwise: tests/steps/aws/request_quotas.rs",
    ),
    (
        &["OrderNumbersFunction"],
        "s3:ListBucket",
        "never called; without it S3 reports a missing document as access denied",
    ),
    (
        &[
            "AssignGroupsFunction",
            "ConfigureInstanceFunction",
            "DeleteUsersFunction",
            "LockAliasFunction",
            "RegisterInstanceFunction",
            "RemoveEntraApplicationFunction",
            "RotateCertificateFunction",
            "SyncUsersFunction",
        ],
        "kms:GenerateDataKey",
        "DynamoDB sometimes creates a new data key; the local cloud checks only decryption",
    ),
    (
        &["SyncUsersFunction"],
        "connect:UpdateUserRoutingProfile",
        "the local cloud's instances have only one routing profile: tests/steps/user_sync",
    ),
];

/// Actions whose use depends on timing. The test accepts these actions whether or not they are used.
const BY_TIMING: &[(&str, &str)] = &[
    ("InstanceQuotaFunction", "servicequotas:ListServiceQuotas"),
    ("RequestQuotasFunction", "servicequotas:ListServiceQuotas"),
];

/// Actions for which the Service Authorization Reference lists no resource type.
pub(super) const KNOWS_NO_RESOURCE: &[&str] = &[
    "connect:CreateInstance",
    "connect:ListInstances",
    "ds:CheckAlias",
    "ds:CreateDirectory",
    "ds:CreateIdentityPoolDirectory",
    "ds:DescribeDirectories",
    "iam:ListPolicies",
    "servicequotas:GetAWSDefaultServiceQuota",
    "servicequotas:GetRequestedServiceQuotaChange",
    "servicequotas:ListServiceQuotas",
    "support:AddAttachmentsToSet",
    "support:CreateCase",
    "support:DescribeCases",
    "support:DescribeCommunications",
    "support:DescribeServices",
];

pub(super) fn all() -> impl Iterator<Item = Reason> {
    REASONS.iter().copied()
}

/// The reason for an action, if there is one.
pub(super) fn of(function: &str, action: &str) -> Option<&'static str> {
    let (_, _, reason) =
        all().find(|(names, named, _)| *named == action && (names.is_empty() || names.contains(&function)))?;
    Some(reason)
}

/// Whether a reason is still needed. A reason that names functions is needed if none of these functions uses the
/// action. A reason that names no function is needed if at least one function does not use the action.
pub(super) fn needed(names: &[&str], action: &str, unused: &BTreeSet<(&str, &str)>) -> bool {
    match names {
        [] => unused.iter().any(|(_, one)| *one == action),
        names => names.iter().all(|name| unused.contains(&(*name, action)) || BY_TIMING.contains(&(*name, action))),
    }
}
