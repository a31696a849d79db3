//! Rotates signing certificates while users sign in. Although functions and executions are killed, no sign-in fails,
//! and exactly one certificate remains.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};

use super::{cloud::Cloud, common::local};

const MACHINE: &str = "RotateCertificateStateMachineArn";

/// An onboarded instance in a local cloud whose clock scale shortens the hours between the steps of a rotation to
/// seconds.
struct Fixture {
    cloud: Arc<Cloud>,
    app_id: String,
    principal: String,
    user: String,
}

impl Fixture {
    async fn start() -> Self {
        let mut command = local();
        command.args(["--keep", "--users", "3", "--input", "examples/smallest.json", "--clock-scale", "0.0005"]);
        let cloud = Cloud::of(&command, tempfile::tempdir().unwrap());
        let inventory = cloud.inventory().await;
        let principal = &inventory["graph"]["servicePrincipals"][0];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            app_id: text(&principal["appId"]),
            principal: text(&principal["id"]),
            user: text(&inventory["connect"]["instances"][0]["users"][0]["Tags"]["entra-object-id"]),
            cloud: Arc::new(cloud),
        }
    }

    /// Signs in continuously until stopped. The task returns the number of successful sign-ins.
    fn sign_in_all_the_time(&self) -> (Arc<AtomicBool>, tokio::task::JoinHandle<usize>) {
        let (stop, cloud) = (Arc::new(AtomicBool::new(false)), Arc::clone(&self.cloud));
        let (until, app_id, user) = (Arc::clone(&stop), self.app_id.clone(), self.user.clone());
        let signing_in = tokio::spawn(async move {
            let mut times = 0;
            while !until.load(Ordering::Relaxed) {
                let outcome = cloud.sign_in(&app_id, &user).await;
                assert_eq!(outcome["signedIn"], true, "{outcome}");
                times += 1;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            times
        });
        (stop, signing_in)
    }

    async fn rotate(&self, input: Value) -> Value {
        let output = self.cloud.run(MACHINE, &input).await;
        assert_eq!(output["instances"].as_array().unwrap().len(), 1);
        output["instances"][0].clone()
    }

    /// The thumbprint of the active certificate. Asserts that Entra has no other certificate, and that IAM trusts no
    /// other certificate.
    async fn only_certificate(&self) -> String {
        let path =
            format!("/servicePrincipals/{}?$select=keyCredentials,preferredTokenSigningKeyThumbprint", self.principal);
        let principal = self.cloud.graph("GET", &path, &Value::Null).await;
        let keys = principal["keyCredentials"].as_array().unwrap();
        assert_eq!(keys.len(), 2, "one certificate has two key credentials: {principal}");
        let der = keys.iter().find_map(|key| key["key"].as_str()).unwrap();
        let inventory = self.cloud.inventory().await;
        let metadata = inventory["iam"]["samlProviders"][0]["SAMLMetadataDocument"].as_str().unwrap();
        let trusted: Vec<&str> =
            metadata.split("<X509Certificate>").skip(1).map(|rest| rest.split('<').next().unwrap()).collect();
        assert!(trusted.iter().all(|one| *one == der), "IAM trusts another certificate");
        principal["preferredTokenSigningKeyThumbprint"].as_str().unwrap().to_owned()
    }

    /// Kills the function before and after each of its changes.
    async fn kill_each_change(&self) {
        let changes = [
            ("dynamodb", "UpdateItem", 2),
            ("graph", "POST .*/addTokenSigningCertificate", 1),
            ("iam", "UpdateSAMLProvider", 2),
            ("graph", "PATCH /v1.0/servicePrincipals/", 2),
        ];
        for (service, operation, times) in changes {
            for kill in ["before", "after"] {
                for turn in 0..times {
                    let rule =
                        json!({ "service": service, "match": operation, "kill": kill, "after": turn, "times": 1 });
                    self.cloud.fault(&rule).await;
                }
            }
        }
    }

    async fn calls(&self, operation: &str) -> usize {
        let calls = self.cloud.admin("GET", "calls", &Value::Null).await;
        calls.as_array().unwrap().iter().filter(|call| call["operation"].as_str().unwrap().contains(operation)).count()
    }
}

