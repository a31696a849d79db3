//! Actions that an administrator would take in Entra's portal, and the stand-in's administration API.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use local_cloud::cloud::administrator;
use serde_json::{Value, json};
use test_support::http;

use super::Cloud;

/// The quota code for the number of Connect instances in an account.
const INSTANCES: &str = "L-AA17A6B9";

impl Cloud {
    /// All objects that exist in the local cloud, each in the format of its service.
    pub(crate) async fn inventory(&self) -> Value {
        self.admin("GET", "inventory", &Value::Null).await
    }

    /// The instance of an alias in the inventory.
    pub(crate) async fn find_instance(&self, alias: &str) -> Option<Value> {
        let instances = self.inventory().await["connect"]["instances"].as_array().unwrap().clone();
        instances.into_iter().find(|instance| instance["InstanceAlias"] == alias)
    }

    /// The instance of an alias in the inventory. Panics if the instance does not exist.
    pub(crate) async fn instance(&self, alias: &str) -> Value {
        self.find_instance(alias).await.unwrap_or_else(|| panic!("there is no instance {alias}"))
    }

    /// The enterprise application of an alias in the inventory.
    pub(crate) async fn application(&self, alias: &str) -> Value {
        self.application_named(&format!("Amazon Connect {alias}")).await
    }

    /// The enterprise application with a display name in the inventory.
    pub(crate) async fn application_named(&self, name: &str) -> Value {
        let applications = self.inventory().await["graph"]["servicePrincipals"].as_array().unwrap().clone();
        let found = applications.into_iter().find(|principal| principal["displayName"] == name);
        found.unwrap_or_else(|| panic!("there is no application {name}"))
    }

    pub(crate) async fn add_member(&self, group: &str, member: &Value) {
        self.admin("POST", "members/add", &json!({ "group": group, "member": member })).await;
    }

    pub(crate) async fn remove_member(&self, group: &str, member_id: &str) {
        self.admin("POST", "members/remove", &json!({ "group": group, "memberId": member_id })).await;
    }

    /// Adds a fault rule, or a list of rules.
    pub(crate) async fn fault(&self, rule: &Value) {
        self.admin("POST", "fault", rule).await;
    }

    /// Sets an applied quota value of the account.
    pub(crate) async fn set_quota(&self, code: &str, value: usize) {
        self.admin("POST", "quota", &json!({ "code": code, "value": value })).await;
    }

    /// Sets the number of Connect instances that the account may have.
    pub(crate) async fn allow_instances(&self, number: usize) {
        self.set_quota(INSTANCES, number).await;
    }

    /// The same as [`Self::allow_instances`], for the code that creates a shared cloud outside the async runtime of a
    /// test.
    pub(crate) fn allow_instances_blocking(&self, number: usize) {
        let address = self.addresses.stand_in.trim_start_matches("http://");
        let body = json!({ "code": INSTANCES, "value": number }).to_string();
        let head = format!("host: {address}\r\nconnection: close\r\ncontent-length: {}", body.len());
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "POST /_admin/quota HTTP/1.1\r\n{head}\r\n\r\n{body}").unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    }

    /// Ends a Graph subscription as if the subscription had expired.
    pub(crate) async fn unsubscribe(&self, id: &str) {
        self.admin("POST", "subscriptions/end", &json!({ "id": id })).await;
    }

    /// Makes a test sign-in through Entra to Connect.
    pub(crate) async fn sign_in(&self, application: &str, user: &str) -> Value {
        self.admin("POST", "sign-in", &json!({ "application": application, "user": user })).await
    }

    /// Calls Microsoft Graph with the administrator's application; the call must succeed.
    pub(crate) async fn graph(&self, method: &str, path: &str, body: &Value) -> Value {
        let secret = administrator();
        let form = [
            ("client_id", secret["clientId"].as_str().unwrap()),
            ("client_secret", secret["clientSecret"].as_str().unwrap()),
            ("grant_type", "client_credentials"),
            ("scope", "https://graph.microsoft.com/.default"),
        ];
        let url = format!("{}/{}/oauth2/v2.0/token", self.addresses.login_url, secret["tenantId"].as_str().unwrap());
        let token: Value = http().post(url).form(&form).send().await.unwrap().json().await.unwrap();
        let mut request = http().request(method.parse().unwrap(), format!("{}/v1.0{path}", self.addresses.graph_url));
        request = request.bearer_auth(token["access_token"].as_str().unwrap());
        if !body.is_null() {
            request = request.json(body);
        }
        let response = request.send().await.unwrap();
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert!(status.is_success(), "{method} {path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// The federation metadata of an application.
    pub(crate) async fn metadata(&self, app_id: &str) -> String {
        let tenant = administrator()["tenantId"].as_str().unwrap().to_owned();
        let path = format!("{tenant}/federationmetadata/2007-06/federationmetadata.xml?appid={app_id}");
        http().get(format!("{}/{path}", self.addresses.login_url)).send().await.unwrap().text().await.unwrap()
    }
}
