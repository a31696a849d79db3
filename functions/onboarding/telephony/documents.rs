//! The documents of an order, which are sent from the stack's bucket to AWS Support. Their content and keys never
//! appear elsewhere: logs, errors and state contain only the input field that refers to a document. S3's own messages
//! are not used, because they contain keys.

use onboarding_core::{
    StepError,
    onboarding::Documents,
    telephony::{DocumentKind, MAX_DOCUMENT_BYTES, check, keys},
};

use crate::{aws, context::Context};

/// A valid document. The type deliberately does not implement `Debug`, so that no content is logged.
pub(super) struct Document {
    /// The file name of the attachment.
    pub(super) file_name: String,
    /// The content of the document.
    pub(super) bytes: Vec<u8>,
}

/// The result of reading the documents.
pub(super) enum Fetched {
    /// All three documents were read, and each of them can be attached to the case.
    Ready(Vec<Document>),
    /// The problems, one sentence per document.
    Unusable(Vec<String>),
}

/// Reads and checks all three documents before anything is sent.
///
/// # Errors
/// If S3 returns an error other than a missing object. A missing or invalid document is [`Fetched::Unusable`].
pub(super) async fn fetch(ctx: &Context, documents: &Documents) -> Result<Fetched, StepError> {
    let bucket = ctx.settings.documents_bucket()?;
    let (mut ready, mut problems) = (Vec::new(), Vec::new());
    for (kind, key) in keys(documents) {
        match fetch_one(ctx, bucket, kind, key).await? {
            Ok(document) => ready.push(document),
            Err(problem) => problems.push(problem),
        }
    }
    Ok(if problems.is_empty() { Fetched::Ready(ready) } else { Fetched::Unusable(problems) })
}

async fn fetch_one(
    ctx: &Context,
    bucket: &str,
    kind: DocumentKind,
    key: &str,
) -> Result<Result<Document, String>, StepError> {
    let field = kind.field();
    let object = match ctx.object(bucket, key).await {
        Ok(object) => object,
        Err(refusal) => {
            let request = refusal.request_id.map_or(String::new(), |id| format!(" (request id {id})"));
            return match refusal.code.as_deref() {
                Some("NoSuchKey") => {
                    Ok(Err(format!("{field}: the documents bucket {bucket} has no such object; upload it")))
                }
                Some(code) => Err(StepError::new(
                    aws::error::kind_of(code, ""),
                    format!("reading the object of {field} from the bucket {bucket} failed: {code}{request}"),
                )),
                None => Err(StepError::unavailable(format!(
                    "the object of {field} in the bucket {bucket} could not be read{request}"
                ))),
            };
        }
    };
    if object.size > MAX_DOCUMENT_BYTES {
        return Ok(check(kind, object.size, &[]).map(|_| Document { file_name: String::new(), bytes: Vec::new() }));
    }
    let Some(bytes) = object.read().await else {
        return Err(StepError::unavailable(format!("the object of {field} was not read completely")));
    };
    let checked = check(kind, bytes.len(), &bytes);
    Ok(checked.map(|extension| Document { file_name: format!("{}.{extension}", kind.attachment()), bytes }))
}
