//! Classifies all AWS errors by their error code. The HTTP status alone is never used, because Connect returns 429 both
//! for throttling and for an exhausted quota. The message text is used only if the service returns the same error code
//! for several causes.

use std::fmt::Display;

use aws_sdk_connect::error::SdkError;
use aws_sdk_connect::operation::RequestId;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use onboarding_core::{StepError, StepErrorKind};

/// Error codes that AWS uses for several causes, so that only the error message shows the cause. Each entry contains
/// the error code, a part of the message in lower case, and the resulting error kind. Sources of the messages, in the
/// order of the entries:
/// terraform-provider-aws#38115 (the instance alias is already used); an observation of 2026-09-30 (an instance is
/// still being created); the Connect administrator guide (the account is flagged); the IAM documentation (a principal
/// is not visible yet).
const TEXTS: [(&str, &str, StepErrorKind); 4] = [
    ("InvalidRequestException", "instance alias is already used", StepErrorKind::Conflict),
    ("ServiceQuotaExceededException", "currently pending instance creation requests", StepErrorKind::NotConsistentYet),
    (
        "ServiceQuotaExceededException",
        "excessive number of creation and deletion attempts",
        StepErrorKind::LimitExceeded,
    ),
    ("MalformedPolicyDocument", "invalid principal", StepErrorKind::NotConsistentYet),
];

/// The error codes that a service returns if the object in the request does not exist.
const NOT_FOUND: [&str; 4] =
    ["ResourceNotFoundException", "NoSuchEntity", "NoSuchEntityException", "NoSuchResourceException"];

/// The error kinds, each with the AWS error codes that are mapped to it. Any other error code is mapped to an internal
/// error.
const CODES: [(StepErrorKind, &[&str]); 6] = [
    (
        StepErrorKind::Throttled,
        &[
            "ThrottlingException",
            "Throttling",
            "Throttled",
            "KMSThrottling",
            "ThrottledException",
            "RequestThrottled",
            "RequestThrottledException",
            "TooManyRequestsException",
            "RequestLimitExceeded",
            "SlowDown",
            "PriorRequestNotComplete",
            "ProvisionedThroughputExceededException",
            "BandwidthLimitExceeded",
        ],
    ),
    (
        StepErrorKind::Unavailable,
        &[
            "InternalServiceException",
            "InternalServiceError",
            "InternalServerError",
            "InternalFailure",
            "ServiceFailure",
            "ServiceFailureException",
            "ServiceException",
            "ServiceUnavailable",
            "ServiceUnavailableException",
            "RequestTimeout",
            "RequestTimeoutException",
            "ConcurrentModification",
            "ConcurrentModificationException",
            "ConditionalOperationFailedException",
            "InternalError",
        ],
    ),
    (
        StepErrorKind::AccessDenied,
        &[
            "AccessDenied",
            "AccessDeniedException",
            "UnauthorizedOperation",
            "AuthorizationError",
            "KMSAccessDenied",
            "KMSOptInRequired",
            "UnrecognizedClientException",
            "InvalidClientTokenId",
            "ExpiredToken",
            "ExpiredTokenException",
            "SignatureDoesNotMatch",
            "DependencyAccessDeniedException",
            "OptInRequired",
            "OutboundWebIdentityFederationDisabled",
            "OutboundWebIdentityFederationDisabledException",
            "SubscriptionRequiredException",
        ],
    ),
    (
        StepErrorKind::LimitExceeded,
        &["LimitExceeded", "LimitExceededException", "ServiceQuotaExceededException", "QuotaExceededException"],
    ),
    (
        StepErrorKind::Conflict,
        &[
            "EntityAlreadyExists",
            "EntityAlreadyExistsException",
            "DuplicateResourceException",
            "ResourceConflictException",
            "ResourceAlreadyExistsException",
            "DeleteConflict",
            "ResourceInUseException",
        ],
    ),
    (
        StepErrorKind::InvalidInput,
        &[
            "InvalidParameterException",
            "InvalidParameter",
            "InvalidRequestException",
            "InvalidContactFlowException",
            "InvalidTestCaseException",
            "InvalidInput",
            "InvalidInputException",
            "ValidationException",
            "ValidationError",
            "IllegalArgumentException",
            "MalformedPolicyDocument",
            "NotFound",
            "KMSNotFound",
            "KMSDisabled",
            "KMSInvalidState",
            "NoSuchEntity",
            "NoSuchEntityException",
            "ResourceNotFoundException",
            "NoSuchResourceException",
            "InvalidResourceStateException",
            "UserNotFoundException",
        ],
    ),
];

