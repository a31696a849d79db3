//! Tests of the global sign-in of a replicated instance, which the steps never overwrite.

use local_cloud::stand_in::GraphBehaviour;
use onboarding_core::onboarding::UsernameAttribute;
use serde_json::json;

use super::Cloud;

const ENDPOINT: &str = "https://11111111-2222-3333-4444-555555555555.ap-northeast-1.sign-in.connect.aws/saml";

#[tokio::test]
async fn an_application_with_the_global_sign_in_keeps_its_reply_url_and_relay_state() {
    let mut cloud = Cloud::start(GraphBehaviour::default()).await;
    let application = cloud.application().await;
    // The instance is replicated, but the application does not use its global sign-in.
    cloud.global_sign_in_endpoint = Some(ENDPOINT.into());
    let regional = cloud.sign_on(&application).await.unwrap();
    assert_eq!(regional.reply_urls.len(), 2, "{:?}", regional.reply_urls);
    let claims = cloud.claims(&application, &regional.certificate_thumbprint, UsernameAttribute::Mail).await.unwrap();
    assert!(claims.relay_state.contains("/connect/federate/"), "{}", claims.relay_state);

    // An administrator switches the application to the global sign-in.
    let graph = cloud.ctx.graph();
    let reply_url = format!("{ENDPOINT}?&instanceId=i&accountId=111122223333&role=r&idp=p");
    let web = json!({ "web": { "redirectUris": [&reply_url] } });
    graph.update_application(&application.application_id, web).await.unwrap();
    let no_relay_state = json!({ "samlSingleSignOnSettings": { "relayState": "" } });
    graph.update_service_principal(&application.service_principal_id, no_relay_state).await.unwrap();
    cloud.local.advance(600.0);
    cloud.writes();

    let global = cloud.sign_on(&application).await.unwrap();
    assert_eq!(global.reply_urls, [reply_url]);
    let claims = cloud.claims(&application, &global.certificate_thumbprint, UsernameAttribute::Mail).await.unwrap();
    assert_eq!((claims.relay_state.as_str(), cloud.writes()), ("", Vec::new()));

    // For an instance that is not replicated, the step reverts the same settings.
    cloud.global_sign_in_endpoint = None;
    assert_eq!(cloud.sign_on(&application).await.unwrap().reply_urls.len(), 2);
    let claims = cloud.claims(&application, &global.certificate_thumbprint, UsernameAttribute::Mail).await.unwrap();
    assert!(claims.relay_state.contains("/connect/federate/"), "{}", claims.relay_state);
    assert_eq!(cloud.writes().len(), 2);
}
