//! The costs of an idle month in `docs/costs.md`. Every count is computed from the template, the state machine and the
//! code, so that the tables are always up to date. To update the tables: `UPDATE_DOCS=1 cargo test --workspace --test
//! product contract::costs`.

use std::{env, fs};

use connect_onboarding::runtime::metrics::Metric;
use serde_json::{Value, json};

use super::{machines, read, resources_of_type, root, states, template};

const MINUTES: u32 = 30 * 24 * 60;
/// The states that a user sync enters if it finds no difference.
const IDLE_SYNC: [&str; 7] =
    ["Start", "ApplyOrPlan", "AcquireLease", "SyncUsers", "SyncOutcome", "ReleaseLease", "Done"];
/// The metrics that get a value every hour. All other metrics get one value a day. CloudWatch charges a metric only for
/// the hours in which it gets a value.
const HOURLY: [Metric; 10] = [
    Metric::UsersCreated,
    Metric::UsersUpdated,
    Metric::UsersRemoved,
    Metric::UsersFailed,
    Metric::UsersSkipped,
    Metric::SyncDuration,
    Metric::SyncCalls,
    Metric::SyncThrottles,
    Metric::UnsafePlans,
    Metric::SecondsSinceSync,
];

/// A row of the table: description, count, and price per unit in US dollars.
struct Line {
    en: String,
    ja: String,
    count: f64,
    price: f64,
}

fn line(en: impl Into<String>, ja: impl Into<String>, count: impl Into<f64>, price: f64) -> Line {
    Line { en: en.into(), ja: ja.into(), count: count.into(), price }
}

fn number_of(template: &Value, kind: &str) -> u32 {
    u32::try_from(resources_of_type(template, kind).len()).unwrap()
}

/// The number of times that a schedule such as `rate(15 minutes)` runs in a month. If a parameter of the template sets
/// the schedule, the default value of the parameter is used.
fn times(template: &Value, expression: &Value) -> u32 {
    let name = expression["!Ref"].as_str();
    let expression = name.map_or(expression, |name| &template["Parameters"][name]["Default"]).as_str().unwrap();
    let rate = expression.strip_prefix("rate(").and_then(|rest| rest.strip_suffix(')'));
    let (number, unit) = rate.and_then(|rate| rate.split_once(' ')).expect("a rate(…)");
    let minutes = match unit.trim_end_matches('s') {
        "minute" => 1,
        "hour" => 60,
        "day" => 24 * 60,
        other => panic!("{other} is not a unit of a schedule"),
    };
    MINUTES / (number.parse::<u32>().unwrap() * minutes)
}

/// The number of times that each schedule runs in a month, by the name of its target function or state machine.
fn schedules(template: &Value) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    for kind in ["AWS::Serverless::Function", "AWS::Serverless::StateMachine"] {
        for (name, resource) in resources_of_type(template, kind) {
            let events = resource["Properties"]["Events"].as_object().into_iter().flatten();
            for (_, event) in events.filter(|(_, event)| event["Type"] == "ScheduleV2") {
                found.push((name.clone(), times(template, &event["Properties"]["ScheduleExpression"])));
            }
        }
    }
    found
}

fn memory_gb(template: &Value, function: &str) -> f64 {
    let own = &template["Resources"][function]["Properties"]["MemorySize"];
    let memory = own.as_f64().or_else(|| template["Globals"]["Function"]["MemorySize"].as_f64()).unwrap();
    memory / 1024.0
}

fn lines() -> Vec<Line> {
    let template = template();
    let schedules = schedules(&template);
    let syncs = schedules.iter().find(|(name, _)| name == "SyncMembersFunction").expect("the schedule of the sync").1;
    let others: u32 = schedules.iter().map(|(_, times)| times).sum::<u32>() - syncs;
    let hourly = u32::try_from(HOURLY.len()).unwrap();
    let daily = u32::try_from(Metric::ALL.len()).unwrap() - hourly;
    let transitions = u32::try_from(IDLE_SYNC.len()).unwrap();
    let secrets = number_of(&template, "AWS::SecretsManager::Secret");
    let seconds = f64::from(syncs)
        * (0.5 * memory_gb(&template, "SyncMembersFunction") + 2.0 * memory_gb(&template, "SyncUsersFunction"));
    let mut lines = vec![
        line("KMS key", "KMS キー", number_of(&template, "AWS::KMS::Key"), 1.0),
        line(
            "Secrets: one of the stack, and one for Microsoft Graph",
            "シークレット: スタック用と Microsoft Graph 用",
            secrets + 1,
            0.4,
        ),
        line(
            format!("Metrics with a value every hour: {hourly} metrics, each for the stack and for the instance"),
            format!("1 時間ごとに値が記録されるメトリクス: {hourly} 種類 (スタック全体とインスタンスごと)"),
            hourly * 2,
            0.3,
        ),
        line(
            format!(
                "Metrics with one value a day: {daily} metrics, each for the stack and for the instance, at a 24th of the price"
            ),
            format!(
                "1 日に 1 回値が記録されるメトリクス: {daily} 種類 (スタック全体とインスタンスごと。料金は 24 分の 1)"
            ),
            daily * 2,
            0.0125,
        ),
        line("Alarms", "アラーム", number_of(&template, "AWS::CloudWatch::Alarm"), 0.1),
        line("Dashboard", "ダッシュボード", number_of(&template, "AWS::CloudWatch::Dashboard"), 3.0),
        line(
            format!("State transitions: {syncs} syncs with {transitions} transitions each"),
            format!("状態遷移: 同期 {syncs} 回 × {transitions} 回"),
            syncs * transitions,
            0.000_025,
        ),
        line(
            format!("Lambda requests: two for each sync, and {others} for other schedules"),
            format!("Lambda リクエスト: 同期ごとに 2 回、およびその他のスケジュール {others} 回"),
            syncs * 2 + others,
            0.000_000_2,
        ),
        line(
            "Lambda GB-seconds: 0.5 seconds to start a sync, 2 seconds for a sync without changes",
            "Lambda の実行時間 (GB 秒): 同期の開始 0.5 秒、変更がないことの確認 2 秒",
            seconds.round(),
            0.000_016_666_7,
        ),
    ];
    lines.extend(requests(syncs, others));
    lines
}

