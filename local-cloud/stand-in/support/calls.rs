//! The operations of AWS Support.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Case, Communication, Set, Stage, Support, services};
use crate::stand_in::aws_error::{Answer, Refusal};
use crate::stand_in::input::{Input, answer};
use crate::stand_in::paging::page;
use crate::stand_in::world::{Setting, State};

/// The maximum size of an attachment, in bytes.
const ATTACHMENT: usize = 5 * 1024 * 1024;
/// The maximum number of attachments in a set.
const SET: usize = 3;

/// Runs an AWS Support operation.
pub(crate) fn call(setting: &Setting, state: &mut State, operation: &str, input: &Input) -> Answer {
    if !setting.behaviour.support_subscribed {
        let message = "Amazon Web Services Premium Support Subscription is required to use this service.";
        return Err(Refusal::new(400, "SubscriptionRequiredException", message));
    }
    let support = &mut state.support;
    match operation {
        "DescribeServices" => {
            let language = language(input)?;
            answer(
                json!({ "services": services::describe(setting.behaviour.number_service_listed, &input.texts("serviceCodeList"), language) }),
            )
        }
        "DescribeSeverityLevels" => {
            language(input)?;
            answer(json!({ "severityLevels": [{ "code": "low", "name": "General guidance" }] }))
        }
        "AddAttachmentsToSet" => add_attachments(setting, support, input),
        "CreateCase" => create(setting, support, input),
        "DescribeCases" => describe(setting, support, input),
        "DescribeCommunications" => communications(setting, support, input),
        "AddCommunicationToCase" => add_communication(setting, support, input),
        "ResolveCase" => resolve(setting, support, input),
        _ => {
            Err(Refusal::new(400, "UnknownOperationException", format!("{operation} is not part of the local cloud.")))
        }
    }
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "ValidationException", message)
}

fn language(input: &Input) -> Result<&str, Refusal> {
    let language = input.text("language").unwrap_or("en");
    let known = ["en", "ja", "zh", "ko", "es", "fr", "pt", "tr"].contains(&language);
    if known { Ok(language) } else { Err(invalid(format!("The language {language} is not supported."))) }
}

fn add_attachments(setting: &Setting, support: &mut Support, input: &Input) -> Answer {
    let refuse = |message: &str| Err(Refusal::new(400, "AttachmentSetSizeLimitExceeded", message));
    let now = setting.clock.now();
    let id = input.text("attachmentSetId").map(str::to_owned);
    if let Some(id) = &id {
        usable(setting, support, id)?;
    }
    let mut names = Vec::new();
    for file in input.0.get("attachments").and_then(Value::as_array).into_iter().flatten() {
        let text = |name: &str| file.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let (Some(name), Some(data)) = (text("fileName"), text("data")) else {
            return Err(invalid("Each attachment needs a fileName and data."));
        };
        let Ok(bytes) = STANDARD.decode(data) else { return Err(invalid("An attachment's data is not base64.")) };
        if bytes.len() > ATTACHMENT {
            return refuse("An attachment is larger than 5 MB.");
        }
        names.push(name.to_owned());
    }
    if names.is_empty() {
        return Err(invalid("There are no attachments."));
    }
    let id = id.unwrap_or_else(|| format!("as-{}", Uuid::new_v4()));
    let expires = setting.clock.after(setting.behaviour.attachment_set_seconds);
    let set = support.sets.entry(id.clone()).or_insert(Set { files: Vec::new(), expires });
    if set.files.len() + names.len() > SET {
        if set.files.is_empty() {
            support.sets.remove(&id);
        }
        return refuse("An attachment set holds at most 3 attachments.");
    }
    set.files.extend(names);
    // The lifetime of an attachment set begins again with each change.
    set.expires = expires.max(now);
    answer(json!({ "attachmentSetId": id, "expiryTime": super::stamp(set.expires) }))
}

fn usable(setting: &Setting, support: &Support, id: &str) -> Result<(), Refusal> {
    let refuse = |code: &str, message: &str| Err(Refusal::new(400, code, message));
    match support.sets.get(id) {
        None => refuse("AttachmentSetIdNotFound", "The attachment set does not exist."),
        Some(set) if set.expires <= setting.clock.now() => {
            refuse("AttachmentSetExpired", "The attachment set has expired.")
        }
        Some(_) => Ok(()),
    }
}

/// The files of the attachment set that a call names. Each attachment set can be used only once.
fn attached(setting: &Setting, support: &mut Support, input: &Input) -> Result<Vec<String>, Refusal> {
    let Some(id) = input.text("attachmentSetId") else { return Ok(Vec::new()) };
    usable(setting, support, id)?;
    Ok(support.sets.remove(id).map(|set| set.files).unwrap_or_default())
}

