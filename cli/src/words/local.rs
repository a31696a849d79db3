//! Messages of `onboard local`, `check`, the terminal report, and file errors.

use super::catalogue;

catalogue! {
    onboarding_locally(alias) = "Onboarding {alias} on a local cloud: no AWS account, no Entra tenant, no cost",
        "{alias} をローカルクラウドでオンボーディングします (AWS アカウントも Entra テナントも不要、費用なし)";
    tools_ready() = "emulator and functions ready", "エミュレーターと関数の準備";
    cloud_started() = "local cloud started", "ローカルクラウドの起動";
    stack_deployed() = "template.yaml deployed", "template.yaml のデプロイ";
    the_workflow() = "The workflow", "ワークフロー";
    the_workflow_again() = "The workflow once more, on the same cloud", "ワークフロー (同じクラウドで 2 回目)";
    workflow_succeeded() = "succeeded", "成功";
    signed_in_as(username) = "signed in as {username} (rehearsal)", "{username} がサインインしました (リハーサル)";
    models_disagree(violation) = "The stand-in disagrees with the official models: {violation}", "スタンドインが公式モデルと一致しません: {violation}";
    cloud_stopped(seconds) = "All of it took {seconds} s; the local cloud is stopped.", "所要時間は {seconds} 秒でした。ローカルクラウドを停止しました。";
    cloud_stays(file) = "The local cloud stays until Ctrl-C. The other commands reach it with --local, for example in another terminal: onboard list --local\n({file} says where it is.)",
        "ローカルクラウドは Ctrl-C まで動き続けます。ほかのコマンドは --local で使えます。例 (別のターミナルで): onboard list --local\n(接続先は {file} にあります。)";
    nothing_changed_again(count) = "The second execution changed nothing: {count} calls, none of which created, changed or deleted anything.", "2 回目の実行では何も変更されませんでした (呼び出し {count} 件。作成、変更、削除はありません)。";
    changed_again() = "The second execution changed something, which it must not:", "2 回目の実行が何かを変更しました (本来は変更しません):";
    logs_of_this_run(folder) = "The logs of this run: {folder}", "この実行のログ: {folder}";
    installing_emulator() = "Installing the emulator into target/local-cloud (once, about 15 seconds)…", "エミュレーターを target/local-cloud にインストールしています (初回のみ、約 15 秒)…";
    interrupted() = "Interrupted; everything that was started has been stopped.", "中断しました。開始したものはすべて停止しました。";
    nothing_was_started() = "Nothing was started.", "何も開始していません。";
    local_cloud_failed(what) = "The local cloud could not start: {what}", "ローカルクラウドを開始できません: {what}";
    onboarding_failed(error) = "The onboarding failed: {error}", "オンボーディングは失敗しました: {error}";
    onboarding_failed_in(state, error) = "The onboarding failed in state {state}: {error}", "オンボーディングはステート {state} で失敗しました: {error}";
    sign_in_refused(user, by, message) = "The onboarding succeeded, and yet {user} can't sign in. The page of {by} says:\n  {message}",
        "オンボーディングは成功しましたが、{user} はサインインできません。{by} のページの表示:\n  {message}";
    no_threads(error) = "no threads can be started: {error}", "スレッドを開始できません: {error}";

    assumed(text) = "assumed: {text}", "前提: {text}";
    other_reading(text) = "or else: {text}", "別の解釈: {text}";

    live_check(name) = "Everything that this check makes is named {name}, and is removed at the end.", "このチェックで作成するリソースの名前はすべて {name} で、終了時に削除します。";
    checking_quotas() = "Service Quotas and AWS Support …", "Service Quotas と AWS サポート …";
    checking_entra() = "Entra and Microsoft Graph …", "Entra と Microsoft Graph …";
    checking_federation() = "IAM …", "IAM …";
    checking_connect() = "Amazon Connect …", "Amazon Connect …";
    remove_by_hand(thing) = "Could not be removed; delete it by hand: {thing}", "削除できませんでした。手動で削除してください: {thing}";
    can_not_be_checked(why) = "cannot be checked by this command: {why}", "このコマンドでは確認できません: {why}";
    not_reached() = "not found out: the check ended before", "確認できませんでした (その前にチェックが終了しました)";
    hidden_by(name) = "not visible, because the other reading of {name} is true", "{name} が別の解釈のとおりであるため、確認できません";
    polled_too_late(seconds) = "the first poll came after {seconds} s, too late to decide", "最初のポーリングが {seconds} 秒後となり、判定できません";
    never_throttled(calls) = "{calls} calls were not throttled", "{calls} 件の呼び出しはスロットリングされませんでした";
    gone_too_soon() = "the instance was gone before the second deletion", "2 回目の削除の前にインスタンスが消えました";
    no_such_group(name) = "Entra has no group {name}", "Entra にグループ {name} がありません";
    name_a_group() = "name a group of the tenant with --group", "--group でテナントのグループを指定してください";
    az_does_not_answer(why) = "the Azure CLI gives no token for Microsoft Graph: {why}", "Azure CLI から Microsoft Graph のトークンを取得できません: {why}";
    sign_in_with_az() = "install the Azure CLI and sign in with `az login`", "Azure CLI をインストールし、`az login` でサインインしてください";

    try_again() = "try again", "もう一度実行してください";
    look_and_try_again() = "see the message, then try again", "メッセージを確認して、もう一度実行してください";
    no_checkout() = "there is no checkout of Connect Onboarding here (template.yaml and statemachine/ are missing)",
        "ここは Connect Onboarding のチェックアウトではありません (template.yaml と statemachine/ がありません)";
    run_in_checkout() = "run `cargo onboard local` inside the checkout", "チェックアウトの中で `cargo onboard local` を実行してください";
    not_writable(path, error) = "{path} can't be written: {error}", "{path} に書き込めません: {error}";
    make_room() = "make room and make sure that the checkout's target folder is writable", "空き容量と、target フォルダーへの書き込み権限を確認してください";
    no_file(path) = "{path} is no file", "{path} はファイルではありません";
    build_functions() = "run `cargo onboard local`, which builds the functions too", "`cargo onboard local` を実行してください (関数もビルドします)";
    waits_for(what, seconds) = "… {what}: {seconds} s so far", "… {what}: {seconds} 秒経過";
    leave_out_bootstrap() = "leave out --bootstrap: the binary beside this program is used", "--bootstrap を外してください (このプログラムと同じフォルダーのバイナリを使います)";
    no_python() = "python3 was not found", "python3 が見つかりません";
    old_python(program, version) = "{program} is Python {version}, which is too old", "{program} は Python {version} で、古すぎます";
    install_python() = "install Python 3.10 or newer (Debian and Ubuntu: `sudo apt install python3 python3-venv`, macOS: `brew install python`, else https://www.python.org/downloads/) and make sure that `python3` is on the PATH",
        "Python 3.10 以降をインストールし (Debian・Ubuntu: `sudo apt install python3 python3-venv`、macOS: `brew install python`、その他: https://www.python.org/downloads/)、`python3` を PATH に置いてください";
    program_not_started(program, error) = "{program} did not start: {error}", "{program} を起動できません: {error}";
    no_venv(said) = "Python's `venv` module does not work:\n{said}", "Python の `venv` モジュールが使えません:\n{said}";
    install_venv(version) = "install it (Debian and Ubuntu: `sudo apt install python{version}-venv`), then try again",
        "インストールして (Debian・Ubuntu: `sudo apt install python{version}-venv`)、もう一度実行してください";
    not_installed(said) = "pip could not install the emulator:\n{said}", "pip でエミュレーターをインストールできません:\n{said}";
    look_at_pip() = "look at pip's message: without a network or behind a proxy, set PIP_INDEX_URL, PIP_PROXY or PIP_CERT; where a hash does not match, the package index serves other files than the pinned ones, and they are not to be trusted",
        "pip のメッセージを確認してください。ネットワークがない場合やプロキシがある場合は PIP_INDEX_URL・PIP_PROXY・PIP_CERT を設定してください。ハッシュが一致しない場合、パッケージインデックスのファイルは固定したものと異なるため、信頼できません";
    no_port(error) = "no port on 127.0.0.1 is free: {error}", "127.0.0.1 に空いているポートがありません: {error}";
    end_programs() = "end other programs and try again", "ほかのプログラムを終了して、もう一度実行してください";
    emulator_failed(what, log) = "the emulator {what}\n{log}", "エミュレーター: {what}\n{log}";
    did_not_start(error) = "did not start: {error}", "起動できません: {error}";
    can_not_be_asked(error) = "can't be asked: {error}", "問い合わせできません: {error}";
    ended_at_once(status) = "ended at once ({status})", "すぐに終了しました ({status})";
    not_ready_in_time() = "did not become ready within a minute", "1 分以内に準備が完了しませんでした";
    delete_the_cache() = "try again; where that does not help, delete target/local-cloud, which is made anew", "もう一度実行してください。解決しない場合は target/local-cloud を削除してください (自動で作り直します)";
    not_deployed(what) = "template.yaml could not be deployed to it:\n  {what}", "template.yaml をデプロイできません:\n  {what}";
    correct_template() = "correct template.yaml or the state machines as the message says (`sam validate --lint` checks them offline)",
        "メッセージに従って template.yaml かステートマシンを修正してください (`sam validate --lint` でオフラインで確認できます)";
    outputs_unreadable(error) = "the stack's outputs can't be read: {error}", "スタックの出力を読み取れません: {error}";
    workflow_lost(what) = "its Step Functions does not answer ({what})", "Step Functions が応答しません ({what})";
    look_at_emulator() = "look at the emulator's log and try again", "エミュレーターのログを確認して、もう一度実行してください";

    file_unreadable(error) = "the file can't be read: {error}", "ファイルを読み取れません: {error}";
    file_missing() = "there is no such file", "ファイルがありません";
    file_not_json(error, line, column) = "the file is not JSON: {error}", "JSON ではありません ({line} 行目、{column} 文字目)";
    file_not_writable(error) = "the file can't be written: {error}", "ファイルに書き込めません: {error}";
    not_of_the_shape(error) = "does not fit: {error}", "形式が合いません: {error}";
    one_fault(file) = "{file}: 1 fault", "{file}: 誤りが 1 件あります";
    faults(file, count) = "{file}: {count} faults", "{file}: 誤りが {count} 件あります";
    usable(file, alias, groups) = "{file} is usable: instance {alias}, {groups}.", "{file} は使えます: インスタンス {alias}、{groups}。";
    one_group() = "1 group", "グループ 1 件";
    groups(count) = "{count} groups", "グループ {count} 件";

    ready_to_sign_in(alias) = "{alias} is ready to be signed in to.", "{alias} にサインインできます。";
    sign_in_incomplete(alias) = "{alias} exists, but its sign-in is not complete: see the open items.", "{alias} は作成しましたが、サインインの設定が完了していません。残っている作業を確認してください。";
    no_open_items() = "Open items: none", "残っている作業: なし";
    nothing_to_change() = "nothing to change", "変更なし";
    memberships(users, count) = "{users}; {count} memberships in the groups", "{users} (グループのメンバー {count} 人)";
    in_region(account, region) = "{account} in {region}", "{account} ({region})";
    quota_line(name, value, desired, status) = "{name}: {value} there, {desired} needed, {status}", "{name}: 現在 {value}、必要 {desired}、{status}";
}