/// Returns the error kind for an AWS error code and its message.
#[must_use]
pub fn kind_of(code: &str, message: &str) -> StepErrorKind {
    let message = message.to_lowercase();
    if let Some((_, _, kind)) = TEXTS.iter().find(|(known, text, _)| *known == code && message.contains(text)) {
        return *kind;
    }
    let kind = CODES.iter().find(|(_, codes)| codes.contains(&code)).map(|(kind, _)| *kind);
    kind.unwrap_or(StepErrorKind::Internal)
}

/// Returns the error code of a failed call, if there is one.
pub fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}

/// Returns whether a call failed with one of these error codes.
pub fn is<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>, codes: &[&str]) -> bool {
    code(error).is_some_and(|code| codes.contains(&code))
}

/// Returns whether a call failed because the object in the request does not exist.
pub fn is_not_found<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    is(error, &NOT_FOUND)
}

/// Returns whether Service Quotas rejected a request because the current value of the quota is not lower than the
/// requested value. AWS documents neither the error code nor the error message of this rejection. Observed:
/// `IllegalArgumentException` with "You must provide a quota value greater than the current quota value"
/// (cloud-custodian#8939).
pub fn is_no_increase<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    says(error, "greater than the current quota value")
}

/// Returns whether Connect refused to create an instance because of the requested alias. AWS documents neither the
/// error code nor the error message of this rejection. Observed: "Instance alias is already used"
/// (terraform-provider-aws#38115).
pub fn is_about_alias<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    is(error, &["InvalidRequestException", "DuplicateResourceException"]) && says(error, "alias")
}

/// Returns whether Connect refused to claim a phone number because this phone number is no longer available. Observed:
/// `InvalidParameterException` with "Phone number not available: +1…" (terraform-provider-aws#45572). The API model
/// also lists `ResourceNotFoundException`.
pub fn is_number_taken<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    is(error, &["ResourceNotFoundException"])
        || (is(error, &["InvalidParameterException"]) && says(error, "number not available"))
}

/// Returns whether Connect refused to claim a phone number because the account has claimed and released too many phone
/// numbers within 180 days. The default limit is 200 % of the quota for phone numbers (API reference,
/// `ClaimPhoneNumber`). The error message is from terraform-provider-aws#45937.
pub fn is_claim_limit<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    says(error, "180 days")
}

/// Describes a failed call by its error code, message and request ID.
pub fn describe<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String
where
    SdkError<E, R>: RequestId,
{
    let message = error.as_service_error().and_then(ProvideErrorMetadata::message).unwrap_or("no message");
    let request_id = error.request_id().map_or(String::new(), |id| format!(" (request id {id})"));
    format!("{}: {message}{request_id}", code(error).unwrap_or("no code"))
}

/// Returns whether the error message of a failed call contains `text`. The message is compared in lower case.
fn says<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>, text: &str) -> bool {
    let message = error.as_service_error().and_then(ProvideErrorMetadata::message);
    message.is_some_and(|message| message.to_lowercase().contains(text))
}

/// Conversions for the result of a call to AWS.
pub trait CallResult<T, E, R>: Sized {
    /// Converts the error of a failed call to a step error ([`step_error`]). Step Functions identifies the kind of a
    /// step error by its name. `action` describes the call, for example `creating the role AmazonConnect-acme`.
    ///
    /// # Errors
    /// The step error if the call failed.
    fn doing(self, action: impl Display) -> Result<T, StepError>;

    /// Works as [`Self::doing`], for an object that the service returned before, or that an earlier step has created.
    /// If the service now reports that the object does not exist, there are two possible causes. Either the replicas of
    /// the service do not agree yet (IAM user guide, "Changes that I make are not always immediately visible"), or the
    /// object was just deleted. The next attempt of the step reads the object again.
    ///
    /// # Errors
    /// `NotConsistentYet` if the service reports that the object does not exist; otherwise the same error as
    /// [`Self::doing`].
    fn doing_with_known(self, action: impl Display) -> Result<T, StepError>;

    /// Returns `None` if the call failed with one of these error codes.
    ///
    /// # Errors
    /// Any other error of the call.
    fn none_if(self, codes: &[&str]) -> Result<Option<T>, SdkError<E, R>>;

    /// Returns `None` if the call failed because the object in the request does not exist.
    ///
    /// # Errors
    /// Any other error of the call.
    fn if_found(self) -> Result<Option<T>, SdkError<E, R>> {
        self.none_if(&NOT_FOUND)
    }
}

impl<T, E, R> CallResult<T, E, R> for Result<T, SdkError<E, R>>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
    SdkError<E, R>: RequestId,
{
    fn doing(self, action: impl Display) -> Result<T, StepError> {
        self.map_err(|error| step_error(action, &error))
    }

    fn doing_with_known(self, action: impl Display) -> Result<T, StepError> {
        self.map_err(|error| with_known(action, &error))
    }

    fn none_if(self, codes: &[&str]) -> Result<Option<T>, SdkError<E, R>> {
        match self {
            Err(error) if is(&error, codes) => Ok(None),
            other => other.map(Some),
        }
    }
}

