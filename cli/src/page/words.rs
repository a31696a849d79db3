//! The labels of the page in English and Japanese. Names of services and fields are those of AWS and Microsoft.

use onboarding_core::{
    contract::QuotaStatus,
    onboarding::Language,
    telephony::{NumberStatus, OrderStatus},
};

/// The labels in one language.
#[derive(Debug)]
pub(crate) struct Words {
    /// Value of `<html lang>`.
    pub(crate) code: &'static str,
    pub(crate) title: &'static str,
    pub(crate) skip: &'static str,
    pub(crate) local: &'static str,
    pub(crate) ready: &'static str,
    pub(crate) incomplete: &'static str,
    pub(crate) account: &'static str,
    pub(crate) region: &'static str,
    pub(crate) started: &'static str,
    pub(crate) took: &'static str,
    pub(crate) sign_in: &'static str,
    pub(crate) sign_in_text: &'static str,
    pub(crate) qr: &'static str,
    pub(crate) next: &'static str,
    pub(crate) nothing_open: &'static str,
    pub(crate) workflow: &'static str,
    pub(crate) picture: &'static str,
    pub(crate) as_table: &'static str,
    pub(crate) state: &'static str,
    pub(crate) outcome: &'static str,
    pub(crate) looks: &'static str,
    pub(crate) worked: &'static str,
    pub(crate) waited: &'static str,
    pub(crate) of_it_waited: &'static str,
    pub(crate) done: &'static str,
    pub(crate) failed: &'static str,
    pub(crate) mended: &'static str,
    pub(crate) not_run: &'static str,
    pub(crate) users: &'static str,
    pub(crate) counts: [&'static str; 7],
    pub(crate) refused: &'static str,
    pub(crate) refused_text: &'static str,
    pub(crate) failed_users: &'static str,
    pub(crate) username: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) findings: &'static str,
    pub(crate) first_only: &'static str,
    pub(crate) groups: &'static str,
    pub(crate) group: &'static str,
    pub(crate) members: &'static str,
    pub(crate) telephony: &'static str,
    pub(crate) quota: &'static str,
    pub(crate) wanted: &'static str,
    pub(crate) there: &'static str,
    pub(crate) status: &'static str,
    pub(crate) nothing_asked: &'static str,
    pub(crate) numbers: &'static str,
    pub(crate) number: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) cases: &'static str,
    pub(crate) case: &'static str,
    pub(crate) topic_numbers: &'static str,
    pub(crate) topic_mobiles: &'static str,
    pub(crate) resources: &'static str,
    pub(crate) resource: &'static str,
    pub(crate) id: &'static str,
    pub(crate) new: &'static str,
    pub(crate) adopted: &'static str,
    pub(crate) names: Names,
    pub(crate) checks: &'static str,
    pub(crate) check: &'static str,
    pub(crate) expected: &'static str,
    pub(crate) found: &'static str,
    pub(crate) holds: &'static str,
    pub(crate) differs: &'static str,
    pub(crate) made_by: &'static str,
    quotas: [&'static str; 3],
    number_states: [&'static str; 3],
    orders: [&'static str; 6],
}

/// Names of the resources.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) instance: &'static str,
    pub(crate) access_url: &'static str,
    pub(crate) application: &'static str,
    pub(crate) certificate: &'static str,
    pub(crate) until: &'static str,
    pub(crate) provider: &'static str,
    pub(crate) policy: &'static str,
    pub(crate) role: &'static str,
    pub(crate) relay_state: &'static str,
    pub(crate) recordings: &'static str,
    pub(crate) chats: &'static str,
    pub(crate) reports: &'static str,
    pub(crate) execution: &'static str,
    pub(crate) tenant: &'static str,
}

impl Words {
    /// The labels in a language.
    #[must_use]
    pub(crate) const fn of(language: Language) -> &'static Self {
        match language {
            Language::En => &ENGLISH,
            Language::Ja => &JAPANESE,
        }
    }

    /// Label of a quota status.
    #[must_use]
    pub(crate) const fn quota(&self, status: QuotaStatus) -> &'static str {
        match status {
            QuotaStatus::Sufficient => self.quotas[0],
            QuotaStatus::Pending => self.quotas[1],
            QuotaStatus::Denied => self.quotas[2],
        }
    }

    /// Label of a phone number status.
    #[must_use]
    pub(crate) const fn number(&self, status: NumberStatus) -> &'static str {
        match status {
            NumberStatus::Claimed => self.number_states[0],
            NumberStatus::InProgress => self.number_states[1],
            NumberStatus::Failed => self.number_states[2],
        }
    }

    /// Label of an order status.
    #[must_use]
    pub(crate) const fn order(&self, status: OrderStatus) -> &'static str {
        match status {
            OrderStatus::Open => self.orders[0],
            OrderStatus::CustomerAction => self.orders[1],
            OrderStatus::Manual => self.orders[2],
            OrderStatus::Done => self.orders[3],
            OrderStatus::Refused => self.orders[4],
            OrderStatus::Unreadable => self.orders[5],
        }
    }

    /// Formats a duration.
    #[must_use]
    pub(crate) fn duration(&self, seconds: f64) -> String {
        let japanese = self.code == "ja";
        let units: [(f64, &str, &str); 3] = [(86_400.0, "d", "日"), (3_600.0, "h", "時間"), (60.0, "min", "分")];
        let two = |big: f64, small: f64, names: (&str, &str)| {
            let (first, rest) = ((seconds / big).floor(), ((seconds % big) / small).floor());
            let first = format!("{first:.0} {}", names.0);
            if rest > 0.0 { format!("{first} {rest:.0} {}", names.1) } else { first }
        };
        let name = |n: usize| if japanese { units[n].2 } else { units[n].1 };
        match seconds {
            s if s >= 86_400.0 => two(86_400.0, 3_600.0, (name(0), name(1))),
            s if s >= 3_600.0 => two(3_600.0, 60.0, (name(1), name(2))),
            s if s >= 60.0 => two(60.0, 1.0, (name(2), if japanese { "秒" } else { "s" })),
            s => format!("{s:.1} {}", if japanese { "秒" } else { "s" }),
        }
    }

    /// The title of a state, or its name if it has no title.
    #[must_use]
    pub(crate) fn state<'a>(&self, name: &'a str) -> &'a str {
        let titles = STATES.iter().find(|(state, ..)| *state == name);
        titles.map_or(name, |(_, english, japanese)| if self.code == "ja" { japanese } else { english })
    }

    /// The translated subject of an open item.
    #[must_use]
    pub(crate) fn subject(&self, subject: &str) -> String {
        if self.code == "ja" {
            for (english, japanese) in SUBJECTS {
                if let Some(rest) = subject.strip_prefix(english) {
                    return format!("{japanese}{rest}");
                }
            }
        }
        subject.to_owned()
    }

    /// The translated action of an open item, or `None` if the report's English text is used.
    #[must_use]
    pub(crate) fn action(&self, action: &str) -> Option<&'static str> {
        if self.code == "ja" { ACTIONS.iter().find(|(english, _)| *english == action).map(|(_, ja)| *ja) } else { None }
    }
}

