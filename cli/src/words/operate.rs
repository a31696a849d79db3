//! Messages of the commands `approve`, `reject`, `replay`, `init` and `doctor`, and messages about plans and teardowns.

use super::{Lang, Words, catalog};

catalog! {
    another_request(seen) = "The request {seen} is not the current request for approval; nothing was changed.",
        "{seen} は現在の承認リクエストのダイジェストではありません。何も変更していません。";
    show_the_request(alias) = "Show the current request: `onboard approve {alias}`", "`onboard approve {alias}` で現在のリクエストを確認してください。";
    outdated_request(alias) = "The request for {alias} was made by an earlier release and can no longer be answered; nothing was changed.",
        "{alias} の承認リクエストは以前のリリースで作成されたため、回答できません。何も変更していません。";
    request_again(alias) = "Start a sync, which makes a new request: `onboard sync {alias} --wait`", "`onboard sync {alias} --wait` で同期を開始すると、新しいリクエストが作成されます。";
    writing_the_decision() = "writing the decision into the registry", "レジストリへの回答の書き込み";
    show_the_plan(alias) = "Show the current plan: `onboard sync {alias} --plan`", "`onboard sync {alias} --plan` で現在の計画を確認してください。";
    approve_question() = "Approve exactly these changes? [y/N]", "これらの変更を承認しますか? [y/N]";
    not_confirmed() = "Not confirmed; nothing was changed.", "承認されなかったため、何も変更していません。";
    specify_digest(digest) = "Review the changes, then use: --digest {digest}", "変更の内容を確認し、--digest {digest} を指定して実行してください。";
    approved(digest) = "Approved. The changes of the request {digest} are being applied.", "承認しました。リクエスト {digest} の変更を適用します。";
    rejected(digest) = "Rejected. The changes of the request {digest} are not applied.", "拒否しました。リクエスト {digest} の変更は適用されません。";
    nothing_waits(alias) = "No changes to users of {alias} wait for approval.", "{alias} に承認待ちの変更はありません。";
    request_of(alias, digest) = "Changes to users of {alias} that wait for approval, digest {digest}", "{alias} の承認待ちの変更 (ダイジェスト {digest})";
    no_user(user, alias) = "{alias} has no user with the username {user}; nothing was changed.",
        "{alias} に、ユーザー名が {user} のユーザーは存在しません。何も変更していません。";
    check_the_username() = "Use the exact username, including upper and lower case, as Connect's user management shows it. A new user is found after a few seconds.",
        "Connect のユーザー管理に表示されるユーザー名を、大文字と小文字も含めて正確に指定してください。作成直後のユーザーは、数秒後に検索できるようになります。";
    searching_the_user(user) = "searching for the user {user}", "ユーザー {user} の検索";
    signing_out(user) = "ending the sessions of the user {user}", "ユーザー {user} のセッションの終了";
    signed_out(user, alias) = "All sessions of {user} in {alias} have ended.", "{alias} の {user} のセッションをすべて終了しました。";
    may_sign_in_again() = "A member of the groups can sign in again. To end the access of a user, remove the user from the groups in Entra, or disable the account.",
        "グループのメンバーは再びサインインできます。今後のアクセスも禁止するには、Entra でユーザーをグループから削除するか、アカウントを無効にしてください。";
    sign_out_not_available(region) = "Amazon Connect in {region} does not offer the operation DeleteAllEntitySessions; nothing was changed.",
        "{region} の Amazon Connect では、操作 DeleteAllEntitySessions を利用できません。何も変更していません。";
    wait_for_the_region() = "The session ends automatically after 12 hours at most. To end it now, have the user sign out.",
        "セッションは最長 12 時間で自動的に終了します。すぐに終了するには、ユーザーにサインアウトを依頼してください。";
    counting_events() = "counting failed events", "失敗したイベントの件数の取得";
    replaying_events() = "reprocessing failed events", "失敗したイベントの再処理";
    replay_them() = "Reprocess them: `onboard replay`", "`onboard replay` で再処理してください。";
    events_wait(count) = "Failed events: {count}", "失敗したイベント: {count} 件";
    events_replay(count) = "Failed events being reprocessed: {count}", "失敗したイベント {count} 件を再処理しています。";
    plan_head(alias) = "Changes that an onboarding of {alias} would make", "{alias} のオンボーディングで行われる処理";
    nothing_written(file) = "Nothing was changed. To make these changes: `onboard start {file}`", "何も変更していません。オンボーディングを開始するには、`onboard start {file}` を実行してください。";
    conflicts(count) = "Conflicts: {count}. An onboarding would stop there. Nothing was changed.", "競合が {count} 件あります。オンボーディングを開始すると、競合する項目で停止します。何も変更していません。";
    open_items() = "Open items", "対応が必要な項目";
    findings_of(alias, count) = "{alias}: differences: {count}", "{alias}: ドリフト {count} 件";
    reverted() = "(reverted)", "(修復済み)";
    expected_found(expected, found) = "expected {expected}, found {found}", "期待値: {expected}、実際の値: {found}";
    certificate(thumbprint, expires) = "certificate {thumbprint}, until {expires}", "証明書 {thumbprint}、有効期限 {expires}";
    teardown_head(alias) = "Teardown plan for {alias}", "{alias} のオンボーディングの削除計画";
    teardown_apply(command) = "Nothing was changed. To apply the plan: `{command}`", "何も変更していません。計画を適用するには、`{command}` を実行してください。";
    type_the_alias(alias) = "This can't be undone. To continue, type the alias ({alias}):", "この操作は取り消せません。続行するには、エイリアス ({alias}) を入力してください:";
    confirm_with(command) = "Review the plan, then run: `{command}`", "計画を確認してから、`{command}` を実行してください。";
    plan_changed() = "The resources have changed since the plan was made; nothing was deleted.", "計画の作成後に変更があったため、何も削除していません。";
    plan_changed_beside(sync) = "The user sync {sync} is running and has changed users since the plan was made; nothing was deleted.",
        "ユーザー同期 {sync} が実行中で、計画の作成後にユーザーが変更されたため、何も削除していません。";
    repeat_after_sync() = "Run the command again: it waits until the sync has ended, and then makes a new plan.", "コマンドを再実行してください。同期の完了を待ってから、新しい計画を作成します。";
    waits_for_sync(sync, alias) = "The user sync {sync} of {alias} is running. The teardown starts when it has ended.", "{alias} のユーザー同期 {sync} が実行中です。完了後に削除を開始します。";
    review_and_repeat() = "Review the plan above and run the command again.", "上記の計画を確認し、コマンドを再実行してください。";
    torn_down(alias) = "The onboarding of {alias} has been removed.", "{alias} のオンボーディングを削除しました。";
    file_exists(file) = "{file} already exists.", "{file} はすでに存在します。";
    use_force() = "Specify another file, or replace this one with --force.", "別のファイルを指定するか、--force を指定して上書きしてください。";
    answers_missing() = "An alias and at least one group are required.", "エイリアスと 1 つ以上のグループが必要です。";
    specify_answers() = "Specify --alias and --group (see `onboard init --help`), or run the command on a terminal, where the command asks for these values.",
        "--alias と --group を指定してください (`onboard init --help` を参照)。ターミナルで実行すると、対話形式で入力できます。";
    replace_question(file) = "{file} already exists. Replace it? [y/N]", "{file} はすでに存在します。上書きしますか? [y/N]";
    replace_with_yes() = "Specify another file, or replace this one with --yes.", "別のファイルを指定するか、--yes を指定して上書きしてください。";
    adopt_next(file) = "Next: `onboard check {file}` · `onboard plan {file}`. The plan shows what an onboarding would change.",
        "次のステップ: `onboard check {file}` · `onboard plan {file}` (オンボーディングによる変更を確認できます)";
    written(file) = "{file} was written.", "{file} を作成しました。";
    next_steps(file) = "Next: `onboard doctor {file}` · `onboard plan {file}` · `onboard start {file}`", "次のステップ: `onboard doctor {file}` · `onboard plan {file}` · `onboard start {file}`";
    upload_documents(file) = "Japanese phone numbers are ordered with three documents. Upload them when you start (or set telephony.order to \"manual\" and file the case yourself):\n  `onboard start {file} --document identity=FILE --document address=FILE --document relationship=FILE`",
        "日本の電話番号の申請には 3 種類の書類が必要です。開始時に指定してください (手動で申請する場合は telephony.order に \"manual\" を指定):\n  `onboard start {file} --document identity=FILE --document address=FILE --document relationship=FILE`";
    ask_alias() = "Alias of the instance (first label of its URL, for example acme-support):", "インスタンスのエイリアス (URL の先頭部分、例: acme-support):";
    ask_groups() = "Entra groups whose members become users, separated by commas:", "Connect ユーザーを作成する Entra グループ (カンマ区切り):";
    ask_profiles() = "Security profiles of the members [Agent]:", "割り当てるセキュリティプロファイル [Agent]:";
    ask_numbers() = "Phone numbers to order, COUNTRY:TYPE:PREFIX, for example JP:DID:+813 [none]:", "取得する電話番号 (国:種別:先頭の番号、例: JP:DID:+813) [なし]:";
    ask_calls() = "Concurrent calls, if the account's default is too low [unchanged]:", "同時通話数 (アカウントのデフォルト値では不足する場合) [変更しない]:";
    specify_another_folder() = "Specify another folder.", "別のフォルダーを指定してください。";
    manual_pages_written(folder) = "The manual pages were written to {folder}.", "{folder} にマニュアルページを作成しました。";
    show_a_manual_page(page) = "To read a page: man {page}", "ページを表示するには、man {page} を実行してください。";
    identifying_caller() = "identifying the caller (STS)", "呼び出し元の確認 (STS)";
    account(account, region, arn) = "{account} in {region}, as {arn}", "アカウント {account} ({region})、{arn} として実行";
    outputs_missing(stack, names) = "outputs missing in {stack}: {names}", "スタック {stack} に出力 {names} がありません";
    stack_is(stack, status) = "{stack} is {status}", "スタック {stack} のステータス: {status}";
    wait_for_stack() = "Wait until CloudFormation has finished, or check the stack's events.", "CloudFormation の処理が完了するまで待つか、スタックのイベントを確認してください。";
    entra_not_checked() = "Entra's consent and groups were not checked", "Entra の管理者の同意とグループは確認していません";
    specify_an_input() = "Specify an onboarding.json: `onboard doctor onboarding.json`", "`onboard doctor onboarding.json` のように、onboarding.json を指定してください。";
    invoking_preflight() = "invoking the stack's preflight function", "スタックの事前チェック関数の呼び出し";
    entra_ok(tenant, groups, users) = "tenant {tenant}: all permissions are granted; groups: {groups}, members: {users}", "テナント {tenant}: アクセス許可あり、グループ {groups} 個 (対象ユーザー {users} 人)";
    reading_quotas() = "reading Service Quotas", "Service Quotas の確認";
    instance_quota(value, count, left) = "Connect instances: quota {value} in this account and Region, {count} exist, {left} left", "Connect インスタンス数のクォータ: {value} (このアカウントとリージョン)、既存のインスタンス {count} 個、残り {left} 個";
    no_instance_left() = "An onboarding of a new instance requests a higher quota and waits for the decision of AWS. To request it now: aws service-quotas request-service-quota-increase --service-code connect --quota-code L-AA17A6B9 --desired-value N",
        "新しいインスタンスのオンボーディングでは、クォータの引き上げをリクエストし、AWS の審査を待ちます。事前にリクエストする場合は、次のコマンドを実行してください: aws service-quotas request-service-quota-increase --service-code connect --quota-code L-AA17A6B9 --desired-value N";
    listing_instances() = "listing the Connect instances", "Connect インスタンスの一覧取得";
    reading_services() = "reading the list of services in the Region (Systems Manager)", "リージョンで利用できるサービスの確認 (Systems Manager)";
    services_found(region, count) = "{region} has all required services that AWS lists ({count})", "{region} では、必要なサービスをすべて利用できます ({count} 個を確認)";
    services_missing(region, services) = "not available in {region}: {services}", "{region} では利用できないサービス: {services}";
    services_unknown(region) = "AWS lists no services for {region}", "{region} で利用できるサービスの一覧が AWS から提供されていません";
    choose_another_region() = "Select a Region that has all services, with --region. The AWS page \"Amazon Connect endpoints and quotas\" lists the Regions.",
        "必要なサービスをすべて利用できるリージョンを --region で指定してください。Amazon Connect を利用できるリージョンは、AWS ドキュメントの「サービスエンドポイントとクォータ」で確認できます。";
    check_the_region() = "Check in the AWS documentation whether Amazon Connect is available in the Region.", "Amazon Connect をこのリージョンで利用できるかどうかを、AWS ドキュメントで確認してください。";
    reading_concurrency() = "reading the account settings of Lambda", "Lambda のアカウント設定の確認";
    concurrency(limit, free) = "Lambda: {limit} concurrent executions, {free} unreserved", "Lambda の同時実行数の上限: {limit} (予約されていない数: {free})";
    raise_concurrency() = "Onboardings work, but slowly. Keep the parameter NotificationConcurrency at 0, and request a higher quota: aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value 1000",
        "オンボーディングは実行できますが、時間がかかります。パラメータ NotificationConcurrency は 0 のままにし、上限の引き上げをリクエストしてください: aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value 1000";
    reading_federation() = "reading the setting of outbound identity federation (IAM)", "outbound identity federation の設定の確認 (IAM)";
    federation_on(issuer) = "outbound identity federation is turned on, issuer {issuer}", "outbound identity federation は有効です (発行者: {issuer})";
    federation_off() = "outbound identity federation is turned off in this account", "このアカウントでは、outbound identity federation が無効になっています";
    turn_federation_on() = "Identities without a secret need outbound identity federation. To turn it on: `onboard entra-setup --run`, or aws iam enable-outbound-web-identity-federation. Identities with a certificate or a client secret do not need it.",
        "シークレットを使用しないアイデンティティに必要です。`onboard entra-setup --run` を実行すると有効になります。手動で有効にする場合は、aws iam enable-outbound-web-identity-federation を実行してください。証明書またはクライアントシークレットを使用する場合は不要です。";
    simulating() = "simulating the policies of the caller (IAM)", "呼び出し元のポリシーのシミュレーション (IAM)";
    root_user() = "the root user has all permissions; use a role for daily work", "root ユーザーにはすべてのアクセス許可があります。日常の作業にはロールを使用してください";
    may_deploy() = "the caller's policies allow a deployment", "呼び出し元のポリシーで、デプロイが許可されています";
    may_operate() = "the caller's policies allow the commands of this tool", "呼び出し元のポリシーで、このツールのコマンドが許可されています";
    permissions_missing(actions) = "the caller's policies do not allow: {actions}", "呼び出し元のポリシーで許可されていないアクション: {actions}";
    grant_permissions() = "Ask an administrator for these permissions. The simulation ignores permissions that apply only to other resources or conditions.",
        "アクセス許可の付与を依頼してください。ほかのリソースまたは条件に限定されたアクセス許可は、シミュレーションでは判定されません。";
    permissions_unknown() = "The caller's permissions are unknown. To check them, the caller needs iam:SimulatePrincipalPolicy for itself.", "呼び出し元のアクセス許可を確認できません。確認するには、呼び出し元自身に対する iam:SimulatePrincipalPolicy の許可が必要です。";
    calling_support() = "calling the Support API", "AWS Support API の確認";
    support_api() = "the Support API is available: phone numbers are ordered automatically", "AWS Support API を利用できます。電話番号は自動的に申請されます";
    no_support_api() = "the account's Support plan does not include the Support API", "このアカウントのサポートプランでは AWS Support API を利用できません";
    order_manually() = "You receive the text of each case by notification and file it manually, or you change to a plan with the Support API (Business Support+ or higher).",
        "申請用の文面が通知されるので、手動で申請してください。または、AWS Support API を利用できるサポートプラン (Business Support+ 以上) に変更してください。";
    older_plans_end() = "AWS ends Developer Support and Business Support on 2027-01-01. If you have one of these plans, change to Business Support+ before that day. Otherwise the workflow can no longer read its cases.",
        "デベロッパーサポートとビジネスサポートは 2027 年 1 月 1 日に終了します。いずれかのプランを利用している場合は、終了日より前に Business Support+ に変更してください。変更しない場合、ワークフローはケースの状態を取得できなくなります。";
    reading_subscriptions() = "reading the subscriptions of the notification topic", "通知先の確認";
    no_subscription() = "the notification topic has no subscriptions", "通知トピックにサブスクリプションがありません";
    add_a_subscription() = "Deploy with NotificationEmail, or subscribe to the notification topic.", "NotificationEmail を指定してデプロイするか、通知トピックをサブスクライブしてください。";
    confirmed_subscriptions(count) = "confirmed subscriptions: {count}", "サブスクリプション {count} 件、すべて確認済み";
    unconfirmed_subscriptions(count) = "unconfirmed subscriptions: {count}", "未確認のサブスクリプションが {count} 件あります";
    confirm_the_mail() = "Open the link in the mail from AWS Notifications.", "AWS Notifications から届いたメールのリンクを選択してください。";
    reading_alarms() = "reading CloudWatch alarms", "CloudWatch アラームの確認";
    no_alarm() = "no alarm of the stack is active", "発生中のアラームはありません";
    alarms_on(names) = "active: {names}", "発生中: {names}";
    check_alarms() = "Check the alarms in CloudWatch; the description of each alarm contains the recommended action.", "CloudWatch で確認してください。対処方法は各アラームの説明にあります。";
    licences() = "Entra ID P1 (required to assign groups) can't be checked with the application's permissions", "Entra ID P1 (グループの割り当てに必要) のライセンスは、このアプリケーションのアクセス許可では確認できません";
    look_at_licences() = "Entra admin center → Billing → Licenses; without P1 set entra.assignment to \"users\".",
        "Entra 管理センターの [課金] → [ライセンス] で確認してください。P1 がない場合は、entra.assignment に \"users\" を指定してください。";
    tools_missing(tools) = "Required programs are missing. Nothing was done.\n  {tools}", "必要なプログラムが見つからないため、処理を開始しませんでした。\n  {tools}";
    deployment_parameters() = "Parameters for `onboard deploy` (--parameter NAME=VALUE) or `sam deploy`:",
        "`onboard deploy` (--parameter NAME=VALUE) または `sam deploy` に指定するパラメータ:";
    identity_removed(identity, name) = "The {identity} identity was removed. Deploy the stack without it: `onboard deploy --parameter {name}ClientId= --parameter {name}CredentialSecret=`, or `sam deploy` with these two parameters empty.",
        "{identity} アイデンティティを削除しました。次のコマンドでスタックをデプロイしてください: `onboard deploy --parameter {name}ClientId= --parameter {name}CredentialSecret=` (`sam deploy` を使用する場合は、この 2 つのパラメータを空にしてください)";
    setup_tenant(tenant, operator) = "Tenant: {tenant}, signed in as {operator}", "テナント: {tenant} (サインイン中のユーザー: {operator})";
    setup_account(account, region, caller) = "AWS account: {account} in {region}, signed in as {caller}", "AWS アカウント: {account} ({region}、呼び出し元: {caller})";
    setup_grants(application, permissions) = "Application {application}: creates it if it is missing, and grants it these application permissions of Microsoft Graph for the whole tenant: {permissions}",
        "アプリケーション {application}: 存在しない場合は作成し、Microsoft Graph の次のアクセス許可をテナント全体に対して付与します: {permissions}";
    setup_trusts(role) = "The application accepts tokens that AWS issues for the role {role} of this account.", "このアカウントのロール {role} に対して AWS が発行するトークンを、アプリケーションが受け入れるように設定します。";
    setup_stores(kind, secret) = "Adds a credential ({kind}) to the application, and stores it in Secrets Manager: {secret}", "アプリケーションに認証情報 ({kind}) を追加し、Secrets Manager に保存します: {secret}";
    setup_federates() = "AWS account: turns on outbound identity federation, a setting of the whole account.", "AWS アカウント: アカウント全体の設定である outbound identity federation を有効にします。";
    setup_removes(application, secret) = "Deletes the application {application} and the secret {secret}, if they exist.", "アプリケーション {application} とシークレット {secret} を、存在する場合に削除します。";
    setup_question() = "Make these changes in this tenant and this AWS account? [y/N]", "このテナントと AWS アカウントに、上記の変更を行いますか? [y/N]";
    setup_needs_yes() = "Nothing was changed. Review the output above, then run the script with --yes, or on a terminal, where the script asks for confirmation.",
        "何も変更していません。上記の内容を確認し、--yes を指定してスクリプトを実行してください。ターミナルで実行すると、対話形式で確認できます。";
    setup_stopped() = "The setup stopped at the command above.", "上記のコマンドが失敗したため、セットアップを停止しました。";
    correct_and_repeat() = "Correct the error and run the command again; nothing is created twice.", "メッセージに従って修正し、再実行してください。重複して作成されることはありません。";
    install_the_programs() = "Install the programs, then run the command again.", "プログラムをインストールしてから、再実行してください。";
    no_stack_name(name) = "--stack {name}: a stack name consists of letters, digits and hyphens, and starts with a letter",
        "--stack {name}: スタック名は英字で始め、英数字とハイフンだけを使用してください";
    no_region_name(name) = "{name} is not a Region.", "{name} はリージョン名ではありません。";
    no_audience(name, example) = "--audience {name}: must be api:// followed by a name, for example {example}", "--audience {name}: {example} のように、api:// に続けて名前を指定してください";
    long_stack_name(name) = "--stack {name}: too long; a role of the stack would have a name of more than 64 characters",
        "--stack {name}: スタック名が長すぎるため、スタックのロール名が 64 文字を超えます";
}

