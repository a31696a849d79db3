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
                "次のグループのメンバーが Amazon Connect にサインインできるようになりました: {}\n{sso_url}\n\nログイン確認は合格です。サインインに必要な\
                 設定をすべて読み戻して比較しました。クォータと電話番号はまだ審査中の場合があります。オンボーディングが完了すると、あらためてお知らせします。",
                groups.join("、")
            ),
            steps: vec![Step::new(
                "上の URL をメンバーに知らせてください。サインインできるのは、これらのメンバーだけです。",
            )],
        },
        Message::SignInReady { alias, sso_url, .. } => Words {
            title: format!("Amazon Connect {alias}: ログイン確認が不合格です"),
            what: format!(
                "シングルサインオンの設定は終わりましたが、読み戻した設定がサインインに必要なものと一致しません。次の URL でサインインを拒否される可能性が\
                 あります:\n{sso_url}"
            ),
            steps: vec![Step::new(
                "オンボーディングの完了メッセージをお待ちください。レポートに、確認項目ごとの期待値と実際の値が記載されます。",
            )],
        },
        Message::TelephonyNews { alias, message, .. } => Words {
            title: format!("Amazon Connect {alias}: 電話番号などに関するお知らせ"),
            what: message.clone(),
            steps: Vec::new(),
        },
        Message::OnboardingFinished { alias, sso_url, open_items, failed, execution } => Words {
            title: if *failed {
                format!("Amazon Connect {alias}: オンボーディングは失敗しました (必須の項目が拒否されました)")
            } else {
                format!("Amazon Connect {alias}: オンボーディングが完了しました")
            },
            what: finished(sso_url, open_items, *failed),
            steps: vec![
                Step::new("レポートを読む:").run(onboard_report(execution)).run(if *failed {
                    read_report_in_history(execution)
                } else {
                    read_output(execution)
                }),
                Step::new(if open_items.is_empty() && !failed {
                    "ほかに必要な作業はありません。今後、ユーザーは自動的にグループに追従します。"
                } else {
                    "未完了項目を解決し、指示のある項目については同じ入力でもう一度開始してください。正しく設定されているものは変更されません。"
                }),
            ],
        },
        Message::UnsafePlan { instance_id, alias, reasons, counts, removals, digest, task_token, .. } => {
            let plan = &counts.planned;
            Words {
                title: format!("Amazon Connect {}: ユーザー同期が承認を待っています", name(alias, instance_id)),
                what: format!(
                    "インスタンス {instance_id} のユーザー同期は、安全でない計画の手前で停止しました。何も変更していません。\n\n理由: {}\n\n計画の内容: 作成 \
                     {}、採用 {}、更新 {}、削除予定 {}、削除 {} (管理対象ユーザー {} 人)\n削除の対象 (先頭の 10 人まで): {}\nダイジェスト: {digest}\n\n3 日以内に\
                     回答がなければ、何も変更しません。",
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
                        "Entra のグループが想定どおりか確認してください。誤ってメンバーを削除した可能性があります。",
                    ),
                    Step::new("この計画だけを承認して適用する (計画が変わったときは、あらためて確認します):")
                        .run(onboard_approve(name(alias, instance_id), digest))
                        .run(approve(digest, task_token)),
                    Step::new("拒否する (何も変更しません。同じ計画については 3 日後に再び確認します):")
                        .run(format!("onboard reject {}", name(alias, instance_id)))
                        .run(refuse(task_token)),
                ],
            }
        }
        Message::CertificateRotated { instance_id, alias, thumbprint, expires, .. } => Words {
            title: format!("Amazon Connect {}: 署名証明書を更新しました", name(alias, instance_id)),
            what: format!(
                "{} の SAML 署名証明書を、期限が切れる前に新しいものに交換しました。新しい証明書は、AWS が信頼してから署名に使い始め、古い証明書は、\
                 署名に使われなくなってから削除しました。サインインは一度も途切れていません。\n\n拇印: {thumbprint}\n有効期限: {expires}",
                name(alias, instance_id)
            ),
            steps: vec![Step::new("必要な作業はありません。次の証明書も期限前に作成されます。")],
        },
        Message::RotationNeedsPerson { instance_id, alias, thumbprint, expires, detail, execution } => Words {
            title: format!("Amazon Connect {}: 署名証明書の更新に対応が必要です", name(alias, instance_id)),
            what: format!(
                "{} の SAML 署名証明書を交換できなかったか、交換を最後まで終えられませんでした。証明書の有効期限までは、これまでどおりサインインできます。\n\n\
                 理由: {detail}{}",
                name(alias, instance_id),
                if thumbprint.is_empty() {
                    String::new()
                } else {
                    format!("\n\n拇印: {thumbprint}\n有効期限: {expires}")
                }
            ),
            steps: vec![
                Step::new(
                    "理由に書かれた対応をしてください。セットアップ用 ID を削除したためにアクセス許可が不足している場合は、作業の間だけ戻してください。",
                ),
                Step::new("その後、中断したところから再開する (明日の定期実行を待つこともできます):")
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
        format!("承認された計画のとおり、Amazon Connect {alias} のオンボーディングで作成したものを削除しました。");
    for item in &gone {
        what.push_str(&format!("\n- {} {}", item.kind, item.name));
    }
    what.push_str(&format!("\n\n残っているもの: {} 件", open_items.len()));
    for item in open_items {
        what.push_str(&format!("\n- {}: {}\n  {}", item.subject, item.what, item.action));
    }
    Words {
        title: format!("Amazon Connect {alias}: 撤去が完了しました"),
        what,
        steps: vec![Step::new("今後は誰もサインインできません。すべての項目:").run(read_output(execution))],
    }
}

fn drift(alias: &str, findings: &[DriftFinding], count: usize, execution: &str) -> Words {
    let left = findings.iter().filter(|finding| !finding.mended).count();
    let security = findings.iter().any(|finding| finding.security);
    let mut what =
        format!("Amazon Connect {alias} の {count} 件の設定が、最後のオンボーディングの内容と異なっています。");
    if security {
        what.push_str("サインインできる人に関わる設定が含まれています。そちらを先に確認してください。");
    }
    for finding in findings {
        let security = if finding.security { "セキュリティ、" } else { "" };
        let became = if finding.mended { "元に戻しました" } else { "元に戻していません" };
        what.push_str(&format!(
            "\n- {} ({security}{became})\n  本来の値: {}\n  検出した値: {}",
            finding.place, finding.expected, finding.found
        ));
        if !finding.advice.is_empty() {
            what.push_str(&format!("\n  対処方法: {}", finding.advice));
        }
    }
    Words {
        title: match (left, security) {
            (0, _) => format!("Amazon Connect {alias}: 手作業による変更を元に戻しました"),
            (_, true) => format!("Amazon Connect {alias}: セキュリティに関わる設定が手作業で変更されています"),
            (_, false) => format!("Amazon Connect {alias}: 設定が手作業で変更されています"),
        },
        what,
        steps: vec![
            Step::new("だれが、なぜ変更したのかを確認してください (AWS CloudTrail、Entra の監査ログ)。"),
            Step::new(
                "意図した変更であれば onboarding.json に反映して、オンボーディングを開始してください。意図しない変更であれば、そのまま開始すると、\
                 こちらで作成した設定が元に戻ります。残ったものは手作業で戻してください。",
            ),
            Step::new("すべての検出結果:").run(read_output(execution)),
        ],
    }
}

fn finished(sso_url: &str, open_items: &[OpenItem], failed: bool) -> String {
    let head = if failed {
        "設定できるものはすべて設定し、そのまま残しています。ただし、入力で必須とされた項目が拒否されました。"
    } else {
        "入力の内容をすべて設定しました。"
    };
    let mut text = format!("{head}サインイン用の URL:\n{sso_url}\n\n未完了項目: {} 件", open_items.len());
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
        what: format!("{machine} の実行 {run} {how}。すでに完了した設定は、そのまま残っています。{why}"),
        steps: vec![
            Step::new(advice(StepErrorKind::from_name(error))),
            Step::new("詳細をもう一度確認する:").run(read_failure(execution_arn)),
        ],
    }
}

