//! The binary of all functions. Lambda's `_HANDLER` selects the step; each step has its own role, memory size and
//! timeout in template.yaml.

use connect_onboarding::{
    certificates::{rotate_certificate, watch_expiry},
    context::Context,
    drift::detect_drift,
    notifications::{receive_notification, subscribe_groups, unsubscribe_groups},
    onboarding::{
        assign_groups, configure_entra_claims, configure_entra_sign_on, configure_instance, create_entra_application,
        create_instance, create_policy, create_role, create_saml_provider, instance_quota, lock_alias, notify,
        order_numbers, plan_onboarding, preflight, register_instance, report, request_quotas, verify_sign_in,
    },
    runtime::{adapter::serve, logging},
    teardown::{delete_federation, delete_instance, delete_users, plan_teardown, remove_entra_application},
    user_sync::{sync_members, sync_users},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    logging::init();
    let handler = std::env::var("_HANDLER").unwrap_or_default();
    let ctx = &Context::from_env().await;
    match handler.as_str() {
        "plan-teardown" => serve("plan-teardown", |input, _| plan_teardown::run(ctx, input)).await,
        "unsubscribe-groups" => serve("unsubscribe-groups", |input, _| unsubscribe_groups::run(ctx, input)).await,
        "delete-users" => serve("delete-users", |input, invocation| delete_users::run(ctx, input, invocation)).await,
        "delete-federation" => serve("delete-federation", |input, _| delete_federation::run(ctx, input)).await,
        "remove-entra-application" => serve("remove-entra-application", |input, _| remove_entra_application::run(ctx, input)).await,
        "delete-instance" => serve("delete-instance", |input, _| delete_instance::run(ctx, input)).await,
        "detect-drift" => serve("detect-drift", |input, _| detect_drift::run(ctx, input)).await,
        "plan-onboarding" => serve("plan-onboarding", |input, _| plan_onboarding::run(ctx, input)).await,
        "preflight" => serve("preflight", |input, _| preflight::run(ctx, input)).await,
        "instance-quota" => serve("instance-quota", |input, _| instance_quota::run(ctx, input)).await,
        "create-instance" => serve("create-instance", |input, _| create_instance::run(ctx, input)).await,
        "lock-alias" => serve("lock-alias", |input, _| lock_alias::run(ctx, input)).await,
        "configure-instance" => serve("configure-instance", |input, _| configure_instance::run(ctx, input)).await,
        "request-quotas" => serve("request-quotas", |input, _| request_quotas::run(ctx, input)).await,
        "notify" => serve("notify", |input, _| notify::run(ctx, input)).await,
        "order-numbers" => serve("order-numbers", |input, _| order_numbers::run(ctx, input)).await,
        "create-entra-application" => serve("create-entra-application", |input, _| create_entra_application::run(ctx, input)).await,
        "configure-entra-sign-on" => serve("configure-entra-sign-on", |input, _| configure_entra_sign_on::run(ctx, input)).await,
        "create-saml-provider" => serve("create-saml-provider", |input, _| create_saml_provider::run(ctx, input)).await,
        "create-policy" => serve("create-policy", |input, _| create_policy::run(ctx, input)).await,
        "create-role" => serve("create-role", |input, _| create_role::run(ctx, input)).await,
        "configure-entra-claims" => serve("configure-entra-claims", |input, _| configure_entra_claims::run(ctx, input)).await,
        "assign-groups" => serve("assign-groups", |input, _| assign_groups::run(ctx, input)).await,
        "register-instance" => serve("register-instance", |input, _| register_instance::run(ctx, input)).await,
        "rotate-certificate" => serve("rotate-certificate", |input, _| rotate_certificate::run(ctx, input)).await,
        "subscribe-groups" => serve("subscribe-groups", |input, _| subscribe_groups::run(ctx, input)).await,
        "receive-notification" => serve("receive-notification", |request, _| receive_notification::run(ctx, request)).await,
        "sync-members" => serve("sync-members", |input, _| sync_members::run(ctx, input)).await,
        "sync-users" => serve("sync-users", |input, invocation| sync_users::run(ctx, input, invocation)).await,
        "verify-sign-in" => serve("verify-sign-in", |input, _| verify_sign_in::run(ctx, input)).await,
        "watch-expiry" => serve("watch-expiry", |input, _| watch_expiry::run(ctx, input)).await,
        "report" => serve("report", |input, _| report::run(input)).await,
        other => Err(format!(
            "this binary serves no handler {other:?}: it runs as a Lambda function whose Handler is the name of a step, as \
             template.yaml sets it"
        )
        .into()),
    }
}
