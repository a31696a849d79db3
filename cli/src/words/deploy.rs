//! Messages of the command `deploy`.

use super::catalog;

catalog! {
    calling_cloudformation(action, stack) = "CloudFormation {action} for {stack}", "CloudFormation {action} ({stack})";
    specify_a_folder() = "Run the command in a checkout, or specify the directory of an unpacked release with --folder.",
        "リポジトリのディレクトリで実行するか、展開したリリースのディレクトリを --folder で指定してください。";
    build_for_lambda() = "Build the functions for Lambda (`cargo lambda build --release --bin bootstrap`, with --arm64 for Architecture=arm64), or specify the binary with --bootstrap.",
        "関数を Lambda 用にビルドする (`cargo lambda build --release --bin bootstrap`、Architecture=arm64 の場合は --arm64 を追加) か、バイナリを --bootstrap で指定してください。";
    not_for_lambda(file) = "{file} can't run in Lambda: it is not a Linux program for x86_64 or arm64.",
        "{file} は Lambda で実行できません。x86_64 または arm64 用の Linux プログラムではありません。";
    old_binary(file) = "{file} was built from other source files than those of this checkout, so it does not belong to the template.",
        "{file} は、このリポジトリの現在のソースファイルからビルドされたものではないため、テンプレートに対応していません。";
    unexpected_template(what) = "template.yaml has an unexpected form: {what}", "template.yaml の形式が正しくありません: {what}";
    unknown_parameter(name) = "The stack has no parameter {name}.", "スタックにパラメータ {name} はありません。";
    known_parameters(names) = "Use one of these parameters: {names}", "使用できるパラメータ: {names}";
    other_architecture(binary, parameter) = "The binary is built for {binary}, but the parameter Architecture is {parameter}.",
        "バイナリは {binary} 用ですが、パラメータ Architecture には {parameter} が指定されています。";
    creating_bucket(stack) = "Creating a bucket for the code (stack {stack}) …", "コードを保存するバケットを作成しています (スタック {stack})…";
    bucket_not_created() = "CloudFormation could not create the bucket for the code.", "コードを保存するバケットを作成できませんでした。";
    bucket_missing(stack, status) = "The stack {stack}, which contains the bucket for the code, has the status {status} and no output Bucket.",
        "コードを保存するバケットのスタック {stack} のステータスは {status} で、出力 Bucket がありません。";
    use_own_bucket() = "Check the events of the stack in CloudFormation, or use a bucket of your own: --bucket NAME",
        "CloudFormation でスタックのイベントを確認するか、既存のバケットを --bucket で指定してください。";
    use_another_bucket(region) = "Specify a bucket that exists in {region}: --bucket NAME", "{region} に存在するバケットを --bucket で指定してください。";
    uploading(key, bucket) = "uploading {key} to {bucket}", "{key} のアップロード ({bucket})";
    creating_change_set(stack) = "Comparing with the stack {stack} …", "スタック {stack} との差分を確認しています…";
    change_set_failed(stack, reason) = "CloudFormation can't deploy {stack}: {reason}", "{stack} をデプロイできません: {reason}";
    correct_the_deployment() = "Correct the parameter or the template as the message describes, then run the command again. Nothing was changed.",
        "メッセージに従ってパラメータまたはテンプレートを修正し、再実行してください。何も変更していません。";
    changes_of(stack) = "Changes of the stack {stack}", "スタック {stack} の変更内容";
    resources(count) = "{count} resources", "リソース {count} 個";
    old_resource_stays() = "the old resource and its data are kept", "既存のリソースとデータは保持されます";
    old_resource_is_deleted() = "the resource and its data are deleted", "既存のリソースとデータは削除されます";
    may_be_replaced(kind, names, properties) = "! may be replaced: {kind}: {names} – {properties}", "! 置換の可能性あり: {kind}: {names} – {properties}";
    is_replaced(object, properties, old) = "! REPLACED: {object} – {properties}; {old}", "! 置換: {object} – {properties} ({old})";
    is_removed(object, old) = "! REMOVED: {object}; {old}", "! 削除: {object} ({old})";
    change_counts(added, changed, possibly, replaced, removed) = "{added} added, {changed} changed, {possibly} possibly replaced, {replaced} replaced, {removed} removed",
        "追加 {added}、変更 {changed}、置換の可能性あり {possibly}、置換 {replaced}、削除 {removed}";
    deploy_question() = "Deploy these changes? [y/N]", "これらの変更をデプロイしますか? [y/N]";
    not_deployed_yet() = "Not confirmed; nothing was deployed.", "承認されなかったため、デプロイしていません。";
    run_with_yes() = "Review the output above, then run the command with --yes, or on a terminal, where the command asks for confirmation.",
        "上記の内容を確認し、--yes を指定して実行してください。ターミナルで実行すると、対話形式で確認できます。";
    nothing_to_deploy(stack) = "The stack {stack} is up to date; there is nothing to deploy.", "スタック {stack} は最新です。デプロイする変更はありません。";
    delete_failed_stack(stack) = "The first deployment of {stack} failed and was rolled back, so the stack contains no resources. Delete the failed stack and deploy again? [y/N]",
        "スタック {stack} は最初のデプロイが失敗してロールバックされたため、リソースがありません。失敗したスタックを削除して、再度デプロイしますか? [y/N]";
    failed_stack_exists(stack) = "The first deployment of {stack} failed. CloudFormation can't update the failed stack, which must be deleted first.",
        "スタック {stack} は最初のデプロイが失敗しています。更新できないため、先に削除する必要があります。";
    deleting_failed_stack(stack) = "Deleting the failed stack {stack} …", "失敗したスタック {stack} を削除しています…";
    another_operation(stack, status) = "Another operation changes the stack {stack} ({status}). Waiting until it has finished …",
        "スタック {stack} では別の操作が進行中です ({status})。完了を待っています…";
    stuck_stack(stack, status, reason) = "The stack {stack} has the status {status} and can't be updated. {reason}", "スタック {stack} のステータスは {status} のため、更新できません。{reason}";
    repair_stack(stack) = "Open the stack {stack} in the CloudFormation console. After a failed rollback, choose Continue update rollback; after a failed creation or deletion, delete the stack. Then run the command again.",
        "CloudFormation コンソールでスタック {stack} を開いてください。ロールバックに失敗した場合は [更新のロールバックを続ける] を選択し、作成または削除に失敗した場合はスタックを削除してから、再実行してください。";
    deploying(stack) = "Deploying {stack} …", "{stack} をデプロイしています…";
    deployed_resources(complete, all, status) = "{complete} of {all} resources complete ({status})", "リソース {all} 個中 {complete} 個が完了 ({status})";
    deployed(stack, status) = "The stack {stack} is deployed ({status}).", "スタック {stack} をデプロイしました ({status})。";
    after_the_deployment() = "Next: `onboard doctor` · `onboard init` · `onboard plan`", "次のステップ: `onboard doctor` · `onboard init` · `onboard plan`";
    deployment_failed(stack, status, cause) = "The deployment of {stack} failed ({status}). {cause}", "{stack} のデプロイが失敗しました ({status})。{cause}";
    first_deployment_rolled_back() = "CloudFormation has removed what it had created. Correct the cause, then run the command again.",
        "作成されたリソースは CloudFormation によって削除されました。原因を解消してから、再実行してください。";
    update_rolled_back() = "CloudFormation has restored the previous release, which continues to work. Correct the cause, then run the command again.",
        "以前のリリースに戻されたため、引き続き使用できます。原因を解消してから、再実行してください。";
    deployment_continues(stack) = "Interrupted. The deployment of {stack} continues in CloudFormation.", "中断しました。{stack} のデプロイは CloudFormation で継続しています。";
    follow_again() = "To wait until it has finished, run the command again.", "完了を待つには、コマンドを再実行してください。";
}