const ENGLISH: Words = Words {
    code: "en",
    title: "Amazon Connect onboarding",
    skip: "Skip to the content",
    local: "This is the report of a local cloud. Nothing of it exists in AWS or Entra ID.",
    ready: "Ready: people can sign in",
    incomplete: "The sign-in is not complete yet: see the next steps",
    account: "AWS account",
    region: "Region",
    started: "Started",
    took: "Took",
    sign_in: "Sign in",
    sign_in_text: "People open this address, or point their phone's camera at the code.",
    qr: "QR code of the sign-in address",
    next: "Next steps",
    nothing_open: "Nothing waits for a person.",
    workflow: "What happened",
    picture: "The states of the workflow from top to bottom, side by side where they ran side by side. The table below says the same.",
    as_table: "As a table",
    state: "State",
    outcome: "Outcome",
    looks: "Looks",
    worked: "Worked",
    waited: "Waited",
    of_it_waited: "waited",
    done: "done",
    failed: "failed",
    mended: "done after a retry",
    not_run: "not needed",
    users: "Users",
    counts: ["created", "adopted", "updated", "marked for removal", "removed", "waiting for a quota", "failed"],
    refused: "Not made into users",
    refused_text: "These members of the groups can't be users as they are.",
    failed_users: "Failed",
    username: "User",
    reason: "Reason",
    findings: "Findings",
    first_only: "The first 50 of each list; the log of the sync has all.",
    groups: "Groups",
    group: "Group",
    members: "Members",
    telephony: "Quotas and phone numbers",
    quota: "Quota",
    wanted: "Wanted",
    there: "There",
    status: "Status",
    nothing_asked: "Neither quotas nor numbers were asked for.",
    numbers: "Phone numbers",
    number: "Number",
    kind: "Kind",
    cases: "Support cases",
    case: "Case",
    topic_numbers: "Phone numbers",
    topic_mobiles: "Calls to Japanese mobiles",
    resources: "Resources",
    resource: "Resource",
    id: "Id",
    new: "new",
    adopted: "was there already",
    names: Names {
        instance: "Amazon Connect instance",
        access_url: "Access URL",
        application: "Entra application",
        certificate: "Signing certificate",
        until: "until",
        provider: "IAM SAML provider",
        policy: "IAM policy",
        role: "IAM role",
        relay_state: "Relay state",
        recordings: "Call recordings",
        chats: "Chat transcripts",
        reports: "Reports",
        execution: "Execution",
        tenant: "Entra tenant",
    },
    checks: "Sign-in checks",
    check: "Check",
    expected: "Expected",
    found: "Found",
    holds: "holds",
    differs: "differs",
    made_by: "Made by Connect Onboarding",
    quotas: ["enough", "asked for, AWS decides", "refused"],
    number_states: ["on the instance", "not ready yet", "claim failed"],
    orders: [
        "AWS works on it",
        "waits for your answer",
        "to be filed by a person",
        "done",
        "refused",
        "filed; follow it in Support Center",
    ],
};

