//! The smallest program with `lambda_runtime`: it returns an empty object for every event and makes no calls. Its time
//! and memory are the minimum for any Lambda function in Rust.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(|_: LambdaEvent<Value>| async { Ok::<_, Error>(json!({})) })).await
}
