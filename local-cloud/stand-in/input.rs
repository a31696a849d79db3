//! The input of an operation by member name. Whether a member was sent in the path, the query or the body of the HTTP
//! request makes no difference.

use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::stand_in::aws_error::{Answer, Refusal};

/// The input members of one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Input(pub(crate) Map<String, Value>);

impl Input {
    /// The text of a member. `None` if the member is missing or empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// The text of a required member.
    pub(crate) fn need(&self, name: &str) -> Result<&str, Refusal> {
        self.text(name).ok_or_else(|| Refusal::invalid_request(format!("The request must have a {name}.")))
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.0.get(name).and_then(Value::as_bool)
    }

    pub(crate) fn number(&self, name: &str) -> Option<f64> {
        self.0.get(name).and_then(Value::as_f64)
    }

    /// The page size that the caller requests, restricted to the limits of the operation.
    pub(crate) fn page_size(&self, usual: usize, most: usize) -> usize {
        let asked = self.0.get("MaxResults").or_else(|| self.0.get("maxResults")).and_then(Value::as_u64);
        asked.and_then(|asked| usize::try_from(asked).ok()).unwrap_or(usual).clamp(1, most)
    }

    pub(crate) fn texts(&self, name: &str) -> Vec<&str> {
        self.0.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
    }

    pub(crate) fn object(&self, name: &str) -> Option<&Map<String, Value>> {
        self.0.get(name).and_then(Value::as_object)
    }
}

/// A response with these members.
pub(crate) fn answer(members: Value) -> Answer {
    match members {
        Value::Object(members) => Ok(members),
        _ => Ok(Map::new()),
    }
}

/// A response without members.
pub(crate) fn nothing() -> Answer {
    Ok(Map::new())
}

/// A time in the format of AWS's JSON protocols: seconds since 1970, with a fraction.
pub(crate) fn epoch(at: OffsetDateTime) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit a double's 53 bits for 280,000 years")]
    let seconds = (at.unix_timestamp_nanos() / 1_000_000) as f64 / 1000.0;
    Value::from(seconds)
}
