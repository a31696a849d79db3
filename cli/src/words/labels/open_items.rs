//! The Japanese texts of a report's open items, which are the points that an operator must act on or should know. The
//! report itself contains the English texts.

/// What the subjects of open items can start with, each with its Japanese translation.
pub(super) const SUBJECTS: [(&str, &str); 15] = [
    ("quota ", "クォータ "),
    ("group ", "グループ "),
    ("member ", "メンバー "),
    ("user sync", "ユーザー同期"),
    ("user ", "ユーザー "),
    ("phone numbers", "電話番号"),
    ("starter flow", "スターターフロー"),
    ("first call", "着信テスト"),
    ("outbound calls to Japanese mobiles", "日本の携帯電話への発信"),
    ("sign-in check: ", "サインインチェック: "),
    ("storage ", "ストレージ "),
    ("signing certificate ", "署名証明書 "),
    ("approved origin ", "承認済みオリジン "),
    ("notifications of the groups", "グループの変更通知"),
    ("notifications of the group ", "グループの変更通知: "),
];

/// The recommended actions of open items, each with its Japanese translation. Each English text must be exactly as in
/// `onboarding_core::report` or in the functions.
pub(super) const ACTIONS: [(&str, &str); 23] = [
    (
        "Create a flow in Amazon Connect and name it in phoneNumbers, or solve the problem. Then start the same input again.",
        "Amazon Connect でフローを作成して phoneNumbers に指定するか、問題を解決してから、同じ入力で再実行してください。",
    ),
    (
        "Open the test run of the test case Connect Onboarding first call in the Amazon Connect admin website. To test again, start the same input again.",
        "Amazon Connect 管理ウェブサイトで、テストケース「Connect Onboarding first call」の実行結果を確認してください。もう一度テストするには、同じ入力で再実行してください。",
    ),
    (
        "Call one of the numbers to check the flow. Test cases need a Region of Amazon Connect that offers them and the permissions of the function test-first-call.",
        "いずれかの電話番号に発信して、フローを確認してください。テストケースを使用するには、テストケースに対応したリージョンと、関数 test-first-call のアクセス許可が必要です。",
    ),
    (
        "If the website may embed Amazon Connect, add its origin to instance.approvedOrigins. Otherwise, remove the origin under Approved origins in the Amazon Connect console.",
        "この Web サイトへの Amazon Connect の埋め込みを許可する場合は、オリジンを instance.approvedOrigins に追加してください。許可しない場合は、Amazon Connect コンソールの [承認済みオリジン] で削除してください。",
    ),
    (
        "Run: onboard rotate-certificate. If the command reports that the SAML provider has no tags of this onboarding, renew \
         the certificate manually.",
        "onboard rotate-certificate を実行してください。SAML プロバイダにこのオンボーディングのタグがないと表示された場合は、証明書を手動で更新してください。",
    ),
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
        "Check the changes that wait. Approve or reject them (onboard approve, onboard reject), or correct the groups.",
        "承認待ちの変更を確認し、承認または拒否する (onboard approve、onboard reject) か、グループを修正してください。",
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
        "Add members to the group in Entra. Their Connect users are created automatically.",
        "Entra でグループにメンバーを追加してください。Connect ユーザーは自動的に作成されます。",
    ),
    (
        "No change is lost: the scheduled syncs include these groups. Changes arrive later until this is corrected.",
        "変更が失われることはありません。スケジュールによる同期が継続します。問題が解決するまでは、変更の反映が遅くなります。",
    ),
    (
        "No change is lost: the scheduled syncs include these groups, and the daily renewal creates the subscriptions.",
        "変更が失われることはありません。スケジュールによる同期が継続し、サブスクリプションは毎日の更新時に作成されます。",
    ),
];

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use std::{fs, path::Path};

    use super::*;

    /// Returns the text of all Rust and JSON files in the directory and its subdirectories. String literals that
    /// continue on the next line are joined.
    fn sources(directory: &Path) -> String {
        let mut text = String::new();
        for path in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                text += &sources(&path);
            } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "json") {
                text += &fs::read_to_string(path).unwrap();
            }
        }
        text.split("\\\n").map(str::trim_start).collect()
    }

    #[test]
    fn every_translated_subject_and_action_is_in_the_functions_or_the_state_machines() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let sources = sources(&root.join("functions")) + &sources(&root.join("statemachine"));
        for (english, _) in SUBJECTS.iter().chain(&ACTIONS) {
            assert!(sources.contains(english), "no open item has {english:?}");
        }
    }
}
