//! The texts of all notifications, in English and Japanese, with one function for each text.

use std::fmt::Display;

use crate::onboarding::Language;

/// All texts in one language.
#[derive(Clone, Copy, Debug)]
pub(super) struct Texts(pub(super) Language);

/// Defines one function for each text: `name(arguments) = "English", "日本語";`. Both strings contain the names of the
/// arguments in braces.
macro_rules! texts {
    ($($name:ident($($argument:ident),*) = $english:literal, $japanese:literal;)*) => {
        impl Texts { $(
            pub(super) fn $name(self, $($argument: impl Display),*) -> String {
                match self.0 {
                    Language::En => format!($english),
                    Language::Ja => format!($japanese),
                }
            }
        )* }
    };
}

// Labels and separators that every notification uses.
texts! {
    separator() = ", ", "、";
    none() = "none", "なし";
    next_steps() = "What to do next:", "次のステップ:";
    or() = "or", "または";
    execution() = "Execution", "実行";
    reference() = "Reference", "参照番号";
    repeated() = "if you receive another message with this reference, use the later one",
        "同じ参照番号のメッセージが再度届いた場合は、後から届いたメッセージに従ってください";
}

// Texts about onboardings.
texts! {
    sign_in_ready_title(alias) = "Amazon Connect {alias}: users can sign in",
        "Amazon Connect {alias}: サインインできるようになりました";
    sign_in_ready(groups, sso_url) = "Members of {groups} can now sign in to Amazon Connect:\n{sso_url}\n\nThe sign-in check passed: all \
         settings that a sign-in needs were read back and compared. Quotas and phone numbers may still be pending; you will \
         receive another message when the onboarding has finished.",
        "次のグループのメンバーが Amazon Connect にサインインできるようになりました: {groups}\n{sso_url}\n\n\
         サインインに必要なすべての設定を取得し、期待どおりに設定されていることを確認しました。\
         クォータと電話番号は、まだ審査中の場合があります。\
         オンボーディングが完了したら、改めて通知します。";
    send_the_url() = "Send the URL to the members. Only members of these groups can sign in.",
        "上記の URL をメンバーに案内してください。サインインできるのは、これらのグループのメンバーだけです。";
    page_after_sign_in(url) = "Make sure that the security profiles of the members grant access to the page that opens after \
         sign-in: {url}",
        "サインイン後に次のページが表示されます。このページへのアクセスが、メンバーのセキュリティプロファイルで許可されていることを\
         確認してください: {url}";
    sign_in_failed_title(alias) = "Amazon Connect {alias}: the sign-in check FAILED",
        "Amazon Connect {alias}: サインインチェックで設定の不一致が見つかりました";
    sign_in_failed(sso_url) = "Single sign-on is set up, but some settings are not as expected, so users may be unable to \
         sign in at:\n{sso_url}",
        "シングルサインオンの設定は完了しましたが、サインインに必要な設定と現在の設定が一致していません。\
         次の URL でのサインインが拒否される可能性があります:\n{sso_url}";
    wait_for_the_report() = "Wait for the message that the onboarding has finished. Its report lists each check with the expected \
         and the actual value.",
        "オンボーディングの完了メッセージが届いたら、レポートを確認してください。チェック項目ごとに、\
         期待値と実際の値が記載されています。";
    telephony_news_title(alias) = "Amazon Connect {alias}: update on your phone number requests",
        "Amazon Connect {alias}: 電話番号などの申請に関するお知らせ";
    finished_title(alias) = "Amazon Connect {alias}: onboarding finished",
        "Amazon Connect {alias}: オンボーディングが完了しました";
    finished(sso_url, count) = "Everything in the input is set up. Sign in at:\n{sso_url}\n\nOpen items: {count}",
        "入力で指定した内容をすべて設定しました。サインイン用の URL:\n{sso_url}\n\n対応が必要な項目: {count} 件";
    item_denied_title(alias) = "Amazon Connect {alias}: onboarding failed because a required item was denied",
        "Amazon Connect {alias}: オンボーディングが失敗しました (必須の項目が拒否されました)";
    item_denied(sso_url, count) = "Everything else is set up and is kept, but an item that the input requires was denied. Sign in \
         at:\n{sso_url}\n\nOpen items: {count}",
        "設定できた項目は、そのまま維持されています。ただし、入力で必須に指定した項目が拒否されました。\
         サインイン用の URL:\n{sso_url}\n\n対応が必要な項目: {count} 件";
    read_the_report() = "Read the report:", "レポートを確認する:";
    no_further_action() = "No further action is needed: the users are now synced with the groups automatically.",
        "これ以上の作業は必要ありません。以降は、ユーザーが自動的に Entra のグループと同期されます。";
    resolve_open_items() = "Resolve the open items. If an item tells you to, start the same input again afterwards; correct \
         resources are not changed.",
        "対応が必要な項目を解決してください。再実行の指示がある場合は、\
         解決後に同じ入力で再実行してください。正しく設定されているリソースは変更されません。";
}

