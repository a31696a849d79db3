//! Finds, files and reads the cases of an onboarding in AWS Support.

use aws_sdk_support::{
    primitives::Blob,
    types::{Attachment, CaseDetails},
};
use onboarding_core::{
    StepError, StepErrorKind,
    onboarding::Language,
    telephony::{CaseText, Service, Topic, choose},
};

use super::documents::Document;
use crate::{aws, context::Context};

/// Why AWS Support can't be used.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The account's support plan does not include the Support API.
    NoPlan,
    /// Any other error.
    Step(StepError),
}

impl From<StepError> for Trouble {
    fn from(error: StepError) -> Self {
        Self::Step(error)
    }
}

/// `SubscriptionRequiredException` is missing from the error lists of the operations, so it is identified by its code.
macro_rules! trouble {
    ($doing:expr) => {
        |error| {
            if aws::error::is(&error, &["SubscriptionRequiredException"]) {
                Trouble::NoPlan
            } else {
                Trouble::Step(aws::error::step_error($doing, &error))
            }
        }
    };
}

/// A support case that an onboarding filed, or that an operator filed with the text from an onboarding.
#[derive(Clone, Debug)]
pub(super) struct Case {
    /// The case ID that the Support API uses.
    pub(super) id: String,
    /// The case ID shown in Support Center.
    pub(super) display_id: Option<String>,
    /// The status of the case, as AWS Support returns it.
    pub(super) status: String,
    created: String,
}

impl Case {
    fn of(case: CaseDetails) -> Option<Self> {
        Some(Self {
            id: case.case_id?,
            display_id: case.display_id,
            status: case.status.unwrap_or_default(),
            created: case.time_created.unwrap_or_default(),
        })
    }

    /// Returns whether AWS has resolved the case.
    pub(super) fn is_resolved(&self) -> bool {
        self.status == "resolved"
    }
}

const fn code(language: Language) -> &'static str {
    match language {
        Language::En => "en",
        Language::Ja => "ja",
    }
}

/// Returns the case with this ID, or `None` if it no longer exists.
///
/// # Errors
/// See [`Trouble`].
pub(super) async fn by_id(ctx: &Context, id: &str, language: Language) -> Result<Option<Case>, Trouble> {
    let asked =
        ctx.support().describe_cases().case_id_list(id).include_resolved_cases(true).include_communications(false);
    let mut items = asked.language(code(language)).into_paginator().items().send();
    while let Some(item) = items.next().await {
        match item {
            Ok(case) => {
                if let Some(case) = Case::of(case).filter(|case| case.id == id) {
                    return Ok(Some(case));
                }
            }
            Err(error) if aws::error::is(&error, &["CaseIdNotFound"]) => return Ok(None),
            Err(error) => return Err(trouble!(&format!("reading the case {id}"))(error)),
        }
    }
    Ok(None)
}

/// Returns the case whose subject contains the marker: an open case if there is one, otherwise the newest case.
///
/// # Errors
/// See [`Trouble`].
pub(super) async fn find(ctx: &Context, marker: &str, language: Language) -> Result<Option<Case>, Trouble> {
    let asked = ctx.support().describe_cases().include_resolved_cases(true).include_communications(false);
    let mut items = asked.language(code(language)).into_paginator().items().send();
    let mut found: Option<Case> = None;
    while let Some(item) = items.next().await {
        let item = item.map_err(trouble!("searching for our case"))?;
        if !item.subject().is_some_and(|subject| subject.contains(marker)) {
            continue;
        }
        let Some(case) = Case::of(item) else { continue };
        let better = |other: &Case| (!case.is_resolved(), &case.created) > (!other.is_resolved(), &other.created);
        if found.as_ref().is_none_or(better) {
            found = Some(case);
        }
    }
    Ok(found)
}

/// Returns the newest message of a case.
///
/// # Errors
/// See [`Trouble`].
pub(super) async fn last_message(ctx: &Context, id: &str) -> Result<String, Trouble> {
    let mut items = ctx.support().describe_communications().case_id(id).into_paginator().items().send();
    let mut newest: Option<(String, String)> = None;
    while let Some(item) = items.next().await {
        let item = item.map_err(trouble!(&format!("reading the messages of the case {id}")))?;
        let (at, body) = (item.time_created.unwrap_or_default(), item.body.unwrap_or_default());
        if newest.as_ref().is_none_or(|(known, _)| *known < at) {
            newest = Some((at, body));
        }
    }
    Ok(newest.map(|(_, body)| body).unwrap_or_default())
}

