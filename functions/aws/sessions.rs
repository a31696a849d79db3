//! Ends the sessions of a Connect user (`DeleteAllEntitySessions`). Version 1.220 of the crate `aws-sdk-connect` does
//! not contain this operation, so this module builds and signs the request. The request follows the service model in
//! botocore 1.44.8.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::{http::HttpConnector, orchestrator::HttpResponse};
use aws_smithy_types::byte_stream::ByteStream;
use onboarding_core::StepError;
use serde_json::{Value, json};

use super::{
    error,
    http::Http,
    signed::{self, Service},
};
use crate::runtime::clock::Clock;

const PATH: &str = "/auth/sessions/delete-all-entity-sessions";
/// Maximum duration of one attempt to send the request.
const ATTEMPT: Duration = Duration::from_secs(20);

/// The reason why the sessions of a user were not ended.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionError {
    /// The error that a step returns if it can't continue because the sessions were not ended.
    pub error: StepError,
    /// Connect's error code, if the response contains one.
    pub code: Option<String>,
}

/// Ends the sessions of Connect users.
#[derive(Clone, Copy, Debug)]
pub struct Sessions<'a> {
    http: &'a Http,
    config: &'a SdkConfig,
    clock: Clock,
}

impl<'a> Sessions<'a> {
    /// Creates a client. `clock` scales the maximum duration of an attempt.
    #[must_use]
    pub const fn new(http: &'a Http, config: &'a SdkConfig, clock: Clock) -> Self {
        Self { http, config, clock }
    }

    /// Ends all sessions of a user with one request.
    ///
    /// # Errors
    /// [`SessionError`]: the step error, and Connect's error code. If Connect does not know the operation yet, the
    /// error code is `None` or a code that the model of the operation does not list.
    pub async fn end(&self, instance_id: &str, username: &str, user_id: &str) -> Result<(), SessionError> {
        let doing = format!("ending the sessions of the user {username}");
        let unavailable =
            |why: &str| SessionError { error: StepError::unavailable(format!("{doing} {why}")), code: None };
        let body = json!({ "InstanceId": instance_id, "EntityId": user_id, "EntityType": "USER" }).to_string();
        let request = signed::request(self.config, Service::Connect, &self.url(), Some(body)).await;
        let request = request.map_err(|error| SessionError {
            error: StepError::internal(format!("{doing} failed: the request could not be built: {error}")),
            code: None,
        })?;
        let sent = tokio::time::timeout(self.clock.timeout(ATTEMPT), self.http.call(request)).await;
        let response = sent.map_err(|_| unavailable("timed out"))?.map_err(|_| unavailable("lost its connection"))?;
        if response.status().is_success() {
            return Ok(());
        }
        Err(refusal(&doing, response).await)
    }

    fn url(&self) -> String {
        let own = || format!("https://connect.{}.amazonaws.com", signed::region(self.config));
        Service::Connect.configured_endpoint(self.config).unwrap_or_else(own) + PATH
    }
}

/// Converts an error response of the REST JSON protocol. The header `x-amzn-errortype` or the body contains the error
/// code. The error code may be followed by a colon and a URL.
async fn refusal(doing: &str, response: HttpResponse) -> SessionError {
    let status = response.status();
    let header = |name: &str| response.headers().get(name).map(ToOwned::to_owned);
    let (in_header, request_id) = (header("x-amzn-errortype"), header("x-amzn-requestid"));
    let body = ByteStream::new(response.into_body()).collect().await.map(|body| body.to_vec()).unwrap_or_default();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = |names: [&str; 2]| names.iter().find_map(|name| body[*name].as_str()).map(ToOwned::to_owned);
    let code = in_header.or_else(|| text(["__type", "code"]));
    let code = code.map(|code| {
        let code = code.split(':').next().unwrap_or_default();
        code.rsplit('#').next().unwrap_or(code).to_owned()
    });
    let message = text(["message", "Message"]).unwrap_or_else(|| "no message".into());
    let shown = code.clone().unwrap_or_else(|| format!("HTTP {}", status.as_u16()));
    // A 5xx status without an error code may be temporary. Any other response without an error code does not come from
    // this operation. For example, Connect may not know the operation yet.
    let error = match &code {
        None if status.is_server_error() => StepError::unavailable(format!("{doing} failed: {shown}")),
        _ => error::named(doing, &shown, &message, request_id.as_deref()),
    };
    SessionError { error, code }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;
    use crate::aws::signed::test_config as config;
    use onboarding_core::StepErrorKind;
    use wiremock::{
        Mock, MockServer, ResponseTemplate,
        matchers::{any, body_json, header, header_regex, method, path},
    };

    async fn end_on(server: &MockServer) -> Result<(), SessionError> {
        let (http, config) = (Http::new(Duration::from_secs(1)), config(Some(server.uri())));
        Sessions::new(&http, &config, Clock::default()).end("i", "taro", "u").await
    }

    #[tokio::test]
    async fn the_request_is_the_one_of_the_service_model_and_is_signed_for_connect() {
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .and(path("/auth/sessions/delete-all-entity-sessions"))
            .and(header("content-type", "application/json"))
            .and(header_regex("authorization", "/ap-northeast-1/connect/aws4_request"))
            .and(body_json(json!({ "InstanceId": "i", "EntityId": "u", "EntityType": "USER" })))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({})))
            .expect(1)
            .mount(&server)
            .await;
        assert_eq!(end_on(&server).await, Ok(()));
    }

    #[tokio::test]
    async fn an_error_has_its_code_whether_the_header_or_the_body_contains_the_code() {
        let denied = ResponseTemplate::new(403)
            .insert_header("x-amzn-errortype", "AccessDeniedException:http://internal.amazon.com/")
            .insert_header("x-amzn-requestid", "R1")
            .set_body_json(json!({ "Message": "not authorized" }));
        let throttled = ResponseTemplate::new(429).set_body_json(json!({ "__type": "a#ThrottlingException" }));
        for (answer, code, kind) in [
            (denied, Some("AccessDeniedException"), StepErrorKind::AccessDenied),
            (throttled, Some("ThrottlingException"), StepErrorKind::Throttled),
            (ResponseTemplate::new(404).set_body_string("not here"), None, StepErrorKind::Internal),
            (ResponseTemplate::new(503), None, StepErrorKind::Unavailable),
        ] {
            let server = MockServer::start().await;
            Mock::given(any()).respond_with(answer).mount(&server).await;
            let error = end_on(&server).await.unwrap_err();
            assert_eq!((error.code.as_deref(), error.error.kind), (code, kind), "{error:?}");
            assert!(error.error.message.contains("the user taro"), "{error:?}");
        }
    }

    #[test]
    fn without_an_endpoint_the_request_is_sent_to_connect_in_the_region() {
        let (http, config) = (Http::new(Duration::from_secs(1)), config(None));
        let url = Sessions::new(&http, &config, Clock::default()).url();
        assert_eq!(url, "https://connect.ap-northeast-1.amazonaws.com/auth/sessions/delete-all-entity-sessions");
    }
}
