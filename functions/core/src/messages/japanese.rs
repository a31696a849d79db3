//! The catalogue in Japanese.

use super::{
    ExecutionDetail, Message, Step, Words, approve, name, onboard_approve, onboard_report, read_failure, read_output,
    read_report_in_history, refuse, rotate,
};
use crate::{
    StepErrorKind,
    contract::{DriftFinding, OpenItem, PlanItem},
    report::message_of,
};

/// The words of a message.
pub(super) fn words(message: &Message) -> Words {
    match message {
        Message::SignInReady { alias, groups, sso_url, passed, .. } if *passed => Words {
            title: format!("Amazon Connect {alias}: サインインできるようになりました"),
            what: format!(
                "次のグループのメンバーが Amazon Connect にサインインできるようになりました: {}\n{sso_url}\n\n\
                 サインインチェックに合格しました。サインインに必要なすべての設定を取得し、\
                 期待どおりであることを確認済みです。クォータと電話番号は、まだ審査中の場合があります。\
                 オンボーディングが完了したら、改めて通知します。",
                groups.join("、")
            ),
            steps: vec![Step::new(
                "上記の URL をメンバーに案内してください。サインインできるのは、これらのグループのメンバーだけです。",
            )],
        },
        Message::SignInReady { alias, sso_url, .. } => Words {
            title: format!("Amazon Connect {alias}: サインインチェックで設定の不一致が見つかりました"),
            what: format!(
                "シングルサインオンの設定は完了しましたが、サインインに必要な設定と現在の設定が一致していません。\
                 次の URL でのサインインが拒否される可能性があります:\n{sso_url}"
            ),
            steps: vec![Step::new(
                "オンボーディングの完了メッセージが届いたら、レポートを確認してください。チェック項目ごとに、\
                 期待値と実際の値が記載されています。",
            )],
        },
        Message::TelephonyNews { alias, message, .. } => Words {
            title: format!("Amazon Connect {alias}: 電話番号などの申請に関するお知らせ"),
            what: message.clone(),
            steps: Vec::new(),
        },
        Message::OnboardingFinished { alias, sso_url, open_items, failed, execution } => Words {
            title: if *failed {
                format!("Amazon Connect {alias}: オンボーディングが失敗しました (必須の項目が拒否されました)")
            } else {
                format!("Amazon Connect {alias}: オンボーディングが完了しました")
            },
            what: finished(sso_url, open_items, *failed),
            steps: vec![
                Step::new("レポートを確認する:").run(onboard_report(execution)).run(if *failed {
                    read_report_in_history(execution)
                } else {
                    read_output(execution)
                }),
                Step::new(if open_items.is_empty() && !failed {
                    "これ以上の作業は必要ありません。以降は、ユーザーが自動的に Entra のグループと同期されます。"
                } else {
                    "対応が必要な項目を解決してください。再実行の指示がある場合は、\
                     解決後に同じ入力で再実行してください。正しく設定されているリソースは変更されません。"
                }),
            ],
        },
        Message::UnsafePlan { instance_id, alias, reasons, counts, removals, digest, task_token, .. } => {
            let plan = &counts.planned;
            Words {
                title: format!("Amazon Connect {}: ユーザー同期が承認を待っています", name(alias, instance_id)),
                what: format!(
                    "インスタンス {instance_id} のユーザー同期は、承認が必要な計画を適用する前に停止しました。\
                     何も変更していません。\n\n理由: {}\n\n計画の内容: 作成 {}、管理対象に追加 {}、更新 {}、\
                     削除予定 {}、削除 {} (管理対象ユーザー {} 人)\n削除対象のユーザー (先頭の 10 人まで): {}\n\
                     ダイジェスト: {digest}\n\n3 日以内に回答がない場合は、何も変更しません。",
                    reasons.join("; "),
                    plan.create,
                    plan.adopt,
                    plan.update,
                    plan.mark,
                    plan.delete,
                    plan.managed,
                    list(removals),
                ),
                steps: vec![
                    Step::new(
                        "Entra のグループのメンバーが正しいことを確認してください。\
                         誤ってメンバーが削除された可能性があります。",
                    ),
                    Step::new("この計画だけを承認して適用する (計画の内容が変わった場合は、改めて承認を求めます):")
                        .run(onboard_approve(name(alias, instance_id), digest))
                        .run(approve(digest, task_token)),
                    Step::new("拒否する (何も変更しません。同じ計画の承認は、3 日後に再度求めます):")
                        .run(format!("onboard reject {}", name(alias, instance_id)))
                        .run(refuse(task_token)),
                ],
            }
        }
        Message::CertificateRotated { instance_id, alias, thumbprint, expires, .. } => Words {
            title: format!("Amazon Connect {}: 署名証明書を更新しました", name(alias, instance_id)),
            what: format!(
                "{} の SAML 署名証明書を、有効期限が切れる前に新しい証明書に更新しました。\
                 新しい証明書は AWS に登録してから署名に使用し、\
                 古い証明書は署名に使用されなくなってから削除したため、サインインは中断していません。\n\n\
                 拇印: {thumbprint}\n有効期限: {expires}",
                name(alias, instance_id)
            ),
            steps: vec![Step::new("作業は必要ありません。次の証明書も、有効期限の前に自動的に作成されます。")],
        },
        Message::RotationNeedsPerson { instance_id, alias, thumbprint, expires, detail, execution } => Words {
            title: format!("Amazon Connect {}: 署名証明書の更新に手動での対応が必要です", name(alias, instance_id)),
            what: format!(
                "{} の SAML 署名証明書を更新できなかったか、更新が途中で停止しました。証明書の有効期限までは、\
                 引き続きサインインできます。\n\n理由: {detail}{}",
                name(alias, instance_id),
                if thumbprint.is_empty() {
                    String::new()
                } else {
                    format!("\n\n拇印: {thumbprint}\n有効期限: {expires}")
                }
            ),
            steps: vec![
                Step::new(
                    "「理由」に記載された対応を行ってください。\
                     setup アイデンティティを削除したためにアクセス許可が不足している場合は、\
                     更新が完了するまで再作成してください。",
                ),
                Step::new("対応後に、中断したところから再開する (翌日の定期実行を待つこともできます):")
                    .run(rotate(execution, instance_id)),
            ],
        },
        Message::DriftFound { alias, findings, count, execution, .. } => drift(alias, findings, *count, execution),
        Message::TeardownFinished { alias, items, open_items, execution, .. } => {
            torn_down(alias, items, open_items, execution)
        }
        Message::ExecutionFailed { detail } => failed(detail),
    }
}

