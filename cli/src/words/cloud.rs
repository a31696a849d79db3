//! Messages about problems with AWS and the local cloud, and about objects that do not exist.

use onboarding_core::StepErrorKind;

use super::{Lang, Words, catalog};

catalog! {
    what_to_do(action) = "What to do: {action}", "対処方法: {action}";
    reading_the_stack(name) = "reading the stack {name}", "スタック {name} の読み取り";
    no_stack(name, region) = "Stack {name} does not exist in this account in {region}.", "スタック {name} がこのアカウントの {region} に見つかりません。";
    deploy_or_name() = "Deploy the stack (`onboard deploy`; README, Deploy), or select another stack with --stack, --region and --profile.",
        "README の「デプロイ」に従うか `onboard deploy` を実行してデプロイするか、--stack、--region、--profile で正しいスタックを指定してください。";
    local_stack(name) = "The stack of the local cloud is {name}; omit --stack.", "ローカルクラウドのスタックは {name} です。--stack を指定せずに実行してください。";
    no_output(stack, name) = "Stack {stack} has no output {name}: the stack was deployed from an older release.",
        "スタック {stack} に出力 {name} がありません。古いリリースのスタックです。";
    first_deployment_failed(stack, status) = "The first deployment of stack {stack} failed ({status}).",
        "スタック {stack} の最初のデプロイが失敗しています ({status})。";
    deploy_again() = "Deploy this release (sam build && sam deploy, or `onboard deploy`), then try again.",
        "このリリースをデプロイ (sam build && sam deploy、または `onboard deploy`) してから、再実行してください。";
    no_local_cloud(why) = "No local cloud is running ({why}).", "使用できるローカルクラウドがありません ({why})。";
    process_exited(id) = "process {id} has exited", "プロセス {id} は終了しています";
    start_a_local_cloud() = "Start a local cloud in another terminal and keep it running: `onboard local --keep`",
        "別のターミナルで `onboard local --keep` を実行し、起動したままにしてください。";
    no_region() = "No AWS Region is set.", "AWS リージョンが設定されていません。";
    specify_a_region() = "Specify the stack's Region with --region, AWS_REGION, a profile, or region in samconfig.toml.", "スタックのリージョンを --region、AWS_REGION、プロファイル、または samconfig.toml の region で指定してください。";
    unknown_profile(name) = "The profile {name} does not exist in the AWS configuration files.", "プロファイル {name} は AWS の設定ファイルに存在しません。";
    known_profiles(names) = "Specify one of these profiles: {names}", "次のいずれかのプロファイルを指定してください: {names}";
    no_profiles() = "The AWS configuration files contain no profile. Create a profile: `aws configure sso`", "AWS の設定ファイルにプロファイルがありません。`aws configure sso` で作成してください。";
    configuration_invalid(error) = "The AWS configuration files can't be read: {error}", "AWS の設定ファイルを読み取れません: {error}";
    correct_it() = "Correct the file.", "ファイルを修正してください。";
    no_credentials(why) = "There are no valid AWS credentials: {why}", "有効な AWS の認証情報がありません: {why}";
    sign_in_with_sso(profile) = "Sign in to IAM Identity Center: `aws sso login --profile {profile}`", "IAM Identity Center にサインインしてください: `aws sso login --profile {profile}`";
    assign_permission_set(profile) = "Ask your administrator to assign you the permission set of the profile {profile} in this account.", "プロファイル {profile} の許可セットをこのアカウントで割り当てるよう、管理者に依頼してください。";
    check_credential_process(profile) = "Run the credential_process of the profile {profile} manually to find out why it fails.", "プロファイル {profile} の credential_process を実行し、失敗の原因を確認してください。";
    login_profile(profile) = "The profile {profile} uses a session of `aws login`, which this tool can't read.",
        "プロファイル {profile} は `aws login` のセッションを使用しますが、このツールではセッションを読み取れません。";
    mfa_profile(profile, action) = "The role of the profile {profile} may require an MFA code (mfa_serial), which this tool does not ask for. {action}",
        "プロファイル {profile} のロールには MFA コードが必要な可能性がありますが (mfa_serial)、このツールでは入力できません。{action}";
    export_credentials(profile) = "Export the credentials, then run the command without --profile: `eval \"$(aws configure export-credentials --profile {profile} --format env)\"`",
        "認証情報をエクスポートしてから、--profile を指定せずに再実行してください: `eval \"$(aws configure export-credentials --profile {profile} --format env)\"`";
    sam_config_invalid(error) = "samconfig.toml is invalid: {error}", "samconfig.toml が正しくありません: {error}";
    see_help() = "Add --help to the command to see its arguments.", "--help を指定すると、引数を確認できます。";
    see_help_of(command) = "See `onboard {command} --help`.", "`onboard {command} --help` を参照してください。";
    command_interrupted() = "Interrupted. Executions that were started continue in the cloud.", "中断しました。開始した実行はクラウドで継続しています。";
    the_default() = "the default", "デフォルト";
    uses_profile(name) = "Profile: {name}", "プロファイル: {name}";
    uses_region(name, source) = "Region: {name} (from {source})", "リージョン: {name} (取得元: {source})";
    uses_stack(name, source) = "Stack: {name} (from {source})", "スタック: {name} (取得元: {source})";
    renew_credentials() = "The credentials are invalid or have expired. Get new credentials, then try again.",
        "認証情報が正しくないか、有効期限が切れています。認証情報を再取得してから、再実行してください。";
    get_credentials() = "Configure AWS credentials (`aws configure sso`), or select a profile with --profile.",
        "AWS の認証情報を設定する (`aws configure sso`) か、--profile でプロファイルを指定してください。";
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
    list_executions() = "List the executions: `onboard list --all`", "`onboard list --all` で一覧を確認してください。";
    no_onboarding_yet() = "No onboarding has run here yet.", "オンボーディングはまだ実行されていません。";
    start_one() = "Start an onboarding: `onboard start onboarding.json`", "`onboard start onboarding.json` で開始してください。";
    no_instance(name) = "There is no onboarded instance {name}.", "オンボーディング済みのインスタンス {name} が見つかりません。";
    known_instances(names) = "Onboarded instances: {names}", "オンボーディング済みのインスタンス: {names}";
    nothing_onboarded() = "No instance has been onboarded here.", "オンボーディング済みのインスタンスはありません。";
    several_instances(names) = "There are several instances: {names}.", "複数のインスタンスがあります: {names}";
    specify_the_instance() = "Specify one of these instances.", "対象のインスタンスを指定してください。";
    correct_the_file() = "Correct the file. Nothing was started.", "ファイルを修正してください。処理は開始されていません。";
    failed(machine, name, error, cause) = "Execution {name} ({machine}) failed: {error}\n  {cause}", "{machine} の実行 {name} が失敗しました: {error}\n  {cause}";
    failed_in(machine, name, state, error, cause) = "Execution {name} ({machine}) failed in state {state}: {error}\n  {cause}",
        "{machine} の実行 {name} がステート {state} で失敗しました: {error}\n  {cause}";
}

impl Words {
    /// The recommended action for the operator after a workflow error.
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
