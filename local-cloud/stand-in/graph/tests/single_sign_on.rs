use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{CLIENT, Client, TEMPLATE, TENANT, agents, client};

const IDENTIFIER: &str = "https://signin.aws.amazon.com/saml";

#[tokio::test]
async fn the_gallery_has_the_template_by_name_and_by_id() {
    let client = client();
    let found = client
        .ok("GET", "/applicationTemplates?$filter=displayName eq 'AWS Single-Account Access'&$select=id", Value::Null)
        .await;
    assert_eq!(found["value"], json!([{"id": TEMPLATE}]));
    let one = client.ok("GET", &format!("/applicationTemplates/{TEMPLATE}"), Value::Null).await;
    assert_eq!(one["displayName"], "AWS Single-Account Access");
    assert_eq!(client.get(&format!("/applicationTemplates/{CLIENT}")).await.0, 404);
}

#[tokio::test]
async fn each_instantiation_creates_another_application() {
    let client = client();
    let first = client.instantiate("Connect").await;
    let second = client.instantiate("Connect").await;
    assert_ne!(first, second);
    let url = format!(
        "/servicePrincipals?$filter=applicationTemplateId eq '{TEMPLATE}' and displayName eq 'Connect'&$select=id,appId"
    );
    let found = client.ok("GET", &url, Value::Null).await;
    assert_eq!(found["value"].as_array().unwrap().len(), 2);
    let one = client.ok("GET", &format!("/servicePrincipals/{}", first.1), Value::Null).await;
    let roles: Vec<_> = one["appRoles"].as_array().unwrap().iter().map(|role| role["displayName"].clone()).collect();
    assert_eq!(roles, ["User", "msiam_access"]);
    assert_eq!((&one["appRoleAssignmentRequired"], &one["replyUrls"]), (&json!(true), &json!([])));
    let by_app = client.ok("GET", &format!("/applications(appId='{}')?$select=id", first.2), Value::Null).await;
    assert_eq!(by_app["id"], json!(first.0));
}

