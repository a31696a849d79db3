//! Executions of the stack's state machines.

use serde_json::{Value, json};

use super::{Cloud, until};

/// A finished execution.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: String,
    pub(crate) output: Value,
}

impl Ended {
    /// The output of an execution that must have succeeded.
    pub(crate) fn succeeded(self) -> Value {
        assert_eq!(self.status, "SUCCEEDED", "{:#}", self.output);
        self.output
    }
}

impl Cloud {
    async fn states(&self, operation: &str, body: Value) -> Value {
        self.call("states", &format!("AWSStepFunctions.{operation}"), body).await
    }

    /// Starts the state machine whose ARN is in this stack output. Returns the execution's ARN.
    pub(crate) async fn start(&self, machine: &str, input: &Value) -> String {
        let body = json!({ "stateMachineArn": self.output(machine), "input": input.to_string() });
        self.states("StartExecution", body).await["executionArn"].as_str().unwrap().to_owned()
    }

    /// Runs a state machine, which must succeed. Returns its output.
    pub(crate) async fn run(&self, machine: &str, input: &Value) -> Value {
        self.end_of(&self.start(machine, input).await).await.succeeded()
    }

    /// The ARNs of the executions with this status. If `status` is `None`, returns the ARNs of all executions.
    pub(crate) async fn execution_arns(&self, machine: &str, status: Option<&str>) -> Vec<String> {
        let mut body = json!({ "stateMachineArn": self.output(machine) });
        if let Some(status) = status {
            body["statusFilter"] = status.into();
        }
        let list = self.states("ListExecutions", body).await;
        let arn = |execution: &Value| execution["executionArn"].as_str().unwrap().to_owned();
        list["executions"].as_array().unwrap().iter().map(arn).collect()
    }

    /// ARN and input of each execution of the state machine whose ARN is in this stack output.
    pub(crate) async fn executions(&self, machine: &str) -> Vec<(String, Value)> {
        let mut found = Vec::new();
        for arn in self.execution_arns(machine, None).await {
            let described = self.states("DescribeExecution", json!({ "executionArn": arn })).await;
            found.push((arn, serde_json::from_str(described["input"].as_str().unwrap()).unwrap()));
        }
        found
    }

    /// The events of an execution.
    pub(crate) async fn history(&self, execution: &str) -> Vec<Value> {
        let body = json!({ "executionArn": execution, "maxResults": 1000 });
        self.states("GetExecutionHistory", body).await["events"].as_array().unwrap().clone()
    }

    /// Number of times that an execution entered a state.
    pub(crate) async fn entered(&self, execution: &str, state: &str) -> usize {
        let entered = |event: &&Value| event["stateEnteredEventDetails"]["name"] == state;
        self.history(execution).await.iter().filter(entered).count()
    }

    /// Waits until an execution ends.
    pub(crate) async fn end_of(&self, execution: &str) -> Ended {
        let ended = until("the execution has ended", async || {
            let found = self.states("DescribeExecution", json!({ "executionArn": execution })).await;
            (found["status"] != "RUNNING").then_some(found)
        })
        .await;
        let output = match ended["output"].as_str() {
            Some(output) => serde_json::from_str(output).unwrap(),
            None if ended["error"].is_string() => json!({ "Error": ended["error"], "Cause": ended["cause"] }),
            None => ended.clone(),
        };
        Ended { status: ended["status"].as_str().unwrap().to_owned(), output }
    }
}
