//! The Japanese help and argument errors of the command line. The English help is in [`crate::args`]; the tables here
//! map command and argument names to the Japanese text.

use clap::{
    Arg, Command,
    error::{ContextKind, ContextValue, ErrorKind},
};

/// Headings of option groups in English and Japanese.
const HEADINGS: [(&str, &str); 1] = [("Where", "対象")];

/// Text after the help of a command, if it contains more than commands.
const AFTER: [(&str, &str); 7] = [
    (
        "onboard",
        "最初の手順:
  onboard local                       この PC でオンボーディング全体を実行 (アカウント不要、費用なし)
  onboard init                        いくつかの質問に答えて onboarding.json を作成
  onboard plan && onboard start       何が行われるかを確認し、AWS で開始

終了コード:
  0  完了
  1  失敗 (ワークフローまたは確認)。ステート、エラー、対処方法を表示
  2  入力または引数を使えない。何も開始していない
  3  ローカルクラウドを開始できない、または見つからない
  4  AWS を使えない (認証情報、スタック、権限がない、または応答がない)
  5  人の判断か確認が必要 (承認待ちの計画、実行中のオンボーディング、差異の検出)
  130  中断。クラウドでの実行は続く",
    ),
    (
        "watch",
        "例:\n  onboard watch                 最新のオンボーディング\n  onboard watch acme-support    このインスタンスの最新の実行",
    ),
    ("sync", "例:\n  onboard sync acme-support --wait\n  onboard sync acme-support --plan    何も変更しない"),
    ("replay", "例:\n  onboard replay --count    件数だけを表示\n  onboard replay"),
    (
        "entra-setup",
        "例:\n  onboard entra-setup                       確認して実行するスクリプトを表示\n  onboard entra-setup --run                 実行する (サインイン済みの az と aws が必要)\n  onboard entra-setup --remove setup        次のオンボーディングまで広い権限を外す",
    ),
    ("local", "例:\n  onboard local --input onboarding.json\n  onboard local --keep    続けて: onboard list --local"),
    (
        "init",
        "例:\n  onboard init\n  onboard init --alias acme-support --group \"サポート担当\" --security-profile Agent --language ja",
    ),
];

/// Command names and their descriptions.
const COMMANDS: [(&str, &str); 21] = [
    ("onboard", "Microsoft Entra ID でシングルサインオンする Amazon Connect を、1 つのコマンドで。"),
    ("init", "onboarding.json を作成 (質問に答えるか、オプションで指定)"),
    ("check", "onboarding.json を確認。すべての誤りを一度に表示し、クラウドには接続しない"),
    (
        "doctor",
        "必要なものを確認: アカウント、リージョン、クォータ、サポートプラン、スタック、メール、アラーム、Entra の同意",
    ),
    ("plan", "オンボーディングで作成・採用・変更するものと、そのままにするものを表示。何も変更しない"),
    ("start", "オンボーディングを開始"),
    ("watch", "実行の経過を表示。Ctrl-C で表示だけを終了し、実行は続く"),
    ("status", "実行の現在の状態を一度だけ表示"),
    ("list", "実行と、オンボーディング済みインスタンスの一覧"),
    ("report", "オンボーディングのレポートを表示 (最後に失敗したものも含む)"),
    ("sync", "Connect のユーザーを Entra のグループと今すぐ同期"),
    ("approve", "承認待ちのユーザー同期の計画を承認。その計画だけが適用される"),
    ("reject", "承認待ちのユーザー同期の計画を拒否。何も変更しない"),
    ("replay", "処理できなかったイベントを再実行"),
    ("rotate-certificate", "期限の近い SAML 署名証明書を交換"),
    ("drift", "設定した内容と現在の状態を比較"),
    (
        "live-check",
        "ローカルクラウドの前提がご利用のアカウントとテナントで正しいかどうかを確認する。作成したリソースは削除する",
    ),
    ("teardown", "オンボーディングを取り消す。削除されるものを表示し、--apply とエイリアスの入力があるときだけ削除"),
    ("entra-setup", "スタックを Entra に登録するために管理者が一度だけ行う作業を、表示または実行"),
    ("local", "この PC のローカルクラウドでオンボーディング全体を実行 (アカウント、ネットワーク、費用は不要)"),
    ("schema", "エディター用に onboarding.json の JSON Schema を表示"),
];
const COMPLETION: &str = "シェルの補完スクリプトを表示";
const HELP: &str = "このメッセージ、または指定したコマンドのヘルプを表示";

