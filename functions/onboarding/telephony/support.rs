//! Finds, reads and files the AWS Support cases of an onboarding.

use std::cmp::Reverse;

use aws_sdk_support::{
    Client,
    error::SdkError,
    operation::add_attachments_to_set::AddAttachmentsToSetError,
    primitives::Blob,
    types::{Attachment, CaseDetails, Category},
};
use onboarding_core::{
    StepError, StepErrorKind,
    onboarding::Language,
    telephony::{CaseOrder, FiledCase, FoundCase, NewCase, Service, SupportCase, Topic, choose},
};

use super::documents::Document;
use crate::{
    aws::{
        error::{CallResult as _, is, step_error},
        retries::WithoutRetries as _,
    },
    context::Context,
};

/// The error code that AWS Support returns if the support plan of the account does not include the Support API. The API
/// reference of the operations does not list this error code.
const NO_PLAN: [&str; 1] = ["SubscriptionRequiredException"];
/// The error codes for an expired attachment set. An attachment set expires after one hour.
const SET_EXPIRED: [&str; 2] = ["AttachmentSetExpired", "AttachmentSetIdNotFound"];

const fn code(language: Language) -> &'static str {
    match language {
        Language::En => "en",
        Language::Ja => "ja",
    }
}

/// Returns all support cases, or only the support case with this ID. Returns `None` if the account has no support plan.
async fn list(ctx: &Context, id: Option<&str>, language: Language) -> Result<Option<Vec<CaseDetails>>, StepError> {
    let request = ctx.support().describe_cases().include_resolved_cases(true).include_communications(false);
    let request = request.language(code(language)).set_case_id_list(id.map(|id| vec![id.to_owned()]));
    let doing =
        id.map_or_else(|| "searching for the case of this order".to_owned(), |id| format!("reading the case {id}"));
    match request.into_paginator().items().send().try_collect().await {
        Err(error) if is(&error, &["CaseIdNotFound"]) => Ok(Some(Vec::new())),
        listed => listed.none_if(&NO_PLAN).doing(doing),
    }
}

fn support_case(case: CaseDetails) -> SupportCase {
    SupportCase {
        id: case.case_id.unwrap_or_default(),
        display_id: case.display_id,
        status: case.status.unwrap_or_default(),
        newest_message: None,
    }
}

/// Returns the support case whose subject contains the marker. If several support cases match, an open support case
/// takes precedence. If none is open, the newest support case is returned.
///
/// # Errors
/// If AWS Support returns an error.
pub(super) async fn find(ctx: &Context, marker: &str, language: Language) -> Result<FoundCase, StepError> {
    let Some(cases) = list(ctx, None, language).await? else { return Ok(FoundCase::Unavailable) };
    let ours = cases.into_iter().filter(|case| case.subject().is_some_and(|subject| subject.contains(marker)));
    let found = ours.min_by_key(|case| (case.status() == Some("resolved"), Reverse(case.time_created.clone())));
    Ok(found.map_or(FoundCase::None, |case| FoundCase::Case(support_case(case))))
}

/// Returns the support case of an order. If AWS Support waits for a reply or has resolved the support case, the result
/// also contains the newest message in the support case.
///
/// # Errors
/// If AWS Support returns an error.
pub(super) async fn follow(ctx: &Context, order: &CaseOrder, language: Language) -> Result<FoundCase, StepError> {
    let known = match order.case_id.as_deref() {
        None => None,
        Some(id) => match list(ctx, Some(id), language).await? {
            None => return Ok(FoundCase::Unavailable),
            Some(cases) => cases.into_iter().find(|case| case.case_id() == Some(id)),
        },
    };
    let found = match known {
        Some(case) => FoundCase::Case(support_case(case)),
        None => find(ctx, &order.marker, language).await?,
    };
    Ok(match found {
        FoundCase::Case(case) if case.awaits_reply() || case.is_resolved() => {
            let newest_message = newest_message(ctx, &case.id).await?;
            FoundCase::Case(SupportCase { newest_message, ..case })
        }
        found => found,
    })
}

/// Returns the newest message of a support case, or `None` if the account has no support plan.
async fn newest_message(ctx: &Context, id: &str) -> Result<Option<String>, StepError> {
    let listed =
        ctx.support().describe_communications().case_id(id).into_paginator().items().send().try_collect().await;
    let messages: Option<Vec<_>> =
        listed.none_if(&NO_PLAN).doing(format_args!("reading the messages of the case {id}"))?;
    Ok(messages.map(|messages| {
        let newest = messages.into_iter().min_by_key(|message| Reverse(message.time_created.clone()));
        newest.and_then(|message| message.body).unwrap_or_default()
    }))
}

