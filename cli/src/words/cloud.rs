//! Messages about clouds that are not usable and objects that do not exist.

use onboarding_core::StepErrorKind;

use super::{Lang, Words, catalogue};

catalogue! {
    what_to_do(action) = "What to do: {action}", "対処方法: {action}";
    reading_the_stack(name) = "reading the stack {name}", "スタック {name} の読み取り";
    no_stack(name) = "Stack {name} does not exist in this account and Region.", "スタック {name} が見つかりません。";
    deploy_or_name() = "Deploy it (README, Deploy), or select another stack with --stack, --region and --profile.",
        "README の「デプロイ」に従ってデプロイするか、--stack、--region、--profile で正しいスタックを指定してください。";
    no_output(stack, name) = "Stack {stack} has no output {name}: it was deployed from an older release.",
        "スタック {stack} に出力 {name} がありません。古いリリースのスタックです。";
    deploy_again() = "Deploy this release (sam build && sam deploy), then try again.",
        "このリリースをデプロイ (sam build && sam deploy) してから、再実行してください。";
    no_local_cloud(why) = "No local cloud is running ({why}).", "使用できるローカルクラウドがありません ({why})。";
    process_exited(id) = "process {id} has exited", "プロセス {id} は終了しています";
    start_a_local_cloud() = "Start one in another terminal and keep it running: onboard local --keep",
        "別のターミナルで onboard local --keep を実行し、起動したままにしてください。";
    no_region() = "No AWS Region is set.", "AWS リージョンが設定されていません。";
    specify_a_region() = "Specify one with --region, or set AWS_REGION.", "--region で指定するか、AWS_REGION を設定してください。";
    renew_credentials() = "The credentials are invalid or have expired. Get new credentials, then try again.",
        "認証情報が正しくないか、有効期限が切れています。認証情報を再取得してから、再実行してください。";
    get_credentials() = "Configure AWS credentials, or select a profile with --profile. For a profile of IAM Identity Center: eval \"$(aws configure export-credentials --profile NAME --format env)\"",
        "AWS の認証情報を設定するか、--profile でプロファイルを指定してください。IAM Identity Center のプロファイルを使用する場合: eval \"$(aws configure export-credentials --profile NAME --format env)\"";
    grant_permission() = "Get the permission that the message names, then try again.",
        "メッセージに示されたアクセス許可を取得してから、再実行してください。";
    try_again_later() = "AWS is throttling requests. Try again in a minute.", "リクエストが AWS にスロットリングされました。1 分後に再実行してください。";
    see_message() = "See the message.", "メッセージを確認してください。";
    check_network() = "Check the network connection, then try again.", "ネットワークを確認してから、再実行してください。";
    starting(machine) = "starting {machine}", "{machine} の開始";
    listing_executions() = "listing executions", "実行一覧の取得";
    describing(name) = "reading the execution {name}", "実行 {name} の読み取り";
    reading_the_registry() = "reading the registry", "レジストリの読み取り";
    no_execution(name) = "There is no execution {name}, and no onboarding of an instance with this alias.",
        "実行 {name} も、エイリアスが {name} のオンボーディングも見つかりません。";
    list_executions() = "List the executions: onboard list --all", "onboard list --all で一覧を確認してください。";
    no_onboarding_yet() = "No onboarding has run here yet.", "オンボーディングはまだ実行されていません。";
    start_one() = "Start one: onboard start onboarding.json", "onboard start onboarding.json で開始してください。";
    no_instance(name) = "There is no onboarded instance {name}.", "オンボーディング済みのインスタンス {name} が見つかりません。";
    known_instances(names) = "Onboarded instances: {names}", "オンボーディング済みのインスタンス: {names}";
    nothing_onboarded() = "No instance has been onboarded here.", "オンボーディング済みのインスタンスはありません。";
    several_instances(names) = "There are several instances: {names}.", "複数のインスタンスがあります: {names}";
    specify_the_instance() = "Specify one of them.", "対象のインスタンスを指定してください。";
    correct_the_file() = "Correct the file. Nothing was started.", "ファイルを修正してください。処理は開始されていません。";
    failed(machine, name, error, cause) = "Execution {name} ({machine}) failed: {error}\n  {cause}", "{machine} の実行 {name} が失敗しました: {error}\n  {cause}";
    failed_in(machine, name, state, error, cause) = "Execution {name} ({machine}) failed in state {state}: {error}\n  {cause}",
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
                "A function crashed or timed out repeatedly; the log contains details. Start the same input again; nothing is created twice."
            }
            (Lang::Ja, None) if died => {
                "Lambda 関数の異常終了またはタイムアウトが繰り返し発生しました。ログで詳細を確認し、同じ入力で再実行してください。完了した処理が繰り返されることはありません。"
            }
            (Lang::En, None) if stopped => {
                "The execution was stopped. Start the same input again; nothing is created twice."
            }
            (Lang::Ja, None) if stopped => {
                "実行は手動で停止されました。同じ入力で再実行できます。完了した処理が繰り返されることはありません。"
            }
            (Lang::En, None) => "This is a bug in Connect Onboarding. Report it with the state, the error and the log.",
            (Lang::Ja, None) => "Connect Onboarding の不具合です。ステート、エラー、ログを添えて報告してください。",
        }
    }
}