fn create(setting: &Setting, support: &mut Support, input: &Input) -> Answer {
    let need = |name: &str| input.text(name).ok_or_else(|| invalid(format!("{name} is required.")));
    let (subject, body) = (need("subject")?, need("communicationBody")?);
    if body.chars().count() > 8000 {
        return Err(invalid("communicationBody has more than 8000 characters."));
    }
    let (service, category) = (need("serviceCode")?, need("categoryCode")?);
    if !services::exists(setting.behaviour.number_service_listed, service, category) {
        return Err(invalid(format!("There is no category {category} of the service {service}.")));
    }
    if input.text("issueType") != Some("customer-service") && service == "service-connect-number-management" {
        return Err(invalid("Cases of this service have the issue type customer-service."));
    }
    let language = language(input)?.to_owned();
    let files = attached(setting, support, input)?;
    let now = setting.clock.now();
    support.sequence += 1;
    let display = format!("17{:08}", support.sequence);
    let (account, year) = (&setting.account, now.year());
    let by = "owner@example.com".to_owned();
    let case = Case {
        id: format!("case-{account}-muen-{year}-{:x}", Uuid::new_v4().as_u64_pair().0),
        display,
        subject: subject.into(),
        service: service.into(),
        category: category.into(),
        severity: input.text("severityCode").unwrap_or("low").into(),
        language,
        cc: input.texts("ccEmailAddresses").into_iter().map(str::to_owned).collect(),
        created: now,
        communications: vec![Communication { body: body.into(), by, at: now, files }],
        stage: Stage::Opened,
        since: now,
    };
    let id = case.id.clone();
    support.cases.push(case);
    answer(json!({ "caseId": id }))
}

fn describe(setting: &Setting, support: &Support, input: &Input) -> Answer {
    let ids = input.texts("caseIdList");
    if let Some(missing) = ids.iter().find(|id| !support.cases.iter().any(|case| case.id == **id)) {
        return Err(not_found(missing));
    }
    let resolved = input.flag("includeResolvedCases").unwrap_or_default();
    let with = input.flag("includeCommunications").unwrap_or(true);
    let within = |at: &str| {
        input.text("afterTime").is_none_or(|after| at >= after)
            && input.text("beforeTime").is_none_or(|before| at <= before)
    };
    let fits = |case: &&Case| {
        (ids.is_empty() || ids.contains(&case.id.as_str()))
            && input.text("displayId").is_none_or(|display| display == case.display)
            && (resolved || case.stage != Stage::Resolved)
            && within(&super::stamp(case.created))
    };
    let all = (1..).zip(support.cases.iter().rev().filter(fits));
    let refuse = || invalid("The next token is not valid.");
    let token = input.text("nextToken");
    let (found, next) = page(all, "DescribeCases", token, input.page_size(100, 100), setting.paging(), refuse)?;
    let mut shape = json!({ "cases": found.into_iter().map(|case| case.shape(setting, with)).collect::<Vec<_>>() });
    if let Some(next) = next {
        shape["nextToken"] = json!(next);
    }
    answer(shape)
}

fn not_found(id: &str) -> Refusal {
    Refusal::new(400, "CaseIdNotFound", format!("The case {id} does not exist."))
}

fn case<'a>(support: &'a mut Support, input: &Input) -> Result<&'a mut Case, Refusal> {
    let id = input.text("caseId").ok_or_else(|| invalid("caseId is required."))?;
    support.cases.iter_mut().find(|case| case.id == id).ok_or_else(|| not_found(id))
}

fn communications(setting: &Setting, support: &mut Support, input: &Input) -> Answer {
    let case = case(support, input)?;
    let all = (1..).zip(case.communications.iter().rev());
    let scope = format!("DescribeCommunications {}", case.id);
    let refuse = || invalid("The next token is not valid.");
    let token = input.text("nextToken");
    let (found, next) = page(all, &scope, token, input.page_size(100, 100), setting.paging(), refuse)?;
    let mut shape = json!({ "communications": found.into_iter().map(|one| one.shape(&case.id)).collect::<Vec<_>>() });
    if let Some(next) = next {
        shape["nextToken"] = json!(next);
    }
    answer(shape)
}

fn add_communication(setting: &Setting, support: &mut Support, input: &Input) -> Answer {
    case(support, input)?;
    let Some(body) = input.text("communicationBody") else { return Err(invalid("communicationBody is required.")) };
    let files = attached(setting, support, input)?;
    let now = setting.clock.now();
    let case = case(support, input)?;
    case.communications.push(Communication { body: body.into(), by: "owner@example.com".into(), at: now, files });
    // After a reply of the customer, AWS Support works on the support case again, even if the support case was already
    // resolved.
    case.stage = Stage::Answered;
    case.since = now;
    answer(json!({ "result": true }))
}

fn resolve(setting: &Setting, support: &mut Support, input: &Input) -> Answer {
    let case = case(support, input)?;
    let before = case.status(setting);
    case.stage = Stage::Resolved;
    case.since = setting.clock.now();
    answer(json!({ "initialCaseStatus": before, "finalCaseStatus": "resolved" }))
}
