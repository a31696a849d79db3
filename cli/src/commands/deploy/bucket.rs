//! The S3 bucket to which the deployed files are uploaded if the operator specifies no bucket. All stacks in an account
//! and Region share this bucket. A separate stack contains the bucket, so that CloudFormation generates the bucket
//! name, and no other account can own a bucket with this name.

use crate::{
    cloud::{
        change_set::{Polls, Stacks},
        error::CommandError,
        signed::Signed,
    },
    ui::Console,
};

/// Name of the stack that contains the bucket.
const STACK: &str = "connect-onboarding-deployments";
/// The stack output with the name of the bucket.
const OUTPUT: &str = "Bucket";
/// The template of the stack. The objects in the bucket do not expire, because CloudFormation reads the code of the
/// previous release again if it has to roll back an update.
const TEMPLATE: &str = include_str!("bucket.json");

/// Returns the name of the bucket. Creates the bucket if it does not exist.
///
/// # Errors
/// Fails if CloudFormation cannot create the bucket.
pub(super) async fn managed(signed: &Signed, console: &Console) -> Result<String, CommandError> {
    let words = console.words();
    let stacks = Stacks { signed, stack: STACK, words };
    let mut created = false;
    let mut polls = Polls::default();
    loop {
        let stack = match stacks.find().await? {
            Some(stack) => stack,
            None if created => return Err(failed("", words.bucket_not_created(), words.use_own_bucket())),
            None => {
                console.note(&words.creating_bucket(STACK));
                stacks.create(TEMPLATE, &super::unique_name()).await?;
                created = true;
                continue;
            }
        };
        if stack.is_changing() {
            polls.wait().await;
            continue;
        }
        return match stack.outputs.get(OUTPUT) {
            Some(bucket) => Ok(bucket.clone()),
            None => Err(failed(&stack.status, words.bucket_missing(STACK, &stack.status), words.use_own_bucket())),
        };
    }
}

fn failed(status: &str, what: String, action: String) -> CommandError {
    let name = if status.is_empty() { "BucketNotCreated" } else { status };
    CommandError::failed(name, what, action)
}
