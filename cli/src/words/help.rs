//! The Japanese help texts, and the Japanese messages for errors in the arguments. The English help texts are in
//! [`crate::args`]. The tables here contain the Japanese text for each command name and argument name.

use clap::{
    Arg, Command,
    error::{ContextKind, ContextValue, ErrorKind},
};

/// Headings of option groups in English and Japanese.
const HEADINGS: [(&str, &str); 1] = [("Stack", "接続先")];

/// The Japanese text that follows the help of a command. The table contains only the commands whose English text
/// contains more than examples. If it contains only examples, only their heading is translated.
const AFTER: [(&str, &str); 7] = [
    (
        "onboard",
        "最初の手順:
  onboard local                       ローカル環境でオンボーディング全体を実行 (アカウント不要、料金なし)
  onboard init                        対話形式で onboarding.json を作成
  onboard plan && onboard start       変更内容を確認し、AWS でオンボーディングを開始

終了コード:
  0  正常終了
  1  ワークフローまたはチェックの失敗。ステート、エラー、対処方法を表示
  2  入力または引数のエラー。処理は開始されない
  3  ローカルクラウドを起動できない、または見つからない
  4  AWS を使用できない (認証情報、スタック、アクセス許可がない、または応答がない)
  5  手動での判断または確認が必要 (承認待ちの変更、実行中のオンボーディング、ドリフトの検出)
  130  中断。クラウドでの実行は継続",
    ),
    (
        "watch",
        "例:\n  onboard watch                 最新のオンボーディング\n  onboard watch acme-support    このインスタンスの最新の実行",
    ),
    (
        "sync",
        "例:\n  onboard sync acme-support --wait\n  onboard sync acme-support --plan    計画だけを作成し、何も変更しない",
    ),
    ("replay", "例:\n  onboard replay --count    件数だけを表示\n  onboard replay"),
    (
        "entra-setup",
        "例:\n  onboard entra-setup                       スクリプトを表示 (内容の確認用)\n  onboard entra-setup --run                 確認後にスクリプトを実行 (az と aws へのサインインが必要)\n  onboard entra-setup --remove setup        setup アイデンティティを削除 (次のオンボーディングの前に再作成)",
    ),
    (
        "local",
        "例:\n  onboard local --input onboarding.json\n  onboard local --keep    起動後に使用できるコマンド: onboard list --local",
    ),
    (
        "init",
        "例:\n  onboard init\n  onboard init --alias acme-support --group \"サポート担当\" --security-profile Agent --language ja",
    ),
];

