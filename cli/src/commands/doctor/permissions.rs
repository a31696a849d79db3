//! The permissions of the caller, as IAM's policy simulator evaluates them.

use futures_util::future::try_join_all;
use roxmltree::Document;

use super::{Check, account::Caller};
use crate::{
    cloud::{
        Cloud, Machine,
        error::CommandError,
        signed::{IAM, elements, text},
    },
    output::Verdict,
};

/// The permissions that a deployment needs. CloudFormation creates the resources of `template.yaml` with the operator's
/// permissions, and this list contains one permission for each type of resource.
const DEPLOYMENT: [&str; 21] = [
    "cloudformation:CreateChangeSet",
    "cloudformation:DescribeStacks",
    "cloudformation:ExecuteChangeSet",
    "cloudwatch:PutDashboard",
    "cloudwatch:PutMetricAlarm",
    "dynamodb:CreateTable",
    "events:CreateEventBus",
    "events:PutRule",
    "iam:CreateRole",
    "iam:PassRole",
    "kms:CreateKey",
    "lambda:CreateFunction",
    "lambda:CreateFunctionUrlConfig",
    "logs:CreateLogGroup",
    "s3:CreateBucket",
    "scheduler:CreateSchedule",
    "secretsmanager:CreateSecret",
    "sns:CreateTopic",
    "sqs:CreateQueue",
    "ssm:PutParameter",
    "states:CreateStateMachine",
];

/// Checks the permissions that the operator needs for the next step: before the first deployment, the permissions for a
/// deployment; afterwards, the permissions for the commands that use the stack.
pub(super) async fn permissions(cloud: &Cloud, caller: &Result<Caller, CommandError>) -> Check {
    let words = cloud.words;
    let caller = match caller {
        Ok(caller) => caller,
        Err(error) => return Check::unknown("permissions", error.clone()),
    };
    // The check succeeds for the root user, because no IAM policy of the account restricts this user. The policy
    // simulator does not accept the root user.
    if caller.arn.ends_with(":root") {
        return Check::good("permissions", words.root_user());
    }
    let found = async {
        let source = principal(cloud, caller).await;
        let questions = questions(cloud, caller);
        let denied =
            try_join_all(questions.iter().map(|(resource, actions)| denied(cloud, &source, resource, actions)));
        Ok::<_, CommandError>(denied.await?.concat())
    };
    match found.await {
        Ok(denied) if denied.is_empty() => {
            let found = if cloud.stack.exists() { words.may_operate() } else { words.may_deploy() };
            Check::good("permissions", found)
        }
        Ok(denied) => {
            let found = words.permissions_missing(denied.join(", "));
            Check::new("permissions", Verdict::Warning, found, words.grant_permissions())
        }
        Err(error) => Check::new("permissions", Verdict::Unknown, error.what, words.permissions_unknown()),
    }
}

/// The resources, each with the permissions to check for it.
fn questions(cloud: &Cloud, caller: &Caller) -> Vec<(String, Vec<&'static str>)> {
    if !cloud.stack.exists() {
        return vec![("*".into(), DEPLOYMENT.to_vec())];
    }
    let output = |name: &str| cloud.stack.outputs.get(name).map_or("", String::as_str);
    let partition = caller.arn.split(':').nth(1).unwrap_or("aws");
    let (region, account) = (cloud.region(), &caller.account);
    let arn = |service: &str, rest: &str| format!("arn:{partition}:{service}:{region}:{account}:{rest}");
    let machine = output(Machine::Onboarding.output());
    let queue = output("FailedEventQueue").rsplit(['/', ':']).next().unwrap_or_default();
    vec![
        (machine.to_owned(), vec!["states:StartExecution", "states:ListExecutions"]),
        (
            format!("{}:*", machine.replace(":stateMachine:", ":execution:")),
            vec!["states:DescribeExecution", "states:GetExecutionHistory", "states:StopExecution"],
        ),
        (arn("dynamodb", &format!("table/{}", output("RegistryTable"))), vec!["dynamodb:Scan", "dynamodb:UpdateItem"]),
        (format!("arn:{partition}:s3:::{}/*", output("DocumentsBucket")), vec!["s3:PutObject"]),
        (arn("sqs", queue), vec!["sqs:GetQueueAttributes", "sqs:StartMessageMoveTask"]),
    ]
}

