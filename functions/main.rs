//! The program that runs in every Lambda function of the stack. The environment variable `_HANDLER` selects the step.
//! In template.yaml, the function of each step has its own role, memory size and timeout.

use connect_onboarding::{
    certificates,
    context::Context,
    drift, notifications, onboarding, registry,
    runtime::{adapter::serve, logging},
    teardown, user_sync,
};

/// The marker of the source files. `onboard deploy` reads this marker to detect that a binary comes from an earlier
/// build.
const SOURCES: &str = env!("ONBOARD_SOURCES");

/// Runs the step that `handler` selects, by calling the function `run` of its module. Each step in
/// `steps_with_deadline` also receives the deadline of its invocation, because it must stop before this deadline.
macro_rules! serve_step {
    ($handler:ident, $ctx:ident, $fence_of:ident, {
        steps: { $($name:literal => $workflow:ident::$step:ident,)* }
        steps_with_deadline: { $($timed_name:literal => $timed_workflow:ident::$timed_step:ident,)* }
    }) => {
        match $handler.as_str() {
            $($name => serve($name, $fence_of, |input, _| $workflow::$step::run($ctx, input)).await,)*
            $($timed_name => {
                let step = |input, invocation| $timed_workflow::$timed_step::run($ctx, input, invocation);
                serve($timed_name, $fence_of, step).await
            })*
            other => Err(format!(
                "this binary ({sources}) has no handler {other:?}: it runs as a Lambda function whose Handler is the name of a step, as \
                 set in template.yaml",
                // `onboard deploy` searches the binary for the marker. With `black_box`, the compiler stores the marker
                // in one piece.
                sources = std::hint::black_box(SOURCES)
            )
            .into()),
        }
    };
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    logging::init();
    let handler = std::env::var("_HANDLER").unwrap_or_default();
    let ctx = &Context::from_env().await;
    let fence_of = &|lease| registry::fence(ctx, lease);
    serve_step!(handler, ctx, fence_of, {
        steps: {
            "plan-onboarding" => onboarding::plan_onboarding,
            "describe-onboarding" => onboarding::describe_onboarding,
            "preflight" => onboarding::preflight,
            "instance-quota" => onboarding::instance_quota,
            "create-instance" => onboarding::create_instance,
            "lock-alias" => onboarding::lock_alias,
            "configure-instance" => onboarding::configure_instance,
            "request-quotas" => onboarding::request_quotas,
            "notify" => onboarding::notify,
            "create-starter-flow" => onboarding::create_starter_flow,
            "order-numbers" => onboarding::order_numbers,
            "test-first-call" => onboarding::test_first_call,
            "create-entra-application" => onboarding::create_entra_application,
            "configure-entra-sign-on" => onboarding::configure_entra_sign_on,
            "create-saml-provider" => onboarding::create_saml_provider,
            "create-policy" => onboarding::create_policy,
            "create-role" => onboarding::create_role,
            "configure-entra-claims" => onboarding::configure_entra_claims,
            "assign-groups" => onboarding::assign_groups,
            "register-instance" => onboarding::register_instance,
            "verify-sign-in" => onboarding::verify_sign_in,
            "report" => onboarding::report,
            "sync-members" => user_sync::sync_members,
            "unsubscribe-groups" => notifications::unsubscribe_groups,
            "subscribe-groups" => notifications::subscribe_groups,
            "receive-notification" => notifications::receive_notification,
            "plan-teardown" => teardown::plan_teardown,
            "delete-starter-flow" => teardown::delete_starter_flow,
            "delete-federation" => teardown::delete_federation,
            "remove-entra-application" => teardown::remove_entra_application,
            "delete-instance" => teardown::delete_instance,
        }
        steps_with_deadline: {
            "sync-users" => user_sync::sync_users,
            "delete-users" => teardown::delete_users,
            "detect-drift" => drift::detect_drift,
            "watch-expiry" => certificates::watch_expiry,
            "rotate-certificate" => certificates::rotate_certificate,
        }
    })
}