/// The Japanese description of each command.
const COMMANDS: [(&str, &str); 30] = [
    ("onboard", "Microsoft Entra ID のシングルサインオンを使用する Amazon Connect を、1 つのコマンドで構築します。"),
    ("init", "onboarding.json を作成 (対話形式またはオプションで指定)"),
    ("check", "onboarding.json を検証し、すべてのエラーを一度に表示 (クラウドには接続しない)"),
    (
        "doctor",
        "アカウント、リージョン、クォータ、サポートプラン、スタック、通知メール、アラーム、Entra の管理者の同意を確認",
    ),
    ("deploy", "CloudFormation でスタックをデプロイ (変更内容を表示し、確認後に適用)"),
    ("plan", "オンボーディングで作成、管理対象に追加、変更するリソースと、変更しないリソースを表示 (何も変更しない)"),
    ("start", "オンボーディングを開始"),
    ("watch", "実行の進行状況を表示 (Ctrl-C を押しても実行は継続)"),
    ("status", "実行の現在の状態を 1 回だけ表示"),
    ("stop", "実行を停止し、AWS で処理が続くリクエストを一覧表示"),
    ("logs", "実行中に関数が出力したログを表示"),
    ("open", "オンボーディングに関するページの URL を表示し、ターミナルではブラウザで開く"),
    ("list", "実行と、オンボーディング済みのインスタンスを一覧表示"),
    ("report", "オンボーディングのレポートを表示 (最後の段階で失敗したオンボーディングも対象)"),
    (
        "evidence",
        "オンボーディングの監査証跡 (アクセス権、承認、グループから外れたユーザー、サインイン、ドリフト、設定) をディレクトリに保存",
    ),
    ("adopt", "手動で設定した既存のインスタンスの onboarding.json を、AWS と Entra の設定から作成 (何も変更しない)"),
    ("export", "オンボーディングの構成を import ブロック付きの Terraform 形式で出力 (何も変更しない)"),
    ("sync", "Connect のユーザーを Entra のグループとすぐに同期"),
    ("sign-out", "Connect ユーザーのすべてのセッションをすぐに終了"),
    ("approve", "承認待ちのユーザーの変更を承認 (承認した変更だけを適用)"),
    ("reject", "承認待ちのユーザーの変更を拒否 (該当するユーザーは変更しない)"),
    ("replay", "処理に失敗したイベントを再処理"),
    ("rotate-certificate", "有効期限が近い SAML 署名証明書を更新"),
    ("drift", "オンボーディングで設定した内容と現在の設定を比較"),
    (
        "live-check",
        "ローカルクラウドの前提が、使用するアカウントとテナントで正しいかどうかを確認 (作成したリソースは終了時に削除)",
    ),
    (
        "teardown",
        "オンボーディングを削除。削除されるリソースを表示し、--apply の指定とエイリアスの入力がある場合にのみ削除",
    ),
    ("entra-setup", "スタックを Entra に登録するために管理者が 1 回だけ行う手順を、表示または実行"),
    ("local", "ローカルクラウドでオンボーディング全体を実行 (アカウント不要、料金なし)"),
    ("man", "すべてのコマンドのマニュアルページを作成"),
    ("schema", "エディターで使用する onboarding.json の JSON Schema、または --json の出力の JSON Schema を表示"),
];
const COMPLETION: &str = "シェルの補完スクリプトを表示";
const HELP: &str = "このメッセージ、または指定したコマンドのヘルプを表示";

