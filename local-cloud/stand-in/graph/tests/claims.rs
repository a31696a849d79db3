use serde_json::{Value, json};

use super::{AGENTS, CLIENT, Client, agents, client, user_id};

const ROLE: &str = "https://aws.amazon.com/SAML/Attributes/Role";

fn policy(definition: &Value) -> Value {
    json!({"displayName": "Connect claims", "definition": [definition.to_string()]})
}

fn definition() -> Value {
    json!({"ClaimsMappingPolicy": {"Version": 1, "IncludeBasicClaimSet": "true", "ClaimsSchema": [
        {"Value": "arn:aws:iam::111122223333:role/R,arn:aws:iam::111122223333:saml-provider/P", "SamlClaimType": ROLE},
        {"Source": "user", "ID": "userprincipalname", "SamlClaimType": "https://aws.amazon.com/SAML/Attributes/RoleSessionName"},
    ]}})
}

fn reference(id: &Value) -> Value {
    json!({"@odata.id": format!("https://graph.microsoft.com/v1.0/policies/claimsMappingPolicies/{}", id.as_str().unwrap())})
}

#[tokio::test]
async fn a_claims_policy_is_made_found_changed_and_deleted() {
    let client = client();
    let (status, made) = client.call("POST", "/policies/claimsMappingPolicies", policy(&definition())).await;
    assert_eq!((status, &made["isOrganizationDefault"]), (201, &json!(false)));
    let url = format!("/policies/claimsMappingPolicies/{}", made["id"].as_str().unwrap());
    let list = "/policies/claimsMappingPolicies?$filter=displayName eq 'Connect claims'";
    assert_eq!(client.ok("GET", list, Value::Null).await["value"][0]["id"], made["id"]);
    client.ok("PATCH", &url, json!({"displayName": "Other"})).await;
    assert_eq!(client.ok("GET", &url, Value::Null).await["displayName"], "Other");
    client.ok("DELETE", &url, Value::Null).await;
    assert_eq!(client.get(&url).await.0, 404);
}

#[tokio::test]
async fn every_detail_of_a_policy_definition_is_validated() {
    let client = client();
    let change = |change: fn(&mut Value)| {
        let mut definition = definition();
        change(&mut definition["ClaimsMappingPolicy"]);
        definition
    };
    let bad = [
        json!({"claimsMappingPolicy": definition()["ClaimsMappingPolicy"]}),
        change(|policy| policy["Version"] = json!("1")),
        change(|policy| policy["IncludeBasicClaimSet"] = json!(true)),
        change(|policy| policy["claimsSchema"] = json!([])),
        change(|policy| policy["ClaimsSchema"][0]["samlClaimType"] = json!("x")),
        change(|policy| policy["ClaimsSchema"][0] = json!({"Value": "x"})),
        change(|policy| policy["ClaimsSchema"][1]["ID"] = json!("upn")),
        change(|policy| policy["ClaimsSchema"][1]["Source"] = json!("User")),
        change(|policy| policy["ClaimsSchema"][1]["Value"] = json!("both")),
    ];
    for definition in &bad {
        let (status, code, message) =
            client.refused("POST", "/policies/claimsMappingPolicies", policy(definition)).await;
        assert_eq!(
            (status, code.as_str(), message.as_str()),
            (400, "Request_BadRequest", "Property has an invalid value."),
            "{definition}"
        );
    }
    let two = json!({"displayName": "x", "definition": [definition().to_string(), definition().to_string()]});
    assert_eq!(client.call("POST", "/policies/claimsMappingPolicies", two).await.0, 400);
}

#[tokio::test]
async fn a_service_principal_has_at_most_one_claims_policy() {
    let client = client();
    let (_, principal, _) = client.instantiate("Connect").await;
    let url = format!("/servicePrincipals/{principal}/claimsMappingPolicies");
    let first = client.ok("POST", "/policies/claimsMappingPolicies", policy(&definition())).await;
    let second = client.ok("POST", "/policies/claimsMappingPolicies", policy(&definition())).await;
    client.ok("POST", &format!("{url}/$ref"), reference(&first["id"])).await;
    let again = client.refused("POST", &format!("{url}/$ref"), reference(&first["id"])).await;
    assert!(again.2.starts_with("One or more added object references already exist"), "{again:?}");
    assert_eq!(client.call("POST", &format!("{url}/$ref"), reference(&second["id"])).await.0, 400);
    let listed = client.ok("GET", &url, Value::Null).await;
    assert_eq!(listed["value"].as_array().unwrap().len(), 1);
    let principals = client.graph.inventory()["servicePrincipals"].clone();
    assert_eq!(principals[0]["claimsMappingPolicies"][0]["id"], first["id"]);

    let assigned = format!("{url}/{}/$ref", first["id"].as_str().unwrap());
    client.ok("DELETE", &assigned, Value::Null).await;
    assert_eq!(client.call("DELETE", &assigned, Value::Null).await.0, 404);
    client.ok("POST", &format!("{url}/$ref"), reference(&second["id"])).await;
    for wrong in ["https://graph.example/v1.0/policies/claimsMappingPolicies/", "/policies/claimsMappingPolicies/"] {
        let body = json!({"@odata.id": format!("{wrong}{}", first["id"].as_str().unwrap())});
        assert_eq!(client.call("POST", &format!("{url}/$ref"), body).await.0, 400);
    }
}