fn torn_down(alias: &str, items: &[PlanItem], open_items: &[OpenItem], execution: &str) -> Words {
    let gone: Vec<&PlanItem> = items.iter().filter(|item| item.action.removes()).collect();
    let mut what =
        format!("承認された計画に従って、Amazon Connect {alias} のオンボーディングで作成したリソースを削除しました。");
    for item in &gone {
        what.push_str(&format!("\n- {} {}", item.kind, item.name));
    }
    what.push_str(&format!("\n\n残っているリソース: {} 件", open_items.len()));
    for item in open_items {
        what.push_str(&format!("\n- {}: {}\n  {}", item.subject, item.what, item.action));
    }
    Words {
        title: format!("Amazon Connect {alias}: オンボーディングを削除しました"),
        what,
        steps: vec![
            Step::new("今後は、どのユーザーもサインインできません。すべての項目を確認する:")
                .run(read_output(execution)),
        ],
    }
}

fn drift(alias: &str, findings: &[DriftFinding], count: usize, execution: &str) -> Words {
    let left = findings.iter().filter(|finding| !finding.mended).count();
    let security = findings.iter().any(|finding| finding.security);
    let mut what =
        format!("Amazon Connect {alias} の {count} 件の設定が、最後に実行したオンボーディングの設定と異なります。");
    if security {
        what.push_str("サインインできるユーザーに影響する設定が含まれています。この設定を優先して確認してください。");
    }
    for finding in findings {
        let security = if finding.security { "セキュリティ、" } else { "" };
        let became = if finding.mended { "元に戻しました" } else { "元に戻していません" };
        what.push_str(&format!(
            "\n- {} ({security}{became})\n  期待値: {}\n  実際の値: {}",
            finding.place, finding.expected, finding.found
        ));
        if !finding.advice.is_empty() {
            what.push_str(&format!("\n  対処方法: {}", finding.advice));
        }
    }
    Words {
        title: match (left, security) {
            (0, _) => format!("Amazon Connect {alias}: 手動で変更された設定を元に戻しました"),
            (_, true) => format!("Amazon Connect {alias}: セキュリティに関わる設定が手動で変更されています"),
            (_, false) => format!("Amazon Connect {alias}: 設定が手動で変更されています"),
        },
        what,
        steps: vec![
            Step::new("変更したユーザーと変更の理由を確認してください (AWS CloudTrail、Entra の監査ログ)。"),
            Step::new(
                "意図した変更の場合は、onboarding.json に反映してからオンボーディングを開始してください。\
                 意図しない変更の場合は、入力を変更せずにオンボーディングを開始すると、\
                 オンボーディングで作成したリソースの設定が元に戻ります。元に戻らない設定は、手動で修正してください。",
            ),
            Step::new("すべての検出結果を確認する:").run(read_output(execution)),
        ],
    }
}