/// Argument ids and their help. The id is prefixed with the command if arguments of the same id have different
/// meanings.
const ARGUMENTS: [(&str, &str); 63] = [
    ("help", "ヘルプを表示"),
    ("version", "バージョンを表示"),
    ("json", "結果を JSON で標準出力に表示。人が読むメッセージは標準エラー出力へ"),
    ("lang", "メッセージの言語 [既定値: LC_ALL、LC_MESSAGES、LANG の設定]"),
    ("shell", "シェル"),
    ("subcommand", "コマンド"),
    ("check.file", "確認するファイル"),
    ("init.file", "作成するファイル"),
    ("alias", "インスタンスの URL の先頭部分 (例: acme-support)"),
    ("group", "メンバーをユーザーにする Entra グループ (表示名またはオブジェクト ID)。複数回指定可"),
    ("security_profile", "グループのメンバーの Connect セキュリティプロファイル。複数回指定可 [既定値: Agent]"),
    ("phone_number", "取得する電話番号。国:種別 または 国:種別:先頭番号 (例: JP:DID:+813)。複数回指定可"),
    ("concurrent_calls", "同時通話数"),
    ("language", "通知とレポートの言語"),
    ("init.force", "既存のファイルを置き換える"),
    ("doctor.file", "Entra の同意とグループの確認に使う onboarding.json [既定値: あれば onboarding.json]"),
    ("file", "onboarding.json"),
    ("local", "onboard local --keep で動いているローカルクラウドを使う"),
    ("profile", "AWS の設定のプロファイル"),
    ("live-check.group", "しばらくの間アプリケーションに割り当てる Entra テナントのグループ (メンバーは変更しない)"),
    ("live-check.region", "作成するインスタンスの AWS リージョン"),
    ("on.region", "スタックの AWS リージョン"),
    ("on.stack", "CloudFormation スタックの名前"),
    (
        "documents",
        "番号の申請書類をアップロード: identity=ファイル、address=ファイル、relationship=ファイル。複数回指定可",
    ),
    ("start.again", "同じインスタンスのオンボーディングが実行中でも開始する"),
    ("watch", "経過を表示"),
    ("report.execution", "実行の名前か ARN、またはインスタンスのエイリアス [既定値: 最新のオンボーディング]"),
    (
        "execution",
        "実行の名前か ARN、またはインスタンスのエイリアス [既定値: 実行中のオンボーディング、なければ最新のもの]",
    ),
    ("all", "ほかのステートマシンの実行も表示: ユーザー同期、計画、証明書の交換、差異の確認、撤去"),
    ("most", "ステートマシンごとの最大件数"),
    ("output", "レポートを JSON としてファイルに保存"),
    ("report.html", "レポートをページとして保存 (ネットワーク不要の HTML ファイル 1 つ、--lang の言語)"),
    ("rotate-certificate.instance", "インスタンスのエイリアスまたは ID [既定値: すべて]"),
    ("drift.instance", "インスタンスのエイリアスまたは ID [既定値: すべて]"),
    ("teardown.instance", "インスタンスのエイリアスまたは ID"),
    ("instance", "インスタンスのエイリアスまたは ID。1 つしかない場合は省略可"),
    ("plan", "計画だけ。何も変更しない"),
    ("wait", "終わるまで経過を表示"),
    ("digest", "確認した計画のダイジェスト。ターミナルでは省略すると質問する"),
    ("count", "件数だけを表示"),
    ("rotate-certificate.force", "期限がまだ先の証明書も交換"),
    ("mend", "差異を元に戻す"),
    ("teardown.users", "Connect ユーザーの扱い"),
    ("connect_instance", "Connect インスタンスの扱い (電話番号、通話記録、設定を含む)"),
    ("application", "Entra アプリケーションの扱い"),
    ("apply", "実行する"),
    ("confirm", "エイリアス (入力の代わりに指定)"),
    ("credential", "Microsoft Graph へのサインインに使うもの"),
    ("only", "このアイデンティティだけ [既定値: 両方]"),
    ("remove", "作成せず、このアイデンティティを取り除く (アプリケーションとシークレット)"),
    ("stack", "スタックの名前 (これから付ける名前も可)"),
    ("region", "スタックのリージョン"),
    ("audience", "フェデレーション資格情報の audience。各国のクラウドでは別の値"),
    ("run", "表示せずに、ここで実行する"),
    ("input", "実行する onboarding.json [既定値: チェックアウトの examples/smallest.json]"),
    (
        "tenant",
        "Entra テナントのグループとメンバー。Microsoft Graph の JSON の形: {\"groups\": [{\"displayName\", \"members\": […]}]}",
    ),
    ("users", "自動生成のテナントで、入力にあるグループに入る人数"),
    (
        "faults",
        "起こす障害の規則: [{\"service\", \"match\", \"after\", \"times\", \"status\", \"code\", \"message\", \"retryAfter\", \"errorCodes\", \"delayMs\", \"truncate\", \"kill\"}]",
    ),
    ("record", "関数からクラウドへのすべての呼び出しを保存 (1 行に JSON オブジェクト 1 つ)"),
    (
        "record_expressions",
        "ステートマシンが評価するすべての JSONata 式を、値と結果とともに保存 (1 行に JSON オブジェクト 1 つ)",
    ),
    ("inventory", "最後にローカルクラウドに存在するものすべてを JSON で保存"),
    ("report", "オンボーディングのレポートを JSON で保存"),
    ("html", "オンボーディングのレポートをページとして保存 (ネットワーク不要の HTML ファイル 1 つ)"),
];
const LOCALS_ARGUMENTS: [(&str, &str); 8] = [
    ("assume", "この前提の別の解釈をエミュレートする (複数指定可)。all はすべて、help は一覧を表示"),
    ("again", "同じクラウドで同じオンボーディングをもう一度実行。何も変更しないことを確認"),
    ("keep", "終了後もローカルクラウドを Ctrl-C まで動かし、ほかのコマンドの --local で使えるようにする"),
    ("idle", "スタックをデプロイするだけで、オンボーディングは開始しない"),
    ("real_rates", "Amazon Connect の実際の API レート (毎秒 2 件、バースト 5) にする (通常はより高いレート)"),
    ("fresh_account", "新しい AWS アカウントをエミュレートする (関数の同時実行数は 10、予約は不可)"),
    ("clock_scale", "実際のクラウドの 1 秒を、ここでは何秒にするか"),
    ("bootstrap", "ビルド済みの関数のバイナリ。指定しなければビルドする"),
];

