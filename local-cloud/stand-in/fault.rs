//! Fault rules: they make selected calls fail, slow them down, truncate their responses, or kill the calling process.

use regex::Regex;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::stand_in::aws_error::{Protocol, Refusal};
use crate::stand_in::http::Response;
use crate::stand_in::route::ISSUER;

/// The names of the services whose calls a rule can select. An AWS service has the name that its request signatures
/// contain. Microsoft's services are `graph` and `login`. The stand-in defines the names for requests without a
/// signature.
const SERVICES: [&str; 23] = [
    "cloudformation",
    "connect",
    "dynamodb",
    "ec2",
    "events",
    "graph",
    "iam",
    "kms",
    "lambda",
    "lambda-url",
    "login",
    "logs",
    "monitoring",
    "s3",
    "scheduler",
    "secretsmanager",
    "servicequotas",
    "sns",
    "sqs",
    "states",
    "sts",
    "support",
    ISSUER,
];

/// One rule of a faults file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct FaultRule {
    /// If set, the rule applies only to calls whose caller matches this regular expression. The expression can match
    /// any part of the text `function machine/state`, which contains the names of the Lambda function and of the state
    /// that invoked the function. If Step Functions itself makes the call, the text contains no function. If an event
    /// invoked the function, the text contains no state.
    #[serde(default)]
    pub caller: Option<String>,
    /// If set, the rule applies only to calls to this service (`connect`, `servicequotas`, `support`, `iam`, `graph`,
    /// `login`, …).
    #[serde(default)]
    pub service: Option<String>,
    /// The rule applies only to calls that match this regular expression. The expression can match any part of the text
    /// `METHOD path` or of the name of the operation.
    #[serde(rename = "match")]
    pub pattern: String,
    /// How many matching calls stay unaffected before the rule takes effect.
    #[serde(default)]
    pub after: u32,
    /// How many calls the rule affects, after the first `after` matching calls have stayed unaffected. 0: all further
    /// calls.
    #[serde(default = "once")]
    pub times: u32,
    /// The HTTP status of the error that the rule returns.
    #[serde(default)]
    pub status: Option<u16>,
    /// The error code that the rule returns, in the format of the service.
    #[serde(default)]
    pub code: Option<String>,
    /// The error message that the rule returns.
    #[serde(default)]
    pub message: Option<String>,
    /// The header `Retry-After`: a number of seconds, or a literal value (`"30,120"`, `"1.5"`, an HTTP date).
    #[serde(default)]
    pub retry_after: Option<RetryAfter>,
    /// The AADSTS numbers in an error response of the login service. By default, the AADSTS numbers in the message are
    /// used.
    #[serde(default, alias = "error_codes")]
    pub error_codes: Vec<u32>,
    /// How long the call waits before it is processed, in milliseconds of real time. The clock scale does not change
    /// this time.
    #[serde(default)]
    pub delay_ms: Option<u64>,
    /// The name of a gate. The call waits until `POST /_admin/gates` opens this gate, and is processed only then.
    #[serde(default)]
    pub gate: Option<String>,
    /// How long the response is delayed after the call has taken effect, in milliseconds of real time. The clock scale
    /// does not change this time.
    #[serde(default)]
    pub answer_delay_ms: Option<u64>,
    /// Truncates the response body to this many bytes, or to its first half (`true`).
    #[serde(default)]
    pub truncate: Option<Truncate>,
    /// Closes the connection in the middle of the response, after the call has taken effect.
    #[serde(default, rename = "break")]
    pub broken: bool,
    /// Kills the calling process (Linux only) before or after the call has taken effect.
    ///
    /// Step Functions is never killed. If Step Functions is the caller, it gets no response. If the call is the
    /// `Invoke` call with which a state invokes its Lambda function, the state gets the error that Step Functions
    /// reports in AWS.
    #[serde(default)]
    pub kill: Option<Kill>,
}

