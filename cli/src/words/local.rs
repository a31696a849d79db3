//! The messages of `onboard local`, of `onboard check` and of the report on the terminal, and the messages about errors
//! in files.

use local_cloud::emulator::{EmulatorFault, NotStarted};

use super::{Words, catalog};

catalog! {
    onboarding_locally(alias) = "Onboarding {alias} in a local cloud: no AWS account, no Entra tenant, no cost",
        "{alias} をローカルクラウドでオンボーディングします (AWS アカウントと Entra テナントは不要、料金なし)";
    tools_ready() = "emulator and functions ready", "エミュレーターと関数の準備";
    cloud_started() = "local cloud started", "ローカルクラウドの起動";
    stack_deployed() = "template.yaml deployed", "template.yaml のデプロイ";
    the_workflow() = "Workflow", "ワークフロー";
    the_workflow_again() = "Workflow, second run in the same cloud", "ワークフロー (同じクラウドで 2 回目)";
    workflow_succeeded() = "succeeded", "成功";
    signed_in_on(username, page) = "signed in as {username}, which opened {page} (simulated sign-in)", "{username} のサインインに成功し、{page} が表示されました (模擬テスト)";
    signed_in_as(username) = "signed in as {username} (simulated sign-in)", "{username} のサインインに成功しました (模擬テスト)";
    unused_fault_rule(rule) = "The fault rule for {rule} affected no call.", "障害ルール {rule} が適用された呼び出しはありませんでした。";
    violates_models(violation) = "A call of the stand-in does not match the official service models: {violation}", "サービスエミュレーターの動作が公式のサービスモデルと一致しません: {violation}";
    cloud_stopped(seconds) = "Finished in {seconds} s. The local cloud is stopped.", "{seconds} 秒で完了しました。ローカルクラウドを停止しました。";
    address_file_in_use(process) = "another local cloud (process {process}) stores its addresses in this file; stop that local cloud with Ctrl-C, or set the environment variable ONBOARD_LOCAL_CLOUD to another file",
        "起動中の別のローカルクラウド (プロセス {process}) がこのファイルを使用しています。Ctrl-C で停止するか、環境変数 ONBOARD_LOCAL_CLOUD に別のファイルを指定してください";
    cloud_keeps_running(file) = "The local cloud runs until Ctrl-C. Other commands use it with --local, for example in another terminal: `onboard list --local`\n({file} contains its addresses.)",
        "ローカルクラウドは Ctrl-C を押すまで起動したままになります。ほかのコマンドでは --local を指定して使用します。例 (別のターミナルで実行): `onboard list --local`\n(接続先は {file} に記録されています。)";
    nothing_changed_by_second_run(count) = "The second execution changed nothing: {count} calls, none of which created, changed or deleted a resource.", "2 回目の実行では何も変更されませんでした (呼び出し {count} 件。作成、変更、削除はありません)。";
    changed_by_second_run() = "The second execution made changes, although it must not:", "2 回目の実行で変更が発生しました (本来は発生しません):";
    logs_of_this_run(folder) = "The logs of this run: {folder}", "この実行のログ: {folder}";
    installing_emulator(folder) = "Installing the emulator into {folder} (once, about 15 seconds)…", "エミュレーターを {folder} にインストールしています (初回のみ、約 15 秒)…";
    interrupted() = "Interrupted. Everything that was started has been stopped.", "中断しました。起動したプロセスはすべて停止しました。";
    local_cloud_failed(what) = "The local cloud could not start: {what}", "ローカルクラウドを起動できません: {what}";
    onboarding_failed(error) = "The onboarding failed: {error}", "オンボーディングが失敗しました: {error}";
    onboarding_failed_in(state, error) = "The onboarding failed in state {state}: {error}", "オンボーディングがステート {state} で失敗しました: {error}";
    sign_in_rejected(user, by, message) = "The onboarding succeeded, but {user} can't sign in. {by} shows:\n  {message}",
        "オンボーディングは成功しましたが、{user} はサインインできません。{by} の画面に表示されるメッセージ:\n  {message}";
    output_lost(error) = "The result could not be written: {error}", "結果を出力できませんでした: {error}";
    no_threads(error) = "can't start threads: {error}", "スレッドを開始できません: {error}";

    assumed(text) = "assumed reading: {text}", "前提: {text}";
    other_reading(text) = "other reading: {text}", "別の解釈: {text}";

    live_check(name) = "All resources that this check creates are named {name} and are removed at the end.", "このチェックで作成するリソースには、すべて {name} という名前を付け、終了時に削除します。";
    checking_quotas() = "Service Quotas and AWS Support …", "Service Quotas と AWS サポート …";
    checking_entra() = "Entra and Microsoft Graph …", "Entra と Microsoft Graph …";
    checking_federation() = "IAM …", "IAM …";
    checking_connect() = "Amazon Connect …", "Amazon Connect …";
    remove_manually(thing) = "Could not be removed. Delete it manually: {thing}", "削除できませんでした。手動で削除してください: {thing}";
    searching_leftovers() = "A call received no response. Searching for resources that the call may have created …", "応答のない呼び出しがありました。作成された可能性のあるリソースを検索しています…";
    needs_stack(option) = "Graph sends notifications only to a public URL. With {option}, Graph sends one to the URL of a deployed stack.", "Graph は公開 URL にのみ通知を送信します。{option} を指定すると、デプロイ済みのスタックの URL で通知を受信して確認します。";
    needs_browser(option) = "Only sign-ins show which certificate is used. With {option}, you sign in with a browser.", "署名に使用される証明書は、サインインしないと確認できません。{option} を指定すると、ブラウザでサインインして確認できます。";
    open_in_browser(group) = "Open the following URL in a browser on this computer, and sign in as a direct member of the group {group}. The browser then signs in again several times. Keep the page open for about four minutes.", "このコンピューターのブラウザで次の URL を開き、グループ {group} の直接のメンバーとしてサインインしてください。その後、ブラウザが自動的にサインインを繰り返します。約 4 分間、ページを開いたままにしてください。";
    sign_ins_done() = "The check has received all sign-ins. You can close this page.", "必要なサインインがすべて完了しました。このページを閉じてください。";
    no_sign_in() = "no sign-in arrived within 15 minutes", "15 分以内にサインインがありませんでした";
    unknown_signer() = "a SAML response was not signed with a certificate of the application", "アプリケーションの証明書で署名されていない SAML レスポンスを受信しました";
    not_checked(why) = "not checked: {why}", "未確認: {why}";
    no_quota_request(option) = "the history of quota requests in this account does not show the reading. With {option}, the check sends a request for the smallest increase.", "クォータの引き上げリクエストの履歴からは判定できません。{option} を指定すると、最小限の引き上げをリクエストして確認します。";
    quota_status(status) = "AWS did not grant the request for a quota increase (status {status})", "クォータの引き上げリクエストが承認されませんでした (ステータス: {status})";
    not_reached() = "undetermined: the check ended earlier", "未確認 (確認する前にチェックが終了したため)";
    hidden_by(name) = "not visible because the other reading of {name} is true", "前提 {name} の別の解釈が正しいため、この前提は確認できません";
    polled_too_late(seconds) = "the first poll was after {seconds} s, too late to decide", "最初のポーリングまでに {seconds} 秒かかったため、判定できません";
    never_throttled(calls) = "none of {calls} calls was throttled", "{calls} 回呼び出しましたが、スロットリングされませんでした";
    deleted_too_early() = "the instance disappeared before the second deletion", "2 回目の削除を実行する前に、インスタンスがすでに削除されていました";
    no_such_group(name) = "Entra has no group named {name}", "Entra にグループ {name} が見つかりません";
    specify_a_group() = "specify a group of the tenant with --group", "--group でテナントのグループを指定してください";
    no_az_token(why) = "the Azure CLI returned no token for Microsoft Graph: {why}", "Azure CLI から Microsoft Graph のトークンを取得できません: {why}";
    sign_in_with_az() = "install the Azure CLI and sign in with `az login`", "Azure CLI をインストールし、`az login` でサインインしてください";

    try_again() = "try again", "再実行してください";
    look_and_try_again() = "see the message, then try again", "メッセージを確認してから、再実行してください";
    no_checkout() = "this directory is not a checkout of Connect Onboarding (template.yaml and statemachine/ are missing)",
        "現在のディレクトリは Connect Onboarding のリポジトリではありません (template.yaml と statemachine/ がありません)";
    run_in_checkout() = "run `cargo onboard local` inside the checkout", "リポジトリのディレクトリで `cargo onboard local` を実行してください";
    not_writable(path, error) = "{path} can't be written: {error}", "{path} に書き込めません: {error}";
    free_disk_space() = "free disk space and check that the directory is writable", "ディスクの空き容量と、ディレクトリへの書き込み権限を確認してください";
    no_file(path) = "{path} is not a file", "{path} はファイルではありません";
    build_functions() = "run `cargo onboard local`, which builds the functions too", "`cargo onboard local` を実行してください (関数もビルドされます)";
    waits_for(what, seconds) = "… {what}: {seconds} s elapsed", "… {what}: {seconds} 秒経過";
    leave_out_bootstrap() = "omit --bootstrap to use the binary beside this program", "--bootstrap を指定せずに実行してください (このプログラムと同じディレクトリのバイナリが使用されます)";
    no_object_id(id) = "{id} is not an object id, which is a GUID such as 3f2504e0-4f89-41d3-9a0c-0305e82c3301", "{id} はオブジェクト ID ではありません。GUID (例: 3f2504e0-4f89-41d3-9a0c-0305e82c3301) を指定してください";
    no_path() = "python3 was not found, because the environment variable PATH is not set", "環境変数 PATH が設定されていないため、python3 が見つかりません";
    set_path() = "set PATH to the directories that contain python3 and cargo", "python3 と cargo があるディレクトリを PATH に設定してください";
    no_python() = "python3 was not found", "python3 が見つかりません";
    old_python(program, version) = "{program} is Python {version}, which is too old", "{program} のバージョン (Python {version}) が古すぎます";
    install_python() = "install Python 3.10 or newer (Debian and Ubuntu: `sudo apt install python3 python3-venv`, macOS: `brew install python`, else https://www.python.org/downloads/) and make sure that `python3` is on the PATH",
        "Python 3.10 以降をインストールし (Debian、Ubuntu: `sudo apt install python3 python3-venv`、macOS: `brew install python`、その他: https://www.python.org/downloads/)、`python3` に PATH を通してください";
    program_not_started(program, error) = "{program} did not start: {error}", "{program} を起動できません: {error}";
    no_venv(printed) = "Python's `venv` module does not work:\n{printed}", "Python の `venv` モジュールを使用できません:\n{printed}";
    install_venv(version) = "install it (Debian and Ubuntu: `sudo apt install python{version}-venv`), then try again",
        "インストールしてから (Debian、Ubuntu: `sudo apt install python{version}-venv`)、再実行してください";
    not_installed(printed) = "pip could not install the emulator:\n{printed}", "pip でエミュレーターをインストールできません:\n{printed}";
    check_pip() = "check pip's message: without network access or behind a proxy, set PIP_INDEX_URL, PIP_PROXY or PIP_CERT; if a hash does not match, the package index serves other files than the pinned ones, and they must not be trusted",
        "pip のメッセージを確認してください。ネットワークに接続できない場合、またはプロキシを使用している場合は、PIP_INDEX_URL、PIP_PROXY、PIP_CERT を設定してください。ハッシュが一致しない場合は、パッケージインデックスのファイルが検証済みのファイルと異なるため、信頼しないでください";
    no_port(error) = "no port on 127.0.0.1 is free: {error}", "127.0.0.1 に空いているポートがありません: {error}";
    end_programs() = "close other programs and try again", "ほかのプログラムを終了してから、再実行してください";
    emulator_failed(what, log) = "the emulator {what}\n{log}", "エミュレーターのエラー: {what}\n{log}";
    did_not_start(error) = "did not start: {error}", "起動できません: {error}";
    not_callable(error) = "can't be called: {error}", "応答を取得できません: {error}";
    exited_immediately(status) = "exited immediately ({status})", "起動直後に終了しました ({status})";
    not_ready_in_time() = "was not ready within a minute", "1 分以内に起動が完了しませんでした";
    delete_the_cache() = "try again; if that does not help, delete the directory local-cloud (of a checkout: in target/, of a downloaded `onboard`: in ~/.cache/connect-onboarding), which is created again", "再実行してください。解決しない場合は、local-cloud ディレクトリ (リポジトリの場合は target/、ダウンロードした `onboard` の場合は ~/.cache/connect-onboarding の下) を削除してください (自動的に再作成されます)";
    not_deployed(what) = "template.yaml could not be deployed to the emulator:\n  {what}", "template.yaml をデプロイできません:\n  {what}";
    correct_template() = "correct template.yaml or the state machines as the message describes (`sam validate --lint` checks them offline)",
        "メッセージに従って template.yaml またはステートマシンを修正してください (`sam validate --lint` を使用すると、オフラインで検証できます)";
    outputs_unreadable(error) = "the stack's outputs can't be read: {error}", "スタックの出力を読み取れません: {error}";
    emulator_not_responding(what) = "the emulator's Step Functions does not respond ({what})", "Step Functions が応答しません ({what})";
    check_emulator() = "check the emulator's log and try again", "エミュレーターのログを確認してから、再実行してください";

    file_unreadable(error) = "the file can't be read: {error}", "ファイルを読み取れません: {error}";
    file_missing() = "the file does not exist", "ファイルが見つかりません";
    file_not_json(error, line, column) = "the file is not JSON: {error} at line {line} column {column}", "JSON として読み取れません ({line} 行目、{column} 文字目)";
    file_not_writable(error) = "the file can't be written: {error}", "ファイルに書き込めません: {error}";
    invalid_value(error) = "invalid value: {error}", "形式が正しくありません: {error}";
    one_fault(file) = "{file}: 1 error", "{file} にエラーが 1 件あります";
    faults(file, count) = "{file}: {count} errors", "{file} にエラーが {count} 件あります";
    input_valid(file, alias, groups) = "{file} is valid: instance {alias}, {groups}.", "{file} にエラーはありません (インスタンス {alias}、{groups})。";
    one_group() = "1 group", "グループ 1 個";
    groups(count) = "{count} groups", "グループ {count} 個";

    ready_to_sign_in(alias) = "{alias} is ready. Users can sign in.", "{alias} にサインインできます。";
    sign_in_incomplete(alias) = "{alias} exists, but its sign-on setup is incomplete. See the open items.", "{alias} は作成されましたが、サインインの設定が完了していません。対応が必要な項目を確認してください。";
    no_open_items() = "Open items: none", "対応が必要な項目: なし";
    nothing_to_change() = "nothing to change", "変更なし";
    memberships(users, count) = "{users}; group memberships: {count}", "{users}、グループのメンバーシップ {count} 件";
    in_region(account, region) = "{account} in {region}", "{account} ({region})";
    quota_line(name, value, desired, status) = "{name}: quota {value}, needed {desired} – {status}", "{name}: 現在の値 {value}、必要な値 {desired}、{status}";
}

