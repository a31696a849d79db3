//! Checks that the emulator of the local cloud handles states, errors, variables and size limits as documented for Step
//! Functions, and the size of items as documented for DynamoDB. The local cloud changes the emulator so that it behaves as
//! documented. Each state machine of these tests is small and calls no function.

use std::time::Duration;

use local_cloud::emulator::{
    Emulator, RunFolder, Workspace,
    launcher::{self, Settings},
    stack::{ACCOUNT, REGION},
    venv,
};
use serde_json::{Value, json};
use test_support::Aws;

/// The documented limit of inputs, outputs and variables: 256 KiB.
const LIMIT: usize = 262_144;

struct StepFunctions {
    emulator: Emulator,
    url: String,
    _folder: RunFolder,
}

/// The result of an execution: its status, and its output or its error and cause.
type Ended = (String, Value);

impl StepFunctions {
    async fn start() -> Self {
        let workspace = Workspace::find().unwrap();
        let venv = venv::prepare(&workspace, &mut |_| {}).await.unwrap();
        let folder = workspace.run_folder().unwrap();
        let (listener, port) = launcher::listen().unwrap();
        let settings = Settings {
            port,
            stand_in: "http://127.0.0.1:1",
            clock_scale: 0.001,
            concurrency: None,
            expressions: None,
            folder: folder.path(),
        };
        let emulator = Emulator::start(&venv, &settings, listener).await.unwrap();
        let started = Self { emulator, url: launcher::url(port), _folder: folder };
        let trust = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": { "Service": "states.amazonaws.com" }, "Action": "sts:AssumeRole",
        }] });
        let all =
            json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }] });
        started.iam("CreateRole", ("AssumeRolePolicyDocument", &trust)).await;
        started.iam("PutRolePolicy", ("PolicyDocument", &all)).await;
        started
    }

    fn endpoint(&self) -> Aws<'_> {
        Aws { url: &self.url, region: REGION }
    }

    async fn iam(&self, action: &str, (field, document): (&str, &Value)) {
        let form = [("RoleName", "r"), ("PolicyName", "p"), (field, &document.to_string())];
        let _ = self.endpoint().query("iam", action, &form).await.success(action);
    }

    async fn call(&self, action: &str, body: &Value) -> Result<Value, Value> {
        let response = self.endpoint().json("states", &format!("AWSStepFunctions.{action}"), body).await;
        if response.succeeded() { Ok(response.json()) } else { Err(response.json()) }
    }

    async fn machine(&self, name: &str, states: &Value) -> Result<String, Value> {
        let first = states.as_object().unwrap().keys().next().unwrap();
        let definition = json!({ "QueryLanguage": "JSONata", "StartAt": first, "States": states });
        self.machine_of(name, &definition).await
    }

    async fn machine_of(&self, name: &str, definition: &Value) -> Result<String, Value> {
        let role = format!("arn:aws:iam::{}:role/r", ACCOUNT);
        let body = json!({ "name": name, "definition": definition.to_string(), "roleArn": role });
        Ok(self.call("CreateStateMachine", &body).await?["stateMachineArn"].as_str().unwrap().to_owned())
    }

    /// Runs a state machine with these states. The start state is the first state in alphabetical order.
    async fn run(&self, name: &str, states: &Value, input: &Value) -> Ended {
        let machine = self.machine(name, states).await.unwrap();
        self.run_machine(&machine, input).await
    }

    async fn run_machine(&self, machine: &str, input: &Value) -> Ended {
        let body = json!({ "stateMachineArn": machine, "input": input.to_string() });
        let started = self.call("StartExecution", &body).await.unwrap();
        loop {
            let execution = self.call("DescribeExecution", &started).await.unwrap();
            let status = execution["status"].as_str().unwrap().to_owned();
            if status != "RUNNING" {
                let Some(output) = execution["output"].as_str() else {
                    return (status, json!({ "Error": execution["error"], "Cause": execution["cause"] }));
                };
                assert_eq!(status, "SUCCEEDED", "only a successful execution has an output: {output}");
                return (status, serde_json::from_str(output).unwrap());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn succeeded(output: Value) -> Ended {
    ("SUCCEEDED".to_owned(), output)
}

/// The error name of a failed execution.
fn error((status, output): &Ended) -> &str {
    assert_eq!(status, "FAILED", "{output}");
    output["Error"].as_str().unwrap()
}

/// A branch with one state.
fn branch(name: &str, state: &Value) -> Value {
    json!({ "StartAt": name, "States": { name: state } })
}

#[tokio::test(flavor = "multi_thread")]
async fn states_errors_variables_and_sizes_behave_as_in_step_functions() {
    let aws = StepFunctions::start().await;
    errors(&aws).await;
    variables(&aws).await;
    sizes(&aws).await;
    items(&aws).await;
    definitions(&aws).await;
    names(&aws).await;
    unknown_words(&aws).await;
    endless(&aws).await;
    expressions(&aws).await;
    aws.emulator.stop().await;
}

async fn errors(aws: &StepFunctions) {
    let end = json!({ "Type": "Pass", "End": true });
    let other = aws.machine("other", &json!({ "Z": end })).await.unwrap();
    let waits = json!({ "A": {
        "Type": "Task", "Resource": "arn:aws:states:::states:startExecution.waitForTaskToken", "TimeoutSeconds": 1,
        "Arguments": { "StateMachineArn": other, "Input": { "token": "{% $states.context.Task.Token %}" } },
        "Catch": [{ "ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput %}", "Next": "Z" }], "Next": "Z",
    }, "Z": end });
    let timed_out = aws.run("time-out", &waits, &json!({})).await;
    assert_eq!(timed_out, succeeded(json!({ "Error": "States.Timeout", "Cause": "" })));

    // The failure that the real user sync definition stores.
    let text = std::fs::read_to_string(super::common::root().join("statemachine/user-sync.asl.json")).unwrap();
    let sync: Value = serde_json::from_str(&text).unwrap();
    let mut remembers = waits.clone();
    let catches = sync["States"]["SyncUsers"]["Catch"].as_array().unwrap();
    let every = catches.iter().find(|catch| catch["ErrorEquals"] == json!(["States.ALL"])).unwrap();
    remembers["A"]["Catch"][0]["Assign"] = every["Assign"].clone();
    remembers["Z"]["Output"] = json!("{% $failure %}");
    let (_, failure) = aws.run("remembers", &remembers, &json!({})).await;
    assert_eq!(failure["error"], "Unavailable");
    assert!(failure["cause"].as_str().unwrap().contains("time limit"), "{failure}");
    let reserved = json!({ "A": { "Type": "Fail", "Error": "{% $states.input %}" } });
    let ended = aws.run("reserved", &reserved, &json!("States.Timeout")).await;
    assert_eq!(error(&ended), "States.Runtime");

    let runtime = json!({ "A": {
        "Type": "Parallel", "Branches": [branch("I", &json!({ "Type": "Fail", "Error": "States.Runtime", "Cause": "x" }))],
        "Catch": [{ "ErrorEquals": ["States.ALL"], "Next": "Z" }], "Next": "Z",
    }, "Z": end });
    assert_eq!(error(&aws.run("runtime", &runtime, &json!({})).await), "States.Runtime");

    let too_big = format!("{{% $pad('', {}, 'x') %}}", LIMIT - 1);
    let caught = |error: &str| {
        json!({ "A": {
            "Type": "Parallel", "Branches": [branch("I", &json!({ "Type": "Pass", "Output": too_big, "End": true }))],
            "Catch": [{ "ErrorEquals": [error], "Output": "caught", "Next": "Z" }], "Next": "Z",
        }, "Z": end })
    };
    assert_eq!(error(&aws.run("limit-all", &caught("States.ALL"), &json!({})).await), "States.DataLimitExceeded");
    assert_eq!(
        error(&aws.run("limit-task", &caught("States.TaskFailed"), &json!({})).await),
        "States.DataLimitExceeded"
    );

    let choice = json!({ "A": {
        "Type": "Choice", "Choices": [{ "Condition": "{% $states.input.word %}", "Next": "Z" }], "Default": "Z",
    }, "Z": end });
    assert_eq!(error(&aws.run("choice", &choice, &json!({ "word": "yes" })).await), "States.QueryEvaluationError");
}

async fn variables(aws: &StepFunctions) {
    let inner = json!({ "Type": "Pass", "Assign": { "inner": "{% $outer & 'b' %}" }, "Next": "J" });
    let last =
        json!({ "Type": "Pass", "Output": { "inner": "{% $inner %}", "given": "{% $states.input %}" }, "End": true });
    let states = json!({
        "A": { "Type": "Pass", "Assign": { "outer": "a" }, "Next": "B" },
        "B": {
            "Type": "Parallel",
            "Arguments": { "n": 1 },
            "Branches": [{ "StartAt": "I", "States": { "I": inner, "J": last } }, branch("K", &json!({ "Type": "Pass", "Output": 2, "End": true }))],
            "Assign": { "second": "{% $states.result[1] %}" },
            "Output": { "first": "{% $states.result[0] %}", "before": "{% $states.input.x %}" },
            "Next": "C",
        },
        "C": { "Type": "Pass", "Output": { "b": "{% $states.input %}", "second": "{% $second %}", "inner": "{% $exists($inner) %}" }, "End": true },
    });
    let expected = json!({
        "b": { "first": { "inner": "ab", "given": { "n": 1 } }, "before": 7 }, "second": 2, "inner": false,
    });
    assert_eq!(aws.run("parallel", &states, &json!({ "x": 7 })).await, succeeded(expected));

    let swap = json!({
        "A": { "Type": "Pass", "Assign": { "one": 1, "two": 2 }, "Next": "B" },
        "B": { "Type": "Pass", "Assign": { "one": "{% $two %}", "two": "{% $one %}" }, "Next": "C" },
        "C": { "Type": "Pass", "Output": ["{% $one %}", "{% $two %}"], "End": true },
    });
    assert_eq!(aws.run("swap", &swap, &json!({})).await, succeeded(json!([2, 1])));
}

async fn sizes(aws: &StepFunctions) {
    // The limit counts bytes in UTF-8, including quotation marks.
    let padded = |characters: usize, letter: &str| format!("{{% $pad('', {characters}, '{letter}') %}}");
    let output = |text: String| json!({ "A": { "Type": "Pass", "Output": text, "Next": "B" }, "B": { "Type": "Pass", "Output": 1, "End": true } });
    assert_eq!(aws.run("fits", &output(padded(LIMIT - 2, "x")), &json!({})).await, succeeded(json!(1)));
    let exceeded = "States.DataLimitExceeded";
    assert_eq!(error(&aws.run("output", &output(padded(LIMIT - 1, "x")), &json!({})).await), exceeded);
    assert_eq!(error(&aws.run("bytes", &output(padded(LIMIT / 3, "あ")), &json!({})).await), exceeded);

    let half = padded(LIMIT / 2, "x");
    let assign = json!({ "A": { "Type": "Pass", "Assign": { "one": half, "two": half }, "End": true } });
    assert_eq!(error(&aws.run("assign", &assign, &json!({})).await), exceeded);
    let arguments = json!({ "A": {
        "Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sfn:listStateMachines", "Arguments": { "x": half, "y": half }, "End": true,
    } });
    assert_eq!(error(&aws.run("arguments", &arguments, &json!({})).await), exceeded);

    // 41 variables of 256 KiB exceed the limit of 10 MiB per execution.
    let chunk = "x".repeat(LIMIT - 40);
    let mut many = serde_json::Map::new();
    for number in 0..41 {
        let next = if number == 40 { json!({ "End": true }) } else { json!({ "Next": format!("A{:02}", number + 1) }) };
        let mut state = json!({ "Type": "Pass", "Assign": { format!("v{number:02}"): "{% $states.input %}" } });
        state.as_object_mut().unwrap().append(&mut next.as_object().unwrap().clone());
        many.insert(format!("A{number:02}"), state);
    }
    assert_eq!(error(&aws.run("variables", &many.into(), &json!(chunk)).await), exceeded);

    let machine = aws.machine("inputs", &json!({ "A": { "Type": "Pass", "End": true } })).await.unwrap();
    for (input, refusal) in [("x".repeat(LIMIT - 1), "ValidationException"), ("{".to_owned(), "InvalidExecutionInput")]
    {
        let input = if input == "{" { input } else { json!(input).to_string() };
        let refused = aws.call("StartExecution", &json!({ "stateMachineArn": machine, "input": input })).await;
        assert_eq!(refused.unwrap_err()["__type"], refusal);
    }
    let refused =
        aws.call("SendTaskSuccess", &json!({ "taskToken": "t", "output": json!("x".repeat(LIMIT)).to_string() })).await;
    assert_eq!(refused.unwrap_err()["__type"], "ValidationException");
}

/// An item of DynamoDB has at most 400 KB, including the names of its attributes (developer guide, "Quotas").
async fn items(aws: &StepFunctions) {
    let call = async |action: &str, body: &Value| {
        aws.endpoint().json("dynamodb", &format!("DynamoDB_20120810.{action}"), body).await
    };
    let table = json!({
        "TableName": "items", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{ "AttributeName": "key", "AttributeType": "S" }],
        "KeySchema": [{ "AttributeName": "key", "KeyType": "HASH" }],
    });
    assert!(call("CreateTable", &table).await.succeeded());
    for (bytes, fits) in [(400 * 1024 - 100, true), (400 * 1024 - "keyktext".len() + 1, false)] {
        let update = json!({
            "TableName": "items", "Key": { "key": { "S": "k" } }, "UpdateExpression": "SET #text = :text",
            "ExpressionAttributeNames": { "#text": "text" },
            "ExpressionAttributeValues": { ":text": { "S": "x".repeat(bytes) } },
        });
        assert_eq!(call("UpdateItem", &update).await.succeeded(), fits, "{bytes} bytes");
    }
}

/// Each rule has its own test in `definitions_test.py`.
async fn definitions(aws: &StepFunctions) {
    let retry = json!([{ "ErrorEquals": ["States.ALL"] }, { "ErrorEquals": ["A"] }]);
    let task =
        json!({ "A": { "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Retry": retry, "End": true } });
    let refused = aws.machine("refused", &task).await.unwrap_err();
    assert_eq!(refused["__type"], "InvalidDefinition");
    assert!(refused["message"].as_str().unwrap().contains("States.ALL must be in the last entry"), "{refused}");
}

/// Compares some results with those of the reference implementation. `.ci/judges/expressions` compares many more.
async fn expressions(aws: &StepFunctions) {
    let input = json!({ "none": null, "list": ["日本", 20.0, 1e-7, 1e21, -0.5], "deep": [[{ "a": [null] }]] });
    let expressions = [
        ("$count($states.input.none)", json!(1)),
        ("1 in [true]", json!(false)),
        (
            "$string($states.input)",
            json!(r#"{"deep":[[{"a":[null]}]],"list":["日本",20,1e-7,1e+21,-0.5],"none":null}"#),
        ),
        ("$states.input.deep.a", Value::Null),
        ("$exists($states.context.variables)", json!(false)),
    ];
    for (number, (expression, value)) in expressions.into_iter().enumerate() {
        let states = json!({ "A": { "Type": "Pass", "Output": format!("{{% {expression} %}}"), "End": true } });
        assert_eq!(aws.run(&format!("expression{number}"), &states, &input).await, succeeded(value), "{expression}");
    }
}

async fn endless(aws: &StepFunctions) {
    let states = json!({
        "A": { "Type": "Pass", "Next": "B" },
        "B": { "Type": "Choice", "Choices": [{ "Condition": false, "Next": "C" }], "Default": "A" },
        "C": { "Type": "Pass", "End": true },
    });
    let (status, output) = aws.run("endless", &states, &json!({})).await;
    assert_eq!((status.as_str(), &output["Error"]), ("FAILED", &json!("States.Runtime")));
    assert!(output["Cause"].as_str().unwrap().contains("25000"), "{output}");
}

/// Checks that the project's own state machines reject an invalid input before they make a call, and do not replace an
/// unknown value with the default.
async fn unknown_words(aws: &StepFunctions) {
    let everywhere = [
        (json!({ "instanceID": "i" }), "$.instanceID is not a known field"),
        (json!({ "instanceId": 7 }), "$.instanceId is "),
        (json!(["i"]), "$ is not an object"),
    ];
    let sync = |field: &str, value: Value| json!({ "instanceId": "i", field: value });
    for (file, refused) in [
        ("drift", vec![(json!({ "mend": "no" }), "$.mend is not true or false")]),
        ("rotate-certificate", vec![(json!({ "force": "no" }), "$.force is not true or false")]),
        (
            "user-sync",
            vec![
                (sync("mode", json!("aply")), "$.mode is not one of apply, plan"),
                (sync("reason", json!("onbording")), "$.reason is not one of onboarding, schedule, event, operator"),
                (sync("approvedDigest", json!(1)), "$.approvedDigest is not text"),
                (sync("people", json!("i")), "$.people is not a list"),
                (sync("leavers", json!("i")), "$.leavers is not a list"),
                (sync("urgent", json!("i")), "$.urgent is not true or false"),
                (json!({ "mode": "plan" }), "$.instanceId is missing or not text"),
            ],
        ),
    ] {
        let text =
            std::fs::read_to_string(super::common::root().join(format!("statemachine/{file}.asl.json"))).unwrap();
        let machine = aws.machine_of(file, &serde_json::from_str(&text).unwrap()).await.unwrap();
        for (input, fault) in everywhere.iter().cloned().chain(refused) {
            let (status, output) = aws.run_machine(&machine, &input).await;
            assert_eq!(
                (status.as_str(), &output["Error"]),
                ("FAILED", &json!("InvalidInput")),
                "{file} {input}: {output}"
            );
            assert!(output["Cause"].as_str().unwrap().contains(fault), "{file} {input}: {output}");
        }
        let known = json!({ "instanceId": "i", "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID": "e" });
        let ended = aws.run_machine(&machine, &known).await;
        assert_ne!(error(&ended), "InvalidInput", "{file}: {ended:?}");
    }
}

async fn names(aws: &StepFunctions) {
    let states = json!({ "A": { "Type": "Wait", "Seconds": 90_000_000, "End": true } });
    let machine = aws.machine("names", &states).await.unwrap();
    let start = async |name: &str, input: &str| {
        let body = json!({ "stateMachineArn": machine, "name": name, "input": input });
        aws.call("StartExecution", &body).await
    };
    for name in ["a b", "a:b", "a/b", "", &"x".repeat(81)] {
        assert_eq!(start(name, "{}").await.unwrap_err()["__type"], "InvalidName", "{name}");
    }
    let first = start("かきく-1", "{}").await.unwrap();
    assert_eq!(start("かきく-1", "{}").await.unwrap()["executionArn"], first["executionArn"]);
    assert_eq!(start("かきく-1", "[]").await.unwrap_err()["__type"], "ExecutionAlreadyExists");
    aws.call("StopExecution", &json!({ "executionArn": first["executionArn"] })).await.unwrap();
    assert_eq!(start("かきく-1", "{}").await.unwrap_err()["__type"], "ExecutionAlreadyExists");
}