impl FaultRule {
    /// Checks whether the rule is valid.
    ///
    /// # Errors
    /// Fails if `match` is not a regular expression, `status` is not an error status, or the rule has no effect.
    pub fn check(&self) -> Result<(), FaultRuleError> {
        Faults::default().add(self.clone())
    }
}

fn once() -> u32 {
    1
}

/// Which part of a truncated response body is sent.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(untagged)]
pub enum Truncate {
    /// `true`: the first half is sent. `false`: the whole body is sent.
    Half(bool),
    /// The connection breaks after this number of bytes.
    Bytes(usize),
}

/// The value of the `Retry-After` header in a response.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(untagged)]
pub enum RetryAfter {
    /// The header contains this number of seconds.
    Seconds(u32),
    /// The header contains this text.
    Text(String),
}

impl RetryAfter {
    fn header(&self) -> String {
        match self {
            Self::Seconds(seconds) => seconds.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

/// When a rule kills the caller.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Kill {
    /// The caller is killed before the call takes effect.
    Before,
    /// The caller is killed after the call has taken effect, but before the response.
    After,
}

/// Why a fault rule cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FaultRuleError {
    /// `match` or `caller` is not a regular expression.
    #[error("the fault rule's {pattern:?} is not a regular expression: {source}")]
    Pattern {
        /// The invalid pattern.
        pattern: String,
        /// The error of the regular expression parser.
        source: Box<regex::Error>,
    },
    /// The rule names an unknown service, so it would never apply to a call.
    #[error("the fault rule for {pattern:?} names the service {service:?}, which is not one of {}", SERVICES.join(", "))]
    Service {
        /// The rule's `match`.
        pattern: String,
        /// The unknown service name.
        service: String,
    },
    /// The rule defines no effect on the calls that it matches.
    #[error(
        "the fault rule for {pattern:?} has no effect: specify status, code, delayMs, gate, answerDelayMs, truncate, break or kill"
    )]
    Nothing {
        /// The rule's `match`.
        pattern: String,
    },
    /// The status is not an HTTP error status.
    #[error("the fault rule for {pattern:?} has the status {status}, which is not an HTTP error (400 to 599)")]
    Status {
        /// The rule's `match`.
        pattern: String,
        /// The invalid status.
        status: u16,
    },
}

/// The fault rule that applies to one call.
#[derive(Clone, Debug)]
pub(crate) struct Hit {
    rule: FaultRule,
}

#[derive(Debug)]
struct Armed {
    rule: FaultRule,
    pattern: Regex,
    caller: Option<Regex>,
    seen: u32,
    fired: u32,
}

/// The active fault rules. For each rule, the number of calls that it has matched and the number of calls that it has
/// affected.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Armed>);

impl Faults {
    pub(crate) fn add(&mut self, rule: FaultRule) -> Result<(), FaultRuleError> {
        let pattern = rule.pattern.clone();
        if let Some(status) = rule.status
            && !(400..600).contains(&status)
        {
            return Err(FaultRuleError::Status { pattern, status });
        }
        if let Some(service) = rule.service.clone()
            && !SERVICES.iter().any(|known| plain(known) == plain(&service))
        {
            return Err(FaultRuleError::Service { pattern, service });
        }
        let answers = rule.status.is_some() || rule.code.is_some();
        let slow = rule.delay_ms.is_some() || rule.answer_delay_ms.is_some() || rule.gate.is_some();
        if !answers && !slow && rule.truncate.is_none() && !rule.broken && rule.kill.is_none() {
            return Err(FaultRuleError::Nothing { pattern });
        }
        let regex = |pattern: &str| {
            Regex::new(pattern)
                .map_err(|source| FaultRuleError::Pattern { pattern: pattern.into(), source: Box::new(source) })
        };
        let (pattern, caller) = (regex(&rule.pattern)?, rule.caller.as_deref().map(regex).transpose()?);
        self.0.push(Armed { rule, pattern, caller, seen: 0, fired: 0 });
        Ok(())
    }