/// The ARN of the IAM user or role whose policies apply to the caller. If the caller is a session of a role, this
/// function asks IAM for the ARN of the role, because the ARN of the session does not contain the path of the role.
async fn principal(cloud: &Cloud, caller: &Caller) -> String {
    let parts: Vec<&str> = caller.arn.split(':').collect();
    let [_, partition, "sts", _, account, session] = parts[..] else { return caller.arn.clone() };
    let Some(role) = session.strip_prefix("assumed-role/").and_then(|rest| rest.split('/').next()) else {
        return caller.arn.clone();
    };
    let parameters = [("Action", "GetRole"), ("Version", "2010-05-08"), ("RoleName", role)];
    let found = cloud.signed.query(IAM, &cloud.words.simulating(), &parameters).await.ok();
    let arn = found.and_then(|xml| text(Document::parse(&xml).ok()?.root(), "Arn"));
    arn.unwrap_or_else(|| format!("arn:{partition}:iam::{account}:role/{role}"))
}

/// The actions that the policies of a principal do not allow on a resource.
async fn denied(cloud: &Cloud, source: &str, resource: &str, actions: &[&str]) -> Result<Vec<String>, CommandError> {
    let names: Vec<String> = (1..=actions.len()).map(|number| format!("ActionNames.member.{number}")).collect();
    let mut parameters = vec![
        ("Action", "SimulatePrincipalPolicy"),
        ("Version", "2010-05-08"),
        ("PolicySourceArn", source),
        ("ResourceArns.member.1", resource),
        ("MaxItems", "1000"),
    ];
    parameters.extend(names.iter().map(String::as_str).zip(actions.iter().copied()));
    let xml = cloud.signed.query(IAM, &cloud.words.simulating(), &parameters).await?;
    Ok(decisions(&xml))
}

/// The fields in which the policy simulator states whether a service control policy or a permissions boundary allows an
/// action (IAM API reference, `EvaluationResult`). The reference does not state whether the field `EvalDecision` takes
/// these policies into account.
const LIMITS: [&str; 2] = ["AllowedByOrganizations", "AllowedByPermissionsBoundary"];

/// The denied actions in a response of the policy simulator.
fn decisions(xml: &str) -> Vec<String> {
    let Ok(xml) = Document::parse(xml) else { return Vec::new() };
    let results = elements(xml.root(), "member");
    let denied = results.filter(|result| {
        let limited = || LIMITS.iter().any(|limit| text(*result, limit).as_deref() == Some("false"));
        text(*result, "EvalDecision").is_some_and(|decision| decision != "allowed" || limited())
    });
    denied.filter_map(|result| text(result, "EvalActionName")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn explicit_and_implicit_denials_and_limits_of_the_account_are_missing_permissions() {
        let result = |action: &str, decision: &str, limit: &str| {
            format!(
                "<member><EvalActionName>{action}</EvalActionName><EvalDecision>{decision}</EvalDecision>\
                 <MissingContextValues/>{limit}</member>"
            )
        };
        let organization = |allowed: &str| {
            format!(
                "<OrganizationsDecisionDetail><AllowedByOrganizations>{allowed}</AllowedByOrganizations>\
                 </OrganizationsDecisionDetail>"
            )
        };
        let boundary = "<PermissionsBoundaryDecisionDetail><AllowedByPermissionsBoundary>false\
             </AllowedByPermissionsBoundary></PermissionsBoundaryDecisionDetail>";
        let results = [
            result("a:One", "allowed", &organization("true")),
            result("a:Two", "implicitDeny", ""),
            result("a:Three", "explicitDeny", ""),
            result("a:Four", "allowed", &organization("false")),
            result("a:Five", "allowed", boundary),
        ];
        let xml = format!("<R><EvaluationResults>{}</EvaluationResults></R>", results.concat());
        assert_eq!(decisions(&xml), ["a:Two", "a:Three", "a:Four", "a:Five"]);
    }

    #[test]
    fn the_permissions_of_a_deployment_cover_every_service_of_the_template() {
        let template = include_str!("../../../../template.yaml");
        let types = template.lines().filter_map(|line| line.trim().strip_prefix("Type: AWS::"));
        for service in types.filter_map(|kind| kind.split("::").next()) {
            let prefix = match service {
                "Serverless" => "lambda:".to_owned(),
                other => format!("{}:", other.to_lowercase()),
            };
            let prefix = prefix.replace("stepfunctions:", "states:");
            assert!(DEPLOYMENT.iter().any(|action| action.starts_with(&prefix)), "{service} has no permission");
        }
    }
}
