//! Messages about clouds that are not usable and objects that do not exist.

use onboarding_core::StepErrorKind;

use super::{Lang, Words, catalogue};

catalogue! {
    what_to_do(action) = "What to do: {action}", "対処方法: {action}";
    reading_the_stack(name) = "reading the stack {name}", "スタック {name} の読み取り";
    no_stack(name) = "There is no stack {name} here.", "スタック {name} が見つかりません。";
    deploy_or_name() = "Deploy it (README, Deploy), or name the right one with --stack, --region and --profile.",
        "README の「デプロイ」に従ってデプロイするか、--stack、--region、--profile で正しいスタックを指定してください。";
    no_output(stack, name) = "The stack {stack} has no output {name}: it is of an older release.",
        "スタック {stack} に出力 {name} がありません。古いリリースのスタックです。";
    deploy_again() = "Deploy this release (sam build && sam deploy), then try again.",
        "このリリースをデプロイ (sam build && sam deploy) してから、再実行してください。";
    no_local_cloud(why) = "There is no local cloud to work on ({why}).", "使用できるローカルクラウドがありません ({why})。";
    process_gone(id) = "process {id} has ended", "プロセス {id} は終了しています";
    start_a_local_cloud() = "Start one in another terminal and leave it running: onboard local --keep",
        "別のターミナルで onboard local --keep を実行し、起動したままにしてください。";
    no_region() = "No AWS Region is set.", "AWS リージョンが設定されていません。";
    name_a_region() = "Name one with --region, or set AWS_REGION.", "--region で指定するか、AWS_REGION を設定してください。";
    renew_credentials() = "The credentials are wrong or have expired: get new ones, then try again.",
        "認証情報が正しくないか、有効期限が切れています。認証情報を再取得してから、再実行してください。";
    get_credentials() = "Set credentials for AWS, or name a profile with --profile. For a profile of IAM Identity Center: eval \"$(aws configure export-credentials --profile NAME --format env)\"",
        "AWS の認証情報を設定するか、--profile でプロファイルを指定してください。IAM Identity Center のプロファイルを使用する場合: eval \"$(aws configure export-credentials --profile NAME --format env)\"";
    grant_permission() = "Get the permission that the message names, then try again.",
        "メッセージに示されたアクセス許可を取得してから、再実行してください。";
    try_again_later() = "AWS asked for fewer calls: try again in a minute.", "リクエストが AWS にスロットリングされました。1 分後に再実行してください。";
    see_message() = "See the message.", "メッセージを確認してください。";
    check_network() = "Check the network, then try again.", "ネットワークを確認してから、再実行してください。";
    starting(machine) = "starting {machine}", "{machine} の開始";
    listing_executions() = "listing executions", "実行一覧の取得";
    describing(name) = "reading the execution {name}", "実行 {name} の読み取り";
    reading_the_registry() = "reading the registry", "レジストリの読み取り";
    no_execution(name) = "There is no execution {name}, and no onboarding of an instance of that alias.",
        "実行 {name} も、エイリアスが {name} のオンボーディングも見つかりません。";
    list_executions() = "See what there is: onboard list --all", "onboard list --all で一覧を確認してください。";
    no_onboarding_yet() = "Nothing has been onboarded here yet.", "オンボーディングはまだ実行されていません。";
    start_one() = "Start one: onboard start onboarding.json", "onboard start onboarding.json で開始してください。";
    no_instance(name) = "No onboarded instance is called {name}.", "オンボーディング済みのインスタンス {name} が見つかりません。";
    known_instances(names) = "Onboarded here: {names}", "オンボーディング済みのインスタンス: {names}";
    nothing_onboarded() = "No instance has been onboarded here.", "オンボーディング済みのインスタンスはありません。";
    several_instances(names) = "There are several instances: {names}.", "複数のインスタンスがあります: {names}";
    name_the_instance() = "Name the one you mean.", "対象のインスタンスを指定してください。";
    correct_the_file() = "Correct the file. Nothing was started.", "ファイルを修正してください。処理は開始されていません。";
    failed(machine, name, error, cause) = "The {machine} {name} failed: {error}\n  {cause}", "{machine} の実行 {name} が失敗しました: {error}\n  {cause}";
    failed_in(machine, name, state, error, cause) = "The {machine} {name} failed in state {state}: {error}\n  {cause}",
        "{machine} の実行 {name} がステート {state} で失敗しました: {error}\n  {cause}";
}

impl Words {
    /// The recommended action for a workflow error.
    pub(crate) fn advice(self, error: &str) -> &'static str {
        let died = ["Runtime.", "Sandbox.", "Lambda.", "States.Timeout"].iter().any(|prefix| error.starts_with(prefix));
        let stopped = error == "ABORTED";
        match (self.0, StepErrorKind::from_name(error)) {
            (_, Some(kind)) => kind.advice(self.language()),
            (Lang::En, None) if died => {
                "A function died or ran out of time again and again; the log says more. Start the same input again; nothing is done twice."
            }
            (Lang::Ja, None) if died => {
                "Lambda 関数の異常終了またはタイムアウトが繰り返し発生しました。ログで詳細を確認し、同じ入力で再実行してください。完了した処理が繰り返されることはありません。"
            }
            (Lang::En, None) if stopped => "Somebody stopped it. Start the same input again; nothing is done twice.",
            (Lang::Ja, None) if stopped => {
                "実行は手動で停止されました。同じ入力で再実行できます。完了した処理が繰り返されることはありません。"
            }
            (Lang::En, None) => {
                "This is a fault of Connect Onboarding: report it with the state, the error and the log."
            }
            (Lang::Ja, None) => "Connect Onboarding の不具合です。ステート、エラー、ログを添えて報告してください。",
        }
    }
}