    /// The `match` of each rule that has not affected any call.
    pub(crate) fn unused(&self) -> Vec<String> {
        self.0.iter().filter(|armed| armed.fired == 0).map(|armed| armed.rule.pattern.clone()).collect()
    }

    /// Counts the call in every matching rule. Returns the only rule that applies to the call: the first matching rule
    /// that has matched more than `after` calls and has affected fewer than `times` calls.
    pub(crate) fn hit(&mut self, caller: Option<&str>, service: &str, names: &[&str]) -> Option<Hit> {
        let mut hit = None;
        for armed in &mut self.0 {
            let wanted = armed.rule.service.as_deref().is_none_or(|name| plain(name) == plain(service));
            let his = armed.caller.as_ref().is_none_or(|wanted| caller.is_some_and(|caller| wanted.is_match(caller)));
            if !wanted || !his || !names.iter().any(|name| armed.pattern.is_match(name)) {
                continue;
            }
            armed.seen += 1;
            let left = armed.rule.times == 0 || armed.fired < armed.rule.times;
            if hit.is_none() && left && armed.seen > armed.rule.after {
                armed.fired += 1;
                hit = Some(Hit { rule: armed.rule.clone() });
            }
        }
        hit
    }
}

fn plain(service: &str) -> String {
    service.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}

impl Hit {
    pub(crate) fn delay(&self) -> Option<std::time::Duration> {
        self.rule.delay_ms.map(std::time::Duration::from_millis)
    }

    pub(crate) fn gate(&self) -> Option<&str> {
        self.rule.gate.as_deref()
    }

    pub(crate) fn answer_delay(&self) -> Option<std::time::Duration> {
        self.rule.answer_delay_ms.map(std::time::Duration::from_millis)
    }

    pub(crate) fn kill(&self) -> Option<Kill> {
        self.rule.kill
    }

    /// Whether the connection closes in the middle of the response.
    pub(crate) fn breaks(&self) -> bool {
        self.rule.broken
    }

    /// The error name that Step Functions reports to a state instead of the function's response, and whether the
    /// function still runs. `None` if the rule only delays the call.
    pub(crate) fn invocation(&self) -> Option<(&'static str, bool)> {
        Some(match (self.rule.status, self.rule.kill) {
            (_, Some(Kill::Before)) => ("Lambda.SdkClientException", false),
            (_, Some(Kill::After)) => ("Lambda.Unknown", true),
            (Some(429), _) => ("Lambda.TooManyRequestsException", false),
            (Some(403), _) => ("Lambda.AWSLambdaException", false),
            (Some(_), _) => ("Lambda.ServiceException", false),
            _ if self.rule.answer_delay_ms.is_some() => ("Lambda.ClientExecutionTimeoutException", true),
            _ if self.rule.broken || self.rule.truncate.is_some() => ("Lambda.SdkClientException", true),
            _ => return None,
        })
    }

    /// The response that replaces the service's response, if the rule defines one.
    pub(crate) fn answer(&self, protocol: Protocol) -> Option<Response> {
        if self.rule.status.is_none() && self.rule.code.is_none() {
            return None;
        }
        let status = self.rule.status.unwrap_or(400);
        let code = self.rule.code.clone().unwrap_or_else(|| usual_code(protocol, status).to_owned());
        let message = self.rule.message.clone().unwrap_or_else(|| usual_message(status).to_owned());
        let mut answer = match protocol {
            Protocol::Login => login_refusal(status, &code, message, &self.rule.error_codes),
            _ => Refusal { status, code, message }.answer(protocol),
        };
        if let Some(wait) = &self.rule.retry_after {
            answer = answer.with_header("retry-after", wait.header());
        }
        Some(answer)
    }

    /// Truncates the response if the rule requires it. Returns whether the response was truncated.
    pub(crate) fn cut(&self, answer: &mut Response) -> bool {
        let keep = match self.rule.truncate {
            Some(Truncate::Half(true)) => answer.body.len() / 2,
            Some(Truncate::Bytes(bytes)) => bytes,
            Some(Truncate::Half(false)) | None => return false,
        };
        answer.body.truncate(keep);
        true
    }
}