/// The result of filing a case.
#[derive(Debug)]
pub(super) enum Filed {
    /// The case is filed; contains its ID.
    Case(String),
    /// The case can't be filed now, for the given reason.
    Later(String),
    /// AWS Support's catalog of services contains no suitable category.
    NoCategory,
}

/// Files a case, with the documents in a new attachment set.
///
/// # Errors
/// See [`Trouble`].
pub(super) async fn file(
    ctx: &Context,
    topic: Topic,
    text: &CaseText,
    language: Language,
    documents: &[Document],
) -> Result<Filed, Trouble> {
    let Some((service, category)) = category(ctx, topic, language).await? else { return Ok(Filed::NoCategory) };
    let (subject, body) = text.in_language(language);
    // An attachment set is valid for one hour. If the set has expired, a new set is created once; if that expires too,
    // the next poll retries.
    for _ in 0..2 {
        let set = match attach(ctx, documents).await {
            Ok(set) => set,
            Err(Attach::Expired) => continue,
            Err(Attach::Later(reason)) => return Ok(Filed::Later(reason)),
            Err(Attach::Trouble(trouble)) => return Err(trouble),
        };
        let sent = ctx
            .support()
            .create_case()
            .subject(subject)
            .communication_body(body)
            .service_code(&service)
            .category_code(&category)
            .issue_type("customer-service")
            .language(code(language))
            .set_attachment_set_id(set)
            .send()
            .await;
        let error = match sent {
            Ok(output) => {
                return Ok(output
                    .case_id
                    .map_or_else(|| Filed::Later("the response has no case id".into()), Filed::Case));
            }
            Err(error) => error,
        };
        if aws::error::is(&error, &["AttachmentSetExpired", "AttachmentSetIdNotFound"]) {
            continue;
        }
        if aws::error::is(&error, &["CaseCreationLimitExceeded"]) {
            return Ok(Filed::Later(
                "the account has too many open cases; our case is opened when another case is closed".into(),
            ));
        }
        return Err(trouble!("filing the case")(error));
    }
    Ok(Filed::Later("the attachment set expired before the case was filed".into()))
}

async fn category(ctx: &Context, topic: Topic, language: Language) -> Result<Option<(String, String)>, Trouble> {
    // If no category of the catalog in the case's language is recognized, the English catalog is used.
    let languages = if language == Language::En { &[Language::En][..] } else { &[language, Language::En] };
    for language in languages {
        let sent = ctx.support().describe_services().language(code(*language)).send().await;
        let services: Vec<Service> = sent
            .map_err(trouble!("reading the services of AWS Support"))?
            .services
            .unwrap_or_default()
            .into_iter()
            .map(|service| Service {
                code: service.code.unwrap_or_default(),
                name: service.name.unwrap_or_default(),
                categories: service
                    .categories
                    .unwrap_or_default()
                    .into_iter()
                    .map(|category| (category.code.unwrap_or_default(), category.name.unwrap_or_default()))
                    .collect(),
            })
            .collect();
        if let Some(found) = choose(&services, topic) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

enum Attach {
    Expired,
    Later(String),
    Trouble(Trouble),
}

/// Adds the documents to one attachment set, one call per document, because all three together could make a request of
/// 20 MB.
async fn attach(ctx: &Context, documents: &[Document]) -> Result<Option<String>, Attach> {
    let mut set = None;
    for document in documents {
        let file =
            Attachment::builder().file_name(&document.file_name).data(Blob::new(document.bytes.as_slice())).build();
        let sent =
            ctx.support().add_attachments_to_set().set_attachment_set_id(set.take()).attachments(file).send().await;
        set = match sent {
            Ok(output) => output.attachment_set_id,
            Err(error) if aws::error::is(&error, &["AttachmentSetExpired", "AttachmentSetIdNotFound"]) => {
                return Err(Attach::Expired);
            }
            Err(error) if aws::error::is(&error, &["AttachmentLimitExceeded"]) => {
                return Err(Attach::Later("AWS accepts no more attachments now".into()));
            }
            Err(error) => return Err(Attach::Trouble(attachment_trouble(trouble!("attaching a document")(error)))),
        };
    }
    Ok(set)
}

/// AWS's message about an attachment could contain a part of the attachment, so only the kind of the error is kept.
fn attachment_trouble(trouble: Trouble) -> Trouble {
    match trouble {
        Trouble::Step(error) if error.kind == StepErrorKind::InvalidInput || error.kind == StepErrorKind::Internal => {
            Trouble::Step(StepError::new(error.kind, "AWS Support rejected an attachment; check the three documents"))
        }
        other => other,
    }
}