/// Files a support case. The documents are added to a new attachment set.
///
/// `CreateCase` accepts no client token, so a repeated request would file a second support case. Each request is
/// therefore sent only once. If AWS Support does not respond, the next poll searches for the support case before it
/// files another one. The next poll takes place minutes later, because AWS does not document how soon a new support
/// case appears in the list.
///
/// # Errors
/// If AWS Support returns an error.
pub(super) async fn file(
    ctx: &Context,
    case: &NewCase,
    language: Language,
    documents: &[Document],
) -> Result<FiledCase, StepError> {
    let Some((service, category)) = category(ctx, case.topic, language).await? else {
        return Ok(FiledCase::Unavailable);
    };
    let client = ctx.support().without_retries();
    let (subject, body) = case.text.in_language(language);
    // If the attachment set has expired, a new attachment set is created, but only once. If the new attachment set also
    // expires, the next poll tries again.
    for _ in 0..2 {
        let set = match attach(&client, documents).await {
            Ok(set) => set,
            Err(error) if is(&error, &SET_EXPIRED) => continue,
            Err(error) if is(&error, &["AttachmentLimitExceeded"]) => {
                return Ok(FiledCase::Later("AWS does not accept more attachments now".into()));
            }
            Err(error) if is(&error, &NO_PLAN) => return Ok(FiledCase::Unavailable),
            Err(error) => return Err(attachment_error(step_error("attaching a document", &error))),
        };
        let request = client.create_case().subject(subject).communication_body(body);
        let request = request.service_code(&service).category_code(&category).issue_type("customer-service");
        match request.language(code(language)).set_attachment_set_id(set).send().await {
            Ok(output) => {
                let Some(id) = output.case_id else {
                    return Ok(FiledCase::Later("the response has no case id".into()));
                };
                // The support case is read only to get the case number that Support Center displays. An error is
                // ignored, because the support case is already filed.
                let read = list(ctx, Some(&id), language).await.ok().flatten().unwrap_or_default();
                let display_id = read.into_iter().find_map(|case| case.display_id);
                return Ok(FiledCase::Case(SupportCase { id, display_id, ..SupportCase::default() }));
            }
            Err(error) if is(&error, &SET_EXPIRED) => {}
            Err(error) if is(&error, &["CaseCreationLimitExceeded"]) => {
                let reason = "the account has too many open cases; the case is filed after another case is closed";
                return Ok(FiledCase::Later(reason.into()));
            }
            Err(error) if is(&error, &NO_PLAN) => return Ok(FiledCase::Unavailable),
            Err(error) => {
                let failure = step_error("filing the case", &error);
                if failure.kind == StepErrorKind::Unavailable {
                    return Ok(FiledCase::Later(format!("the next poll searches for the case: {}", failure.message)));
                }
                return Err(failure);
            }
        }
    }
    Ok(FiledCase::Later("the attachment set expired before the case was filed".into()))
}

/// Returns the service code and the category code for a topic. Returns `None` if the account has no support plan, or if
/// AWS Support has no suitable category.
async fn category(ctx: &Context, topic: Topic, language: Language) -> Result<Option<(String, String)>, StepError> {
    let category = |category: Category| (category.code.unwrap_or_default(), category.name.unwrap_or_default());
    // AWS Support has a list of categories for each language. If the list in the language of the support case has no
    // suitable category, the English list is used.
    let languages = if language == Language::En { &[Language::En][..] } else { &[language, Language::En] };
    for language in languages {
        let sent = ctx.support().describe_services().language(code(*language)).send().await;
        let listed = sent.none_if(&NO_PLAN).doing("reading the services of AWS Support")?;
        let services = listed.and_then(|output| output.services).unwrap_or_default();
        let services = services.into_iter().map(|service| Service {
            code: service.code.unwrap_or_default(),
            name: service.name.unwrap_or_default(),
            categories: service.categories.unwrap_or_default().into_iter().map(category).collect(),
        });
        if let Some(found) = choose(&services.collect::<Vec<_>>(), topic) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Adds the documents to one attachment set, with one call per document, because the size of a request with all three
/// documents could be 20 MB.
async fn attach(client: &Client, documents: &[Document]) -> Result<Option<String>, SdkError<AddAttachmentsToSetError>> {
    let mut set = None;
    for document in documents {
        let data = Blob::new(document.bytes.as_slice());
        let file = Attachment::builder().file_name(&document.file_name).data(data).build();
        let request = client.add_attachments_to_set().set_attachment_set_id(set).attachments(file);
        set = request.send().await?.attachment_set_id;
    }
    Ok(set)
}

/// Replaces the message of an error about an attachment, because AWS's message could contain a part of the attachment.
/// The error kind is kept.
fn attachment_error(error: StepError) -> StepError {
    match error.kind {
        StepErrorKind::InvalidInput | StepErrorKind::Internal => {
            StepError::new(error.kind, "AWS Support rejected an attachment; check the three documents")
        }
        _ => error,
    }
}