/// An error response of the login service. In addition to the error message, the response contains a list of the AADSTS
/// numbers.
fn login_refusal(status: u16, code: &str, message: String, numbers: &[u32]) -> Response {
    let in_message = message.strip_prefix("AADSTS").and_then(|rest| rest.split(':').next()?.parse().ok());
    let numbers = if numbers.is_empty() { in_message.into_iter().collect() } else { numbers.to_vec() };
    let description = match numbers.first() {
        Some(number) if in_message.is_none() => format!("AADSTS{number}: {message}"),
        _ => message,
    };
    let (id, now) = (uuid::Uuid::new_v4().to_string(), time::OffsetDateTime::now_utc());
    let body = json!({
        "error": code, "error_description": description, "error_codes": numbers, "trace_id": id, "correlation_id": id,
        "timestamp": now.format(&time::format_description::well_known::Rfc3339).unwrap_or_default(),
    });
    Response::json(status, &body).with_header("x-ms-request-id", id)
}

/// The error code that a response with this HTTP status has by default, in the given protocol.
fn usual_code(protocol: Protocol, status: u16) -> &'static str {
    match (protocol, status) {
        (Protocol::Login, 400..=499) => "invalid_request",
        (Protocol::Login, _) => "temporarily_unavailable",
        (Protocol::Graph, 401) => "InvalidAuthenticationToken",
        (Protocol::Graph, 403) => "Authorization_RequestDenied",
        (Protocol::Graph, 404) => "Request_ResourceNotFound",
        (Protocol::Graph, 429) => "TooManyRequests",
        (Protocol::Graph, 400..=499) => "Request_BadRequest",
        (Protocol::Graph, 503 | 504) => "serviceNotAvailable",
        (Protocol::Graph, _) => "generalException",
        (Protocol::Query, 403) => "AccessDenied",
        (_, 403) => "AccessDeniedException",
        (Protocol::Query, 429) => "Throttling",
        (_, 429) => "ThrottlingException",
        (Protocol::RestJson, 404) => "ResourceNotFoundException",
        (Protocol::Query, 404) => "NoSuchEntity",
        (Protocol::Query, 503) => "ServiceUnavailable",
        (_, 503) => "ServiceUnavailableException",
        (Protocol::RestJson, 500..=599) => "InternalServiceException",
        (Protocol::Query, 500..=599) => "InternalFailure",
        (_, 500..=599) => "InternalServerError",
        (Protocol::Query, _) => "ValidationError",
        _ => "ValidationException",
    }
}

fn usual_message(status: u16) -> &'static str {
    match status {
        403 => "User is not authorized to perform this operation.",
        429 => "Rate exceeded",
        500..=599 => "The service could not answer.",
        _ => "A fault rule rejected the request.",
    }
}