/// Converts the error of a failed call to a step error. The error message contains the action, the object and the
/// request ID.
///
/// `doing` describes the action and the object, for example `creating the role AmazonConnect-acme`.
pub fn step_error<E, R>(doing: impl Display, error: &SdkError<E, R>) -> StepError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
    SdkError<E, R>: RequestId,
{
    let request_id = error.request_id().map_or(String::new(), |id| format!(" (request id {id})"));
    match error {
        SdkError::ServiceError(context) => {
            let meta = context.err().meta();
            // The SDK also reports an invalid response body, or the error page of a proxy, as an error that the service
            // returned. Such an error has no error code.
            let Some(code) = meta.code() else {
                return StepError::unavailable(format!("{doing} failed: the response can't be parsed{request_id}"));
            };
            named(doing, code, meta.message().unwrap_or("no message"), error.request_id())
        }
        SdkError::TimeoutError(_) => {
            StepError::unavailable(format!("{doing} timed out; AWS may still have completed the operation{request_id}"))
        }
        SdkError::DispatchFailure(failure) => {
            let what = if failure.is_timeout() {
                "timed out"
            } else if failure.is_io() {
                "lost its connection"
            } else {
                "could not be sent"
            };
            let detail = failure.as_connector_error().map_or_else(String::new, |error| format!(" ({error})"));
            StepError::unavailable(format!("{doing} {what}{detail}{request_id}"))
        }
        SdkError::ResponseError(_) => {
            StepError::unavailable(format!("{doing} failed: the response can't be parsed{request_id}"))
        }
        SdkError::ConstructionFailure(_) => {
            StepError::internal(format!("{doing} failed: the request could not be built"))
        }
        _ => StepError::internal(format!("{doing} failed with an error that the SDK does not describe{request_id}")),
    }
}

/// Converts the error of a failed call as [`step_error`] does, but for an object that is known to exist: see
/// [`CallResult::doing_with_known`].
pub fn with_known<E, R>(doing: impl Display, error: &SdkError<E, R>) -> StepError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
    SdkError<E, R>: RequestId,
{
    let failure = step_error(doing, error);
    if is_not_found(error) { StepError::not_consistent_yet(failure.message) } else { failure }
}

/// Returns the step error for an error code of AWS. The error message contains the action, AWS's message and the
/// request ID.
pub fn named(doing: impl Display, code: &str, message: &str, request_id: Option<&str>) -> StepError {
    let kind = kind_of(code, message);
    let request_id = request_id.map_or(String::new(), |id| format!(" (request id {id})"));
    StepError::new(kind, format!("{doing} failed: {code}: {message}{request_id}{}", hint(kind)))
}

const fn hint(kind: StepErrorKind) -> &'static str {
    match kind {
        StepErrorKind::AccessDenied => {
            "; allow this action in the function's role, and check that no permissions boundary or service control \
             policy denies it"
        }
        StepErrorKind::LimitExceeded => {
            "; request a higher quota in Service Quotas, or delete resources that are not needed"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_without_a_specific_code_is_classified_by_its_message() {
        for (code, message, kind) in [
            ("InvalidRequestException", "Invalid Input. Instance alias is already used.", StepErrorKind::Conflict),
            (
                "ServiceQuotaExceededException",
                "Currently pending instance creation requests, if successfully executed, will reach instance count quota. Please retry once pending requests have completed",
                StepErrorKind::NotConsistentYet,
            ),
            (
                "ServiceQuotaExceededException",
                "Your account has been flagged for an excessive number of creation and deletion attempts",
                StepErrorKind::LimitExceeded,
            ),
            (
                "MalformedPolicyDocument",
                "Invalid principal in policy: \"FEDERATED\":\"arn\"",
                StepErrorKind::NotConsistentYet,
            ),
        ] {
            assert_eq!(kind_of(code, message), kind, "{message}");
        }
    }

    #[test]
    fn a_code_with_another_message_is_classified_by_the_code_alone() {
        assert_eq!(kind_of("InvalidRequestException", "Username is invalid"), StepErrorKind::InvalidInput);
        assert_eq!(kind_of("ServiceQuotaExceededException", "instance count"), StepErrorKind::LimitExceeded);
        assert_eq!(kind_of("MalformedPolicyDocument", "Syntax errors in policy."), StepErrorKind::InvalidInput);
    }

    #[test]
    fn an_exhausted_quota_and_a_throttle_differ_although_connect_returns_429_for_both() {
        assert_eq!(kind_of("LimitExceededException", ""), StepErrorKind::LimitExceeded);
        assert_eq!(kind_of("ThrottlingException", ""), StepErrorKind::Throttled);
    }
}