// Texts about the user sync.
texts! {
    unsafe_plan_title(name) = "Amazon Connect {name}: a user sync is waiting for your approval",
        "Amazon Connect {name}: 承認が必要なユーザーの変更があります";
    unsafe_plan(instance_id, reasons, counts, actions, users, digest) =
        "The user sync of the instance {instance_id} applies all changes that need no approval. {actions} changes wait for \
         your approval.\n\nReason: {reasons}\n\nThe plan: {counts}.\nThe first users whose changes wait for \
         approval: {users}\n\
         Digest: {digest}",
        "インスタンス {instance_id} のユーザー同期は、承認が不要な変更をすべて適用します。\
         {actions} 件の変更が承認待ちです。\n\n理由: {reasons}\n\n計画の内容: {counts}\n承認待ちのユーザー (先頭の 10 人まで): {users}\n\
         ダイジェスト: {digest}";
    request_expires(until) = "\nThe request expires: {until}\n\nWithout an answer, these changes are not applied, and approval is \
         requested again after the request has expired.",
        "\nリクエストの有効期限: {until}\n\n回答がない場合、これらの変更は適用されません。\
         有効期限が切れた後に、改めて承認を求めます。";
    added_users(count, users) = "\n\nUsers added since the previous request: {count}. The first of these users: {users}",
        "\n\n前回のリクエストの後に追加されたユーザー ({count} 人のうち先頭の 10 人まで): {users}";
    delete() = "delete", "削除";
    schedule_deletion() = "schedule for deletion", "削除予定";
    strip() = "remove all rights", "権限の削除";
    end_sessions() = "sign out", "サインアウト";
    lose_profile() = "remove security profiles", "セキュリティプロファイルの削除";
    adopt() = "adopt", "管理対象に追加";
    planned_counts(create, adopt, update, removals, managed) = "create {create}, adopt {adopt}, update {update}, {removals} (of \
         {managed} managed users)",
        "作成 {create}、管理対象に追加 {adopt}、更新 {update}、{removals} (管理対象ユーザー {managed} 人)";
    planned_removals(schedule, delete, strip, sign_out) = "schedule for deletion {schedule}, delete {delete}, remove all \
         rights {strip}, sign out {sign_out}",
        "削除予定 {schedule}、削除 {delete}、権限の削除 {strip}、サインアウト {sign_out}";
    check_the_groups() = "Check that the groups in Entra have the correct members. A group may have been emptied by mistake.",
        "Entra のグループのメンバーが正しいことを確認してください。誤ってメンバーが削除された可能性があります。";
    approve_the_plan() = "To approve these changes (the approval covers only these users and is valid for three days):",
        "これらの変更を承認する (承認はこれらのユーザーだけに適用され、3 日間有効です):";
    reject_the_plan() = "To reject these changes (the users remain unchanged; approval is requested again if changes are added, or \
         after the request has expired):",
        "拒否する (これらのユーザーは変更されません。変更が追加された場合、または有効期限が切れた後に、\
         改めて承認を求めます):";
}