impl Words {
    /// The reason why the local cloud did not start, and the recommended action.
    pub(crate) fn not_started(self, reason: &NotStarted) -> (String, String) {
        match reason {
            NotStarted::NoCheckout => (self.no_checkout(), self.run_in_checkout()),
            NotStarted::NotWritable { path, reason } => {
                (self.not_writable(path.display(), reason), self.free_disk_space())
            }
            NotStarted::NoPython => (self.no_python(), self.install_python()),
            NotStarted::NoPath => (self.no_path(), self.set_path()),
            NotStarted::OldPython { program, version } => (self.old_python(program, version), self.install_python()),
            NotStarted::NoVenvModule { output, version } => {
                (self.no_venv(indented(output)), self.install_venv(version))
            }
            NotStarted::NotInstalled { output } => (self.not_installed(indented(output)), self.check_pip()),
            NotStarted::NoPort(error) => (self.no_port(error), self.end_programs()),
            NotStarted::Emulator { fault, log } => {
                (self.emulator_failed(self.emulator_fault(fault), log), self.delete_the_cache())
            }
            NotStarted::StandIn(error) => (error.to_string(), self.look_and_try_again()),
            NotStarted::Certificate(error) => (error.clone(), self.try_again()),
            NotStarted::NotDeployed(what) => {
                let full = ["No space left on device", "Disk quota exceeded"].iter().any(|cause| what.contains(cause));
                let advice = if full { self.free_disk_space() } else { self.correct_template() };
                (self.not_deployed(what.replace('\n', "\n  ")), advice)
            }
            NotStarted::OutputsUnreadable(error) => (self.outputs_unreadable(error), self.correct_template()),
        }
    }

    fn emulator_fault(self, fault: &EmulatorFault) -> String {
        match fault {
            EmulatorFault::DidNotStart(error) => self.did_not_start(error),
            EmulatorFault::NoClient(error) => self.not_callable(error),
            EmulatorFault::Exited(status) => self.exited_immediately(status),
            EmulatorFault::NotReady => self.not_ready_in_time(),
        }
    }

    /// The message for the operator if the local cloud did not start.
    pub(crate) fn local_cloud_not_started(self, reason: &NotStarted) -> String {
        let (what, action) = self.not_started(reason);
        format!("{}\n{}", self.local_cloud_failed(what), self.what_to_do(action))
    }
}

/// Indents each line by two spaces.
fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_the_disk_is_full_the_advice_is_not_to_correct_the_template() {
        let advice = |what: &str| Words::default().not_started(&NotStarted::NotDeployed(what.to_owned())).1;
        assert!(advice("OSError: [Errno 28] No space left on device: 'bootstrap'").starts_with("free disk space"));
        assert!(advice("a resource is missing").starts_with("correct template.yaml"));
    }
}
