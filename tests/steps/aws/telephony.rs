//! Shared code of the `order-numbers` tests: a bucket with documents, desired phone numbers, and the polling loop of
//! the state machine.

use connect_onboarding::onboarding::order_numbers::run;
use local_cloud::stand_in::{Behaviour, SupportPath};
use onboarding_core::{
    StepError,
    onboarding::{Documents, Language, PhoneNumber, PhoneNumberType},
    telephony::{OrderNumbersInput, OrderNumbersOutput},
};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{method, path},
};

use super::{clients, cloud::Cloud};

/// A local cloud with a bucket for documents.
pub(crate) struct Telephony {
    pub(crate) cloud: Cloud,
    pub(crate) bucket: MockServer,
    pub(crate) arn: String,
}

impl Telephony {
    /// Starts with an active instance and with the three documents of [`documents`] in the bucket.
    pub(crate) async fn start(behaviour: Behaviour) -> Self {
        let telephony = Self::without_documents(behaviour).await;
        for key in ["identity.pdf", "address.png", "relationship.jpg"] {
            telephony.put(key, content(key)).await;
        }
        telephony
    }

    /// Starts with an active instance and an empty bucket.
    pub(crate) async fn without_documents(behaviour: Behaviour) -> Self {
        let bucket = MockServer::start().await;
        let missing = r#"<?xml version="1.0"?><Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>"#;
        let answer = ResponseTemplate::new(404).set_body_raw(missing, "application/xml");
        Mock::given(method("GET")).respond_with(answer).with_priority(200).mount(&bucket).await;
        let cloud = Cloud::start_before(&bucket.uri(), behaviour).await;
        let (_, arn) = cloud.instance("acme").await;
        Self { cloud, bucket, arn }
    }

    /// Adds an object to the bucket.
    pub(crate) async fn put(&self, key: &str, body: Vec<u8>) {
        self.answer(key, ResponseTemplate::new(200).set_body_bytes(body), 2).await;
    }

    /// Makes the bucket deny access to an object.
    pub(crate) async fn refuse(&self, key: &str, status: u16, code: &str, message: &str) {
        let body = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
        self.answer(key, ResponseTemplate::new(status).set_body_raw(body, "application/xml"), 1).await;
    }

    async fn answer(&self, key: &str, answer: ResponseTemplate, priority: u8) {
        let at = format!("/{}/{key}", clients::DOCUMENTS);
        Mock::given(method("GET")).and(path(at)).respond_with(answer).with_priority(priority).mount(&self.bucket).await;
    }

    /// The input of the step for these desired phone numbers.
    pub(crate) fn input(&self, numbers: &[PhoneNumber]) -> OrderNumbersInput {
        OrderNumbersInput {
            alias: "acme".into(),
            instance_arn: self.arn.clone(),
            execution_id: "execution".into(),
            phone_numbers: numbers.into(),
            documents: Some(documents()),
            telephony: Default::default(),
            quotas: Vec::new(),
            starter_flow: None,
            language: Language::Ja,
            previous: None,
        }
    }

    /// Calls the step once, then advances the clock by the wait time that the step returned.
    pub(crate) async fn poll(&self, input: &mut OrderNumbersInput) -> Result<OrderNumbersOutput, StepError> {
        let output = run(&self.cloud.ctx, input.clone()).await?;
        assert_eq!(output.pending, output.wait_seconds > 0 && output.pending, "{output:?}");
        if output.pending {
            self.cloud.wait(output.wait_seconds);
        }
        input.previous = Some(output.clone());
        Ok(output)
    }

    /// Calls the step again and again as the state machine does, at most `polls` times. Returns all outputs in order.
    pub(crate) async fn follow(&self, mut input: OrderNumbersInput, polls: usize) -> Vec<OrderNumbersOutput> {
        let mut outputs = Vec::new();
        while outputs.len() < polls && outputs.last().is_none_or(|last: &OrderNumbersOutput| last.pending) {
            outputs.push(self.poll(&mut input).await.unwrap());
        }
        outputs
    }

    /// The number of calls of an operation since the calls were last read.
    pub(crate) fn count(&self, operation: &str) -> usize {
        self.cloud.calls().iter().filter(|call| *call == operation).count()
    }

    /// The AWS Support cases in the local cloud, each with its subject and text.
    pub(crate) async fn cases(&self) -> Vec<serde_json::Value> {
        self.cloud.inventory().await["support"]["cases"].as_array().unwrap().clone()
    }

    /// The phone numbers of the instance.
    pub(crate) async fn numbers(&self) -> Vec<serde_json::Value> {
        self.cloud.inventory().await["connect"]["instances"][0]["phoneNumbers"].as_array().unwrap().clone()
    }
}

/// The object keys of the documents.
pub(crate) fn documents() -> Documents {
    Documents {
        identity: "identity.pdf".into(),
        address: "address.png".into(),
        relationship: "relationship.jpg".into(),
    }
}

/// A small document whose file type matches the file extension of its object key.
pub(crate) fn content(key: &str) -> Vec<u8> {
    let magic: &[u8] = match key.rsplit('.').next() {
        Some("png") => b"\x89PNG\r\n\x1a\n",
        Some("jpg") => b"\xff\xd8\xff\xe0",
        _ => b"%PDF-1.7\n",
    };
    [magic, b"content"].concat()
}

/// Desired Japanese phone numbers with this prefix.
pub(crate) fn japan(prefix: &str, quantity: u32) -> PhoneNumber {
    let toll_free = ["+81120", "+81800"].contains(&prefix);
    PhoneNumber {
        country: "JP".into(),
        kind: if toll_free { PhoneNumberType::TollFree } else { PhoneNumberType::Did },
        prefix: Some(prefix.into()),
        quantity,
        description: Some("main line".into()),
        contact_flow: None,
    }
}

/// Desired phone numbers that can be claimed through the API.
pub(crate) fn america(quantity: u32) -> PhoneNumber {
    PhoneNumber { country: "US".into(), prefix: None, ..japan("+1", quantity) }
}

/// The behavior of a local cloud in which AWS Support processes each support case as this path describes.
pub(crate) fn case(path: SupportPath) -> Behaviour {
    Behaviour { support_path: path, ..Behaviour::default() }
}
