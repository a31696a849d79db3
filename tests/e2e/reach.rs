//! Direct access to both clouds, for actions that an administrator would take in Entra's portal or in IAM.

use local_cloud::cloud::administrator;
use serde_json::{Value, json};

use super::{common::http, kept::Cloud};

impl Cloud {
    /// Rehearses a sign-in through Entra to Connect.
    pub(crate) async fn sign_in(&self, application: &str, user: &str) -> Value {
        self.admin("POST", "sign-in", &json!({ "application": application, "user": user })).await
    }

    /// Calls Microsoft Graph; the call must succeed.
    pub(crate) async fn graph(&self, method: &str, path: &str, body: &Value) -> Value {
        let secret = administrator();
        let form = [
            ("client_id", secret["clientId"].as_str().unwrap()),
            ("client_secret", secret["clientSecret"].as_str().unwrap()),
            ("grant_type", "client_credentials"),
            ("scope", "https://graph.microsoft.com/.default"),
        ];
        let url = format!("{}/{}/oauth2/v2.0/token", self.kept.login_url, secret["tenantId"].as_str().unwrap());
        let token: Value = http().post(url).form(&form).send().await.unwrap().json().await.unwrap();
        let mut request = http().request(method.parse().unwrap(), format!("{}/v1.0{path}", self.kept.graph_url));
        request = request.bearer_auth(token["access_token"].as_str().unwrap());
        if !body.is_null() {
            request = request.json(body);
        }
        let answer = request.send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// The federation metadata of an application.
    pub(crate) async fn metadata(&self, app_id: &str) -> String {
        let tenant = administrator()["tenantId"].as_str().unwrap().to_owned();
        let path = format!("{tenant}/federationmetadata/2007-06/federationmetadata.xml?appid={app_id}");
        let answer = http().get(format!("{}/{path}", self.kept.login_url)).send().await.unwrap();
        answer.text().await.unwrap()
    }

    /// Calls IAM; the call must succeed.
    pub(crate) async fn iam(&self, form: &[(&str, &str)]) -> String {
        let (succeeded, text) = self.iam_attempt(form).await;
        assert!(succeeded, "{form:?}: {text}");
        text
    }

    /// Calls IAM. Returns whether the call succeeded, and the response.
    pub(crate) async fn iam_attempt(&self, form: &[(&str, &str)]) -> (bool, String) {
        let scope =
            "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0";
        let form: Vec<(&str, &str)> = form.iter().copied().chain([("Version", "2010-05-08")]).collect();
        let request = http().post(&self.kept.stand_in).header("authorization", scope).form(&form);
        let answer = request.send().await.unwrap();
        (answer.status().is_success(), answer.text().await.unwrap())
    }
}