/// The Japanese help of each argument, by argument id. If several commands have an argument with the same id but
/// different meanings, the key is the name of the command and the id.
const ARGUMENTS: [(&str, &str); 88] = [
    ("help", "ヘルプを表示"),
    ("version", "バージョンを表示"),
    (
        "json",
        "結果とエラーを JSON 形式 (1 行に 1 つのオブジェクト) で標準出力に出力し、メッセージは標準エラー出力に出力",
    ),
    ("quiet", "結果とエラーだけを表示し、進行状況と次の操作の案内は表示しない"),
    ("verbose", "使用するプロファイル、リージョン、スタックと、各設定の取得元も表示"),
    ("yes", "「はい」または「いいえ」の質問に「はい」と回答"),
    ("no_input", "質問を表示しない (必要な回答がない場合はエラー)"),
    ("lang", "メッセージの言語 [デフォルト: LC_ALL、LC_MESSAGES、LANG の設定]"),
    ("shell", "シェル"),
    ("of", "入力 (onboarding.json) の JSON Schema、または --json の出力の JSON Schema"),
    ("subcommand", "コマンド"),
    ("check.file", "検証するファイル。- は標準入力"),
    ("init.file", "作成するファイル"),
    ("alias", "インスタンスの URL の先頭部分 (例: acme-support)"),
    ("group", "メンバーの Connect ユーザーを作成する Entra グループ (表示名またはオブジェクト ID)。複数回指定可"),
    (
        "security_profile",
        "グループのメンバーに割り当てる Connect のセキュリティプロファイル。複数回指定可 [デフォルト: Agent]",
    ),
    ("phone_number", "取得する電話番号。「国:種別」または「国:種別:先頭の番号」で指定 (例: JP:DID:+813)。複数回指定可"),
    ("concurrent_calls", "同時通話数"),
    ("language", "通知とレポートの言語"),
    ("init.force", "既存のファイルを上書き"),
    (
        "doctor.file",
        "Entra の管理者の同意とグループの確認に使用する onboarding.json。- は標準入力 [デフォルト: onboarding.json (存在する場合)]",
    ),
    ("file", "onboarding.json。- は標準入力"),
    ("local", "onboard local --keep で起動したローカルクラウドを使用"),
    ("profile", "AWS 設定ファイルのプロファイル [デフォルト: AWS_PROFILE の設定]"),
    ("live-check.group", "アプリケーションに一時的に割り当てる Entra のグループ (メンバーは変更しない)"),
    (
        "live-check.stack",
        "デプロイ済みのスタックの名前。Graph の変更通知がこのスタックの URL に届くまでの時間も確認する",
    ),
    ("browser", "Entra が署名に使用する証明書も確認する。URL が表示されるので、ブラウザで 1 回サインインする"),
    (
        "request_quota_increase",
        "作成したインスタンスのクォータを 1 だけ引き上げるようリクエストし、AWS の判断を待つ (数日かかる場合あり)",
    ),
    ("region", "AWS リージョン [デフォルト: AWS_REGION、AWS_DEFAULT_REGION、プロファイル、samconfig.toml の設定]"),
    (
        "target.stack",
        "CloudFormation スタックの名前 [デフォルト: samconfig.toml の設定。ない場合は connect-onboarding]",
    ),
    (
        "parameters",
        "スタックのパラメータ。複数回指定可 [デフォルト: samconfig.toml の設定。ない場合はスタックの現在の値]",
    ),
    (
        "bucket",
        "コードを保存する S3 バケット (スタックと同じリージョン) [デフォルト: samconfig.toml の設定。ない場合は自動的に作成]",
    ),
    (
        "folder",
        "template.yaml と statemachine/ があるディレクトリ [デフォルト: このプログラムに含まれるファイル。ない場合はリポジトリ]",
    ),
    (
        "deploy.bootstrap",
        "Lambda 用にビルドした関数のバイナリ [デフォルト: ディレクトリ内の bootstrap/bootstrap または target/lambda/bootstrap/bootstrap]",
    ),
    (
        "documents",
        "アップロードする電話番号の申請書類 (identity=ファイル、address=ファイル、relationship=ファイル)。複数回指定可",
    ),
    ("start.again", "同じインスタンスのオンボーディングが実行中でも開始する"),
    (
        "report.execution",
        "実行の名前か ARN、またはインスタンスのエイリアス [デフォルト: レポートがある最新のオンボーディング]",
    ),
    (
        "execution",
        "実行の名前か ARN、またはインスタンスのエイリアス [デフォルト: 実行中のオンボーディング。ない場合は最新のオンボーディング]",
    ),
    ("stop.confirm", "確認用の実行名 (ターミナルで省略した場合は対話形式で確認)"),
    ("state", "指定したステートが呼び出す関数のログだけを表示"),
    (
        "onboarding",
        "実行の名前か ARN、またはインスタンスのエイリアス [デフォルト: レポートがある最新のオンボーディング]",
    ),
    ("page", "開くページ"),
    (
        "all",
        "ほかのステートマシン (ユーザー同期、計画、証明書のローテーション、ドリフト検出、オンボーディングの削除) の実行も表示",
    ),
    ("most", "ステートマシンごとの最大件数"),
    ("prefix", "エイリアスまたは名前がこの文字列で始まるインスタンスと実行だけを表示"),
    ("folder", "マニュアルページを作成するフォルダー"),
    ("output", "レポートを JSON 形式でファイルに保存"),
    (
        "report.html",
        "レポートを HTML 形式で保存 (ネットワーク接続なしで表示できる 1 つのファイル。言語は --lang の指定に従う)",
    ),
    ("rotate-certificate.instance", "インスタンスのエイリアスまたは ID [デフォルト: すべて]"),
    ("drift.instance", "インスタンスのエイリアスまたは ID [デフォルト: すべて]"),
    ("evidence.instance", "インスタンスのエイリアスまたは ID"),
    ("evidence.output", "ファイルを保存するディレクトリ (存在しない場合は作成)"),
    ("evidence.force", "空でないディレクトリにも保存し、以前に作成したファイルを上書き"),
    ("adopt.alias", "インスタンスのエイリアス"),
    (
        "adopt.group",
        "ユーザーが所属する Entra グループ (表示名またはオブジェクト ID)。複数回指定可 [デフォルト: アプリケーションに割り当てられているグループ]",
    ),
    ("adopt.output", "標準出力の代わりにファイルに保存 (--yes を指定すると既存のファイルを上書き)"),
    ("export.instance", "インスタンスのエイリアスまたは ID"),
    ("format", "出力の形式"),
    ("export.output", "標準出力の代わりにファイルに保存"),
    ("export.force", "既存のファイルを上書き"),
    ("teardown.instance", "インスタンスのエイリアスまたは ID"),
    ("user", "Connect ユーザーのユーザー名 (大文字と小文字も含めて正確に指定)"),
    ("instance", "インスタンスのエイリアスまたは ID。1 つしかない場合は省略可"),
    ("plan", "計画だけを作成し、何も変更しない"),
    ("wait", "完了するまで進行状況を表示"),
    ("digest", "確認したリクエストのダイジェスト。ターミナルで省略した場合は対話形式で確認"),
    ("count", "件数だけを表示"),
    ("rotate-certificate.force", "有効期限にかかわらず証明書を更新"),
    ("fix", "検出したドリフトを元に戻す"),
    ("teardown.users", "Connect ユーザーの処理"),
    ("connect_instance", "Connect インスタンスの処理 (電話番号、コンタクトレコード、設定を含む)"),
    ("application", "Entra アプリケーションの処理"),
    ("apply", "計画を適用"),
    ("confirm", "確認用のエイリアス (対話形式での入力の代わりに指定)"),
    ("credential", "Microsoft Graph へのサインインに使用する認証情報"),
    ("only", "指定したアイデンティティだけを作成 [デフォルト: 両方]"),
    ("remove", "指定したアイデンティティ (アプリケーションとシークレット) を削除。作成は行わない"),
    (
        "stack",
        "スタックの名前 (デプロイ前のスタックの名前も指定可) [デフォルト: samconfig.toml の設定。ない場合は connect-onboarding]",
    ),
    ("audience", "フェデレーション資格情報の対象ユーザー (audience)。各国のクラウドで使用する場合に変更"),
    ("run", "スクリプトを表示せずに実行"),
    ("input", "実行する onboarding.json。- は標準入力 [デフォルト: examples/smallest.json]"),
    (
        "tenant",
        "Entra テナントのグループとメンバー (Microsoft Graph の JSON 形式): {\"groups\": [{\"displayName\", \"members\": […]}]}",
    ),
    ("users", "自動生成するテナントで、入力に指定したグループのメンバー数"),
    (
        "faults",
        "発生させる障害のルール: [{\"service\", \"caller\", \"match\", \"after\", \"times\", \"status\", \"code\", \"message\", \"retryAfter\", \"errorCodes\", \"delayMs\", \"answerDelayMs\", \"truncate\", \"break\", \"kill\"}]",
    ),
    ("record", "関数からクラウドへのすべての API 呼び出しを記録 (1 行に 1 つの JSON オブジェクト)"),
    (
        "record_expressions",
        "ステートマシンが評価したすべての JSONata 式を、変数の値と結果とともに記録 (1 行に 1 つの JSON オブジェクト)",
    ),
    ("inventory", "終了時にローカルクラウドに存在するすべてのリソースを JSON 形式で保存"),
    ("html", "オンボーディングのレポートを HTML 形式で保存 (ネットワーク接続なしで表示できる 1 つのファイル)"),
];
const LOCALS_ARGUMENTS: [(&str, &str); 8] = [
    ("assume", "指定した前提の別の解釈をエミュレート (複数回指定可)。all はすべての前提が対象、help は一覧を表示"),
    ("again", "同じローカルクラウドで同じオンボーディングを再実行し、変更が発生しないことを確認"),
    (
        "keep",
        "実行後も、Ctrl-C を押すまでローカルクラウドを起動したままにする (ほかのコマンドで --local を指定して使用)",
    ),
    ("idle", "スタックのデプロイだけを行い、オンボーディングは開始しない"),
    (
        "real_rates",
        "Amazon Connect のデフォルトの API レート (毎秒 2 回、バースト 5) を使用 (指定しない場合はより高いレート)",
    ),
    ("fresh_account", "新しい AWS アカウントをエミュレート (関数の同時実行数は 10、予約は不可)"),
    ("clock_scale", "実際のクラウドの 1 秒に対応するローカルクラウドでの秒数"),
    ("bootstrap", "ビルド済みの関数のバイナリ [デフォルト: 自動的にビルド]"),
];

