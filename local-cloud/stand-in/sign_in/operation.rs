//! The operation `AssumeRoleWithSAML` of STS. The emulator does not support this operation.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use super::{
    assertion::Assertion,
    exchange::{self, Pair, Rejection, Session},
};
use crate::stand_in::{
    aws_error::{Protocol, Refusal, escape},
    front::Cloud,
    http::{Request, Response},
};

/// The session durations that STS accepts, and the default duration, in seconds.
const DURATIONS: std::ops::RangeInclusive<u64> = 900..=43_200;
const DEFAULT_DURATION: u64 = 3600;

type Form = BTreeMap<String, String>;

/// Handles an `AssumeRoleWithSAML` request.
pub(crate) async fn serve(cloud: &Cloud, request: &Request) -> Response {
    let form: Form = form_urlencoded::parse(&request.body).into_owned().chain(request.query.iter().cloned()).collect();
    match assume(cloud, &form).await {
        Ok((body, expires)) => {
            cloud.authority.assumed(&body, &form, expires);
            Response::new(200, "text/xml", body)
        }
        Err(Rejection { status, code, message }) => {
            // The operation has no error code for invalid metadata. Only the sign-in page shows the codes `AuthSaml…`.
            let code = if code.starts_with("AuthSaml") { "InvalidIdentityToken" } else { code };
            Refusal::new(status, code, message).answer(Protocol::Query)
        }
    }
}

/// The response body and the expiration of the credentials in it.
async fn assume(cloud: &Cloud, form: &Form) -> Result<(String, OffsetDateTime), Rejection> {
    let invalid = |text: &str| Rejection::new("ValidationError", format!("1 validation error detected: {text}"));
    let need = |name: &str| form.get(name).cloned().ok_or_else(|| invalid(&format!("{name} is required")));
    let pair = Pair { role: need("RoleArn")?, provider: need("PrincipalArn")? };
    let seconds = form.get("DurationSeconds").map_or(Some(DEFAULT_DURATION), |text| text.parse().ok());
    let seconds = seconds
        .filter(|seconds| DURATIONS.contains(seconds))
        .ok_or_else(|| invalid("Value at 'durationSeconds' must be between 900 and 43200"))?;
    let token = |message: &str| Rejection::new("InvalidIdentityToken", message);
    let response = STANDARD.decode(need("SAMLAssertion")?).map_err(|_| token("Invalid base64 SAMLResponse"))?;
    let response = String::from_utf8(response).map_err(|_| token("Invalid base64 SAMLResponse"))?;
    let assertion = Assertion::read(&response).map_err(|_| token("Invalid SAML response"))?;
    if !Pair::all(&assertion).contains(&pair) {
        return Err(Rejection::not_authorized());
    }
    let documents: Vec<String> = cloud.iam.sign_in_metadata_of_one_endpoint(&pair.provider).await.into_iter().collect();
    let session = exchange::session(cloud, &response, &assertion, &pair, &documents).await?;
    if seconds > exchange::longest(&session.role) {
        return Err(exchange::too_long());
    }
    let expires = OffsetDateTime::now_utc() + time::Duration::seconds(seconds.cast_signed());
    Ok((body(&session, &assertion, expires), expires))
}

fn body(session: &Session, assertion: &Assertion, expires: OffsetDateTime) -> String {
    let text = |name| exchange::text(&session.role, name);
    let account = text("Arn").split(':').nth(4).unwrap_or_default();
    let arn = format!("arn:aws:sts::{account}:assumed-role/{}/{}", text("RoleName"), session.name);
    let random = || Uuid::new_v4().simple().to_string();
    let key = random().to_ascii_uppercase();
    let (secret, token, id) = (random() + &random(), random() + &random(), Uuid::new_v4());
    let expiration = expires.replace_nanosecond(0).unwrap_or(expires).format(&Rfc3339).unwrap_or_default();
    let [audience, issuer, subject, kind, qualifier] =
        [&assertion.recipient, &assertion.issuer, &assertion.subject, &assertion.subject_type, &session.name_qualifier]
            .map(|value| escape(value));
    format!(
        "<AssumeRoleWithSAMLResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleWithSAMLResult>\
         <Credentials><AccessKeyId>ASIA{}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>\
         <SessionToken>{token}</SessionToken><Expiration>{expiration}</Expiration></Credentials>\
         <AssumedRoleUser><AssumedRoleId>{}:{}</AssumedRoleId><Arn>{arn}</Arn></AssumedRoleUser>\
         <Audience>{audience}</Audience><Issuer>{issuer}</Issuer><Subject>{subject}</Subject>\
         <SubjectType>{kind}</SubjectType><NameQualifier>{qualifier}</NameQualifier>\
         </AssumeRoleWithSAMLResult><ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata>\
         </AssumeRoleWithSAMLResponse>",
        &key[..16],
        text("RoleId"),
        session.name,
    )
}
