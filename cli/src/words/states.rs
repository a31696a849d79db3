//! Messages about executions and their states.

use aws_sdk_sfn::types::ExecutionStatus;

use super::{Lang, Words, catalogue};

catalogue! {
    already_existed() = "already existed", "既存";
    ctrl_c_stops_local_cloud() = "Ctrl-C stops the local cloud and this run.", "Ctrl-C を押すと、ローカルクラウドとこの実行を停止します。";
    ctrl_c_stops_watching() = "Ctrl-C stops watching; the execution continues.", "Ctrl-C を押すと表示を終了します (実行は継続します)。";
    hidden_lines(count) = "{count} lines are hidden. ", "{count} 行を非表示にしています。";
    if_needed() = "if needed", "必要な場合のみ";
    polls(count) = "{count} polls", "確認 {count} 回";
    next_poll(time) = "next poll in {time}", "次の確認まで {time}";
    retrying(error, count) = "{error}, retrying ({count})", "{error} のため再試行中 ({count} 回目)";
    entry_changed() = "the registry entry has changed meanwhile, which is handled", "レジストリの項目が更新されていたため、別の経路で続行";
    stopped() = "stopped when the execution ended", "実行の終了により停止";
    caught(error) = "{error}; the execution continues", "{error} (実行を継続)";
    per_second(rate) = "{rate}/s", "{rate} 人/秒";
    time_left(time) = "{time} left", "残り {time}";
    failed_users(count) = "{count} failed", "失敗 {count} 人";
    continues(name) = "{name} continues in the cloud. To watch it again:", "{name} の実行はクラウドで継続しています。表示を再開するには:";
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

    /// What a state waits for, if it is a state that waits.
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
            "AskApproval" => {
                self.choose("the plan waits for approval: onboard approve", "計画の承認が必要です: onboard approve")
            }
            _ => return None,
        })
    }
}