fn finished(sso_url: &str, open_items: &[OpenItem], failed: bool) -> String {
    let head = if failed {
        "設定できた項目は、そのまま維持されています。ただし、入力で必須に指定した項目が拒否されました。"
    } else {
        "入力で指定した内容をすべて設定しました。"
    };
    let mut text = format!("{head}サインイン用の URL:\n{sso_url}\n\n対応が必要な項目: {} 件", open_items.len());
    for item in open_items {
        text.push_str(&format!("\n- {}: {}\n  {}", item.subject, item.what, item.action));
    }
    text
}

fn failed(detail: &ExecutionDetail) -> Words {
    let ExecutionDetail { execution_arn, status, error, cause, .. } = detail;
    let (machine, run) = detail.names();
    let how = match status.as_str() {
        "TIMED_OUT" => "がタイムアウトしました",
        "ABORTED" => "が中止されました",
        _ => "が失敗しました",
    };
    let error = error.as_deref().unwrap_or_default();
    let said = cause.as_deref().map(message_of).filter(|said| !said.is_empty());
    let why = match (error, said) {
        ("", None) => String::new(),
        ("", Some(said)) => format!("\n\n{said}"),
        (error, None) => format!("\n\n{error}"),
        (error, Some(said)) => format!("\n\n{error}: {said}"),
    };
    Words {
        title: format!("Connect Onboarding: {machine} の実行{how}"),
        what: format!("{machine} の実行 {run} {how}。すでに完了した設定は維持されています。{why}"),
        steps: vec![
            Step::new(advice(StepErrorKind::from_name(error))),
            Step::new("詳細を確認する:").run(read_failure(execution_arn)),
        ],
    }
}

/// [`StepErrorKind::advice`] in Japanese.
const fn advice(kind: Option<StepErrorKind>) -> &'static str {
    match kind {
        Some(StepErrorKind::Throttled) => {
            "サービスによるスロットリングが続きました。時間をおいて、同じ入力で再実行してください。\
             完了した処理が繰り返されることはありません。"
        }
        Some(StepErrorKind::Unavailable) => {
            "サービスが応答しませんでした。同じ入力で再実行してください。完了した処理が繰り返されることはありません。"
        }
        Some(StepErrorKind::NotConsistentYet) => {
            "作成直後のリソースをまだ取得できません。数分後に、同じ入力で再実行してください。"
        }
        Some(StepErrorKind::InvalidInput) => "メッセージに従って入力を修正し、再実行してください。",
        Some(StepErrorKind::AccessDenied) => {
            "メッセージに示されたアクセス許可を付与してから、同じ入力で再実行してください。"
        }
        Some(StepErrorKind::Conflict) => {
            "いずれか一方の名前を変更するか、削除してください。または、\
             管理対象に追加するリソースを入力で指定してください。"
        }
        Some(StepErrorKind::LimitExceeded) => {
            "Service Quotas でクォータの引き上げをリクエストするか、不要なリソースを削除してから、\
             同じ入力で再実行してください。"
        }
        Some(StepErrorKind::QuotaDenied) => {
            "拒否された引き上げリクエストについて AWS サポートに問い合わせてから、同じ入力で再実行してください。"
        }
        Some(StepErrorKind::UnsafePlan) => {
            "計画を確認し、その計画だけを承認するか、Entra のグループを修正してください。"
        }
        Some(StepErrorKind::Internal) => {
            "Connect Onboarding の不具合です。リクエスト ID とログの該当行を添えて報告してください。"
        }
        None => {
            "実行履歴で、失敗したステートを確認してください。同じ入力で安全に再実行できます。\
             中断したところから再開し、完了した処理が繰り返されることはありません。"
        }
    }
}

fn list(usernames: &[String]) -> String {
    if usernames.is_empty() {
        "なし".to_owned()
    } else {
        usernames.iter().take(10).cloned().collect::<Vec<_>>().join("、")
    }
}
