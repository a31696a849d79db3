//! Tests that the program follows an execution whose history has AWS's complete format. Each event contains the id of
//! the previous event, functions have their own event types, and the first page contains the newest events. The sample
//! history follows the API reference of Step Functions (`HistoryEvent`), because the history of the emulator is less
//! complete.

use aws_sdk_sfn::types::ExecutionStatus;
use onboard_cli::{
    args::hints::Hints,
    cloud::{Cloud, stack::Stack},
    commands::follower::Follower,
    follow::{progress::Transition, tree},
    ui::{Console, Preferences},
    words::Words,
};
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::method};

const ARN: &str = "arn:aws:states:ap-northeast-1:111122223333:execution:Onboarding:acme-1";
const MACHINE: &str = "arn:aws:states:ap-northeast-1:111122223333:stateMachine:Onboarding";

/// A mock of Step Functions that returns the first `known` events of the sample history, seven per page.
async fn step_functions(known: usize) -> MockServer {
    let events: Vec<Value> = serde_json::from_str(include_str!("fixtures/aws-history.json")).unwrap();
    let newest_first: Vec<Value> = events[..known].iter().rev().cloned().collect();
    let definition = include_str!("../../statemachine/onboarding.asl.json");
    let answer = move |request: &Request| {
        let target = request.headers["x-amz-target"].to_str().unwrap().rsplit('.').next().unwrap();
        let input: Value = serde_json::from_slice(&request.body).unwrap();
        let body = match target {
            "GetExecutionHistory" => {
                assert_eq!(input["reverseOrder"], true);
                let from: usize = input["nextToken"].as_str().map_or(0, |token| token.parse().unwrap());
                let page: Vec<Value> = newest_first.iter().skip(from).take(7).cloned().collect();
                let next = (from + 7 < newest_first.len()).then(|| (from + 7).to_string());
                json!({ "events": page, "nextToken": next })
            }
            "DescribeStateMachineForExecution" => json!({
                "stateMachineArn": MACHINE, "name": "Onboarding", "definition": definition,
                "roleArn": "arn:aws:iam::111122223333:role/r", "updateDate": 1.0,
            }),
            "ListExecutions" => json!({ "executions": [] }),
            _ => json!({
                "executionArn": ARN, "stateMachineArn": MACHINE, "name": "acme-1", "status": "RUNNING",
                "startDate": 1_795_615_200.0, "input": r#"{"instance": {"alias": "acme"}}"#,
            }),
        };
        ResponseTemplate::new(200).set_body_string(body.to_string())
    };
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(answer).mount(&server).await;
    server
}

fn cloud(server: &MockServer) -> Cloud {
    let outputs =
        [("OnboardingStateMachineArn", MACHINE), ("UserSyncStateMachineArn", "arn:aws:states:::stateMachine:U")];
    let outputs = outputs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let stack = Stack { name: "s".into(), status: "CREATE_COMPLETE".into(), outputs };
    Cloud::at(&server.uri(), "ap-northeast-1", stack, None, Words::default())
}

async fn followed(cloud: &Cloud) -> (Follower<'_>, Vec<Transition>) {
    let mut follower = Follower::new(cloud, cloud.describe(ARN).await.unwrap()).await.unwrap();
    let reported = follower.poll().await.unwrap();
    (follower, reported.into_iter().map(|(_, transition)| transition).collect())
}

#[tokio::test]
async fn a_wait_of_days_is_shown_with_the_time_of_the_next_poll() {
    let server = step_functions(17).await;
    let cloud = cloud(&server);
    let (follower, reported) = followed(&cloud).await;
    assert!(
        matches!(&reported[0], Transition::Failed { state, error, message } if state == "Preflight" && error == "Unavailable" && message.contains("503")),
        "{reported:?}"
    );
    assert!(
        matches!(&reported[1], Transition::Done { state, .. } if state == "Preflight"),
        "the retry succeeded: {reported:?}"
    );
    assert_eq!(follower.executions.failure(), None);
    let (state, run) = follower.executions.root.progress.running().next().unwrap();
    assert_eq!(state, "WaitForInstanceQuota");
    assert_eq!(run.until, Some(run.since + 900.0));
    let console = Console::of_this_process(Words::default(), Preferences::default(), Hints::default());
    let picture = tree::draw(&follower.executions, &console, run.since + 60.0, None).join("\n");
    for part in
        ["acme-1 · onboarding · RUNNING", "◔ WaitForInstanceQuota", "next poll in 14 min 00 s", "AWS is reviewing"]
    {
        assert!(picture.contains(part), "{part} is missing in:\n{picture}");
    }
}

#[tokio::test]
async fn parallel_branches_are_distinguished_by_the_previous_event() {
    let server = step_functions(39).await;
    let cloud = cloud(&server);
    let (mut follower, reported) = followed(&cloud).await;
    assert!(reported.iter().any(|transition| matches!(transition, Transition::Done { state, waited: true, seconds, .. } if state == "WaitForInstanceQuota" && *seconds == 900.0)));
    let mut running: Vec<&str> = follower.executions.root.progress.running().map(|(state, _)| state).collect();
    running.sort_unstable();
    assert_eq!(running, ["CreateEntraApplication", "RequestQuotas"]);
    assert_eq!(
        follower.executions.failure().map(|(state, error, _)| (state, error)),
        Some(("RequestQuotas", "States.Timeout"))
    );
    assert_eq!(follower.executions.root.progress.run_of("RequestQuotas").map(|run| run.failures), Some(1));
    assert_eq!(follower.executions.root.progress.end_of("InstanceQuota").map(|end| end.times), Some(2));
    assert_eq!(*follower.executions.status(), ExecutionStatus::Running);
    assert_eq!(follower.poll().await.unwrap(), [], "no event is reported twice");
}
