//! Messages that several commands use.

use onboarding_core::sync::{GuardedAction, Setting};

use super::{Words, catalog};

catalog! {
    started(name) = "Started {name}.", "{name} を開始しました。";
    follow_with(name) = "Follow the execution: `onboard watch {name}`", "進行状況は `onboard watch {name}` で確認できます。";
    already_running(alias, name) = "An onboarding of {alias} is already running: {name}. Nothing was started.",
        "{alias} のオンボーディングはすでに実行中です: {name}。新しい実行は開始されていません。";
    watch_or_again(name) = "Follow this onboarding with `onboard watch {name}`, or use --again to start another onboarding.",
        "`onboard watch {name}` で進行状況を確認してください。実行中でも新たに開始する場合は、--again を指定してください。";
    uploading_a_document() = "uploading a document", "書類のアップロード";
    uploaded(count) = "Documents uploaded: {count}", "書類を {count} 件アップロードしました。";
    document_unreadable(kind, error) = "documents.{kind}: the file can't be read: {error}", "documents.{kind}: ファイルを読み取れません: {error}";
    specify_another_file() = "Specify another file.", "別のファイルを指定してください。";
    specify_another_document() = "Specify another file. Nothing was started.", "別のファイルを指定してください。処理は開始されていません。";
    not_a_report(error) = "the report does not have the format of this release: {error}", "このリリースが対応する形式のレポートではありません: {error}";
    read_it_as_json() = "Print the report without --html, or save the report as JSON with --output FILE.", "--html を指定せずに表示するか、--output FILE を指定して JSON 形式で保存してください。";
    not_written(file, error) = "{file} could not be written: {error}", "{file} に書き込めませんでした: {error}";
    no_report_yet(name) = "{name} is still running and has no report yet.", "{name} は実行中のため、レポートはまだありません。";
    earlier_report(newest, name) = "{newest} has no report. Latest report: {name}", "{newest} にはレポートがありません。最新のレポート: {name}";
    instances() = "Onboarded instances", "オンボーディング済みのインスタンス";
    executions() = "Executions", "実行";
    none() = "none", "なし";
    never_synced() = "never synchronized", "未同期";
    synced_ago(time) = "synchronized {time} ago", "最終同期: {time} 前";
    waits_for_approval(alias, digest) = "Changes to users wait for approval: `onboard approve {alias} --digest {digest}`",
        "承認待ちのユーザーの変更があります: `onboard approve {alias} --digest {digest}`";
    last_sync_failed(why) = "The last sync failed: {why}", "前回の同期が失敗しました: {why}";
    sync_done() = "The Connect users match the groups.", "Connect のユーザーはグループと一致しています。";
    sync_planned(digest) = "Plan only; nothing was changed. Digest: {digest}", "計画だけを作成しました (何も変更していません)。ダイジェスト: {digest}";
    sync_busy() = "Another sync of the instance is running; it will make one more pass.", "同じインスタンスの別の同期が実行中です。実行中の同期の完了後に、もう一度同期が行われます。";
    sync_not_approved() = "The plan was not approved; nothing was changed.", "計画は承認されませんでした。何も変更していません。";
    part_waits(alias, digest) = "Changes to users of {alias} wait for approval; all other changes were applied. Digest: {digest}",
        "{alias} のユーザーの変更の一部が承認待ちです。それ以外の変更は適用しました。ダイジェスト: {digest}";
    approved_by(actions, operator, at) = "approved changes: {actions}, approved by {operator} at {at}",
        "承認済みの変更 {actions} 件 (承認者: {operator}、承認日時: {at})";
    rejected_by(operator) = "Rejected by {operator}.", "{operator} が拒否しました。";
    waiting_users(actions) = "Changes that wait for approval: {actions}. First users:", "承認待ちの変更 {actions} 件 (先頭のユーザーのみ表示):";
    added_users(count) = "Users added since the previous request: {count}. First users:", "前回のリクエストの後に追加されたユーザー {count} 人 (先頭のユーザーのみ表示):";
    planned_counts(create, adopt, update, removals, managed) = "creates {create} · adopts {adopt} · updates {update} · {removals} · managed users: {managed}",
        "作成 {create} · 管理対象に追加 {adopt} · 更新 {update} · {removals} · 管理対象 {managed} 人";
    planned_removals(mark, delete, strip, sign_out) = "schedules for deletion {mark} · deletes {delete} · removes all rights {strip} · signs out {sign_out}",
        "削除予定 {mark} · 削除 {delete} · 権限の削除 {strip} · サインアウト {sign_out}";
    done_counts(created, adopted, updated, removals, failed) = "created {created} · adopted {adopted} · updated {updated} · {removals} · failed {failed}",
        "作成 {created} · 管理対象に追加 {adopted} · 更新 {updated} · {removals} · 失敗 {failed}";
    done_removals(marked, removed, stripped, signed_out) = "scheduled for deletion {marked} · deleted {removed} · without rights {stripped} · signed out {signed_out}",
        "削除予定 {marked} · 削除 {removed} · 権限の削除 {stripped} · サインアウト {signed_out}";
    quick_connects_planned(count) = "quick connects of deleted users to delete or to transfer: {count}",
        "削除または転送先の変更を行うクイック接続 (削除するユーザーへの転送用): {count}";
    quick_connects_done(deleted, transferred) = "quick connects of deleted users: deleted {deleted} · transferred {transferred}",
        "クイック接続 (削除したユーザーへの転送用): 削除 {deleted} · 転送先の変更 {transferred}";
    approval_reasons() = "Reasons for the approval:", "承認が必要な理由:";
    planned_users() = "First users to create, adopt or change, with the group that each value comes from:",
        "作成、管理対象への追加、または変更の対象となるユーザーと、各設定値の取得元のグループ (先頭のユーザーのみ表示):";
    value_from(setting, value, groups) = "{setting}: {value} (from {groups})", "{setting}: {value} (グループ {groups})";
    removed_users() = "First users to be removed:", "削除されるユーザー (先頭のユーザーのみ表示):";
    failed_list() = "Failed:", "失敗:";
    skipped_list() = "Members that can't become users:", "Connect ユーザーを作成できないメンバー:";
    findings_list() = "Findings:", "検出結果:";
    approve_or_reject(alias, digest) = "`onboard approve {alias} --digest {digest}`   or   `onboard reject {alias}`",
        "`onboard approve {alias} --digest {digest}`   または   `onboard reject {alias}`";
}

