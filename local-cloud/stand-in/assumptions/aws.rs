//! The assumptions about IAM, the permissions that AWS checks, and Service Quotas.

use super::{Area, Assumption, Text};
use crate::stand_in::options::{QuotaOutcome, QuotaPath};

pub(super) const ROWS: [Assumption; 9] = [
    Assumption {
        name: "provider-as-principal",
        area: Area::Certificates,
        assumed: Text {
            en: "A trust policy can name a new SAML provider within seconds.",
            ja: "新しい SAML プロバイダは、数秒以内に信頼ポリシーで指定できるようになります。",
        },
        other: Text {
            en: "A trust policy can name a new SAML provider only after two minutes.",
            ja: "信頼ポリシーで指定できるようになるまで 2 分かかります。",
        },
        source: "IAM user guide, eventual consistency: states no time",
        play: |behaviour| behaviour.provider_visible_seconds = 120.0,
    },
    Assumption {
        name: "deletion-by-tags",
        area: Area::Permissions,
        assumed: Text {
            en: "For a deletion, Connect evaluates the tags of the instance or user.",
            ja: "Connect は、削除対象のインスタンスとユーザーのタグを評価します。",
        },
        other: Text {
            en: "For a deletion, Connect evaluates no tags, so a policy that requires a tag denies the deletion.",
            ja: "Connect は削除時にタグを評価しないため、タグを条件とするポリシーでは削除が拒否されます。",
        },
        source: "Service Authorization Reference, Amazon Connect: lists the key; not observed in an account",
        play: |behaviour| behaviour.deletion_by_tags = false,
    },
    Assumption {
        name: "tag-keys",
        area: Area::Permissions,
        assumed: Text {
            en: "For a user or a phone number, Connect evaluates the tag keys in the request.",
            ja: "Connect は、ユーザーと電話番号に関するリクエストのタグキーを評価します。",
        },
        other: Text {
            en: "Connect does not evaluate these tag keys, so a policy that requires aws:TagKeys denies the request.",
            ja: "Connect はタグキーを評価しないため、キー aws:TagKeys の存在を条件とするポリシーではリクエストが拒否されます。",
        },
        source: "Service Authorization Reference, Amazon Connect: lists the key; not observed in an account",
        play: |behaviour| behaviour.tag_keys_evaluated = false,
    },
    Assumption {
        name: "sign-out-action",
        area: Area::Permissions,
        assumed: Text {
            en: "The action that authorizes DeleteAllEntitySessions has the same name as the operation.",
            ja: "DeleteAllEntitySessions の認可には、操作と同じ名前のアクションが使用されます。",
        },
        other: Text {
            en: "The action has another name, so a policy that allows only the action of the same name denies the request.",
            ja: "別の名前のアクションが使用されるため、操作と同じ名前のアクションだけを許可するポリシーではリクエストが拒否されます。",
        },
        source: "Service Authorization Reference, Amazon Connect: lists no action for this operation (2026-09)",
        play: |behaviour| behaviour.sign_out_action = "DeleteEntitySessions",
    },
    Assumption {
        name: "test-case-actions",
        area: Area::Permissions,
        assumed: Text {
            en: "The actions that authorize the operations on test cases have the same names as the operations.",
            ja: "テストケースの操作の認可には、操作と同じ名前のアクションが使用されます。",
        },
        other: Text {
            en: "The actions have other names, so a policy that allows only the actions of the same names denies the requests.",
            ja: "別の名前のアクションが使用されるため、操作と同じ名前のアクションだけを許可するポリシーではリクエストが拒否されます。",
        },
        source: "Service Authorization Reference, Amazon Connect: lists no action for these operations (2026-09)",
        play: |behaviour| behaviour.test_case_actions = false,
    },
    Assumption {
        name: "directory-arn",
        area: Area::Permissions,
        assumed: Text {
            en: "Directory Service checks permissions on the ARN of the directory that Connect creates.",
            ja: "Directory Service は、Connect がインスタンス用に作成するディレクトリの ARN を評価します。",
        },
        other: Text {
            en: "Directory Service checks permissions only on the resource *.",
            ja: "Directory Service は、リソース * のみを評価します。",
        },
        source: "Service Authorization Reference, Directory Service; not observed for a directory that Connect created",
        play: |behaviour| behaviour.directories_by_arn = false,
    },
    Assumption {
        name: "account-quota-values",
        area: Area::Quotas,
        assumed: Text {
            en: "A quota that was never raised has no applied value.",
            ja: "引き上げたことのないクォータには、適用されたクォータ値がありません。",
        },
        other: Text {
            en: "The applied value of a quota that was never raised is AWS's default.",
            ja: "引き上げたことのないクォータでは、適用されたクォータ値として AWS のデフォルト値が返されます。",
        },
        source: "aws-cli#8584 and #6629; both were observed",
        play: |behaviour| behaviour.account_quotas_applied = true,
    },
    Assumption {
        name: "quota-value-delay",
        area: Area::Quotas,
        assumed: Text {
            en: "The value of a quota changes within a minute after the increase is approved.",
            ja: "クォータの値は、承認から 1 分以内に反映されます。",
        },
        other: Text {
            en: "The value changes an hour after the increase is approved.",
            ja: "クォータの値が反映されるまで 1 時間かかります。",
        },
        source: "no time is documented",
        play: |behaviour| {
            behaviour.quota_path.value_lag = 3_600.0;
        },
    },
    Assumption {
        name: "quota-case-closed",
        area: Area::Quotas,
        assumed: Text {
            en: "An approved request for a quota per instance ends with the status APPROVED.",
            ja: "インスタンス単位のクォータの引き上げリクエストが承認されると、ステータスは APPROVED になります。",
        },
        other: Text {
            en: "The request ends with the status CASE_CLOSED, and the value of the quota is raised.",
            ja: "ステータスは CASE_CLOSED になり、クォータの値が引き上げられます。",
        },
        source: "Service Quotas user guide, request status: CASE_CLOSED is not explained",
        play: |behaviour| {
            behaviour.quota_path =
                QuotaPath { outcome: QuotaOutcome::CaseClosedGranted, ..behaviour.quota_path.clone() };
        },
    },
];
