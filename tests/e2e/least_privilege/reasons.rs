//! Reasons for permissions that this test does not use.

use std::collections::BTreeSet;

/// Functions (all, if empty), action, reason.
type Reason = (&'static [&'static str], &'static str, &'static str);

/// The functions that authenticate to Graph. By default, the local cloud uses AWS tokens for this.
const GRAPH: &[&str] = &[
    "AssignGroupsFunction",
    "ConfigureEntraClaimsFunction",
    "ConfigureEntraSignOnFunction",
    "CreateEntraApplicationFunction",
    "CreateSamlProviderFunction",
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

/// The functions in [`GRAPH`] that use no other key.
const KEY_OF_CREDENTIAL: &[&str] = &[
    "AssignGroupsFunction",
    "ConfigureEntraClaimsFunction",
    "ConfigureEntraSignOnFunction",
    "CreateEntraApplicationFunction",
    "CreateSamlProviderFunction",
    "PreflightFunction",
    "RemoveEntraApplicationFunction",
    "VerifySignInFunction",
];

const REASONS: &[Reason] = &[
    (&["DeleteFederationFunction"], "iam:DeleteRolePolicy", "where somebody gave the role a policy of its own"),
    (
        &["DeleteFederationFunction"],
        "iam:ListEntitiesForPolicy",
        "looked at while the policy counts as attached, by lag or by somebody else",
    ),
    (
        &["DeleteUsersFunction"],
        "servicequotas:GetServiceQuota",
        "the account's rate is asked for where there are more users than Connect takes at once",
    ),
    (&["WatchExpiryFunction"], "secretsmanager:DescribeSecret", "in a stack whose setup identity has a secret"),
    (
        GRAPH,
        "secretsmanager:GetSecretValue",
        "where an identity has a certificate or a client secret: functions/entra/tests",
    ),
    (KEY_OF_CREDENTIAL, "kms:Decrypt", "the key of that certificate or client secret"),
    (
        &["CreateSamlProviderFunction"],
        "sts:AssumeRole",
        "it reads public metadata by the tenant's id, which a stack with a secret has in that secret: the policy is shared",
    ),
    (
        &["NotifyFunction"],
        "dynamodb:UpdateItem",
        "keeps the token of a plan that waits for approval: tests/e2e/user_sync/approval.rs",
    ),
    (
        &["LockAliasFunction", "RotateCertificateFunction"],
        "states:DescribeExecution",
        "only where another execution holds the lock of the alias: lifecycle/locks.rs",
    ),
    (
        &["LockAliasFunction"],
        "dynamodb:GetItem",
        "reads who holds the lock, where another execution does: lifecycle/locks.rs",
    ),
    (
        &["SyncUsersFunction"],
        "dynamodb:UpdateItem",
        "tells how far it is where a round takes long: tests/steps/user_sync",
    ),
    (
        &["CreatePolicyFunction"],
        "iam:ListPolicies",
        "looked through where the policy's name is taken outside of our path: tests/steps/aws/policy.rs",
    ),
    (
        &["CreateRoleFunction"],
        "iam:PutRolePermissionsBoundary",
        "only in a stack with a permissions boundary: tests/steps/aws/role.rs",
    ),
    (
        &["SubscribeGroupsFunction", "SyncMembersFunction", "WatchExpiryFunction"],
        "kms:GenerateDataKey",
        "Lambda sends an event that failed to the queue under the key, in the function's name",
    ),
    (&["SyncMembersFunction"], "sqs:ReceiveMessage", "Lambda polls the queue of hints in the function's role"),
    (&["SyncMembersFunction"], "sqs:DeleteMessage", "Lambda removes what the function has handled"),
    (&["SyncMembersFunction"], "sqs:GetQueueAttributes", "Lambda reads the queue of hints before it polls it"),
    (
        &["OrderNumbersFunction"],
        "servicequotas:GetAWSDefaultServiceQuota",
        "read where the quota of phone numbers was never raised; here the input raises it: tests/steps/aws/order_numbers",
    ),
    (
        &["DeleteUsersFunction", "SyncUsersFunction"],
        "servicequotas:GetAWSDefaultServiceQuota",
        "the default rate is read where the account has no rate of its own; the local cloud's account has one",
    ),
    (
        &["InstanceQuotaFunction", "RequestQuotasFunction"],
        "servicequotas:ListServiceQuotas",
        "read where an approved value shows no other way: tests/steps/aws/request_quotas.rs",
    ),
    (&["OrderNumbersFunction"], "s3:ListBucket", "never called; without it S3 calls a missing document a denied one"),
    (
        &["LockAliasFunction", "RegisterInstanceFunction", "RotateCertificateFunction", "SyncUsersFunction"],
        "kms:GenerateDataKey",
        "DynamoDB writes under a new data key now and then; the local cloud asks for reading only",
    ),
    (
        &["SyncUsersFunction"],
        "connect:UpdateUserRoutingProfile",
        "the local cloud's instances have one routing profile: tests/steps/user_sync",
    ),
];

/// Actions whose use depends on timing. Both used and unused are accepted.
const BY_TIMING: &[(&str, &str)] = &[
    ("InstanceQuotaFunction", "servicequotas:ListServiceQuotas"),
    ("RequestQuotasFunction", "servicequotas:ListServiceQuotas"),
    ("SyncUsersFunction", "dynamodb:UpdateItem"),
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

/// Whether a reason is still needed: all named functions, or any function if none is named, do not use the action.
pub(super) fn needed(names: &[&str], action: &str, unused: &BTreeSet<(&str, &str)>) -> bool {
    match names {
        [] => unused.iter().any(|(_, one)| *one == action),
        names => names.iter().all(|name| unused.contains(&(*name, action)) || BY_TIMING.contains(&(*name, action))),
    }
}
