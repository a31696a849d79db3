//! Test cases, which simulate a phone call to a flow. Sources: the service model; developer guide, "Testing language";
//! administrator guide, "Execute test cases" (five minutes at most, 100 executions in the queue). Public reports are
//! the source of the format of the execution records, and of the values that the service rejects although the guide
//! shows them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Instance, bad_token, flows, profiles, tags};
use crate::stand_in::aws_error::{Answer, Refusal};
use crate::stand_in::input::{Input, answer, epoch, nothing};
use crate::stand_in::paging::page;
use crate::stand_in::world::Setting;

/// How long a test waits in the queue, in seconds.
const QUEUED: f64 = 3.0;
/// How long a passed test takes, in seconds.
const PASSES: f64 = 26.0;
/// How long a test takes if an expected observation never occurs, in seconds.
const TIMES_OUT: f64 = 300.0;
/// How many executions can run or wait in the queue at the same time.
const MOST_EXECUTIONS: usize = 100;

#[derive(Debug)]
struct TestCase {
    id: String,
    name: String,
    description: Option<String>,
    content: String,
    entry_point: Map<String, Value>,
    status: String,
    modified: OffsetDateTime,
    tags: Map<String, Value>,
}

#[derive(Debug)]
struct Execution {
    id: String,
    case: String,
    token: Option<String>,
    started: OffsetDateTime,
    runs: OffsetDateTime,
    ends: OffsetDateTime,
    /// The observations that the test case expects. Each flag states whether the observation occurs in this execution.
    observations: Vec<(String, bool)>,
}

/// The test cases of an instance and their executions, in order of creation.
#[derive(Debug, Default)]
pub(crate) struct TestCases {
    all: BTreeMap<u64, TestCase>,
    executions: BTreeMap<u64, Execution>,
    sequence: u64,
}

impl TestCases {
    fn next(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    fn named(&mut self, input: &Input) -> Result<&mut TestCase, Refusal> {
        self.at(input.need("TestCaseId")?).ok_or_else(|| Refusal::not_found("Test case not found."))
    }

    fn at(&mut self, id: &str) -> Option<&mut TestCase> {
        let id = last(id);
        self.all.values_mut().find(|case| case.id == id)
    }

    pub(super) fn tags(&mut self, id: &str) -> Option<&mut Map<String, Value>> {
        self.at(id).map(|case| &mut case.tags)
    }

    fn execution(&self, input: &Input) -> Result<&Execution, Refusal> {
        let (case, id) = (last(input.need("TestCaseId")?), input.need("TestCaseExecutionId")?);
        let found = self.executions.values().find(|execution| execution.id == id && execution.case == case);
        found.ok_or_else(|| Refusal::not_found("Test case execution not found."))
    }

    /// The test cases as the inventory shows them.
    pub(super) fn inventory(&self) -> Vec<Value> {
        let case = |case: &TestCase| json!({ "Name": case.name, "Status": case.status, "Tags": case.tags });
        self.all.values().map(case).collect()
    }
}

impl Execution {
    fn status(&self, now: OffsetDateTime) -> &'static str {
        match () {
            () if now < self.runs => "INITIATED",
            () if now < self.ends => "IN_PROGRESS",
            () if self.observations.iter().all(|(_, observed)| *observed) => "PASSED",
            () => "FAILED",
        }
    }
}

