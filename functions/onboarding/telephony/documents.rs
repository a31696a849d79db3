//! The documents for an order of phone numbers. The step sends them from the stack's S3 bucket to AWS Support. The
//! content and the object keys of the documents never appear anywhere else. Logs, errors and the state of the execution
//! contain only the name of the input field that refers to a document. S3's own error messages are not used, because
//! they contain object keys.

use onboarding_core::{
    StepError,
    onboarding::Documents,
    telephony::{MAX_DOCUMENT_BYTES, check, keys},
};

use crate::{aws, context::Context};

/// A valid document. The type does not implement `Debug`, so that the content can't be logged.
pub(super) struct Document {
    /// The file name of the attachment.
    pub(super) file_name: String,
    /// The content of the document.
    pub(super) bytes: Vec<u8>,
}

/// Reads and checks all three documents before any document is sent. If documents are missing or invalid, the inner
/// result is an error that contains one problem for each such document.
///
/// # Errors
/// If S3 returns an error. A missing object is not such an error, but a problem in the inner result.
pub(super) async fn fetch(
    ctx: &Context,
    documents: &Documents,
) -> Result<Result<Vec<Document>, Vec<String>>, StepError> {
    let bucket = ctx.settings.documents_bucket()?;
    let (mut valid, mut problems) = (Vec::new(), Vec::new());
    for (name, key) in keys(documents) {
        match fetch_one(ctx, bucket, name, key).await? {
            Ok(document) => valid.push(document),
            Err(problem) => problems.push(problem),
        }
    }
    Ok(if problems.is_empty() { Ok(valid) } else { Err(problems) })
}

async fn fetch_one(ctx: &Context, bucket: &str, name: &str, key: &str) -> Result<Result<Document, String>, StepError> {
    let field = format!("documents.{name}");
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
        return Ok(check(name, object.size, &[]).map(|_| Document { file_name: String::new(), bytes: Vec::new() }));
    }
    let Some(bytes) = object.read().await else {
        return Err(StepError::unavailable(format!("the object of {field} was not read completely")));
    };
    let checked = check(name, bytes.len(), &bytes);
    Ok(checked.map(|extension| Document { file_name: format!("{name}.{extension}"), bytes }))
}
