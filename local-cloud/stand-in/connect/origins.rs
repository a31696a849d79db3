//! The approved origins of an instance: the websites that may embed the Contact Control Panel.

use serde_json::json;

use super::{Instance, bad_token};
use crate::stand_in::aws_error::{Answer, Refusal};
use crate::stand_in::input::{Input, answer, nothing};
use crate::stand_in::paging::page;
use crate::stand_in::world::Setting;

/// An approved origin, with the client token of the request that added it.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) url: String,
    token: Option<String>,
}

/// Whether Connect accepts an origin. An origin consists of the scheme HTTPS, a host, and a port unless the port is the
/// default port ("Allowlisting" in the documentation of Amazon Connect Streams).
fn is_origin(origin: &str) -> bool {
    let Some(authority) = origin.strip_prefix("https://") else { return false };
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    let is_host = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
    is_host && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

/// Adds an approved origin. If the origin is already approved, the request succeeds only if it has the client token of
/// the earlier request. Otherwise it fails with `ResourceConflictException`, which the service model lists for this
/// operation.
pub(super) fn associate(instance: &mut Instance, input: &Input) -> Answer {
    let (url, token) = (input.need("Origin")?, input.text("ClientToken"));
    if !is_origin(url) {
        return Err(Refusal::invalid_parameter(format!("The origin {url} is not valid.")));
    }
    match instance.origins.iter().find(|origin| origin.url == url) {
        Some(known) if token.is_some() && known.token.as_deref() == token => nothing(),
        Some(_) => Err(Refusal::new(409, "ResourceConflictException", "The origin is already associated.")),
        None => {
            instance.origins.push(Origin { url: url.to_owned(), token: token.map(str::to_owned) });
            nothing()
        }
    }
}

pub(super) fn list(setting: &Setting, instance: &Instance, input: &Input) -> Answer {
    let all = (1..).zip(instance.origins.iter().map(|origin| json!(origin.url)));
    let scope = format!("ListApprovedOrigins {}", instance.id);
    let (found, next) =
        page(all, &scope, input.text("NextToken"), input.page_size(25, 25), setting.paging(), bad_token)?;
    let mut shape = json!({ "Origins": found });
    if let Some(next) = next {
        shape["NextToken"] = json!(next);
    }
    answer(shape)
}

pub(super) fn disassociate(instance: &mut Instance, input: &Input) -> Answer {
    let url = input.need("Origin")?;
    let Some(found) = instance.origins.iter().position(|origin| origin.url == url) else {
        return Err(Refusal::not_found("The origin was not found."));
    };
    instance.origins.remove(found);
    nothing()
}
