//! `onboard sign-out`: ends all sessions of one Connect user immediately.

use aws_sdk_connect::types::{StringComparisonType, StringCondition, UserSearchCriteria};
use serde_json::json;

use crate::{
    args::SignOutArgs,
    cloud::{Cloud, error::CommandError, registry::Entry, signed::CONNECT},
    exit::Exit,
    output::SignedOut,
    ui::{Console, Tone},
};

/// The path of `DeleteAllEntitySessions`, which the SDK crate does not contain yet.
const PATH: &str = "/auth/sessions/delete-all-entity-sessions";

/// Runs the command.
///
/// # Errors
/// Fails if the instance has no user with exactly this username, if the Region does not offer the operation, or if a
/// request to AWS or the local cloud fails.
pub async fn run(args: SignOutArgs, console: &Console) -> Result<Exit, CommandError> {
    let words = console.words();
    let cloud = Cloud::open(&args.target, words).await?;
    let entry = cloud.resolve_entry(args.instance.as_deref()).await?;
    let user_id = end_sessions(&cloud, &entry, &args.user).await?;
    console.result(&SignedOut {
        alias: entry.alias.clone(),
        instance_id: entry.instance_id,
        username: args.user.clone(),
        user_id,
        signed_out: true,
    });
    console.line(&console.paint(Tone::Good, &words.signed_out(&args.user, &entry.alias)));
    console.line(&words.may_sign_in_again());
    Ok(Exit::Done)
}

/// Ends all sessions of the user with exactly this username. Returns the user's ID.
async fn end_sessions(cloud: &Cloud, entry: &Entry, username: &str) -> Result<String, CommandError> {
    let words = cloud.words;
    let unknown = || CommandError::input(words.no_user(username, &entry.alias), words.check_the_username());
    let user_id = user_id(cloud, entry, username).await?.ok_or_else(unknown)?;
    let input = json!({ "InstanceId": entry.instance_id, "EntityId": user_id, "EntityType": "USER" });
    let sent = cloud.signed.rest_json(CONNECT, &words.signing_out(username), PATH, &input).await;
    sent.map_err(|error| match error.name.as_str() {
        "ResourceNotFoundException" => unknown(),
        // If the Region does not offer the operation, the response can lack an error code. The name of the error is
        // then the HTTP status.
        "UnknownOperationException" | "404" | "405" | "501" => {
            let what = words.sign_out_not_available(cloud.region());
            CommandError::cloud("NotAvailable", what, words.wait_for_the_region())
        }
        _ => error,
    })?;
    Ok(user_id)
}

/// Returns the ID of the user with exactly this username, or `None` if Connect returns no such user.
async fn user_id(cloud: &Cloud, entry: &Entry, username: &str) -> Result<Option<String>, CommandError> {
    let condition = StringCondition::builder()
        .field_name("Username")
        .value(username)
        .comparison_type(StringComparisonType::Exact)
        .build();
    let found = aws_sdk_connect::Client::new(&cloud.config)
        .search_users()
        .instance_id(&entry.instance_id)
        .search_criteria(UserSearchCriteria::builder().string_condition(condition).build())
        .send()
        .await
        .map_err(|error| CommandError::of(cloud.words, &cloud.words.searching_the_user(username), &error))?;
    let user = found.users.unwrap_or_default().into_iter().find(|user| user.username.as_deref() == Some(username));
    Ok(user.and_then(|user| user.id))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use serde_json::Value;
    use wiremock::{
        Mock, MockServer, ResponseTemplate,
        matchers::{body_json, path},
    };

    use super::*;
    use crate::{
        cloud::stack::Stack,
        words::{Lang, Words},
    };

    /// Ends the sessions of a user. The emulated Connect has only the user `taro`, and returns `response` when the
    /// sessions are ended.
    async fn end(response: ResponseTemplate, username: &str) -> Result<String, CommandError> {
        let server = MockServer::start().await;
        let found = json!({ "Users": [{ "Id": "u1", "Username": "taro" }], "ApproximateTotalCount": 1 });
        let found = ResponseTemplate::new(200).set_body_json(found);
        Mock::given(path("/search-users")).respond_with(found).mount(&server).await;
        let input = json!({ "InstanceId": "i", "EntityId": "u1", "EntityType": "USER" });
        Mock::given(path(PATH)).and(body_json(input)).respond_with(response).mount(&server).await;
        let stack = Stack { name: "s".into(), status: "CREATE_COMPLETE".into(), outputs: Default::default() };
        let cloud = Cloud::at(&server.uri(), "ap-northeast-1", stack, None, Words(Lang::En));
        let entry = Entry { instance_id: "i".into(), alias: "acme".into(), ..Entry::default() };
        end_sessions(&cloud, &entry, username).await
    }

    fn refusal(status: u16, code: &str) -> ResponseTemplate {
        ResponseTemplate::new(status).insert_header("x-amzn-errortype", code).set_body_json(json!({ "Message": "no" }))
    }

    #[tokio::test]
    async fn the_sessions_of_the_user_with_exactly_this_name_end() {
        let done = || ResponseTemplate::new(200).set_body_json(Value::Object(serde_json::Map::new()));
        assert_eq!(end(done(), "taro").await.unwrap(), "u1");
        let unknown = end(done(), "Taro").await.unwrap_err();
        assert_eq!((unknown.exit, unknown.name.as_str()), (Exit::BadInput, "InvalidInput"), "{unknown:?}");
        assert!(unknown.what.contains("no user with the username Taro"), "{unknown:?}");
    }

    #[tokio::test]
    async fn an_error_names_its_reason() {
        let denied = end(refusal(403, "AccessDeniedException:http://internal"), "taro").await.unwrap_err();
        assert_eq!((denied.exit, denied.name.as_str()), (Exit::NoCloud, "AccessDeniedException"), "{denied:?}");
        let deleted = end(refusal(404, "ResourceNotFoundException"), "taro").await.unwrap_err();
        assert_eq!(deleted.exit, Exit::BadInput, "{deleted:?}");
        for response in [refusal(404, "UnknownOperationException"), ResponseTemplate::new(404)] {
            let unavailable = end(response, "taro").await.unwrap_err();
            assert_eq!((unavailable.exit, unavailable.name.as_str()), (Exit::NoCloud, "NotAvailable"));
            assert!(unavailable.what.contains("ap-northeast-1"), "{unavailable:?}");
        }
    }
}
