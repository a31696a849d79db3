//! Calls to CloudFormation for a deployment: stacks, change sets and stack events.
//!
//! A call can take effect although its response is lost. The call is then repeated. Therefore each call that creates or
//! executes something contains a client token (see `CreateChangeSet`, `ExecuteChangeSet` and `CreateStack` in the API
//! reference). If CloudFormation rejects the repeated call because the first call has taken effect, this module treats
//! the repeated call as successful.

use std::{collections::BTreeMap, time::Duration};

use roxmltree::{Document, Node};

use super::{
    error::CommandError,
    signed::{CLOUD_FORMATION, Signed, elements, text},
};
use crate::{
    output::{Change, ChangeAction},
    words::Words,
};

/// The CloudFormation capabilities that the template needs, as in `samconfig.toml`.
const CAPABILITIES: [&str; 2] = ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"];
/// The wait between the first two polls, and the maximum wait between two polls.
const POLL: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(4));

/// The waits between polls of a CloudFormation operation. Each wait is longer than the previous wait, up to a maximum.
#[derive(Debug)]
pub struct Polls(Duration);

impl Default for Polls {
    fn default() -> Self {
        Self(POLL.0)
    }
}

impl Polls {
    /// Waits until the next poll.
    pub async fn wait(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 3 / 2).min(POLL.1);
    }
}

/// A stack in any status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StackState {
    /// ARN of the stack, which also identifies a deleted stack.
    pub id: String,
    /// Status of the stack.
    pub status: String,
    /// Reason of the stack's status. Can be empty.
    pub reason: String,
    /// Names of the stack parameters.
    pub parameters: Vec<String>,
    /// Stack outputs by name.
    pub outputs: BTreeMap<String, String>,
}

impl StackState {
    /// Whether CloudFormation is changing the stack. A stack that has change sets but was never deployed is not being
    /// changed.
    #[must_use]
    pub fn is_changing(&self) -> bool {
        self.status.ends_with("_IN_PROGRESS") && self.status != "REVIEW_IN_PROGRESS"
    }
}

/// A change set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeSet {
    /// Status of the creation of the change set.
    pub status: String,
    /// Status of the execution of the change set.
    pub execution: String,
    /// Reason of the change set's status. Can be empty.
    pub reason: String,
    /// The changes to the stack's resources.
    pub changes: Vec<Change>,
}

impl ChangeSet {
    /// Whether the change set failed because the stack already has the template and the parameters. CloudFormation has
    /// no error code for this case, so this method searches the reason for two messages. The AWS CLI and the SAM CLI
    /// search for the same messages.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let texts = ["didn't contain changes", "No updates are to be performed"];
        self.status == "FAILED" && texts.iter().any(|text| self.reason.contains(text))
    }
}

/// An event of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackEvent {
    /// Id of the stack event.
    pub id: String,
    /// Logical id of the resource whose status changed.
    pub resource: String,
    /// Type of the resource whose status changed.
    pub kind: String,
    /// New status of the resource.
    pub status: String,
    /// Reason of the resource's status. Can be empty.
    pub reason: String,
}

/// The value that a change set sets for a stack parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParameterValue {
    /// The value that the operator specified.
    Given(String),
    /// The value that the parameter already has in the stack.
    Previous,
}

/// Calls CloudFormation operations for one stack.
#[derive(Clone, Copy, Debug)]
pub struct Stacks<'a> {
    /// Client for signed calls to AWS.
    pub signed: &'a Signed,
    /// Name or ARN of the stack.
    pub stack: &'a str,
    /// The language of messages.
    pub words: Words,
}