fn last(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

/// The ARN of a test case. The format of this ARN is not documented.
fn arn(instance: &str, id: &str) -> String {
    format!("{instance}/test-case/{id}")
}

/// Runs an operation on test cases.
pub(super) fn call(setting: &Setting, instance: &mut Instance, operation: &str, input: &Input) -> Answer {
    if !setting.behaviour.test_cases_offered {
        return Err(Refusal::new(404, "UnknownOperationException", format!("{operation} is not offered here.")));
    }
    match operation {
        "CreateTestCase" => create(setting, instance, input),
        "DescribeTestCase" => {
            let of = instance.arn.clone();
            let case = instance.test_cases.named(input)?;
            answer(json!({ "TestCase": shape(setting, &of, case) }))
        }
        "UpdateTestCase" => update(setting, instance, input),
        "DeleteTestCase" => {
            let id = instance.test_cases.named(input)?.id.clone();
            instance.test_cases.all.retain(|_, case| case.id != id);
            nothing()
        }
        "ListTestCases" => list(setting, instance, input),
        "StartTestCaseExecution" => start(setting, instance, input),
        "GetTestCaseExecutionSummary" => summary(setting, instance, input),
        "ListTestCaseExecutions" => executions(setting, instance, input),
        "ListTestCaseExecutionRecords" => records(setting, instance, input),
        _ => {
            Err(Refusal::new(404, "UnknownOperationException", format!("{operation} is not part of the local cloud.")))
        }
    }
}

fn create(setting: &Setting, instance: &mut Instance, input: &Input) -> Answer {
    let (name, content) = (input.need("Name")?.to_owned(), input.need("Content")?.to_owned());
    let status = input.text("Status").unwrap_or("PUBLISHED").to_owned();
    let entry_point = valid_entry_point(instance, input)?.unwrap_or_default();
    let tags = input.object("Tags").cloned().unwrap_or_default();
    tags::check(&tags)?;
    if status == "PUBLISHED" {
        valid(setting, &content)?;
    }
    let cases = &mut instance.test_cases;
    if cases.all.values().any(|case| case.name == name) {
        return Err(Refusal::new(409, "DuplicateResourceException", format!("The name {name} is already used.")));
    }
    let (key, id) = (cases.next(), Uuid::new_v4().to_string());
    let description = input.text("Description").map(ToOwned::to_owned);
    let modified = setting.clock.now();
    let case = TestCase { id: id.clone(), name, description, content, entry_point, status, modified, tags };
    cases.all.insert(key, case);
    answer(json!({ "TestCaseId": id, "TestCaseArn": arn(&instance.arn, &id) }))
}

fn update(setting: &Setting, instance: &mut Instance, input: &Input) -> Answer {
    let entry_point = valid_entry_point(instance, input)?;
    if let Some(content) = input.text("Content").filter(|_| input.text("Status") != Some("SAVED")) {
        valid(setting, content)?;
    }
    let case = instance.test_cases.named(input)?;
    let given = |name: &str| input.text(name).map(ToOwned::to_owned);
    case.content = given("Content").unwrap_or_else(|| case.content.clone());
    case.name = given("Name").unwrap_or_else(|| case.name.clone());
    case.status = given("Status").unwrap_or_else(|| case.status.clone());
    case.description = given("Description").or_else(|| case.description.clone());
    case.entry_point = entry_point.unwrap_or_else(|| case.entry_point.clone());
    case.modified = setting.clock.now();
    nothing()
}

/// Validates the entry point, which must be a flow of the instance.
fn valid_entry_point(instance: &Instance, input: &Input) -> Result<Option<Map<String, Value>>, Refusal> {
    let Some(entry) = input.object("EntryPoint") else { return Ok(None) };
    if entry.get("Type").and_then(Value::as_str) != Some("VOICE_CALL") {
        return Err(Refusal::invalid_request("The local cloud tests only voice calls."));
    }
    profiles::find(&instance.named.flows, flow_of(entry))
        .map_err(|_| Refusal::invalid_parameter("The flow of the entry point does not exist."))?;
    Ok(Some(entry.clone()))
}

fn flow_of(entry: &Map<String, Value>) -> &str {
    let parameters = entry.get("VoiceCallEntryPointParameters");
    parameters.and_then(|parameters| parameters["FlowId"].as_str()).unwrap_or_default()
}

fn invalid(problem: impl Into<String>) -> Refusal {
    Refusal::new(400, "InvalidTestCaseException", problem)
}

/// Validates the content of a published test case.
fn valid(setting: &Setting, content: &str) -> Result<(), Refusal> {
    let parsed: Value = serde_json::from_str(content).unwrap_or_default();
    let Some(observations) = parsed["Observations"].as_array().filter(|all| !all.is_empty()) else {
        return Err(invalid("InvalidTestCaseProblem(\"No observations\")"));
    };
    if parsed["Version"] != setting.behaviour.testing_language {
        return Err(invalid("InvalidTestCaseProblem(\"Invalid version\")"));
    }
    let named = |id: &Value| observations.iter().any(|observation| observation["Identifier"] == *id);
    for observation in observations {
        let event = &observation["Event"];
        let text = event["Properties"]["Text"].as_str().unwrap_or_default();
        let fits = match event["Type"].as_str().unwrap_or_default() {
            "TestInitiated" => true,
            "MessageReceived" => {
                !text.is_empty() && ["Inclusion", "Similarity"].map(Value::from).contains(&event["MatchingCriteria"])
            }
            _ => false,
        };
        if !fits || event["Actor"] != "System" || event["Identifier"].as_str().is_none_or(str::is_empty) {
            return Err(invalid("InvalidEventProblem(\"Invalid event\")"));
        }
        if observation.get("Usage").is_some() {
            return Err(invalid("InvalidObservationProblem(\"Invalid usage type\")"));
        }
        let mut next = observation["Transitions"]["NextObservations"].as_array().into_iter().flatten();
        if observation["Identifier"].as_str().is_none_or(str::is_empty) || !next.all(named) {
            return Err(invalid("InvalidObservationProblem(\"Invalid identifier\")"));
        }
        for action in observation["Actions"].as_array().into_iter().flatten() {
            let parameters = &action["Parameters"];
            if action["Type"] != "TestControl" || parameters["Command"]["Type"] != "EndTest" {
                return Err(invalid("InvalidActionProblem(\"Invalid action\")"));
            }
            if action["Transitions"]["NextAction"] == "" {
                return Err(invalid("InvalidActionProblem(\"Invalid next action identifier: \")"));
            }
        }
    }
    Ok(())
}

/// A test case as `DescribeTestCase` returns it.
fn shape(setting: &Setting, instance: &str, case: &TestCase) -> Value {
    let mut shape = json!({
        "Id": case.id, "Arn": arn(instance, &case.id), "Name": case.name, "Content": case.content,
        "EntryPoint": case.entry_point, "Status": case.status, "LastModifiedTime": epoch(case.modified),
        "LastModifiedRegion": setting.region,
    });
    if let Some(description) = &case.description {
        shape["Description"] = json!(description);
    }
    if !case.tags.is_empty() {
        shape["Tags"] = json!(case.tags);
    }
    shape
}

fn list(setting: &Setting, instance: &Instance, input: &Input) -> Answer {
    let scope = format!("ListTestCases {}", instance.id);
    let all = instance.test_cases.all.iter().map(|(key, case)| (*key, case));
    let (found, next) =
        page(all, &scope, input.text("NextToken"), input.page_size(100, 1000), setting.paging(), bad_token)?;
    let summary = |case: &TestCase| {
        json!({
            "Id": case.id, "Arn": arn(&instance.arn, &case.id), "Name": case.name, "Status": case.status,
            "LastModifiedTime": epoch(case.modified), "LastModifiedRegion": setting.region,
        })
    };
    let found: Vec<Value> = found.into_iter().map(summary).collect();
    answer(with_token(json!({ "TestCaseSummaryList": found }), next))
}

fn with_token(mut shape: Value, next: Option<String>) -> Value {
    if let Some(next) = next {
        shape["NextToken"] = json!(next);
    }
    shape
}

fn start(setting: &Setting, instance: &mut Instance, input: &Input) -> Answer {
    let now = setting.clock.now();
    let token = input.text("ClientToken").map(ToOwned::to_owned);
    let case = instance.test_cases.named(input)?;
    if case.status != "PUBLISHED" {
        return Err(Refusal::invalid_request("The test case is not published."));
    }
    let (id, content, flow) = (case.id.clone(), case.content.clone(), flow_of(&case.entry_point).to_owned());
    let same = |one: &&Execution| one.case == id && one.token == token && token.is_some();
    if let Some(known) = instance.test_cases.executions.values().find(same) {
        return answer(started(instance, known, now));
    }
    let open = instance.test_cases.executions.values().filter(|execution| execution.ends > now).count();
    if open >= MOST_EXECUTIONS {
        return Err(Refusal::new(402, "ServiceQuotaExceededException", "Too many test case executions."));
    }
    let flow = profiles::find(&instance.named.flows, &flow).map(|flow| flow.content.clone()).unwrap_or_default();
    let observations = observed(&content, flows::heard(&flow));
    let lasts = if observations.iter().all(|(_, observed)| *observed) { PASSES } else { TIMES_OUT };
    let execution = Execution {
        id: Uuid::new_v4().to_string(),
        case: id,
        token,
        started: now,
        runs: setting.clock.after(QUEUED),
        ends: setting.clock.after(QUEUED + lasts),
        observations,
    };
    let shape = started(instance, &execution, now);
    let key = instance.test_cases.next();
    instance.test_cases.executions.insert(key, execution);
    answer(shape)
}

/// The response of `StartTestCaseExecution`. According to public reports, the response contains an ARN as the test case
/// ID.
fn started(instance: &Instance, execution: &Execution, now: OffsetDateTime) -> Value {
    json!({
        "TestCaseExecutionId": execution.id, "TestCaseId": arn(&instance.arn, &execution.case),
        "Status": execution.status(now),
    })
}

/// The observations that a test case expects. Each flag states whether the observation occurs in a phone call with
/// these messages.
fn observed(content: &str, heard: Vec<String>) -> Vec<(String, bool)> {
    let test: Value = serde_json::from_str(content).unwrap_or_default();
    let observations = test["Observations"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut heard = heard.into_iter();
    let plain = |text: &str| text.to_lowercase().replace(|c: char| !c.is_alphanumeric(), "");
    let mut observe = |observation: &Value| {
        let event = &observation["Event"];
        let text = event["Properties"]["Text"].as_str().unwrap_or_default();
        let fits = |message: String| match event["MatchingCriteria"].as_str() {
            Some("Inclusion") => message.contains(text),
            _ => plain(&message) == plain(text),
        };
        event["Type"] == "TestInitiated" || heard.any(fits)
    };
    let id = |observation: &Value| observation["Identifier"].as_str().unwrap_or_default().to_owned();
    observations.iter().map(|observation| (id(observation), observe(observation))).collect()
}

fn summary(setting: &Setting, instance: &Instance, input: &Input) -> Answer {
    let (execution, now) = (instance.test_cases.execution(input)?, setting.clock.now());
    let status = execution.status(now);
    let ended = execution.ends <= now;
    let count =
        |passed: bool| execution.observations.iter().filter(|(_, observed)| ended && *observed == passed).count();
    let mut shape = json!({
        "StartTime": epoch(execution.started), "Status": status,
        "ObservationSummary": {
            "TotalObservations": execution.observations.len(), "ObservationsPassed": count(true),
            "ObservationsFailed": count(false),
        },
    });
    if ended {
        shape["EndTime"] = epoch(execution.ends);
    }
    answer(shape)
}

fn executions(setting: &Setting, instance: &Instance, input: &Input) -> Answer {
    let now = setting.clock.now();
    let (case, status) = (input.text("TestCaseId").map(last), input.text("Status"));
    if input.0.contains_key("TestCaseName") || input.0.contains_key("StartTime") || input.0.contains_key("EndTime") {
        return Err(Refusal::invalid_request("The local cloud filters executions only by test case and status."));
    }
    let fits = |execution: &Execution| {
        case.is_none_or(|case| execution.case == case) && status.is_none_or(|status| execution.status(now) == status)
    };
    let shape = |execution: &Execution| {
        let mut shape = json!({
            "TestCaseExecutionId": execution.id, "TestCaseId": execution.case, "StartTime": epoch(execution.started),
            "TestCaseExecutionStatus": execution.status(now),
        });
        if execution.ends <= now {
            shape["EndTime"] = epoch(execution.ends);
        }
        shape
    };
    let all = instance.test_cases.executions.iter().filter(|(_, one)| fits(one)).map(|(key, one)| (*key, shape(one)));
    let scope = format!("ListTestCaseExecutions {} {case:?} {status:?}", instance.id);
    let (found, next) =
        page(all, &scope, input.text("NextToken"), input.page_size(100, 100), setting.paging(), bad_token)?;
    answer(with_token(json!({ "TestCaseExecutions": found }), next))
}

fn records(setting: &Setting, instance: &Instance, input: &Input) -> Answer {
    let (execution, now) = (instance.test_cases.execution(input)?, setting.clock.now());
    let record = |(id, observed): &(String, bool)| {
        let status = match (execution.ends <= now, observed) {
            (false, _) => "IN_PROGRESS",
            (true, true) => "PASSED",
            (true, false) => "FAILED",
        };
        let record = json!({ "RecordType": "OBSERVATION", "Identifier": id, "Status": status }).to_string();
        json!({ "ObservationId": id, "Status": status, "Timestamp": epoch(execution.started), "Record": record })
    };
    let all = (1..).zip(execution.observations.iter().map(record));
    let scope = format!("ListTestCaseExecutionRecords {} {}", instance.id, execution.id);
    let (found, next) =
        page(all, &scope, input.text("NextToken"), input.page_size(100, 100), setting.paging(), bad_token)?;
    answer(with_token(json!({ "ExecutionRecords": found }), next))
}