// Texts about signing certificates.
texts! {
    rotated_title(name) = "Amazon Connect {name}: the signing certificate was replaced",
        "Amazon Connect {name}: 署名証明書を更新しました";
    rotated(name, certificate) = "The SAML signing certificate of {name} was replaced before it expired. AWS trusted the new certificate \
         before it was used for signing, and the old certificate was removed after it was no longer used, so sign-in was not \
         interrupted.{certificate}",
        "{name} の SAML 署名証明書を、有効期限が切れる前に新しい証明書に更新しました。\
         新しい証明書は AWS に登録してから署名に使用し、\
         古い証明書は署名に使用されなくなってから削除したため、サインインは中断していません。{certificate}";
    certificate(thumbprint, expires) = "\n\nThumbprint: {thumbprint}\nExpires: {expires}",
        "\n\n拇印: {thumbprint}\n有効期限: {expires}";
    next_certificate() = "No action is needed. The next certificate is created in time.",
        "作業は必要ありません。次の証明書も、有効期限の前に自動的に作成されます。";
    rotation_blocked_title(name) = "Amazon Connect {name}: the signing certificate needs your attention",
        "Amazon Connect {name}: 署名証明書の更新に手動での対応が必要です";
    rotation_blocked(name, detail, certificate) = "The SAML signing certificate of {name} could not be replaced completely. Sign-in \
         still works until the certificate expires.\n\nReason: {detail}{certificate}",
        "{name} の SAML 署名証明書を更新できなかったか、更新が途中で停止しました。証明書の有効期限までは、\
         引き続きサインインできます。\n\n理由: {detail}{certificate}";
    fix_the_reason() = "Fix the problem that the reason describes. If a permission is missing because the setup identity was removed, \
         create the setup identity again, and keep it until the rotation has finished.",
        "「理由」に記載された対応を行ってください。setup アイデンティティを削除したためにアクセス許可が不足している場合は、\
         再作成し、更新が完了するまで保持してください。";
    continue_the_rotation() = "Then continue the rotation, or wait for tomorrow's run:",
        "対応後に、中断したところから再開する (翌日の定期実行を待つこともできます):";
}

// Texts about drift.
texts! {
    drift_reverted_title(alias) = "Amazon Connect {alias}: manual changes were reverted",
        "Amazon Connect {alias}: 手動で変更された設定を元に戻しました";
    drift_security_title(alias) = "Amazon Connect {alias}: SECURITY settings were changed manually",
        "Amazon Connect {alias}: セキュリティに関わる設定が手動で変更されています";
    drift_title(alias) = "Amazon Connect {alias}: settings were changed manually",
        "Amazon Connect {alias}: 設定が手動で変更されています";
    drift(alias, count) = "{count} settings of Amazon Connect {alias} differ from the last onboarding.",
        "Amazon Connect {alias} の {count} 件の設定が、最後に実行したオンボーディングの設定と異なります。";
    drift_security() = " Some of these settings control who can sign in: check these settings first.",
        "サインインできるユーザーに影響する設定が含まれています。この設定を優先して確認してください。";
    drift_finding(place, security, reverted, expected, found) =
        "\n- {place} ({security}{reverted})\n  expected: {expected}\n  found: {found}",
        "\n- {place} ({security}{reverted})\n  期待値: {expected}\n  実際の値: {found}";
    security() = "SECURITY, ", "セキュリティ、";
    reverted() = "reverted", "元に戻しました";
    not_reverted() = "not reverted", "元に戻していません";
    drift_advice(advice) = "\n  action: {advice}", "\n  対処方法: {advice}";
    find_the_author() = "Find out who made the changes and why (AWS CloudTrail, Entra audit log).",
        "変更したユーザーと変更の理由を確認してください (AWS CloudTrail、Entra の監査ログ)。";
    keep_or_revert() = "If a change is intended, add it to onboarding.json and start the onboarding. If not, start the \
         onboarding with the same input to revert changes to its resources, and revert all other changes manually.",
        "意図した変更の場合は、onboarding.json に反映してからオンボーディングを開始してください。\
         意図しない変更の場合は、入力を変更せずにオンボーディングを開始すると、\
         オンボーディングで作成したリソースの設定が元に戻ります。元に戻らない設定は、手動で修正してください。";
    see_all_findings() = "To see all findings:", "すべての検出結果を確認する:";
}