impl Words {
    /// The text for an action in a plan, for example `create`.
    pub(crate) fn action(self, action: &str) -> String {
        let ja = match action {
            "create" => "作成",
            "adopt" => "管理対象に追加",
            "change" => "変更",
            "leave" | "keep" => "変更なし",
            "wait" => "待機",
            "conflict" => "競合",
            "delete" => "削除",
            "empty" => "設定の削除",
            "release" => "解放",
            other => other,
        };
        match self.0 {
            Lang::En => action.to_owned(),
            Lang::Ja => ja.to_owned(),
        }
    }

    /// The heading for an area of a plan, for example `instance`.
    pub(crate) fn area(self, area: &str) -> &str {
        let (en, ja) = match area {
            "instance" => ("Amazon Connect instance", "Amazon Connect インスタンス"),
            "quotas" => ("Service quotas", "サービスクォータ"),
            "phoneNumbers" => ("Phone numbers", "電話番号"),
            "entra" => ("Microsoft Entra ID", "Microsoft Entra ID"),
            "iam" => ("AWS IAM", "AWS IAM"),
            "registry" => ("The stack's registry", "スタックのレジストリ"),
            "notifications" => ("Notifications of group changes", "Entra の変更通知"),
            "users" => ("Connect users", "Connect ユーザー"),
            other => (other, other),
        };
        match self.0 {
            Lang::En => en,
            Lang::Ja => ja,
        }
    }
}