/// The table rows for the requests that the functions cause.
fn requests(syncs: u32, others: u32) -> Vec<Line> {
    vec![
        line(
            "SQS requests: Lambda polls the event queue five times every 20 seconds",
            "SQS リクエスト: Lambda による通知キューのポーリング (20 秒ごとに 5 回)",
            MINUTES * 3 * 5,
            0.000_000_4,
        ),
        line(
            "DynamoDB writes: acquisition, renewal and release of the lease",
            "DynamoDB の書き込み: リースの取得、更新、解放",
            syncs * 3,
            0.000_000_715,
        ),
        line(
            "DynamoDB reads: three items of the registry for each sync",
            "DynamoDB の読み取り: 同期ごとにレジストリの 3 項目",
            syncs * 3,
            0.000_000_142_5,
        ),
        line("Reads of secrets: one for each sync", "シークレットの読み取り: 同期ごとに 1 回", syncs, 0.000_005),
        line("KMS requests: four for each sync", "KMS リクエスト: 同期ごとに 4 回", syncs * 4, 0.000_003),
        line("X-Ray traces", "X-Ray のトレース", syncs + others, 0.000_005),
        line("GB of logs: 6 kB for each sync", "ログの量 (GB): 同期ごとに 6 kB", f64::from(syncs) * 6e-6, 0.76),
        line("Scheduler invocations", "Scheduler の呼び出し", syncs + others, 0.000_001_25),
    ]
}

/// Formats a number without trailing zeros.
fn plain(number: f64) -> String {
    let text = format!("{number:.10}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn table(lines: &[Line], japanese: bool) -> String {
    let mut text = String::from(if japanese {
        "| 項目 | 数量 | 単価 (US$) | US$ |\n|---|---|---|---|\n"
    } else {
        "| What | Count | US$ each | US$ |\n|---|---|---|---|\n"
    });
    let mut sum = 0.0;
    for Line { en, ja, count, price } in lines {
        sum += count * price;
        let what = if japanese { ja } else { en };
        text.push_str(&format!(
            "| {what} | {} | {} | {:.2} |\n",
            plain((count * 1000.0).round() / 1000.0),
            plain(*price),
            count * price
        ));
    }
    let total = if japanese { "合計" } else { "Sum" };
    text + &format!("| **{total}** | | | **{sum:.2}** |\n")
}

#[test]
fn the_costs_of_an_idle_month_are_computed_from_the_template() {
    let lines = lines();
    for (file, japanese) in [("docs/costs.md", false), ("docs/ja/costs.md", true)] {
        let text = read(file);
        let (head, rest) = text.split_once("<!-- computed -->\n").expect("the start marker of the table");
        let (_, tail) = rest.split_once("<!-- /computed -->").expect("the end marker of the table");
        let wanted = format!("{head}<!-- computed -->\n{}<!-- /computed -->{tail}", table(&lines, japanese));
        if env::var_os("UPDATE_DOCS").is_some() {
            fs::write(root().join(file), &wanted).unwrap();
        } else {
            assert!(
                text == wanted,
                "{file} is stale: UPDATE_DOCS=1 cargo test --workspace --test product contract::costs"
            );
        }
    }
}

#[test]
fn an_idle_sync_is_a_path_through_its_state_machine() {
    let states = states(&machines()["user-sync.asl.json"]);
    for pair in IDLE_SYNC.windows(2) {
        let leads = |state: &Value| {
            let choices = state["Choices"].as_array().into_iter().flatten().map(|choice| &choice["Next"]);
            [&state["Next"], &state["Default"]].into_iter().chain(choices).any(|next| *next == pair[1])
        };
        assert!(leads(&states[pair[0]]), "{} does not lead to {}", pair[0], pair[1]);
    }
    assert_eq!(states[IDLE_SYNC[6]]["End"], json!(true));
}
