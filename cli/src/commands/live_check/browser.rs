//! Determines with which certificate Entra signs SAML responses. For this purpose, the operator signs in with a
//! browser. After each sign-in, the browser posts Entra's SAML response to this command, which listens on the loopback
//! address. The command only determines which certificate signed the response, and never logs or stores the response.

use std::time::Instant;

use axum::{Router, body::Bytes, extract::State, response::Html, routing::post};
use local_cloud::stand_in::signer;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use super::{
    Reading,
    clouds::Clouds,
    entra::{Application, activate},
};
use crate::{cloud::error::CommandError, ui::Console};

/// How long the command waits for each sign-in, in seconds.
const PATIENCE: f64 = 900.0;
/// The check activates the second certificate, and ignores all sign-ins during this number of seconds afterwards. If
/// the assumed reading is true, Entra signs the responses of all later sign-ins with the second certificate.
const SETTLED: f64 = 120.0;
/// Number of sign-ins that the check evaluates. One sign-in is not enough, because different servers of Entra could
/// sign with different certificates.
const SIGN_INS: usize = 8;
/// Interval at which the browser signs in again, in seconds.
const AGAIN: u32 = 10;

/// A SAML response, and the channel to which the check sends whether the browser must sign in again.
type Posted = (String, oneshot::Sender<bool>);

/// A local web server to which the browser posts SAML responses.
struct Receiver {
    server: JoinHandle<()>,
    posts: mpsc::Receiver<Posted>,
    reply_url: String,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Receiver {
    /// Starts the server. To a posted response, the server returns either a page that opens `sign_in_url` again, or a
    /// page with the text `done`.
    async fn start(sign_in_url: String, done: String) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        // For a reply URL, Entra accepts http only for the host name localhost.
        let reply_url = format!("http://localhost:{}/", listener.local_addr()?.port());
        let (sender, posts) = mpsc::channel(1);
        let pages = Pages { again: sign_in_url, done, sender };
        let app = Router::new().route("/", post(receive)).with_state(pages);
        let server = tokio::spawn(async move {
            // If the server stops, no response arrives, and the check ends without a result.
            let _ = axum::serve(listener, app).await;
        });
        Ok(Self { server, posts, reply_url })
    }

    /// The next SAML response. `None` if no response arrives in time.
    async fn next(&mut self, clouds: &Clouds, seconds: f64) -> Option<Posted> {
        tokio::select! {
            posted = self.posts.recv() => posted,
            () = clouds.pause(seconds) => None,
        }
    }
}

#[derive(Clone)]
struct Pages {
    again: String,
    done: String,
    sender: mpsc::Sender<Posted>,
}

async fn receive(State(pages): State<Pages>, body: Bytes) -> Html<String> {
    let response = form_urlencoded::parse(&body).find(|(name, _)| name == "SAMLResponse");
    let response = response.map(|(_, value)| value.into_owned()).unwrap_or_default();
    let (sender, continues) = oneshot::channel();
    let sent = pages.sender.send((response, sender)).await;
    if sent.is_ok() && continues.await.unwrap_or(false) {
        let url = pages.again.replace('&', "&amp;").replace('"', "&quot;");
        return Html(format!("<meta http-equiv=\"refresh\" content=\"{AGAIN}; url={url}\"><p>…</p>"));
    }
    Html(format!("<meta charset=\"utf-8\"><p>{}</p>", pages.done))
}

/// Waits for a first sign-in, and then activates the second certificate. Then determines which certificate signs the
/// responses that arrive at least two minutes later. The caller must have added both certificates to the application
/// and activated the first one.
pub(crate) async fn check(
    clouds: &Clouds,
    application: &Application,
    group: &str,
    [active, new]: [&Value; 2],
    console: &Console,
) -> Result<Reading, CommandError> {
    let words = clouds.words;
    let url = clouds.user_access_url(&application.app_id);
    let receiver = Receiver::start(url.clone(), words.sign_ins_done()).await;
    let mut receiver = receiver.map_err(|error| CommandError::input(error.to_string(), words.see_message()))?;
    let body = json!({ "web": { "redirectUris": [receiver.reply_url] } });
    let path = format!("/applications/{}", application.id);
    clouds.good("setting the reply URL", clouds.graph(Method::PATCH, &path, &body).await?)?;
    console.line(&words.open_in_browser(group));
    console.line(&format!("  {url}"));

    let certificates = [active, new].map(|certificate| certificate["key"].as_str().unwrap_or_default());
    let Some((response, again)) = receiver.next(clouds, PATIENCE).await else {
        return Ok(Reading::Unknown(words.no_sign_in()));
    };
    if signer(&response, &certificates).is_none() {
        return Ok(Reading::Unknown(words.unknown_signer()));
    }
    activate(clouds, &application.principal, new).await?;
    let activated = Instant::now();
    let _ = again.send(true);

    let mut counted = 0;
    while counted < SIGN_INS {
        let Some((response, again)) = receiver.next(clouds, PATIENCE).await else {
            return Ok(Reading::Unknown(words.no_sign_in()));
        };
        let signed_by = signer(&response, &certificates);
        if clouds.seconds_after(activated) >= SETTLED {
            counted += 1;
            match signed_by {
                Some(0) => return Ok(Reading::Other),
                Some(_) => {}
                None => return Ok(Reading::Unknown(words.unknown_signer())),
            }
        }
        let _ = again.send(counted < SIGN_INS);
    }
    Ok(Reading::Assumed)
}