impl Stacks<'_> {
    async fn call(&self, action: &str, fields: &[(&str, &str)]) -> Result<String, CommandError> {
        let fixed = [("Action", action), ("Version", "2010-05-15"), ("StackName", self.stack)];
        let doing = self.words.calling_cloudformation(action, self.stack);
        self.signed.query(CLOUD_FORMATION, &doing, &[&fixed[..], fields].concat()).await
    }

    /// The stack, or `None` if it does not exist.
    ///
    /// # Errors
    /// Fails if CloudFormation rejects the request.
    pub async fn find(&self) -> Result<Option<StackState>, CommandError> {
        match self.call("DescribeStacks", &[]).await {
            Ok(xml) => Ok(parsed(&xml, stack_state)),
            Err(error) if error.what.contains("does not exist") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates the stack from a template directly, without a change set. If the creation fails, CloudFormation deletes
    /// the stack.
    ///
    /// # Errors
    /// Fails if CloudFormation rejects the request.
    pub async fn create(&self, template: &str, token: &str) -> Result<(), CommandError> {
        let fields = [("TemplateBody", template), ("OnFailure", "DELETE"), ("ClientRequestToken", token)];
        existing(self.call("CreateStack", &fields).await, "AlreadyExistsException")
    }

    /// Deletes the stack.
    ///
    /// # Errors
    /// Fails if CloudFormation rejects the request.
    pub async fn delete(&self, token: &str) -> Result<(), CommandError> {
        self.call("DeleteStack", &[("ClientRequestToken", token)]).await.map(drop)
    }

    /// Creates a change set for the template at a URL in S3. The request can't contain the template itself, because the
    /// template is larger than 51,200 bytes. The name of the change set must be unique: if a change set with this name
    /// already exists, the call is treated as a repeated call and succeeds.
    ///
    /// # Errors
    /// Fails if CloudFormation rejects the template or a parameter.
    pub async fn create_change_set(
        &self,
        name: &str,
        kind: &str,
        template: &str,
        parameters: &BTreeMap<String, ParameterValue>,
    ) -> Result<(), CommandError> {
        let mut fields: Vec<(String, &str)> =
            [("ChangeSetName", name), ("ClientToken", name), ("ChangeSetType", kind), ("TemplateURL", template)]
                .map(|(name, value)| (name.to_owned(), value))
                .into();
        for (number, capability) in CAPABILITIES.into_iter().enumerate() {
            fields.push((format!("Capabilities.member.{}", number + 1), capability));
        }
        for (number, (name, value)) in parameters.iter().enumerate() {
            let member = |field: &str| format!("Parameters.member.{}.{field}", number + 1);
            fields.push((member("ParameterKey"), name.as_str()));
            fields.push(match value {
                ParameterValue::Given(value) => (member("ParameterValue"), value.as_str()),
                ParameterValue::Previous => (member("UsePreviousValue"), "true"),
            });
        }
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        existing(self.call("CreateChangeSet", &fields).await, "AlreadyExistsException")
    }

    /// Reads a change set with all its changes.
    ///
    /// # Errors
    /// Fails if CloudFormation rejects the request.
    pub async fn change_set(&self, name: &str) -> Result<ChangeSet, CommandError> {
        let mut found = ChangeSet::default();
        let mut next = String::new();
        loop {
            let mut fields = vec![("ChangeSetName", name)];
            if !next.is_empty() {
                fields.push(("NextToken", next.as_str()));
            }
            let xml = self.call("DescribeChangeSet", &fields).await?;
            let Some((page, token)) = parsed(&xml, |root| Some((change_set(root), text(root, "NextToken")))) else {
                return Ok(found);
            };
            found = ChangeSet { changes: [found.changes, page.changes].concat(), ..page };
            match token.filter(|token| !token.is_empty()) {
                Some(token) => next = token,
                None => return Ok(found),
            }
        }
    }

    /// Executes a change set.
    ///
    /// # Errors
    /// Fails if CloudFormation rejects the request, for example because the stack has changed since the change set was
    /// created.
    pub async fn execute(&self, name: &str) -> Result<(), CommandError> {
        let fields = [("ChangeSetName", name), ("ClientRequestToken", name)];
        match self.call("ExecuteChangeSet", &fields).await {
            Err(error) if error.name == "InvalidChangeSetStatus" => {
                let started = self.change_set(name).await.is_ok_and(|found| found.execution.starts_with("EXECUTE_"));
                if started { Ok(()) } else { Err(error) }
            }
            result => result.map(drop),
        }
    }

    /// Deletes a change set instead of executing it.
    ///
    /// # Errors
    /// Fails if CloudFormation rejects the request.
    pub async fn delete_change_set(&self, name: &str) -> Result<(), CommandError> {
        self.call("DeleteChangeSet", &[("ChangeSetName", name)]).await.map(drop)
    }

    /// Returns the events that are newer than the event with the id `after`, newest first. Without an id, returns only
    /// the newest page of events.
    ///
    /// # Errors
    /// Fails if CloudFormation rejects the request.
    pub async fn events(&self, after: Option<&str>) -> Result<Vec<StackEvent>, CommandError> {
        let mut all = Vec::new();
        let mut next = String::new();
        loop {
            let fields = [("NextToken", next.as_str())];
            let xml = self.call("DescribeStackEvents", if next.is_empty() { &[] } else { &fields }).await?;
            let page = parsed(&xml, |root| Some((events(root), text(root, "NextToken"))));
            let (page, token) = page.unwrap_or_default();
            let end = page.iter().position(|event| Some(event.id.as_str()) == after);
            let seen = end.is_some();
            all.extend(page.into_iter().take(end.unwrap_or(usize::MAX)));
            match token.filter(|token| !token.is_empty() && !seen && after.is_some()) {
                Some(token) => next = token,
                None => return Ok(all),
            }
        }
    }
}

/// Treats a call that failed with the error code `code` as successful.
fn existing(result: Result<String, CommandError>, code: &str) -> Result<(), CommandError> {
    match result {
        Err(error) if error.name == code => Ok(()),
        result => result.map(drop),
    }
}

fn parsed<T>(xml: &str, read: impl FnOnce(Node<'_, '_>) -> Option<T>) -> Option<T> {
    Document::parse(xml).ok().and_then(|document| read(document.root()))
}

/// The members of the first XML list with this name below a node.
fn members<'a, 'i: 'a>(node: Node<'a, 'i>, list: &'a str) -> impl Iterator<Item = Node<'a, 'i>> {
    let list = elements(node, list).next();
    list.into_iter().flat_map(|list| list.children().filter(|child| child.tag_name().name() == "member"))
}

