//! Creates the S3 bucket for the files of a deployment, for operators who specify no bucket. All stacks in an account
//! and Region share this bucket. The bucket is in its own CloudFormation stack, because CloudFormation then generates a
//! bucket name that no other account can already own.

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
/// The template of the bucket's stack. The objects in the bucket do not expire, because CloudFormation needs the code
/// of the previous release again if it rolls back an update.
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