/// [`StepErrorKind::advice`] in Japanese.
const fn advice(kind: Option<StepErrorKind>) -> &'static str {
    match kind {
        Some(StepErrorKind::Throttled) => {
            "サービスが呼び出しの抑制を求め続けました。時間をおいて、同じ入力でもう一度開始してください。同じ処理が二重に行われることはありません。"
        }
        Some(StepErrorKind::Unavailable) => {
            "サービスが応答しませんでした。同じ入力でもう一度開始してください。同じ処理が二重に行われることはありません。"
        }
        Some(StepErrorKind::NotConsistentYet) => {
            "作成したばかりのものが、まだ参照できません。数分後に、同じ入力でもう一度開始してください。"
        }
        Some(StepErrorKind::InvalidInput) => "メッセージのとおりに入力を修正して、もう一度開始してください。",
        Some(StepErrorKind::AccessDenied) => {
            "メッセージにあるアクセス許可を付与してから、同じ入力でもう一度開始してください。"
        }
        Some(StepErrorKind::Conflict) => {
            "どちらか一方の名前を変えるか削除してください。または、採用するものを入力で指定してください。"
        }
        Some(StepErrorKind::LimitExceeded) => {
            "Service Quotas で上限の引き上げを申請するか、空きを作ってから、同じ入力でもう一度開始してください。"
        }
        Some(StepErrorKind::QuotaDenied) => {
            "拒否された申請について AWS サポートに相談してから、同じ入力でもう一度開始してください。"
        }
        Some(StepErrorKind::UnsafePlan) => "計画を確認し、その計画だけを承認するか、グループを修正してください。",
        Some(StepErrorKind::Internal) => {
            "Connect Onboarding の不具合です。リクエスト ID とログの該当行を添えて報告してください。"
        }
        None => {
            "どのステートで失敗したかを実行履歴で確認してください。同じ入力でもう一度開始しても安全です。中断したところから再開し、同じ処理が二重に行われることは\
             ありません。"
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
