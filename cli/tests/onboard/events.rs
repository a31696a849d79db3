//! A change in Entra while a local run is at work: Graph's stand-in notifies the function URL, and the rest follows.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use super::{common::local, local::descendants};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// A run whose phone numbers take half a minute, so that it waits while people already sign in.
struct Waiting {
    child: Child,
    stand_in: String,
}

impl Waiting {
    fn start() -> Self {
        let arguments = ["--users", "3", "--input", "examples/tokyo-callcenter.json", "--clock-scale", "0.02"];
        let mut child = local().args(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut text = String::new();
        while !text.contains("✓ VerifySignIn") {
            assert!(lines.read_line(&mut text).unwrap() > 0, "ended by itself:\n{text}");
        }
        let environments =
            descendants(child.id()).into_iter().filter_map(|id| fs::read(format!("/proc/{id}/environ")).ok());
        let variables = environments.flat_map(|bytes| {
            bytes
                .split(|byte| *byte == 0)
                .map(|variable| String::from_utf8_lossy(variable).into_owned())
                .collect::<Vec<_>>()
        });
        let mut stand_in = variables
            .filter_map(|variable| variable.strip_prefix("AWS_ENDPOINT_URL_CONNECT=http://").map(ToOwned::to_owned));
        Self { stand_in: stand_in.next().unwrap(), child }
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream = TcpStream::connect(&self.stand_in).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            self.stand_in,
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
        serde_json::from_str(body).unwrap()
    }

    fn usernames(&self) -> Vec<String> {
        let inventory = self.ask("GET", "/_admin/inventory", &Value::Null);
        let users = inventory["connect"]["instances"][0]["users"].as_array().unwrap().clone();
        users.iter().map(|user| user["Username"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until a username is there.
    fn until_there(&self, username: &str) {
        let started = Instant::now();
        while !self.usernames().iter().any(|name| name == username) {
            assert!(started.elapsed() < Duration::from_secs(20), "{:?}", self.usernames());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
    }
}

#[test]
fn who_joins_a_group_in_entra_is_a_user_of_connect_within_seconds() {
    let run = Waiting::start();
    assert_eq!(run.usernames().len(), 3);
    let username = "newcomer@contoso.onmicrosoft.com";
    let member = json!({
        "@odata.type": "#microsoft.graph.user", "id": "00000000-0000-4000-8000-0000000000aa",
        "userPrincipalName": username, "givenName": "New", "surname": "Comer", "displayName": "New Comer",
        "mail": null, "accountEnabled": true, "userType": "Member",
    });
    run.ask("POST", "/_admin/members/add", &json!({ "group": "Support agents", "member": member }));
    run.until_there(username);
    assert_eq!(run.usernames().len(), 4);
}