impl Words {
    /// The text for a setting that users get from their groups.
    pub(crate) const fn setting(self, setting: Setting) -> &'static str {
        match setting {
            Setting::SecurityProfiles => self.choose("security profile", "セキュリティプロファイル"),
            Setting::RoutingProfile => self.choose("routing profile", "ルーティングプロファイル"),
            Setting::HierarchyGroup => self.choose("hierarchy group", "階層グループ"),
            Setting::AutoAccept => self.choose("auto-accept", "自動応答"),
            Setting::AfterContactWorkSeconds => {
                self.choose("seconds of after-contact work", "アフターコンタクトワーク (ACW) の秒数")
            }
            Setting::PersistentConnection => self.choose("persistent connection", "永続的接続"),
            Setting::VoiceEnhancement => self.choose("voice enhancement", "音声強調"),
            Setting::Proficiencies => self.choose("proficiency", "習熟度"),
        }
    }

    /// The text for an action that needs an operator's approval.
    pub(crate) const fn guarded_action(self, action: GuardedAction) -> &'static str {
        match action {
            GuardedAction::Delete => self.choose("delete", "削除"),
            GuardedAction::ScheduleDeletion => self.choose("schedule for deletion", "削除予定"),
            GuardedAction::Strip => self.choose("remove all rights", "権限の削除"),
            GuardedAction::EndSessions => self.choose("sign out", "サインアウト"),
            GuardedAction::LoseProfile => self.choose("remove security profiles", "セキュリティプロファイルの削除"),
            GuardedAction::Adopt => self.choose("adopt", "管理対象に追加"),
        }
    }
}
