//! Handles the user access URL of an application, `/api/signin/{appId}?tenantId=…`. Signs a user in and returns the
//! page with which the browser posts the SAML response. In the local cloud, users have no passwords. The page asks for
//! the username. A cookie then keeps the user signed in, as an Entra session does.

use std::sync::atomic::Ordering;

use base64::{Engine, engine::general_purpose::STANDARD};

use super::Graph;
use crate::stand_in::{
    aws_error::escape,
    http::{Request, Response},
};

/// The name of the cookie that contains the username of the signed-in user.
const COOKIE: &str = "signed-in-user";

/// Handles a request for the user access URL.
pub(super) fn answer(graph: &Graph, app_id: &str, request: &Request) -> Response {
    if !request.query("tenantId").is_some_and(|tenant| graph.is_tenant(tenant)) {
        return page(400, "<p>AADSTS90002: The tenant was not found.</p>");
    }
    let Some(user) = request.query("login_hint").map(str::to_owned).or_else(|| signed_in(request)) else {
        let tenant = escape(request.query("tenantId").unwrap_or_default());
        return page(
            200,
            &format!(
                "<form><input type=\"hidden\" name=\"tenantId\" value=\"{tenant}\"><label>User principal name \
                 <input name=\"login_hint\" autofocus></label> <button>Sign in</button></form>"
            ),
        );
    };
    let responses = match graph.saml_responses(app_id, &user) {
        Ok(responses) => responses,
        Err(refusal) => return page(400, &format!("<p>{}</p>", escape(refusal.message()))),
    };
    // After a change, successive sign-ins reach replicas with the old and with the new settings in turn.
    let turn = graph.sign_ins.fetch_add(1, Ordering::Relaxed);
    let Some(posted) = responses.get(turn % responses.len().max(1)) else {
        return page(500, "<p>There is no response.</p>");
    };
    let field =
        |name: &str, value: &str| format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escape(value));
    let form = format!(
        "<form method=\"post\" action=\"{}\">{}{}</form><script>document.forms[0].submit()</script>",
        escape(&posted.reply_url),
        field("SAMLResponse", &STANDARD.encode(&posted.response)),
        field("RelayState", &posted.relay_state),
    );
    let session: String = form_urlencoded::byte_serialize(user.as_bytes()).collect();
    page(200, &form).with_header("set-cookie", format!("{COOKIE}={session}; Path=/; HttpOnly"))
}

/// The username that the cookie of a request contains.
fn signed_in(request: &Request) -> Option<String> {
    let cookies = request.header("cookie")?;
    let value = cookies.split(';').find_map(|cookie| cookie.trim().strip_prefix(COOKIE)?.strip_prefix('='))?;
    let decoded = percent_encoding::percent_decode_str(value).decode_utf8_lossy();
    Some(decoded.into_owned())
}

fn page(status: u16, body: &str) -> Response {
    let html = format!("<!DOCTYPE html><html><head><title>Sign in</title></head><body>{body}</body></html>");
    Response::new(status, "text/html; charset=utf-8", html)
}
