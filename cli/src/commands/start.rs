//! `onboard start`: validates the input before it calls AWS, uploads the documents of a phone number order, and starts
//! the onboarding.

use std::fs;

use onboarding_core::telephony::check as check_document;
use serde_json::{Value, json};

use crate::{
    args::{DocumentArg, StartArgs, input::JsonFile},
    cloud::{Cloud, Machine, error::CommandError, executions::name_of},
    commands::watch::watch,
    exit::Exit,
    output::{Event, Started},
    ui::{Console, Tone},
    words::Words,
};

/// A document for a phone number order, which the command uploads.
struct Document {
    key: String,
    content: Vec<u8>,
}

/// Runs the command.
///
/// # Errors
/// Fails if the input is invalid, if an onboarding of the instance is already running, or if a request to AWS or the
/// local cloud fails.
pub async fn run(args: StartArgs, console: &Console) -> Result<Exit, CommandError> {
    let words = console.words();
    let mut file = JsonFile::read(&args.file).map_err(|bad| CommandError::file(&bad, words))?;
    let documents = documents(&mut file.value, &args.documents, words)?;
    let onboarding = file.onboarding().map_err(|bad| CommandError::file(&bad, words))?;
    let input = file.value;
    let alias = &onboarding.instance.alias;
    let cloud = Cloud::open(&args.target, words).await?;
    if !args.again
        && let Some(running) = cloud.running_onboarding(alias).await?
    {
        let name = &running.execution.name;
        return Err(CommandError::undecided(
            "AlreadyRunning",
            words.already_running(alias, name),
            words.watch_or_again(name),
        ));
    }
    if !documents.is_empty() {
        let bucket = cloud.stack.output("DocumentsBucket", words)?;
        for document in &documents {
            // Messages contain neither the object key nor the file name, because both can contain a person's name.
            cloud.signed.put(&words.uploading_a_document(), bucket, &document.key, &document.content).await?;
        }
        console.note(&words.uploaded(documents.len()));
    }
    let arn = cloud.start(Machine::Onboarding, alias, &input).await?;
    let name = name_of(&arn);
    console.line(&console.paint(Tone::Good, &words.started(name)));
    if args.wait {
        console.result(&Event::Started { execution: arn.clone(), name: name.to_owned(), alias: alias.clone() });
        let described = cloud.describe(&arn).await?;
        return watch(&cloud, described, console).await;
    }
    console.result(&Started { execution: arn.clone(), name: name.to_owned(), alias: alias.clone() });
    console.note(&words.follow_with(name));
    Ok(Exit::Done)
}

/// Reads and checks the documents. If the input does not contain the S3 object key of a document, adds the key to the
/// input.
fn documents(input: &mut Value, named: &[DocumentArg], words: Words) -> Result<Vec<Document>, CommandError> {
    let mut documents = Vec::new();
    if !input.is_object() || input.get("documents").is_some_and(|documents| !documents.is_object()) {
        // The documents can't be added to this input. The later validation of the input reports the invalid value.
        return Ok(documents);
    }
    for document in named {
        let content = fs::read(&document.file).map_err(|error| {
            CommandError::input(words.document_unreadable(&document.kind, error), words.specify_another_document())
        })?;
        let head = content.get(..16).unwrap_or(&content);
        let extension = check_document(&document.kind, content.len(), head)
            .map_err(|why| CommandError::input(why, words.specify_another_document()))?;
        let alias = input["instance"]["alias"].as_str().unwrap_or("documents").to_owned();
        let field = &mut input["documents"][&document.kind];
        let key = match field {
            Value::String(key) => key.clone(),
            Value::Null => {
                // The object key contains a digest of the document's content. A corrected document therefore gets a new
                // object key, for which the onboarding opens a new support case.
                let digest = onboarding_core::digest::of(&content, 6);
                let key = format!("{alias}/{}-{digest}.{extension}", document.kind);
                *field = json!(key);
                key
            }
            // The later validation of the input reports that this value is invalid.
            _ => continue,
        };
        documents.push(Document { key, content });
    }
    Ok(documents)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;
    use crate::words::Lang;

    fn prepared(input: &mut Value, content: &[u8]) -> Result<Vec<Document>, CommandError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), content).unwrap();
        let named = [DocumentArg { kind: "identity".into(), file: file.path().into() }];
        documents(input, &named, Words(Lang::En))
    }

    #[test]
    fn a_document_without_a_key_in_the_input_gets_a_key_from_its_content() {
        let mut input = json!({"instance": {"alias": "acme"}});
        let first = prepared(&mut input, b"%PDF-1.7 one").unwrap();
        assert!(first[0].key.starts_with("acme/identity-") && first[0].key.ends_with(".pdf"), "{}", first[0].key);
        assert_eq!(input["documents"]["identity"], first[0].key.as_str());
        let mut other = json!({"instance": {"alias": "acme"}});
        assert_ne!(prepared(&mut other, b"%PDF-1.7 two").unwrap()[0].key, first[0].key);
    }

    #[test]
    fn a_key_in_the_input_is_used() {
        let mut input = json!({"instance": {"alias": "acme"}, "documents": {"identity": "mine.pdf"}});
        assert_eq!(prepared(&mut input, b"%PDF-1.7").unwrap()[0].key, "mine.pdf");
    }

    #[test]
    fn a_document_that_aws_would_reject_is_rejected_before_the_upload() {
        let error = prepared(&mut json!({}), b"PK\x03\x04").map(|_| ()).unwrap_err();
        assert_eq!(error.exit, Exit::BadInput);
        assert!(error.what.contains("documents.identity"), "{}", error.what);
    }
}
