//! Messages and labels of `onboard evidence` and `onboard export`.

use super::{Words, catalog};

catalog! {
    directory_not_empty(directory) = "{directory} is not empty; nothing was written.", "{directory} は空ではありません。何も書き込んでいません。";
    use_force_or_another() = "Specify another directory, or replace the files of an earlier pack with --force.",
        "別のディレクトリを指定するか、--force を指定して以前に作成したファイルを上書きしてください。";
    specify_another_directory() = "Specify another directory.", "別のディレクトリを指定してください。";
    reading_users() = "reading the users of Connect", "Connect のユーザーの取得";
    reading_iam(action) = "reading IAM ({action})", "IAM の読み取り ({action})";
    reading_sign_ins(region) = "reading sign-ins from CloudTrail in {region}", "CloudTrail ({region}) からのサインインの取得";
    log_incomplete(execution) = "The log of {execution} is incomplete.", "{execution} のログをすべて取得できませんでした。";
    repeat_later() = "New log lines appear in CloudWatch Logs after some seconds. Run the command again. If it fails again, deploy the current release: an earlier release does not log what the command needs.",
        "CloudWatch Logs に新しいログが表示されるまで、数秒かかります。コマンドを再実行してください。再び失敗する場合は、現在のリリースをデプロイしてください。以前のリリースは、このコマンドに必要なログを出力しません。";
    reading_instance(alias) = "reading the instance {alias}", "インスタンス {alias} の設定の取得";
    export_written(file, resources) = "{file} was written, with {resources} resources.", "{file} を作成しました (リソース {resources} 個)。";
    export_without_application() = "The configuration contains no Entra objects, because the drift check could not read the application. See: `onboard drift`",
        "ドリフト検出でアプリケーションを読み取れなかったため、Entra のオブジェクトは構成に含まれていません。理由は `onboard drift` で確認できます。";
    export_without_starter_flow(why) = "The configuration does not contain the starter flow, because a permission is missing. Grant the permission, then run the command again. The error: {why}",
        "アクセス許可がないため、スターターフローは構成に含まれていません。アクセス許可を追加してから、コマンドを再実行してください。エラー: {why}";
    export_next() = "Next: `terraform init`, then `terraform plan`. The plan must import all resources and change none.",
        "次のステップ: `terraform init`、`terraform plan` を実行し、すべてのリソースがインポートされ、変更がないことを確認してください。";
    evidence_rows(table, rows) = "  {table}: {rows}", "  {table}: {rows} 件";
    evidence_written(directory) = "The evidence was written to {directory}.", "監査証跡を {directory} に保存しました。";
    evidence_is_personal() = "The pack contains personal data. Store and share it accordingly.", "監査証跡には個人データが含まれています。取り扱いに注意してください。";
    evidence_title() = "Evidence pack", "監査証跡";
    evidence_skip() = "Skip to the content", "本文へ移動";
    evidence_manifest() = "manifest.json contains the time of creation and the SHA-256 digest of each file.",
        "作成日時と各ファイルの SHA-256 ダイジェストは、manifest.json に記録されています。";
    evidence_none() = "None.", "該当するデータはありません。";
}