// Texts about teardowns and failed executions.
texts! {
    teardown_title(alias) = "Amazon Connect {alias}: teardown finished",
        "Amazon Connect {alias}: オンボーディングを削除しました";
    teardown(alias) = "The resources of the onboarding of Amazon Connect {alias} were removed according to the approved plan:",
        "承認された計画に従って、Amazon Connect {alias} のオンボーディングで作成したリソースを削除しました。";
    remaining_items(count) = "\n\nRemaining items: {count}", "\n\n残っているリソース: {count} 件";
    users_can_not_sign_in() = "Users can no longer sign in. To see the complete list:",
        "今後は、どのユーザーもサインインできません。すべての項目を確認する:";
    failed() = "failed", "が失敗しました";
    timed_out() = "timed out", "がタイムアウトしました";
    aborted() = "was aborted", "が中止されました";
    execution_failed_title(machine, ended) = "Connect Onboarding: {machine} {ended}",
        "Connect Onboarding: {machine} の実行{ended}";
    execution_failed(execution, machine, ended, reason) =
        "The execution {execution} of {machine} {ended}. Finished work is kept.{reason}",
        "{machine} の実行 {execution} {ended}。すでに完了した設定は維持されています。{reason}";
    check_the_history() = "Check in the execution history which state failed. You can safely start the same input again: the \
         new execution continues where this execution stopped, and finished work is not repeated.",
        "実行履歴で、失敗したステートを確認してください。同じ入力で安全に再実行できます。\
         中断したところから再開し、完了した処理が繰り返されることはありません。";
    see_the_error() = "To see the error:", "詳細を確認する:";
}

// Texts about phone number orders and Support cases.
texts! {
    phone_numbers() = "phone numbers", "電話番号";
    outbound_calls() = "outbound calls to Japanese mobiles", "日本の携帯電話への発信";
    // For Tokyo phone numbers (03), AWS first checks whether the proof of address shows an address in Tokyo. Many
    // orders fail this check.
    tokyo_address() = "\nThe order includes 03 numbers: the proof of address must show an address in Tokyo.",
        "\n03 番号を申請するため、住所の証明書類には東京都内の住所が記載されている必要があります。";
    case_filed(topic, case, reminder) = "{topic}: case {case} was filed with AWS Support. It usually takes two to six weeks; the \
         workflow waits.{reminder}",
        "{topic}: AWS サポートにケース {case} を作成しました。完了までに、通常は 2~6 週間かかります。\
         ワークフローは、結果が出るまで待機します。{reminder}";
    reply_requested(topic, case, message) = "{topic}: AWS Support is waiting for your reply to case {case}. Reply in Support \
         Center.\n\n{message}",
        "{topic}: AWS サポートがケース {case} への返信を待っています。サポートセンターで返信してください。\n\n{message}";
    file_manually(topic, reminder, text) = "{topic}: file this case manually (the account can't use the Support API, or telephony.order \
         is \"manual\"). Open the link, paste the subject and text, and attach the documents that the text lists. Do not \
         change the part of the subject in [ ]. If Support Center already has a case with the same [ ], do not file another \
         one. The workflow waits for the result.{reminder}\n\n{text}",
        "{topic}: このケースを手動で作成してください (AWS Support API を利用できないか、\
         telephony.order が manual に設定されています)。次のリンクを開き、件名と本文を貼り付け、\
         記載された書類を添付してください。件名の [ ] 内は変更しないでください。\
         [ ] 内の識別子が同じケースがすでにサポートセンターにある場合は、新しいケースを作成しないでください。\
         ワークフローは、結果が出るまで待機します。{reminder}\n\n{text}";
    documents_rejected(topic, reminder, problems) = "{topic}: nothing was ordered, because there is a problem with the documents. \
         Correct the documents, then start the same input again.{reminder}\n\n{problems}",
        "{topic}: 書類に問題があるため、申請していません。書類を修正し、同じ入力で再実行してください。{reminder}\n\n{problems}";
    case_unreadable(topic, case) = "{topic}: case {case} was filed, but the workflow can't read the case. Possibly the \
         account can no longer use the Support API. Follow the case in Support Center and reply to AWS there. Do not file \
         another case.",
        "{topic}: ケース {case} は作成済みですが、\
         ワークフローはケースの状態を取得できません。\
         このアカウントで AWS Support API を利用できなくなった可能性があります。サポートセンターでケースを確認し、\
         AWS からの質問に返信してください。新しいケースは作成しないでください。";
    case_closed(topic, case, message) = "{topic}: case {case} is closed, but the request was not fulfilled.\n\n{message}",
        "{topic}: ケース {case} はクローズされましたが、申請した内容が反映されていません。\n\n{message}";
}