const JAPANESE: Words = Words {
    code: "ja",
    title: "Amazon Connect オンボーディング",
    skip: "本文へ移動",
    local: "このレポートはローカルクラウドのものです。記載されたリソースは AWS と Entra ID には存在しません。",
    ready: "準備完了: サインインできます",
    incomplete: "サインインの設定が完了していません。次のステップを確認してください",
    account: "AWS アカウント",
    region: "リージョン",
    started: "開始",
    took: "所要時間",
    sign_in: "サインイン",
    sign_in_text: "この URL を開くか、スマートフォンのカメラで QR コードを読み取ってください。",
    qr: "サインイン用 URL の QR コード",
    next: "次のステップ",
    nothing_open: "手動での対応が必要な項目はありません。",
    workflow: "実行の経過",
    picture: "ワークフローのステートを上から実行順に示します。並行して実行されたステートは横に並びます。下の表と同じ内容です。",
    as_table: "表で表示",
    state: "ステート",
    outcome: "結果",
    looks: "確認回数",
    worked: "処理",
    waited: "待機",
    of_it_waited: "待機",
    done: "完了",
    failed: "失敗",
    mended: "再試行して完了",
    not_run: "不要",
    users: "ユーザー",
    counts: ["作成", "管理対象に追加", "更新", "削除予定", "削除", "クォータ待ち", "失敗"],
    refused: "Connect ユーザーを作成できなかったメンバー",
    refused_text: "グループの次のメンバーは、現在の設定では Connect ユーザーを作成できません。",
    failed_users: "失敗",
    username: "ユーザー",
    reason: "理由",
    findings: "検出事項",
    first_only: "各一覧には先頭の 50 件を表示しています。すべての項目は同期のログで確認できます。",
    groups: "グループ",
    group: "グループ",
    members: "メンバー数",
    telephony: "クォータと電話番号",
    quota: "クォータ",
    wanted: "必要な値",
    there: "現在の値",
    status: "ステータス",
    nothing_asked: "クォータと電話番号のリクエストはありません。",
    numbers: "電話番号",
    number: "電話番号",
    kind: "種類",
    cases: "サポートケース",
    case: "ケース",
    topic_numbers: "電話番号",
    topic_mobiles: "日本の携帯電話への発信",
    resources: "リソース",
    resource: "リソース",
    id: "ID",
    new: "新規",
    adopted: "既存",
    names: Names {
        instance: "Amazon Connect インスタンス",
        access_url: "アクセス URL",
        application: "Entra アプリケーション",
        certificate: "署名証明書",
        until: "有効期限",
        provider: "IAM SAML プロバイダ",
        policy: "IAM ポリシー",
        role: "IAM ロール",
        relay_state: "リレー状態",
        recordings: "通話録音",
        chats: "チャットのトランスクリプト",
        reports: "レポート",
        execution: "実行",
        tenant: "Entra テナント",
    },
    checks: "サインインチェック",
    check: "チェック項目",
    expected: "期待値",
    found: "実際の値",
    holds: "一致",
    differs: "不一致",
    made_by: "作成: Connect Onboarding",
    quotas: ["十分", "リクエスト済み (AWS が審査中)", "拒否"],
    number_states: ["取得済み", "準備中", "取得失敗"],
    orders: ["AWS が対応中", "返信が必要", "手動での申請が必要", "完了", "拒否", "申請済み (サポートセンターで確認)"],
};

