//! Checks that documents are processed only in memory: no state, notification, error or log contains the bytes or the
//! name of a document.

use std::{
    io,
    sync::{Arc, Mutex},
};

use local_cloud::stand_in::Behaviour;
use onboarding_core::onboarding::Documents;
use tracing_subscriber::fmt::MakeWriter;

use crate::steps::aws::telephony::{Telephony, japan};

/// A text that every document contains.
const BYTES: &str = "PASSPORT-TK1234567";
/// A text that every object key contains.
const NAME: &str = "yamada-taro";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn named(size: usize) -> Vec<u8> {
    [b"%PDF-1.7\n", BYTES.as_bytes(), &vec![b' '; size]].concat()
}

#[tokio::test]
async fn no_output_error_or_log_of_an_order_contains_a_part_of_a_document() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).with_writer(log.clone()).finish();
    let _guard = tracing_subscriber::util::SubscriberInitExt::set_default(subscriber);
    let key = |kind: &str| format!("{NAME}/{kind}-{NAME}.pdf");
    let documents = Documents { identity: key("i"), address: key("a"), relationship: key("r") };
    let mut outputs = Vec::new();

    // The error messages of S3 and AWS Support may repeat parts of the request.
    let refusals: [(&str, u16, &str, String); 6] = [
        ("", 0, "", String::new()),
        ("S3", 403, "AccessDenied", format!("not allowed to read acme-documents/{NAME}.pdf")),
        ("S3", 500, "InternalError", format!("{NAME}.pdf can not be read")),
        ("AddAttachmentsToSet", 400, "ValidationException", format!("{BYTES} is not base64")),
        ("AddAttachmentsToSet", 500, "InternalServerError", "try again".to_owned()),
        ("CreateCase", 400, "AttachmentSetExpired", "expired".to_owned()),
    ];
    for (operation, status, code, message) in refusals {
        for size in [10, 6 * 1024 * 1024] {
            let telephony = Telephony::without_documents(Behaviour::default()).await;
            for kind in ["i", "a", "r"] {
                telephony.put(&key(kind), named(if kind == "i" { size } else { 10 })).await;
            }
            match operation {
                "" => {}
                "S3" => telephony.refuse(&key("a"), status, code, &message).await,
                _ => telephony.cloud.fail_saying(operation, status, code, &message),
            }
            let mut input = telephony.input(&[japan("+813", 1)]);
            input.documents = Some(documents.clone());
            for _ in 0..4 {
                match telephony.poll(&mut input).await {
                    Ok(output) => outputs.push(serde_json::to_string(&output).unwrap()),
                    Err(error) => outputs.push(format!("{error} {error:?}")),
                }
            }
            outputs.push(telephony.cases().await.iter().map(ToString::to_string).collect());
        }
    }
    assert!(
        outputs.iter().any(|text| text.contains("AccessDenied"))
            && outputs.iter().any(|text| text.contains("6291483 bytes"))
    );
    outputs.push(String::from_utf8(log.0.lock().unwrap().clone()).unwrap());
    for text in outputs {
        for marker in [BYTES, NAME, "UEFTU1BPUlQ"] {
            assert!(!text.contains(marker), "{marker} in {text}");
        }
    }
}