#[tokio::test]
async fn rotation_never_interrupts_sign_ins_although_functions_and_executions_are_killed() {
    let fixture = Fixture::start().await;
    let first = fixture.only_certificate().await;
    let (stop, signing_in) = fixture.sign_in_all_the_time();

    // A scheduled rotation does nothing, because the certificate is valid for three years.
    let rotation = fixture.rotate(json!({})).await;
    assert_eq!((&rotation["status"], &rotation["thumbprint"]), (&json!("NOT_DUE"), &json!(first)));
    assert_eq!(fixture.only_certificate().await, first);

    fixture.kill_each_change().await;
    let rotation = fixture.rotate(json!({ "force": true })).await;
    assert_eq!(rotation["status"], "ROTATED", "{rotation}");
    let mut active = fixture.only_certificate().await;
    assert_ne!(active, first);
    assert_eq!(rotation["thumbprint"], json!(active));
    assert_eq!(
        fixture.calls("addTokenSigningCertificate").await,
        3,
        "the onboarding, the killed attempt and its retry"
    );

    // The whole execution is stopped after each step, and between the two parts of the last step. The next execution
    // must not create a third certificate.
    let reads = "GET /v1.0/servicePrincipals/";
    for (service, operation, after) in
        [("graph", reads, 1), ("graph", reads, 2), ("graph", reads, 3), ("iam", "UpdateSAMLProvider", 1)]
    {
        let rule = json!({ "service": service, "match": operation, "kill": "before", "after": after, "times": 7 });
        fixture.cloud.fault(&rule).await;
        let died = fixture.cloud.end_of(&fixture.cloud.start(MACHINE, &json!({ "force": true })).await).await;
        assert_eq!(died.status, "FAILED", "{service} {operation} {after}: {}", died.output);
        let rotation = fixture.rotate(json!({ "force": true })).await;
        assert_eq!(rotation["status"], if service == "iam" { "NOT_DUE" } else { "ROTATED" }, "{rotation}");
        let now = fixture.only_certificate().await;
        assert_ne!(now, active, "{service} {operation} {after}");
        active = now;
    }

    // Two simultaneous rotations add one certificate.
    let before = fixture.calls("addTokenSigningCertificate").await;
    let both = [json!({ "force": true }), json!({ "force": true })];
    let (one, other) = tokio::join!(fixture.rotate(both[0].clone()), fixture.rotate(both[1].clone()));
    let statuses = [&one["status"], &other["status"]];
    assert!(statuses.contains(&&json!("ROTATED")), "{statuses:?}");
    assert_eq!(fixture.calls("addTokenSigningCertificate").await, before + 1, "{statuses:?}");
    active = fixture.only_certificate().await;
    // If Entra denies the request, nothing changes and a notification is sent.
    let notifications = fixture.calls("Publish").await;
    let denied = json!({ "service": "graph", "match": "addTokenSigningCertificate", "status": 403, "code": "Authorization_RequestDenied" });
    fixture.cloud.fault(&denied).await;
    let rotation = fixture.rotate(json!({ "force": true })).await;
    assert_eq!(rotation["status"], "NEEDS_PERSON");
    assert!(rotation["detail"].as_str().unwrap().contains("Application.ReadWrite.All"), "{rotation}");
    assert_eq!((fixture.only_certificate().await, fixture.calls("Publish").await), (active, notifications + 1));

    stop.store(true, Ordering::Relaxed);
    assert!(signing_in.await.unwrap() > 100);
    assert_eq!(fixture.cloud.admin("GET", "violations", &Value::Null).await, json!([]));
}