/// Reads the fault rules in the body of an administration call. The body contains one rule or a list of rules.
pub(crate) fn rules_of(body: Value) -> Result<Vec<FaultRule>, serde_json::Error> {
    if body.is_array() { serde_json::from_value(body) } else { serde_json::from_value(json!([body])) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "an invalid rule fails the test")]
    use super::*;

    fn faults(rules: Value) -> Faults {
        let mut faults = Faults::default();
        for rule in rules_of(rules).unwrap() {
            faults.add(rule).unwrap();
        }
        faults
    }

    #[test]
    fn a_rule_skips_the_first_calls_and_applies_a_limited_number_of_times() {
        let mut faults = faults(json!({ "match": "CreateUser", "after": 1, "times": 2, "status": 429 }));
        let hits: Vec<bool> = (0..5).map(|_| faults.hit(None, "connect", &["CreateUser"]).is_some()).collect();
        assert_eq!(hits, [false, true, true, false, false]);
    }

    #[test]
    fn a_rule_for_one_service_does_not_affect_others() {
        let mut faults = faults(json!({ "service": "service-quotas", "match": ".", "status": 500 }));
        assert!(faults.hit(None, "connect", &["PUT /instance"]).is_none());
        assert!(faults.hit(None, "servicequotas", &["GetServiceQuota"]).is_some());
    }

    #[test]
    fn an_unknown_service_is_rejected_and_a_rule_without_a_call_is_listed() {
        let rule = |service: &str| serde_json::from_value(json!({ "service": service, "match": ".", "status": 500 }));
        let error = Faults::default().add(rule("servicequota").unwrap()).unwrap_err().to_string();
        assert!(error.contains("\"servicequota\"") && error.contains("secretsmanager, servicequotas, sns"), "{error}");
        let mut faults = Faults::default();
        faults.add(rule("connect").unwrap()).unwrap();
        assert_eq!(faults.unused(), ["."]);
        faults.hit(None, "connect", &["CreateUser"]);
        assert_eq!(faults.unused(), [""; 0]);
    }

    #[test]
    fn a_rule_for_one_caller_does_not_affect_others() {
        let mut faults = faults(json!({ "match": ".", "caller": "-NotifyFunction-", "status": 500, "times": 0 }));
        let mut hits = |caller| faults.hit(caller, "sns", &["Publish"]).is_some();
        assert!(hits(Some("stack-NotifyFunction-1")));
        assert!(!hits(Some("stack-ReportFunction-1")) && !hits(None));
    }

    #[test]
    fn each_rule_counts_separately() {
        let mut faults = faults(json!([
            { "match": "A", "status": 500 }, { "match": "A", "after": 2, "code": "Later" },
        ]));
        let codes: Vec<Option<String>> =
            (0..4).map(|_| faults.hit(None, "x", &["A"]).map(|hit| hit.rule.code.unwrap_or_default())).collect();
        assert_eq!(codes, [Some(String::new()), None, Some("Later".into()), None]);
    }

    #[test]
    fn a_rule_with_an_unknown_field_or_without_an_effect_is_rejected() {
        assert!(rules_of(json!({ "match": "x", "statsu": 500 })).is_err());
        let rule = rules_of(json!({ "match": "x" })).unwrap().remove(0);
        assert!(Faults::default().add(rule).unwrap_err().to_string().contains("has no effect"));
    }

    #[test]
    fn a_login_fault_has_aadsts_numbers_and_a_literal_retry_after() {
        for (rule, numbers, description) in [
            (json!({ "message": "AADSTS700024: late." }), json!([700_024]), "AADSTS700024: late."),
            (json!({ "message": "late.", "error_codes": [700_024] }), json!([700_024]), "AADSTS700024: late."),
            (json!({ "message": "late.", "errorCodes": [7] }), json!([7]), "AADSTS7: late."),
            (json!({ "message": "late." }), json!([]), "late."),
        ] {
            let mut rule = rule;
            rule["match"] = json!("token");
            rule["status"] = json!(401);
            let hit = faults(rule).hit(None, "login", &["POST /t/oauth2/v2.0/token"]).unwrap();
            let answer: Value = serde_json::from_slice(&hit.answer(Protocol::Login).unwrap().body).unwrap();
            assert_eq!((&answer["error_codes"], &answer["error_description"]), (&numbers, &json!(description)));
        }
        for (wait, header) in [(json!(7), "7"), (json!("30,120"), "30,120")] {
            let rule = json!({ "match": "x", "status": 429, "retryAfter": wait });
            let answer = faults(rule).hit(None, "graph", &["x"]).unwrap().answer(Protocol::Graph).unwrap();
            assert!(answer.headers.contains(&("retry-after".into(), header.into())), "{:?}", answer.headers);
        }
    }

    #[test]
    fn a_truncated_response_keeps_its_first_half() {
        let mut faults = faults(json!({ "match": "x", "truncate": true }));
        let mut answer = Response::new(200, "text/plain", "12345678");
        assert!(faults.hit(None, "s", &["x"]).unwrap().cut(&mut answer));
        assert_eq!(answer.body, b"1234");
    }
}