fn find(table: &[(&'static str, &'static str)], key: &str) -> Option<&'static str> {
    table.iter().find(|(name, _)| *name == key).map(|(_, text)| *text)
}

/// Replaces the help texts of all commands and arguments with the Japanese texts.
#[must_use]
pub(crate) fn translated(mut command: Command) -> Command {
    // Makes clap add its own options and commands (`--help`, `--version` and the command `help`), so that they are also
    // translated.
    command.build();
    translate(command)
}

fn translate(command: Command) -> Command {
    let name = command.get_name().to_owned();
    let mut command = command
        .help_template("{about-with-newline}\n使用方法: {usage}\n\n{all-args}{after-help}")
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
    let selects_stack = arg.get_help_heading() == Some(HEADINGS[0].0);
    let heading = match arg.get_help_heading() {
        Some(heading) => find(&HEADINGS, heading).unwrap_or("オプション"),
        None if arg.is_positional() => "引数",
        None => "オプション",
    };
    let help = find(&ARGUMENTS, &format!("{}.{id}", if selects_stack { "target" } else { command }))
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
            help += &format!(
                " [デフォルト: {}]",
                list(defaults.iter().map(|v| v.to_string_lossy().into_owned()).collect())
            );
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
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => format!("{arg} に「{value}」は指定できません"),
        ErrorKind::UnknownArgument => format!("引数「{arg}」は定義されていません"),
        ErrorKind::InvalidSubcommand => {
            format!("コマンド「{}」は定義されていません", get(ContextKind::InvalidSubcommand))
        }
        ErrorKind::MissingRequiredArgument => format!("次の引数が必要です: {arg}"),
        ErrorKind::ArgumentConflict => format!("{arg} と {} は同時に指定できません", get(ContextKind::PriorArg)),
        _ => format!("引数が正しくありません: {arg}"),
    };
    let hints = [
        (ContextKind::ValidValue, "指定できる値"),
        (ContextKind::SuggestedArg, "類似の名前"),
        (ContextKind::SuggestedSubcommand, "類似の名前"),
    ];
    let hint: String = hints
        .into_iter()
        .map(|(kind, name)| (name, get(kind)))
        .filter(|(_, hint)| !hint.is_empty())
        .map(|(name, hint)| format!("\n  {name}: {hint}"))
        .collect();
    format!("エラー: {what}{hint}\n\n使用方法は --help で確認できます。")
}

/// The names of all commands and arguments that have a Japanese help text.
#[cfg(test)]
pub(crate) fn keys() -> impl Iterator<Item = &'static str> {
    ARGUMENTS.iter().chain(&LOCALS_ARGUMENTS).chain(&COMMANDS).chain(&AFTER).map(|(key, _)| *key)
}