#[tokio::test]
async fn a_new_policy_can_be_referenced_after_a_delay() {
    let client = Client::new(1.0, agents(1), |behaviour| behaviour.replication_seconds = 0.0);
    let (_, principal, _) = client.instantiate("Connect").await;
    let made = client.ok("POST", "/policies/claimsMappingPolicies", policy(&definition())).await;
    let url = format!("/servicePrincipals/{principal}/claimsMappingPolicies/$ref");
    let (status, code, _) = client.refused("POST", &url, reference(&made["id"])).await;
    assert_eq!((status, code.as_str()), (404, "Request_ResourceNotFound"));
    client.clock.advance(3.0);
    client.ok("POST", &url, reference(&made["id"])).await;
}

async fn role(client: &Client, principal: &str, name: &str) -> Value {
    let shown = client.ok("GET", &format!("/servicePrincipals/{principal}"), Value::Null).await;
    shown["appRoles"].as_array().unwrap().iter().find(|role| role["displayName"] == name).unwrap()["id"].clone()
}

#[tokio::test]
async fn a_group_is_assigned_once_with_a_role_of_the_application() {
    let client = client();
    let (_, principal, _) = client.instantiate("Connect").await;
    let url = format!("/servicePrincipals/{principal}/appRoleAssignedTo");
    let role = role(&client, &principal, "msiam_access").await;
    let body = |who: &str, what: &str, role: &Value| json!({"principalId": who, "resourceId": what, "appRoleId": role});
    let (status, made) = client.call("POST", &url, body(AGENTS, &principal, &role)).await;
    assert_eq!(
        (status, &made["principalType"], &made["principalDisplayName"]),
        (201, &json!("Group"), &json!("Support agents"))
    );
    let (status, code, message) = client.refused("POST", &url, body(AGENTS, &principal, &role)).await;
    assert_eq!((status, code.as_str()), (400, "Request_BadRequest"));
    assert_eq!(message, "Permission being assigned already exists on the object");

    for wrong in [CLIENT, "00000000-0000-0000-0000-000000000000"] {
        let (status, _, message) = client.refused("POST", &url, body(&user_id(1), &principal, &json!(wrong))).await;
        assert_eq!((status, message.as_str()), (400, "Not a valid reference update."));
    }
    assert_eq!(client.call("POST", &url, body(&user_id(1), AGENTS, &role)).await.0, 400, "another resource");
    assert_eq!(client.call("POST", &url, body(CLIENT, &principal, &role)).await.0, 404, "nobody");

    client.ok("POST", &url, body(&user_id(1), &principal, &role)).await;
    let first = client.ok("GET", &format!("{url}?$top=1"), Value::Null).await;
    let second = client.ok("GET", first["@odata.nextLink"].as_str().unwrap(), Value::Null).await;
    assert_eq!(second["value"][0]["principalType"], "User");
    let one = format!("{url}/{}", made["id"].as_str().unwrap());
    client.ok("GET", &one, Value::Null).await;
    client.ok("DELETE", &one, Value::Null).await;
    let (status, _, message) = client.refused("DELETE", &one, Value::Null).await;
    assert_eq!((status, message.as_str()), (400, "EntitlementGrant being updated or deleted is not found."));
}

#[tokio::test]
async fn assignments_fail_with_two_messages_until_the_roles_of_a_new_application_replicate() {
    let client = Client::new(1.0, agents(1), |behaviour| behaviour.replication_seconds = 0.0);
    let (_, principal, _) = client.instantiate("Connect").await;
    let url = format!("/servicePrincipals/{principal}/appRoleAssignedTo");
    let role = role(&client, &principal, "msiam_access").await;
    let body = json!({"principalId": AGENTS, "resourceId": principal, "appRoleId": role});
    for wording in ["Not a valid reference update.", "was not found on application"] {
        let (status, code, message) = client.refused("POST", &url, body.clone()).await;
        assert_eq!((status, code.as_str()), (400, "Request_BadRequest"));
        assert!(message.ends_with(wording), "{message}");
        client.clock.advance(11.0);
    }
    client.ok("POST", &url, body).await;
}

#[tokio::test]
async fn an_assignment_also_requires_the_permission_to_read_applications() {
    let role = "AppRoleAssignment.ReadWrite.All";
    let client = Client::new(0.0, agents(1), |behaviour| behaviour.roles = vec![role.into()]);
    let body = json!({"principalId": AGENTS, "resourceId": CLIENT, "appRoleId": CLIENT});
    let url = format!("/servicePrincipals/{CLIENT}/appRoleAssignedTo");
    assert_eq!(client.call("POST", &url, body).await.0, 403);
}

#[tokio::test]
async fn only_users_and_security_enabled_groups_can_be_assigned() {
    let device = "dddddddd-0000-4000-8000-000000000001";
    let tenant = json!({"groups": [{"id": AGENTS, "displayName": "List", "securityEnabled": false,
        "members": [{"@odata.type": "#microsoft.graph.device", "id": device}]}]});
    let client = Client::new(0.0, tenant, |_| {});
    let (_, principal, _) = client.instantiate("Connect").await;
    let role = role(&client, &principal, "User").await;
    for who in [AGENTS, device] {
        let body = json!({"principalId": who, "resourceId": principal, "appRoleId": role});
        let url = format!("/servicePrincipals/{principal}/appRoleAssignedTo");
        assert_eq!(client.call("POST", &url, body).await.0, 400);
    }
}
