//! The bucket for the code of all stacks in an account and Region, if the operator names none. The bucket belongs to a
//! stack of its own, so CloudFormation generates its name, and no other account can own a bucket of this name.

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
/// The output of the stack that contains the name of the bucket.
const OUTPUT: &str = "Bucket";
/// The template of the stack. Objects do not expire, because CloudFormation reads the code of the previous release again
/// if it has to roll an update back.
const TEMPLATE: &str = include_str!("bucket.json");

/// The name of the bucket, which is created if it does not exist.
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