/// State name, English title, Japanese title.
const STATES: [(&str, &str, &str); 27] = [
    ("Preflight", "Check prerequisites", "前提条件の確認"),
    ("InstanceQuota", "Room for an instance", "インスタンス数のクォータ"),
    ("LockAlias", "Alias locked", "エイリアスのロック"),
    ("CreateInstance", "Amazon Connect instance", "Amazon Connect インスタンス"),
    ("NoteInstance", "Instance noted", "インスタンスの記録"),
    ("ConfigureInstance", "Telephony and storage", "テレフォニーとストレージ"),
    ("RequestQuotas", "Quotas of the instance", "インスタンスのクォータ"),
    ("LockNumbers", "Number orders locked", "電話番号の申請のロック"),
    ("OrderNumbers", "Phone numbers", "電話番号"),
    ("NotifyNumbers", "News about numbers", "電話番号に関する通知"),
    ("UnlockNumbers", "Number orders unlocked", "電話番号の申請のロック解除"),
    ("CreateEntraApplication", "Entra application", "Entra アプリケーション"),
    ("ConfigureEntraSignOn", "SAML and certificate", "SAML と証明書"),
    ("CreateSamlProvider", "IAM SAML provider", "IAM SAML プロバイダ"),
    ("CreatePolicy", "IAM policy", "IAM ポリシー"),
    ("CreateRole", "IAM role", "IAM ロール"),
    ("ConfigureEntraClaims", "Relay state and claims", "リレー状態とクレーム"),
    ("AssignGroups", "Groups assigned", "グループの割り当て"),
    ("RegisterInstance", "Registered for the sync", "ユーザー同期への登録"),
    ("SubscribeGroups", "Notifications of groups", "グループの変更通知の登録"),
    ("UnlockAlias", "Alias unlocked", "エイリアスのロック解除"),
    ("SyncUsers", "Users", "ユーザー"),
    ("VerifySignIn", "Sign-in checked", "サインインチェック"),
    ("NotifySignInReady", "People told", "サインイン可能の通知"),
    ("SyncWaitingUsers", "Users who waited for a quota", "クォータ待ちのユーザー"),
    ("Report", "Report made", "レポートの作成"),
    ("NotifyReport", "Report sent", "レポートの送信"),
];

/// Prefixes of open item subjects, with translations.
const SUBJECTS: [(&str, &str); 9] = [
    ("quota ", "クォータ "),
    ("group ", "グループ "),
    ("member ", "メンバー "),
    ("user sync", "ユーザー同期"),
    ("user ", "ユーザー "),
    ("phone numbers", "電話番号"),
    ("outbound calls to Japanese mobiles", "日本の携帯電話への発信"),
    ("sign-in check: ", "サインインチェック: "),
    ("storage ", "ストレージ "),
];