#[tokio::test]
async fn a_new_application_is_found_by_id_after_seconds_and_in_lists_later() {
    let client = Client::new(1.0, agents(1), |_| {});
    let (application, principal, app_id) = client.instantiate("Connect").await;
    let list = format!("/servicePrincipals?$filter=appId eq '{app_id}'");
    let (url, body) = (format!("/servicePrincipals/{principal}"), json!({"preferredSingleSignOnMode": "saml"}));
    for (method, url, body) in [
        ("GET", &url, Value::Null),
        ("PATCH", &url, body.clone()),
        ("GET", &format!("/applications/{application}"), Value::Null),
    ] {
        let (status, code, _) = client.refused(method, url, body).await;
        assert_eq!((status, code.as_str()), (404, "Request_ResourceNotFound"));
    }
    client.clock.advance(7.0);
    client.ok("PATCH", &url, body).await;
    assert_eq!(client.ok("GET", &list, Value::Null).await["value"], json!([]));
    client.clock.advance(20.0);
    assert_eq!(client.ok("GET", &list, Value::Null).await["value"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_application_does_not_own_the_applications_that_it_instantiates() {
    let client =
        Client::new(0.0, agents(1), |behaviour| behaviour.roles = vec!["Application.ReadWrite.OwnedBy".into()]);
    let (application, principal, _) = client.instantiate("Connect").await;
    let owners = client.ok("GET", &format!("/applications/{application}/owners"), Value::Null).await;
    assert_eq!(owners["value"], json!([]));
    let url = format!("/servicePrincipals/{principal}");
    assert_eq!(client.call("PATCH", &url, json!({"preferredSingleSignOnMode": "saml"})).await.0, 403);
    let me = json!({"@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{CLIENT}")});
    assert_eq!(client.call("POST", &format!("{url}/owners/$ref"), me).await.0, 403);
}

#[tokio::test]
async fn identifier_uris_need_saml_mode_and_are_unique_in_the_tenant() {
    let client = Client::new(0.0, agents(1), |behaviour| behaviour.taken_identifier_uris = vec![IDENTIFIER.into()]);
    let (application, principal, app_id) = client.instantiate("One").await;
    let url = format!("/applications/{application}");
    let uris = |uri: &str| json!({"identifierUris": [uri]});
    let numbered = format!("{IDENTIFIER}#1");
    let (status, _, message) = client.refused("PATCH", &url, uris(&numbered)).await;
    assert_eq!(status, 400);
    assert!(
        message.starts_with(&format!("Failed to add identifier URI {numbered}. All newly added URIs must contain"))
    );
    client.ok("PATCH", &url, uris(&format!("api://{app_id}"))).await;

    let saml = json!({"preferredSingleSignOnMode": "saml"});
    client.ok("PATCH", &format!("/servicePrincipals/{principal}"), saml.clone()).await;
    let taken = "Another object with the same value for property identifierUris already exists.";
    let (_, answer) = client.call("PATCH", &url, uris(IDENTIFIER)).await;
    assert_eq!((&answer["error"]["message"], &answer["error"]["code"]), (&json!(taken), &json!("Request_BadRequest")));
    assert_eq!(answer["error"]["details"][0]["target"], "identifierUris");
    assert_eq!(client.call("PATCH", &url, uris("https://signin.aws.amazon.com/saml/")).await.0, 400);
    client.ok("PATCH", &url, uris(&numbered)).await;
    client.ok("PATCH", &url, uris(&numbered)).await;

    let (other, principal, _) = client.instantiate("Two").await;
    client.ok("PATCH", &format!("/servicePrincipals/{principal}"), saml).await;
    assert_eq!(client.refused("PATCH", &format!("/applications/{other}"), uris(&numbered)).await.2, taken);
    client.ok("DELETE", &url, Value::Null).await;
    // The identifier URI is still taken: a deleted application that can be restored keeps its identifier URIs.
    assert_eq!(client.refused("PATCH", &format!("/applications/{other}"), uris(&numbered)).await.2, taken);
}

#[tokio::test]
async fn the_service_principal_mirrors_the_urls_of_its_application() {
    let client = client();
    let (application, principal, app_id) = client.instantiate("Connect").await;
    client.ok("PATCH", &format!("/servicePrincipals/{principal}"), json!({"preferredSingleSignOnMode": "saml"})).await;
    let reply = "https://ap-northeast-1.signin.aws.amazon.com/saml";
    let urls = json!({"identifierUris": [format!("{IDENTIFIER}#1")], "web": {"redirectUris": [reply]}});
    client.ok("PATCH", &format!("/applications/{application}"), urls).await;
    let shown = client.ok("GET", &format!("/servicePrincipals/{principal}"), Value::Null).await;
    assert_eq!(shown["replyUrls"], json!([reply]));
    assert_eq!(shown["servicePrincipalNames"], json!([app_id, format!("{IDENTIFIER}#1")]));
    let whole = client.ok("GET", &format!("/applications/{application}"), Value::Null).await;
    assert!(whole["web"]["homePageUrl"].is_string(), "a PATCH of one field keeps the other fields");
    let http = json!({"web": {"redirectUris": ["http://signin.aws.amazon.com/saml"]}});
    assert_eq!(client.call("PATCH", &format!("/applications/{application}"), http).await.0, 400);
    let found = client
        .ok(
            "GET",
            &format!("/applications?$select=id&$filter=identifierUris/any(u:u eq '{IDENTIFIER}%231')"),
            Value::Null,
        )
        .await;
    assert_eq!(found["value"], json!([{"id": application}]));
}

#[tokio::test]
async fn invalid_single_sign_on_settings_are_rejected() {
    let client = client();
    let (_, principal, _) = client.instantiate("Connect").await;
    let url = format!("/servicePrincipals/{principal}");
    let relay = "https://ap-northeast-1.console.aws.amazon.com/connect/federate/i-1";
    let good = json!({"preferredSingleSignOnMode": "saml", "samlSingleSignOnSettings": {"relayState": relay},
                      "notificationEmailAddresses": ["ops@contoso.example"], "loginUrl": null});
    client.ok("PATCH", &url, good).await;
    let shown = client.ok("GET", &url, Value::Null).await;
    assert_eq!(shown["samlSingleSignOnSettings"]["relayState"], relay);
    for bad in [
        json!({"preferredSingleSignOnMode": "SAML"}),
        json!({"preferredTokenSigningKeyThumbprint": "00FF"}),
        json!({"notificationEmailAddresses": ["nobody"]}),
        json!({"loginUrl": "here"}),
        json!({"keyCredentials": [{"keyId": CLIENT}]}),
    ] {
        let (status, code, _) = client.refused("PATCH", &url, bad.clone()).await;
        assert_eq!((status, code.as_str()), (400, "Request_BadRequest"), "{bad}");
    }
    assert_eq!(client.call("GET", "/servicePrincipals?$filter=displayName ne 'x'", Value::Null).await.0, 400);
}

#[tokio::test]
async fn a_signing_certificate_is_valid_and_appears_in_the_metadata_after_a_delay() {
    let client = Client::new(1.0, agents(1), |_| {});
    let (_, principal, app_id) = client.instantiate("Connect").await;
    assert_eq!(client.metadata(Some(&app_id)).await.0, 400, "not replicated yet");
    client.clock.advance(7.0);
    let url = format!("/servicePrincipals/{principal}");
    let make = json!({"displayName": "CN=AmazonConnect", "endDateTime": "2028-11-01T00:00:00Z"});
    let made = client.ok("POST", &format!("{url}/addTokenSigningCertificate"), make).await;
    assert_eq!((&made["usage"], &made["type"]), (&json!("Verify"), &json!("AsymmetricX509Cert")));
    let key = made["key"].as_str().unwrap();
    let der = STANDARD.decode(key).unwrap();
    let sha1 = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, &der);
    let hex: String = sha1.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    assert_eq!(made["thumbprint"], json!(hex));

    let before = client.metadata(Some(&app_id)).await;
    assert!(before.0 == 200 && !before.1.contains(key));
    client.clock.advance(11.0);
    let (_, text) = client.metadata(Some(&app_id)).await;
    let document = roxmltree::Document::parse(&text).unwrap();
    assert_eq!(
        document.root_element().attribute("entityID"),
        Some(format!("https://sts.windows.net/{TENANT}/").as_str())
    );
    let idp = document
        .descendants()
        .find(|node| node.has_tag_name(("urn:oasis:names:tc:SAML:2.0:metadata", "IDPSSODescriptor")));
    let certificates: Vec<_> = idp
        .unwrap()
        .descendants()
        .filter(|node| node.tag_name().name() == "X509Certificate")
        .filter_map(|node| node.text())
        .collect();
    assert_eq!(certificates, [key]);
    assert!(text.len() > 4000 && text.contains(&format!("https://login.microsoftonline.com/{TENANT}/saml2")));
    let (_, tenant_wide) = client.metadata(None).await;
    assert!(!tenant_wide.contains(key), "without appid, the metadata contains other keys");

    let thumbprint = json!({"preferredTokenSigningKeyThumbprint": hex});
    client.ok("PATCH", &url, thumbprint).await;
    let shown = client.ok("GET", &url, Value::Null).await;
    let credentials = shown["keyCredentials"].as_array().unwrap();
    let usages: Vec<_> = credentials.iter().map(|credential| &credential["usage"]).collect();
    assert_eq!(usages, ["Sign", "Verify"]);
    assert!(credentials.iter().all(|credential| credential["key"].is_null()), "keys are returned only with $select");
    assert_eq!(shown["passwordCredentials"][0]["customKeyIdentifier"], credentials[0]["customKeyIdentifier"]);
    let chosen = client.ok("GET", &format!("{url}?$select=keyCredentials"), Value::Null).await;
    assert_eq!(chosen["keyCredentials"][1]["key"], json!(key));
}

#[tokio::test]
async fn a_certificate_requires_a_common_name_and_is_valid_for_at_most_three_years() {
    let client = client();
    let (_, principal, _) = client.instantiate("Connect").await;
    let url = format!("/servicePrincipals/{principal}/addTokenSigningCertificate");
    for bad in [
        json!({"displayName": "AmazonConnect"}),
        json!({"displayName": "CN="}),
        json!({"displayName": "CN=x", "endDateTime": "2099-01-01T00:00:00Z"}),
        json!({"displayName": "CN=x", "endDateTime": "2001-01-01T00:00:00Z"}),
    ] {
        assert_eq!(client.call("POST", &url, bad).await.0, 400);
    }
}

#[tokio::test]
async fn certificates_accumulate_and_both_credentials_must_be_removed_together() {
    let client = client();
    let (_, principal, app_id) = client.instantiate("Connect").await;
    let url = format!("/servicePrincipals/{principal}");
    let old = client.ok("POST", &format!("{url}/addTokenSigningCertificate"), json!({"displayName": "CN=a"})).await;
    let new = client.ok("POST", &format!("{url}/addTokenSigningCertificate"), json!({"displayName": "CN=b"})).await;
    let has = |text: &str, certificate: &Value| text.contains(certificate["key"].as_str().unwrap());
    let (_, both) = client.metadata(Some(&app_id)).await;
    assert!(has(&both, &old) && has(&both, &new));
    let (keys, passwords) = client.credentials(&url).await;
    let half = json!({"keyCredentials": keys[1..], "passwordCredentials": passwords});
    assert_eq!(client.call("PATCH", &url, half).await.0, 400, "only a part of the certificate is removed");
    let kept = |changed: &[Value]| json!({"keyCredentials": changed, "passwordCredentials": passwords[1..]});
    assert_eq!(
        client.call("PATCH", &url, json!({"keyCredentials": keys[2..]})).await.0,
        400,
        "a credential of the certificate is left over"
    );
    let altered = |change: &dyn Fn(&mut Value)| {
        let mut altered = keys[2..].to_vec();
        altered.iter_mut().for_each(change);
        altered
    };
    for refused in [
        altered(&|key| key["displayName"] = json!("CN=c")),
        altered(&|key| drop(key.as_object_mut().unwrap().remove("key"))),
        altered(&|key| drop(key.as_object_mut().unwrap().remove("startDateTime"))),
        altered(&|key| key["key"] = new["key"].clone()),
    ] {
        let (_, _, message) = client.refused("PATCH", &url, kept(&refused)).await;
        assert!(message.starts_with("Update to existing credential with KeyId"), "{message}");
    }
    let mut without = passwords[1].clone();
    without.as_object_mut().unwrap().remove("secretText");
    let without = json!({"keyCredentials": keys[2..], "passwordCredentials": [without]});
    let (_, _, message) = client.refused("PATCH", &url, without).await;
    assert!(message.starts_with("Update to existing credential with KeyId"), "{message}");
    let active = json!({"preferredTokenSigningKeyThumbprint": new["thumbprint"]});
    client.ok("PATCH", &url, active).await;
    client.ok("PATCH", &url, kept(&keys[2..])).await;
    let (_, rest) = client.metadata(Some(&app_id)).await;
    assert!(!has(&rest, &old) && has(&rest, &new));
}

#[tokio::test]
async fn removed_and_previously_active_certificates_remain_in_use_for_a_while() {
    let client = Client::new(1.0, agents(1), |_| {});
    let (application, principal, app_id) = client.instantiate("Connect").await;
    client.clock.advance(7.0);
    let url = format!("/servicePrincipals/{principal}");
    client.ok("PATCH", &url, json!({"preferredSingleSignOnMode": "saml", "appRoleAssignmentRequired": false})).await;
    let urls = json!({"identifierUris": [IDENTIFIER], "web": {"redirectUris": [IDENTIFIER]}});
    let (status, code, _) = client.refused("PATCH", &format!("/applications/{application}"), urls.clone()).await;
    assert_eq!((status, code.as_str()), (400, "HostNameNotOnVerifiedDomain"), "SAML mode has not replicated");
    client.clock.advance(3.0);
    client.ok("PATCH", &format!("/applications/{application}"), urls).await;
    let mut made = Vec::new();
    for name in ["CN=a", "CN=b"] {
        made.push(client.ok("POST", &format!("{url}/addTokenSigningCertificate"), json!({"displayName": name})).await);
        let active = json!({"preferredTokenSigningKeyThumbprint": made[made.len() - 1]["thumbprint"]});
        client.ok("PATCH", &url, active).await;
    }
    let signers = || {
        let responses = client.graph.saml_responses(&app_id, "user1@contoso.example").unwrap();
        responses.into_iter().map(|posted| json!(posted.thumbprint)).collect::<Vec<_>>()
    };
    assert_eq!(signers(), [made[1]["thumbprint"].clone(), made[0]["thumbprint"].clone()]);
    client.clock.advance(61.0);
    assert_eq!(signers(), [made[1]["thumbprint"].clone()]);

    let (keys, passwords) = client.credentials(&url).await;
    client.ok("PATCH", &url, json!({"keyCredentials": keys[2..], "passwordCredentials": passwords[1..]})).await;
    let key = made[0]["key"].as_str().unwrap();
    assert!(client.metadata(Some(&app_id)).await.1.contains(key));
    client.clock.advance(11.0);
    assert!(!client.metadata(Some(&app_id)).await.1.contains(key));
}

#[tokio::test]
async fn the_active_certificate_can_be_removed_and_then_no_user_can_sign_in() {
    let client = client();
    let (application, principal, app_id) = client.instantiate("Connect").await;
    let url = format!("/servicePrincipals/{principal}");
    client.ok("PATCH", &url, json!({"preferredSingleSignOnMode": "saml", "appRoleAssignmentRequired": false})).await;
    let urls = json!({"identifierUris": [IDENTIFIER], "web": {"redirectUris": [IDENTIFIER]}});
    client.ok("PATCH", &format!("/applications/{application}"), urls).await;
    let made = client.ok("POST", &format!("{url}/addTokenSigningCertificate"), json!({"displayName": "CN=a"})).await;
    client.ok("PATCH", &url, json!({"preferredTokenSigningKeyThumbprint": made["thumbprint"]})).await;
    client.graph.saml_responses(&app_id, "user1@contoso.example").unwrap();
    client.ok("PATCH", &url, json!({"keyCredentials": [], "passwordCredentials": []})).await;
    let refusal = client.graph.saml_responses(&app_id, "user1@contoso.example").unwrap_err();
    assert!(format!("{refusal:?}").contains("AADSTS50146"), "{refusal:?}");
}

#[tokio::test]
async fn a_stale_replica_returns_the_credentials_before_the_last_change() {
    let client = Client::new(1.0, agents(1), |behaviour| {
        behaviour.stale_reads_every = Some(2);
        behaviour.replication_seconds = 0.0;
        behaviour.certificate_seconds = 0.0;
    });
    let (_, principal, _) = client.instantiate("Connect").await;
    let url = format!("/servicePrincipals/{principal}");
    client.ok("POST", &format!("{url}/addTokenSigningCertificate"), json!({"displayName": "CN=a"})).await;
    let mut shown = Vec::new();
    for _ in 0..2 {
        shown.push(client.credentials(&url).await.0.len());
    }
    assert_eq!(shown, [2, 0]);
    client.clock.advance(61.0);
    client.credentials(&url).await;
    assert_eq!(client.credentials(&url).await.0.len(), 2, "by now, all replicas have the change");
}

#[tokio::test]
async fn a_disabled_application_rejects_every_user_and_one_without_required_assignment_accepts_all() {
    let client = client();
    let (application, principal, app_id) = client.instantiate("Connect").await;
    let (url, registration) = (format!("/servicePrincipals/{principal}"), format!("/applications/{application}"));
    client.ok("PATCH", &url, json!({"preferredSingleSignOnMode": "saml"})).await;
    let urls = json!({"identifierUris": [IDENTIFIER], "web": {"redirectUris": [IDENTIFIER]}});
    client.ok("PATCH", &registration, urls).await;
    let made = client.ok("POST", &format!("{url}/addTokenSigningCertificate"), json!({"displayName": "CN=a"})).await;
    client.ok("PATCH", &url, json!({"preferredTokenSigningKeyThumbprint": made["thumbprint"]})).await;
    let refusal = || format!("{:?}", client.graph.saml_responses(&app_id, "user1@contoso.example").unwrap_err());
    assert!(refusal().contains("AADSTS50105"), "not assigned");
    client.ok("PATCH", &url, json!({"appRoleAssignmentRequired": false})).await;
    client.graph.saml_responses(&app_id, "user1@contoso.example").unwrap();
    assert_eq!(client.call("PATCH", &url, json!({"isDisabled": true})).await.0, 400, "it belongs to the registration");
    client.ok("PATCH", &registration, json!({"isDisabled": true})).await;
    assert!(refusal().contains("AADSTS7000112"), "deactivated");
    assert_eq!(client.ok("GET", &url, Value::Null).await["isDisabled"], true);
    client.ok("PATCH", &registration, json!({"isDisabled": false})).await;
    client.ok("PATCH", &url, json!({"accountEnabled": false})).await;
    assert!(refusal().contains("AADSTS7000112"), "disabled");
}

#[tokio::test]
async fn a_saml_application_is_deleted_after_its_service_principal() {
    let client = Client::new(0.0, agents(1), |behaviour| behaviour.refuses_saml_deletion = true);
    let (application, principal, _) = client.instantiate("Connect").await;
    let (url, registration) = (format!("/servicePrincipals/{principal}"), format!("/applications/{application}"));
    client.ok("PATCH", &url, json!({"preferredSingleSignOnMode": "saml"})).await;
    let (status, code, _) = client.refused("DELETE", &registration, Value::Null).await;
    assert_eq!((status, code.as_str()), (400, "DeletingSamlSpNotAllowed"));
    client.ok("DELETE", &url, Value::Null).await;
    client.ok("DELETE", &registration, Value::Null).await;
}

#[tokio::test]
async fn metadata_of_an_unknown_application_or_tenant_is_an_error_page() {
    let client = client();
    let (status, text) = client.metadata(Some(CLIENT)).await;
    assert!(status == 400 && text.contains("AADSTS700016"));
}

#[tokio::test]
async fn an_enabled_role_must_be_disabled_before_it_is_deleted() {
    let client = client();
    let (_, principal, _) = client.instantiate("Connect").await;
    let url = format!("/servicePrincipals/{principal}");
    let mut roles = client.ok("GET", &url, Value::Null).await["appRoles"].as_array().unwrap().clone();
    let (status, code, _) = client.refused("PATCH", &url, json!({"appRoles": roles[..1]})).await;
    assert_eq!((status, code.as_str()), (400, "CannotDeleteOrUpdateEnabledEntitlement"));
    roles[1]["isEnabled"] = json!(false);
    client.ok("PATCH", &url, json!({"appRoles": roles})).await;
    client.ok("PATCH", &url, json!({"appRoles": roles[..1]})).await;
}