/// A text in English and in Japanese.
type Both = [&'static str; 2];

/// The tables of an evidence pack: name, title and explanation.
const TABLES: [(&str, Both, Both); 7] = [
    (
        "access",
        ["Users and security profiles", "ユーザーとセキュリティプロファイル"],
        [
            "Who has which security profile, through which group, and since when. \"No group\": no group of the input assigns the profile to this user.",
            "各ユーザーのセキュリティプロファイルと、その割り当て元のグループ、割り当ての開始日時です。「no group」は、入力のどのグループからもプロファイルが割り当てられていないことを示します。",
        ],
    ),
    (
        "approvals",
        ["Approvals", "承認"],
        [
            "Decisions of operators about changes that needed approval. The other tables name the execution that applied the changes.",
            "承認が必要な変更に対する担当者の判断です。変更を適用した実行の名前は、ほかの表に記載されています。",
        ],
    ),
    (
        "leavers",
        ["Users who left", "グループから外れたユーザー"],
        [
            "When users left, when their sessions ended, and what happened to the users.",
            "ユーザーがグループから外れた日時、セッションが終了した日時、ユーザーに対して行われた処理です。",
        ],
    ),
    (
        "sign-ins",
        ["Sign-ins", "サインイン"],
        [
            "The last sign-in of each user. Amazon Connect does not record sign-ins, so the data comes from the event history of CloudTrail, which covers 90 days.",
            "各ユーザーの最後のサインインです。Amazon Connect には記録されないため、CloudTrail のイベント履歴 (90 日間) から取得しています。",
        ],
    ),
    (
        "drift",
        ["Drift", "ドリフト"],
        [
            "Manual changes that drift checks found, and whether they were reverted.",
            "ドリフト検出で見つかった手動での変更と、その変更が修復されたかどうかです。",
        ],
    ),
    (
        "settings",
        ["Current settings", "現在の設定"],
        [
            "All settings of the onboarding in AWS and Entra, as the drift check found them.",
            "AWS と Entra におけるオンボーディングのすべての設定です。ドリフト検出で取得した値を示します。",
        ],
    ),
    (
        "documents",
        ["Current documents", "現在のドキュメント"],
        [
            "Policies, trust, claims and certificates, as JSON.",
            "ポリシー、信頼関係、クレーム、証明書の内容 (JSON) です。",
        ],
    ),
];

/// The texts with which the evidence page shows the names of columns, facts and documents.
const COLUMNS: [(&str, Both); 35] = [
    ("username", ["Username", "ユーザー名"]),
    ("connectUserId", ["User id in Connect", "Connect のユーザー ID"]),
    ("entraObjectId", ["Object id in Entra", "Entra のオブジェクト ID"]),
    ("managed", ["Managed by the onboarding", "オンボーディングの管理対象"]),
    ("securityProfile", ["Security profile", "セキュリティプロファイル"]),
    ("group", ["Through the group", "割り当て元のグループ"]),
    ("since", ["Since", "開始日時"]),
    ("sinceSource", ["Source of the time", "開始日時の取得元"]),
    ("at", ["Time", "日時"]),
    ("decision", ["Decision", "判断"]),
    ("by", ["By", "担当者"]),
    ("digest", ["Request", "リクエスト"]),
    ("actions", ["Changes", "変更の数"]),
    ("source", ["Source", "取得元"]),
    ("event", ["Event", "イベント"]),
    ("due", ["Deletion due", "削除予定日"]),
    ("status", ["Sign-in", "サインイン"]),
    ("lastSignIn", ["Last sign-in", "最後のサインイン"]),
    ("firstSeen", ["First found", "最初の検出日時"]),
    ("place", ["Setting", "設定"]),
    ("expected", ["Expected", "期待値"]),
    ("found", ["Found", "実際の値"]),
    ("result", ["Result", "結果"]),
    ("asExpected", ["As expected", "期待どおり"]),
    ("region", ["Region", "リージョン"]),
    ("instanceArn", ["Instance", "インスタンス"]),
    ("tenantId", ["Entra tenant", "Entra テナント"]),
    ("role", ["IAM role with its trust policy", "IAM ロールと信頼ポリシー"]),
    ("policy", ["IAM policy", "IAM ポリシー"]),
    ("samlProvider", ["SAML provider in IAM", "IAM の SAML プロバイダ"]),
    ("certificates", ["Signing certificates in Entra", "Entra の署名証明書"]),
    ("claimsMappingPolicies", ["Claims mapping policies", "クレームマッピングポリシー"]),
    ("servicePrincipal", ["Enterprise application", "エンタープライズアプリケーション"]),
    ("application", ["App registration", "アプリの登録"]),
    ("assignments", ["Assignments of the application", "アプリケーションの割り当て"]),
];

/// The texts with which the evidence page shows values that are fixed names.
const VALUES: [(&str, Both); 17] = [
    ("yes", ["yes", "はい"]),
    ("no", ["no", "いいえ"]),
    ("approved", ["approved", "承認"]),
    ("rejected", ["rejected", "拒否"]),
    ("waiting", ["waiting", "承認待ち"]),
    ("expired", ["expired", "期限切れ"]),
    ("deletionScheduled", ["deletion scheduled", "削除を予約"]),
    ("deletionCancelled", ["scheduled deletion cancelled", "削除の予約を取り消し"]),
    ("deleted", ["deleted", "削除"]),
    ("rightsRemoved", ["all rights removed", "すべての権限を削除"]),
    ("sessionsEnded", ["sessions ended", "セッションを終了"]),
    ("signedIn", ["signed in", "あり"]),
    ("never", ["never", "なし"]),
    ("notInPeriod", ["not in the recorded period", "記録されている期間になし"]),
    ("unknown", ["unknown", "不明"]),
    ("reverted", ["reverted", "修復済み"]),
    ("reported", ["reported", "通知のみ"]),
];

impl Words {
    fn of(self, [english, japanese]: Both) -> &'static str {
        self.choose(english, japanese)
    }

    /// The title of a table of an evidence pack.
    pub(crate) fn evidence_table(self, name: &str) -> &'static str {
        TABLES.iter().find(|(table, ..)| *table == name).map_or("", |(_, title, _)| self.of(*title))
    }

    /// The explanation of a table of an evidence pack.
    pub(crate) fn evidence_note(self, name: &str) -> &'static str {
        TABLES.iter().find(|(table, ..)| *table == name).map_or("", |(.., note)| self.of(*note))
    }

    /// The text for the name of a column, a fact or a document.
    pub(crate) fn evidence_column(self, name: &str) -> &str {
        COLUMNS.iter().find(|(column, _)| *column == name).map_or(name, |(_, text)| self.of(*text))
    }

    /// The text for a value that is a fixed name. Any other value is returned unchanged.
    pub(crate) fn evidence_value(self, name: &str) -> &str {
        VALUES.iter().find(|(value, _)| *value == name).map_or(name, |(_, text)| self.of(*text))
    }
}