/// Actions of open items in English, exactly as in `onboarding_core::report` and the steps, with translations.
const ACTIONS: [(&str, &str); 17] = [
    (
        "Follow the case in Support Center. Do not file another case.",
        "サポートセンターでケースを確認してください。新しいケースは作成しないでください。",
    ),
    (
        "Start the same input again on that day, or ask AWS Support for an exception (Amazon Connect) to claim earlier.",
        "その日以降に、同じ入力で再実行してください。それより前に電話番号を取得する場合は、AWS サポート (Amazon Connect) に制限の例外を申請してください。",
    ),
    (
        "Nothing: AWS decides. To follow the request, open the Service Quotas console.",
        "対応は不要です。AWS が審査しています。リクエストの状況は Service Quotas コンソールで確認できます。",
    ),
    (
        "Reply to AWS in the support case of the request, or request less. Then start the same input again.",
        "リクエストのサポートケースで AWS に返信するか、リクエストする値を下げてから、同じ入力で再実行してください。",
    ),
    (
        "The next sync tries again. If the message names a problem, fix it.",
        "次の同期で再試行します。メッセージの内容によっては、手動での対応が必要な場合があります。",
    ),
    (
        "Correct the account in Entra, or choose another `users.username`; the next sync creates the user.",
        "Entra のアカウントを修正するか、`users.username` に別の属性を指定してください。次の同期でユーザーが作成されます。",
    ),
    ("Check whether this is intended.", "意図した状態かどうかを確認してください。"),
    (
        "Nothing: the increase is requested, and the sync creates the users after the approval.",
        "対応は不要です。クォータの引き上げはリクエスト済みです。承認後の同期でユーザーが作成されます。",
    ),
    (
        "Check the plan. Approve exactly this plan by its digest, or correct the groups.",
        "計画を確認し、ダイジェストを指定してその計画だけを承認するか、グループを修正してください。",
    ),
    (
        "Start the same input again to revert changes to resources of the onboarding. Revert other manual changes yourself.",
        "同じ入力で再実行してください。オンボーディングで作成したリソースの設定は元に戻ります。元に戻らない設定は、手動で修正してください。",
    ),
    (
        "Nothing: AWS decides. To continue waiting, start the same input again.",
        "対応は不要です。AWS が審査しています。待機を続けるには、同じ入力で再実行してください。",
    ),
    (
        "Reply to the case in Support Center. If the workflow has finished, start the same input again.",
        "サポートセンターでケースに返信してください。ワークフローが終了している場合は、同じ入力で再実行してください。",
    ),
    (
        "Call a Japanese mobile number from the instance to check the result: no API shows whether such calls are allowed.",
        "インスタンスから日本の携帯電話にテスト発信してください。許可されたかどうかを確認できる API はありません。",
    ),
    (
        "Reply to the case to reopen it, then start the same input again. For a new order, change the numbers, or upload corrected \
         documents under other object keys and name these keys in the input.",
        "ケースに返信して再オープンしてから、同じ入力で再実行してください。再申請する場合は、電話番号の指定を変更するか、\
         修正した書類を別のキーで保存して入力に指定してください。",
    ),
    (
        "Fix the problem that the message describes, then start the same input again.",
        "メッセージに従って修正してから、同じ入力で再実行してください。",
    ),
    (
        "Add people to the group in Entra; they become users by themselves.",
        "Entra でグループにメンバーを追加してください。Connect ユーザーは自動的に作成されます。",
    ),
    (
        "Nothing is lost: the schedule keeps the group in step. Changes arrive later until this is mended.",
        "変更が失われることはありません。スケジュールによる同期が継続します。問題が解決するまでは、変更の反映が遅くなります。",
    ),
];

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use onboarding_core::telephony::CaseOrder;

    #[test]
    fn durations_are_formatted_in_the_two_largest_units() {
        let english = Words::of(Language::En);
        for (seconds, text) in [
            (0.04, "0.0 s"),
            (12.34, "12.3 s"),
            (60.0, "1 min"),
            (61.0, "1 min 1 s"),
            (7_260.0, "2 h 1 min"),
            (266_400.0, "3 d 2 h"),
        ] {
            assert_eq!(english.duration(seconds), text);
        }
        assert_eq!(Words::of(Language::Ja).duration(266_400.0), "3 日 2 時間");
    }

    #[test]
    fn every_task_of_the_onboarding_has_a_title_in_both_languages() {
        let definition = include_str!("../../../statemachine/onboarding.asl.json");
        let graph = super::super::graph::Graph::read(&serde_json::from_str(definition).unwrap_or_default());
        for row in &graph.rows {
            for language in [Language::En, Language::Ja] {
                let title = Words::of(language).state(&row.state);
                assert!(title != row.state, "{} has no title", row.state);
            }
        }
    }

    #[test]
    fn every_order_that_needs_an_action_has_a_japanese_action() {
        use OrderStatus::{CustomerAction, Open, Refused, Unreadable};
        for status in [Open, CustomerAction, Refused, Unreadable] {
            for case_id in [None, Some("case-1".to_owned())] {
                let order = CaseOrder { status, case_id, ..CaseOrder::default() };
                let item = onboarding_core::telephony::open_item(&order).unwrap();
                assert!(Words::of(Language::Ja).action(&item.action).is_some(), "{}", item.action);
            }
        }
    }
}
