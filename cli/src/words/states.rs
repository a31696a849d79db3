//! Messages about executions and their states.

use aws_sdk_sfn::types::ExecutionStatus;

use super::{Lang, Words, catalog};

catalog! {
    already_existed() = "already existed", "既存";
    ctrl_c_stops_local_cloud() = "Ctrl-C stops the local cloud and this run.", "Ctrl-C を押すと、ローカルクラウドとこの実行を停止します。";
    ctrl_c_stops_watching() = "Ctrl-C stops watching; the execution continues.", "Ctrl-C を押すと表示を終了します (実行は継続します)。";
    hidden_lines(count) = "{count} lines are hidden. ", "{count} 行を非表示にしています。";
    if_needed() = "if needed", "必要な場合のみ";
    polls(count) = "{count} polls", "確認 {count} 回";
    next_poll(time) = "next poll in {time}", "次の確認まで {time}";
    retrying(error, count) = "{error}, retrying ({count})", "{error} のため再試行中 ({count} 回目)";
    entry_changed() = "the registry entry has changed; the execution continues with another state", "レジストリのエントリが更新されていたため、別のステートで続行";
    stopped() = "stopped when the execution ended", "実行の終了により停止";
    caught(error) = "{error}; the execution continues", "{error} (実行を継続)";
    per_second(rate) = "{rate}/s", "{rate} 人/秒";
    time_left(time) = "{time} left", "残り {time}";
    failed_users(count) = "{count} failed", "失敗 {count} 人";
    not_running(name, status) = "{name} is not running; its status is {status}.", "{name} は実行中ではありません (ステータス: {status})。";
    stop_question(name) = "Stop the execution {name}? [y/N]", "実行 {name} を停止しますか? [y/N]";
    confirm_stop(name) = "To stop the execution: `onboard stop {name} --confirm {name}`", "停止するには、`onboard stop {name} --confirm {name}` を実行してください。";
    stopping(name) = "stopping the execution {name}", "実行 {name} の停止";
    execution_stopped(name) = "{name} is stopped.", "{name} を停止しました。";
    requests_stay_open() = "AWS is still processing these requests. To withdraw a request, close its case in AWS Support:", "次のリクエストは、引き続き AWS で処理されます。取り下げるには、AWS サポートでケースを解決済みにしてください:";
    open_quota(name, value, id) = "quota increase: {name} to {value} (request {id})", "クォータ {name} の {value} への引き上げ (リクエスト {id})";
    open_claim(number) = "phone number: {number}", "電話番号: {number}";
    open_case(case) = "AWS Support case: {case}", "AWS サポートのケース: {case}";
    resources_stay(alias) = "The resources that the execution created are kept. To continue, start the same input again: `onboard start`\nTo remove the resources: `onboard teardown {alias}`",
        "作成されたリソースは削除されません。続行するには、同じ入力で `onboard start` を実行してください。\n削除するには、`onboard teardown {alias}` を実行してください。";
    reading_logs() = "reading the log of the functions", "関数のログの読み取り";
    no_log_lines(name) = "The functions logged nothing during {name}, or the log has expired.", "{name} のログはありません。関数がログを出力していないか、ログの保持期間が終了しています。";
    no_such_state(state) = "No state named {state} invokes a function in this execution.", "この実行には、関数を呼び出すステート {state} はありません。";
    list_states(name) = "List the states: `onboard status {name}`", "`onboard status {name}` でステートを確認してください。";
    no_such_page() = "This onboarding has no such page: a local cloud has no console, and the pages are not available in all AWS partitions.", "このオンボーディングには、指定したページがありません。ローカルクラウドにはコンソールがなく、一部のパーティションではこの URL を使用できません。";
    choose_another_page() = "Specify another page with --page.", "--page で別のページを指定してください。";
    no_browser() = "No browser could be started. Open the URL manually.", "ブラウザを起動できません。上記の URL を開いてください。";
    continues(name) = "{name} continues in the cloud. To watch it again: `onboard watch {name}`", "{name} の実行はクラウドで継続しています。表示を再開するには、`onboard watch {name}` を実行してください。";
}

impl Words {
    /// The name of an execution status.
    pub(crate) fn status(self, status: &ExecutionStatus) -> String {
        let ja = match status {
            ExecutionStatus::Running => "実行中",
            ExecutionStatus::Succeeded => "成功",
            ExecutionStatus::Failed => "失敗",
            ExecutionStatus::TimedOut => "タイムアウト",
            ExecutionStatus::Aborted => "中止",
            ExecutionStatus::PendingRedrive => "再開待ち",
            other => return other.as_str().to_owned(),
        };
        match self.0 {
            Lang::En => status.as_str().to_owned(),
            Lang::Ja => ja.to_owned(),
        }
    }

    /// The text that explains what a `Wait` state waits for. `None` if there is no such text.
    pub(crate) fn reason(self, state: &str) -> Option<&'static str> {
        Some(match state {
            "WaitForInstanceQuota" | "WaitForQuotas" => self
                .choose("AWS is reviewing the quota increase", "クォータの引き上げリクエストを AWS が審査しています"),
            "WaitForInstance" => {
                self.choose("Connect is creating the instance", "Connect がインスタンスを作成しています")
            }
            "WaitForNumbers" => self.choose(
                "phone numbers are provided after days or weeks",
                "電話番号の提供を待っています (数日から数週間)",
            ),
            "WaitForEntraApplication" => self
                .choose("Entra is replicating the new application", "Entra が新しいアプリケーションを複製しています"),
            "WaitForAlias" => self.choose(
                "another execution is using the same alias",
                "同じエイリアスを処理しているほかの実行が終わるのを待っています",
            ),
            "WaitForLease" => self.choose(
                "another sync of the instance is running",
                "同じインスタンスの別の同期が終わるのを待っています",
            ),
            "WaitForInvocations" | "WaitForNumbersLock" => self.choose(
                "a finished execution may still have requests in progress",
                "終了した実行のリクエストがすべて完了するのを待っています",
            ),
            _ => return None,
        })
    }
}
