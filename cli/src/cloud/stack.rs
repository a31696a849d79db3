//! The deployed CloudFormation stack and its outputs.

use std::collections::BTreeMap;

use roxmltree::Document;

use super::{
    error::CommandError,
    signed::{CLOUD_FORMATION, Signed, elements, text},
};
use crate::words::Words;

/// The status of a stack that has only change sets, none of which was executed. Such a stack has no resources.
const NEVER_DEPLOYED: &str = "REVIEW_IN_PROGRESS";
/// The statuses of a stack whose first deployment failed.
const FAILED: [&str; 3] = ["CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"];

/// A deployed CloudFormation stack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stack {
    /// Stack name.
    pub name: String,
    /// CloudFormation's stack status.
    pub status: String,
    /// Stack outputs by name.
    pub outputs: BTreeMap<String, String>,
}

impl Stack {
    /// Reads a stack.
    ///
    /// # Errors
    /// Fails if the stack does not exist or CloudFormation rejects the request.
    pub async fn describe(signed: &Signed, name: &str, words: Words) -> Result<Self, CommandError> {
        let doing = words.reading_the_stack(name);
        let parameters = [("Action", "DescribeStacks"), ("Version", "2010-05-15"), ("StackName", name)];
        let missing = || {
            let what = words.no_stack(name, signed.region());
            CommandError::cloud(CommandError::NO_STACK, what, words.deploy_or_name())
        };
        let xml = signed.query(CLOUD_FORMATION, &doing, &parameters).await.map_err(|error| {
            // For a missing stack, CloudFormation returns a generic ValidationError: "Stack with id … does not exist".
            if error.what.contains("does not exist") { missing() } else { error }
        })?;
        let stack = read(name, &xml);
        if stack.status == NEVER_DEPLOYED { Err(missing()) } else { Ok(stack) }
    }

    /// A value for a stack that could not be read. It has no status and no outputs.
    #[must_use]
    pub fn missing(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// Whether the stack could be read.
    #[must_use]
    pub const fn exists(&self) -> bool {
        !self.status.is_empty()
    }

    /// The value of a stack output.
    ///
    /// # Errors
    /// Fails if the stack has no such output, because it was deployed from an older release or because its deployment
    /// failed.
    pub fn output(&self, name: &str, words: Words) -> Result<&str, CommandError> {
        let found = self.outputs.get(name).map(String::as_str).filter(|value| !value.is_empty());
        found.ok_or_else(|| {
            let what = if FAILED.contains(&self.status.as_str()) {
                words.first_deployment_failed(&self.name, &self.status)
            } else {
                words.no_output(&self.name, name)
            };
            CommandError::cloud("OldStack", what, words.deploy_again())
        })
    }
}

fn read(name: &str, xml: &str) -> Stack {
    let Ok(xml) = Document::parse(xml) else { return Stack { name: name.to_owned(), ..Stack::default() } };
    let outputs = elements(xml.root(), "Outputs").flat_map(|outputs| elements(outputs, "member"));
    Stack {
        name: name.to_owned(),
        status: text(xml.root(), "StackStatus").unwrap_or_default(),
        outputs: outputs
            .filter_map(|output| Some((text(output, "OutputKey")?, text(output, "OutputValue")?)))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stack_outputs_are_read_and_not_confused_with_tags() {
        let xml = "<DescribeStacksResponse><DescribeStacksResult><Stacks><member>\
            <Tags><member><Key>a</Key><Value>b</Value></member></Tags><StackStatus>UPDATE_COMPLETE</StackStatus>\
            <Outputs><member><OutputValue>arn:1</OutputValue><OutputKey>One</OutputKey></member>\
            <member><OutputKey>Two</OutputKey><OutputValue>https://x/?a&amp;b</OutputValue></member></Outputs>\
            </member></Stacks></DescribeStacksResult></DescribeStacksResponse>";
        let stack = read("s", xml);
        assert_eq!(stack.status, "UPDATE_COMPLETE");
        assert_eq!(stack.outputs["Two"], "https://x/?a&b");
        assert_eq!(stack.outputs.len(), 2);
    }
}
