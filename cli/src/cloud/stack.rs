//! The deployed CloudFormation stack and its outputs.

use std::collections::BTreeMap;

use roxmltree::Document;

use super::{
    error::CommandError,
    signed::{CLOUD_FORMATION, Signed, elements, text},
};
use crate::words::Words;

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
        let xml = signed.query(CLOUD_FORMATION, &doing, &parameters).await.map_err(|error| {
            // For a missing stack, CloudFormation returns a generic ValidationError: "Stack with id … does not exist".
            if error.what.contains("does not exist") {
                CommandError::cloud(
                    CommandError::NO_STACK,
                    words.no_stack(name, signed.region()),
                    words.deploy_or_name(),
                )
            } else {
                error
            }
        })?;
        Ok(read(name, &xml))
    }

    /// A stack that could not be read.
    #[must_use]
    pub fn missing(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// Whether the stack was read.
    #[must_use]
    pub const fn exists(&self) -> bool {
        !self.status.is_empty()
    }

    /// The value of a stack output.
    ///
    /// # Errors
    /// Fails if the stack has no such output because it was deployed from an older release.
    pub fn output(&self, name: &str, words: Words) -> Result<&str, CommandError> {
        let found = self.outputs.get(name).map(String::as_str).filter(|value| !value.is_empty());
        found.ok_or_else(|| CommandError::cloud("OldStack", words.no_output(&self.name, name), words.deploy_again()))
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