fn find(table: &[(&'static str, &'static str)], key: &str) -> Option<&'static str> {
    table.iter().find(|(name, _)| *name == key).map(|(_, text)| *text)
}

/// The complete command line with Japanese help.
#[must_use]
pub(crate) fn translated(mut command: Command) -> Command {
    // Adds clap's own parts: --help, --version and the command `help`.
    command.build();
    translate(command)
}

fn translate(command: Command) -> Command {
    let name = command.get_name().to_owned();
    let mut command = command
        .help_template("{about-with-newline}\n使い方: {usage}\n\n{all-args}{after-help}")
        .subcommand_help_heading("コマンド");
    let about = match name.as_str() {
        "completion" => Some(COMPLETION),
        "help" => Some(HELP),
        name => find(&COMMANDS, name),
    };
    if let Some(about) = about {
        command = command.about(about);
    }
    if let Some(after) = command.get_after_help().map(ToString::to_string) {
        let after = find(&AFTER, &name)
            .map_or_else(|| after.replacen("Examples:", "例:", 1).replacen("Example:", "例:", 1), ToOwned::to_owned);
        command = command.after_help(after);
    }
    command.mut_args(|arg| argument(&name, arg)).mut_subcommands(translate)
}

fn argument(command: &str, arg: Arg) -> Arg {
    let id = arg.get_id().as_str().to_owned();
    let where_it_is = arg.get_help_heading() == Some(HEADINGS[0].0);
    let heading = match arg.get_help_heading() {
        Some(heading) => find(&HEADINGS, heading).unwrap_or("オプション"),
        None if arg.is_positional() => "引数",
        None => "オプション",
    };
    let help = find(&ARGUMENTS, &format!("{}.{id}", if where_it_is { "on" } else { command }))
        .or_else(|| if command == "local" { find(&LOCALS_ARGUMENTS, &id) } else { None })
        .or_else(|| find(&ARGUMENTS, &id));
    let Some(help) = help else { return arg };
    let mut help = help.to_owned();
    if arg.get_action().takes_values() {
        let list = |values: Vec<String>| values.join(", ");
        let possible = arg.get_possible_values();
        if !possible.is_empty() {
            help += &format!(" [値: {}]", list(possible.iter().map(|value| value.get_name().to_owned()).collect()));
        }
        if let Some(variable) = arg.get_env() {
            help += &format!(" [環境変数: {}]", variable.to_string_lossy());
        }
        let defaults = arg.get_default_values();
        if !defaults.is_empty() {
            help +=
                &format!(" [既定値: {}]", list(defaults.iter().map(|v| v.to_string_lossy().into_owned()).collect()));
        }
    }
    arg.help(help)
        .help_heading(heading)
        .hide_possible_values(true)
        .hide_default_value(true)
        .hide_env(true)
        .long_help(None::<&str>)
}

