//! Determines the service and the operation of a request on the AWS port.

use crate::stand_in::aws_error::Protocol;
use crate::stand_in::http::Request;

/// The service name that the stand-in uses for requests for the public documents of the account's web identity token
/// issuer. AWS has no service model for these requests.
pub(crate) const ISSUER: &str = "tokens.sts";

/// The destination of a request on the AWS port: service, operation and protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Destination {
    /// The service name in the request signature: `connect`, `servicequotas`, `iam`, …; `unknown` if the request is
    /// unsigned.
    pub(crate) service: String,
    /// The operation name if the request contains it, otherwise the request's method and path.
    pub(crate) operation: String,
    /// The protocol of the service.
    pub(crate) protocol: Protocol,
}

/// Reads a request's destination from its signature, target header, form or path.
pub(crate) fn destination(request: &Request) -> Destination {
    let target = request.header("x-amz-target");
    let action = action(request);
    let service = signed_service(request).unwrap_or_else(|| match (target, action.as_deref()) {
        (Some(target), _) if target.starts_with("ServiceQuotas") => "servicequotas".into(),
        (Some(target), _) if target.starts_with("AWSSupport") => "support".into(),
        // These two operations are called without AWS credentials, because the token or assertion in the request is the
        // credential.
        (_, Some("AssumeRoleWithSAML" | "AssumeRoleWithWebIdentity")) => "sts".into(),
        // A request for a public document of the account's token issuer.
        _ if request.header("host").is_some_and(|host| host.contains(".tokens.sts.")) => ISSUER.into(),
        _ if request.header("host").is_some_and(|host| host.contains(".lambda-url.")) => "lambda-url".into(),
        _ => "unknown".into(),
    });
    let protocol = match (target, action.as_ref()) {
        (Some(_), _) => Protocol::Json,
        (_, Some(_)) => Protocol::Query,
        _ if service == "s3" => Protocol::S3,
        _ => Protocol::RestJson,
    };
    let named = target.map(|target| target.rsplit('.').next().unwrap_or(target).to_owned()).or(action);
    let operation = named.unwrap_or_else(|| format!("{} {}", request.method, request.path));
    Destination { service, operation, protocol }
}

/// The service in the credential scope of a signed or presigned request.
fn signed_service(request: &Request) -> Option<String> {
    scope(request).map(|[_, service]| service)
}

/// The Region in the credential scope of a signed or presigned request.
pub(crate) fn signed_region(request: &Request) -> Option<String> {
    scope(request).map(|[region, _]| region)
}

/// Region and service in the credential scope, `…/date/REGION/SERVICE/aws4_request`.
fn scope(request: &Request) -> Option<[String; 2]> {
    let credential = match request.header("authorization") {
        Some(header) => header.split("Credential=").nth(1)?.split([',', ' ']).next()?,
        None => request.query("X-Amz-Credential")?,
    };
    let mut parts = credential.rsplit('/');
    (parts.next()? == "aws4_request").then_some(())?;
    let (service, region) = (parts.next()?, parts.next()?);
    Some([region.to_owned(), service.to_owned()])
}

/// The `Action` of a query-protocol request.
fn action(request: &Request) -> Option<String> {
    let form = request.header("content-type").is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    let in_body = || form_value(&request.body, "Action");
    request.query("Action").map(str::to_owned).or_else(|| if form { in_body() } else { None })
}

/// The value of a form field.
pub(crate) fn form_value(body: &[u8], name: &str) -> Option<String> {
    form_urlencoded::parse(body).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&str, &str)], body: &str) -> Request {
        Request {
            method: "POST".into(),
            path: "/".into(),
            query: Vec::new(),
            headers: headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            body: body.into(),
        }
    }

    #[test]
    fn the_signature_names_the_service_and_the_target_the_operation() {
        let scope =
            "AWS4-HMAC-SHA256 Credential=test/20261122/us-east-1/servicequotas/aws4_request, SignedHeaders=host";
        let found = destination(&request(
            &[("authorization", scope), ("x-amz-target", "ServiceQuotasV20190624.GetServiceQuota")],
            "{}",
        ));
        assert_eq!((found.service.as_str(), found.operation.as_str()), ("servicequotas", "GetServiceQuota"));
        assert_eq!(found.protocol, Protocol::Json);
    }

    #[test]
    fn a_sign_in_by_assertion_needs_no_signature() {
        let form = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
        let found = destination(&request(&form, "Action=AssumeRoleWithSAML&Version=2011-06-15"));
        assert_eq!((found.service.as_str(), found.protocol), ("sts", Protocol::Query));
    }
}