/// The text of a child element in XML. `None` if the element is missing or empty.
fn child(node: Node<'_, '_>, name: &str) -> Option<String> {
    let child = node.children().find(|child| child.tag_name().name() == name)?;
    child.text().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn stack_state(root: Node<'_, '_>) -> Option<StackState> {
    let stack = members(root, "Stacks").next()?;
    let outputs =
        members(stack, "Outputs").filter_map(|one| Some((child(one, "OutputKey")?, child(one, "OutputValue")?)));
    Some(StackState {
        id: child(stack, "StackId")?,
        status: child(stack, "StackStatus")?,
        reason: child(stack, "StackStatusReason").unwrap_or_default(),
        parameters: members(stack, "Parameters").filter_map(|one| child(one, "ParameterKey")).collect(),
        outputs: outputs.collect(),
    })
}

fn change_set(root: Node<'_, '_>) -> ChangeSet {
    let top = |name: &str| elements(root, "DescribeChangeSetResult").next().and_then(|result| child(result, name));
    ChangeSet {
        status: top("Status").unwrap_or_default(),
        execution: top("ExecutionStatus").unwrap_or_default(),
        reason: top("StatusReason").unwrap_or_default(),
        changes: members(root, "Changes").filter_map(change).collect(),
    }
}

fn change(member: Node<'_, '_>) -> Option<Change> {
    let change = elements(member, "ResourceChange").next()?;
    let action = match (child(change, "Action")?.as_str(), child(change, "Replacement").as_deref()) {
        ("Add" | "Import", _) => ChangeAction::Add,
        ("Remove", _) => ChangeAction::Remove,
        (_, Some("True")) => ChangeAction::Replace,
        // CloudFormation returns the action `Dynamic` if it can't determine the action before the deployment.
        ("Dynamic", _) | (_, Some("Conditional")) => ChangeAction::MayReplace,
        _ => ChangeAction::Change,
    };
    let properties = members(change, "Details").filter_map(|detail| {
        let target = elements(detail, "Target").next()?;
        child(target, "Name").or_else(|| child(target, "Attribute"))
    });
    let mut properties: Vec<String> = properties.collect();
    properties.sort_unstable();
    properties.dedup();
    Some(Change {
        action,
        resource: child(change, "LogicalResourceId")?,
        kind: child(change, "ResourceType").unwrap_or_default(),
        id: child(change, "PhysicalResourceId"),
        properties,
        policy: child(change, "PolicyAction"),
    })
}

fn events(root: Node<'_, '_>) -> Vec<StackEvent> {
    let event = |member| {
        Some(StackEvent {
            id: child(member, "EventId")?,
            resource: child(member, "LogicalResourceId")?,
            kind: child(member, "ResourceType").unwrap_or_default(),
            status: child(member, "ResourceStatus")?,
            reason: child(member, "ResourceStatusReason").unwrap_or_default(),
        })
    };
    members(root, "StackEvents").filter_map(event).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn a_change_is_read_with_its_replacement_and_its_properties() {
        let xml = "<DescribeChangeSetResponse><DescribeChangeSetResult><Status>CREATE_COMPLETE</Status>\
            <ExecutionStatus>AVAILABLE</ExecutionStatus><Changes>\
            <member><Type>Resource</Type><ResourceChange><Action>Modify</Action><LogicalResourceId>Registry</LogicalResourceId>\
            <PhysicalResourceId>r-1</PhysicalResourceId><ResourceType>AWS::DynamoDB::Table</ResourceType>\
            <Replacement>True</Replacement><PolicyAction>ReplaceAndRetain</PolicyAction><Details>\
            <member><Target><Attribute>Properties</Attribute><Name>KeySchema</Name></Target></member>\
            <member><Target><Attribute>Tags</Attribute></Target></member>\
            <member><Target><Attribute>Properties</Attribute><Name>KeySchema</Name></Target></member>\
            </Details></ResourceChange></member>\
            <member><ResourceChange><Action>Modify</Action><LogicalResourceId>F</LogicalResourceId><Replacement>Conditional</Replacement></ResourceChange></member>\
            <member><ResourceChange><Action>Dynamic</Action><LogicalResourceId>D</LogicalResourceId></ResourceChange></member>\
            <member><ResourceChange><Action>Modify</Action><LogicalResourceId>G</LogicalResourceId><Replacement>False</Replacement></ResourceChange></member>\
            <member><ResourceChange><Action>Remove</Action><LogicalResourceId>H</LogicalResourceId></ResourceChange></member>\
            </Changes></DescribeChangeSetResult></DescribeChangeSetResponse>";
        let found = parsed(xml, |root| Some(change_set(root))).unwrap();
        assert_eq!((found.status.as_str(), found.execution.as_str()), ("CREATE_COMPLETE", "AVAILABLE"));
        let actions: Vec<_> = found.changes.iter().map(|change| change.action).collect();
        use ChangeAction::{Change as Changed, MayReplace, Remove, Replace};
        assert_eq!(actions, [Replace, MayReplace, MayReplace, Changed, Remove]);
        let table = &found.changes[0];
        assert_eq!(table.properties, ["KeySchema", "Tags"]);
        assert_eq!((table.id.as_deref(), table.policy.as_deref()), (Some("r-1"), Some("ReplaceAndRetain")));
    }

    #[test]
    fn a_change_set_without_changes_is_not_a_failed_one() {
        let failed =
            |reason: &str| ChangeSet { status: "FAILED".into(), reason: reason.into(), ..ChangeSet::default() };
        assert!(failed("The submitted information didn't contain changes. Submit different …").is_empty());
        assert!(failed("No updates are to be performed.").is_empty());
        assert!(!failed("Transform AWS::Serverless-2016-10-31 failed").is_empty());
        assert!(!ChangeSet::default().is_empty());
    }

    #[test]
    fn a_stack_with_only_a_change_set_is_not_being_changed() {
        let stack = |status: &str| StackState { status: status.into(), ..StackState::default() };
        assert!(stack("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS").is_changing());
        assert!(!stack("REVIEW_IN_PROGRESS").is_changing() && !stack("ROLLBACK_COMPLETE").is_changing());
    }
}