/// The Japanese message for an argument error.
#[must_use]
pub(crate) fn refused(error: &clap::Error) -> String {
    let get = |kind: ContextKind| match error.get(kind) {
        Some(ContextValue::Strings(several)) => several.join(" "),
        Some(one) => one.to_string(),
        None => String::new(),
    };
    let (arg, value) = (get(ContextKind::InvalidArg), get(ContextKind::InvalidValue));
    let what = match error.kind() {
        ErrorKind::InvalidValue if value.is_empty() => format!("{arg} には値が必要です"),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => format!("{arg} に「{value}」は使えません"),
        ErrorKind::UnknownArgument => format!("引数「{arg}」はありません"),
        ErrorKind::InvalidSubcommand => format!("コマンド「{}」はありません", get(ContextKind::InvalidSubcommand)),
        ErrorKind::MissingRequiredArgument => format!("次の引数が必要です: {arg}"),
        ErrorKind::ArgumentConflict => format!("{arg} と {} は同時に指定できません", get(ContextKind::PriorArg)),
        _ => format!("引数を使えません: {arg}"),
    };
    let hints = [
        (ContextKind::ValidValue, "使える値"),
        (ContextKind::SuggestedArg, "近い名前"),
        (ContextKind::SuggestedSubcommand, "近い名前"),
    ];
    let hint: String = hints
        .into_iter()
        .map(|(kind, name)| (name, get(kind)))
        .filter(|(_, hint)| !hint.is_empty())
        .map(|(name, hint)| format!("\n  {name}: {hint}"))
        .collect();
    format!("エラー: {what}{hint}\n\n使い方は --help で確認できます。")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Args;
    use clap::CommandFactory;

    fn japanese(text: &str) -> bool {
        text.chars().any(|c| matches!(c, '\u{3040}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}'))
    }

    fn check(english: &Command, translated: &Command) {
        let name = translated.get_name();
        assert!(translated.get_about().is_some_and(|about| japanese(&about.to_string())), "{name}");
        if let Some(after) = translated.get_after_help() {
            assert!(japanese(&after.to_string()) && !after.to_string().contains("Example"), "{name}: {after}");
        }
        for arg in translated.get_arguments().filter(|arg| !arg.is_hide_set()) {
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            let only_a_name = help == "onboarding.json" || help.starts_with("onboarding.json [");
            assert!(japanese(&help) || only_a_name, "{name} {}: {help}", arg.get_id());
            let before = english.get_arguments().find(|one| one.get_id() == arg.get_id());
            assert_eq!(before.map(Arg::get_index), Some(arg.get_index()), "{name} {}", arg.get_id());
        }
        for (one, other) in english.get_subcommands().zip(translated.get_subcommands()) {
            if one.get_name() != "help" {
                check(one, other);
            }
        }
    }

    #[test]
    fn every_command_and_every_argument_has_its_help_in_japanese() {
        let mut english = Args::command();
        english.build();
        check(&english, &translated(Args::command()));
    }

    #[test]
    fn every_japanese_help_text_belongs_to_an_existing_command_or_argument() {
        let mut command = Args::command();
        command.build();
        let mut known: Vec<String> = vec!["onboard".into()];
        for one in [&command].into_iter().chain(command.get_subcommands()) {
            known.push(one.get_name().to_owned());
            for arg in one.get_arguments() {
                let id = arg.get_id();
                known.extend([id.to_string(), format!("{}.{id}", one.get_name()), format!("on.{id}")]);
            }
        }
        let keys = ARGUMENTS.iter().chain(&LOCALS_ARGUMENTS).chain(&COMMANDS).chain(&AFTER).map(|(key, _)| *key);
        for key in keys.filter(|key| *key != "subcommand") {
            assert!(known.iter().any(|name| name == key), "nothing is called {key}");
        }
    }
}
