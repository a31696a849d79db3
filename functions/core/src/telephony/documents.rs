//! The three documents for an order of Japanese phone numbers, and the requirements for these documents. A message
//! about a document contains its input field but never its S3 object key, because the key may contain a person's name.

use crate::onboarding::Documents;

/// Maximum size of an attachment in AWS Support, in bytes (`AddAttachmentsToSet`).
pub const MAX_DOCUMENT_BYTES: usize = 5 * 1024 * 1024;

/// The input field and the S3 object key of each document.
#[must_use]
pub fn keys(documents: &Documents) -> [(&'static str, &str); 3] {
    [("identity", &documents.identity), ("address", &documents.address), ("relationship", &documents.relationship)]
}

/// Checks the size and the first bytes of a document. Returns the file extension for the attachment.
///
/// # Errors
/// The error message, which begins with the name of the input field.
pub fn check(name: &str, size: usize, head: &[u8]) -> Result<&'static str, String> {
    let field = format!("documents.{name}");
    if size == 0 {
        return Err(format!("{field}: the object is empty"));
    }
    if size > MAX_DOCUMENT_BYTES {
        return Err(format!(
            "{field}: the object has {size} bytes, but AWS Support accepts at most {MAX_DOCUMENT_BYTES} (5 MB)"
        ));
    }
    let magic: [(&[u8], &'static str); 3] =
        [(b"%PDF-", "pdf"), (b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpg")];
    magic
        .iter()
        .find(|(magic, _)| head.starts_with(magic))
        .map(|(_, extension)| *extension)
        .ok_or_else(|| format!("{field}: the object is not a PDF, PNG or JPEG file"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;

    #[test]
    fn the_format_of_a_document_is_detected_from_its_first_bytes() {
        for (head, extension) in
            [(&b"%PDF-1.7"[..], "pdf"), (b"\x89PNG\r\n\x1a\n....", "png"), (b"\xff\xd8\xff\xe0", "jpg")]
        {
            assert_eq!(check("identity", 10, head), Ok(extension));
        }
    }

    #[test]
    fn an_unusable_document_is_reported_by_its_input_field() {
        for (size, head, part) in [
            (0, &b""[..], "is empty"),
            (MAX_DOCUMENT_BYTES + 1, b"%PDF-1.7", "at most 5242880"),
            (10, b"PK\x03\x04", "not a PDF"),
        ] {
            let message = check("address", size, head).unwrap_err();
            assert!(message.starts_with("documents.address: ") && message.contains(part), "{message}");
        }
        assert!(check("address", MAX_DOCUMENT_BYTES, b"%PDF-1.7").is_ok());
    }
}
