//! The `Retry-After` header of Microsoft's responses.
//!
//! RFC 9110 allows an integer number of seconds or an HTTP date. Graph also sends two numbers in one header (`30,120`:
//! <https://github.com/microsoftgraph/msgraph-sdk-python/issues/1159>), and gateways also send decimal numbers.

use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, HeaderValue, RETRY_AFTER};
use time::{OffsetDateTime, format_description::well_known::Rfc2822};

/// The wait if the `Retry-After` header can't be parsed. This wait is long, because Graph also counts a retry that is
/// sent too early against the quota.
const UNREADABLE: Duration = Duration::from_secs(60);
/// The maximum wait that is accepted from a header. Graph requests only waits of up to several minutes.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Returns the wait that the headers of a response request, or `None` if there is no `Retry-After` header.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let mut values = headers.get_all(RETRY_AFTER).iter().peekable();
    values.peek()?;
    // The date in `Retry-After` refers to the server's clock, which may differ from the local clock.
    let now = headers.get(DATE).and_then(date).unwrap_or_else(OffsetDateTime::now_utc);
    Some(values.find_map(|value| wait(value, now)).unwrap_or(UNREADABLE).min(LONGEST))
}

fn wait(value: &HeaderValue, now: OffsetDateTime) -> Option<Duration> {
    if let Some(until) = date(value) {
        // If the date is in the past, the wait is zero.
        return Some(Duration::try_from(until - now).unwrap_or_default());
    }
    let first = value.to_str().ok()?.split([',', ';']).next()?.trim();
    // `parse` also accepts "inf", "nan" and "1e9", which are not valid in this header.
    let number = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    Duration::try_from_secs_f64(first.parse().ok().filter(|_| number)?).ok()
}

/// Parses an HTTP date. The `time` crate has no constant for this format, but its RFC 2822 parser accepts it.
fn date(value: &HeaderValue) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(value.to_str().ok()?.trim(), &Rfc2822).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(values: &[&'static str]) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.append(DATE, HeaderValue::from_static("Mon, 30 Nov 2026 03:00:00 GMT"));
        for value in values {
            headers.append(RETRY_AFTER, HeaderValue::from_static(value));
        }
        retry_after(&headers)
    }

    #[test]
    fn every_known_form_of_the_header_is_parsed() {
        for (values, wait) in [
            (&["7"][..], Duration::from_secs(7)),
            (&[" 7 "], Duration::from_secs(7)),
            (&["30,120"], Duration::from_secs(30)),
            (&["30, 120"], Duration::from_secs(30)),
            (&["1.5"], Duration::from_millis(1500)),
            (&["0"], Duration::ZERO),
            (&["Mon, 30 Nov 2026 03:00:09 GMT"], Duration::from_secs(9)),
            (&["Mon, 30 Nov 2026 02:59:00 GMT"], Duration::ZERO),
            (&["soon", "4"], Duration::from_secs(4)),
        ] {
            assert_eq!(asked(values), Some(wait), "{values:?}");
        }
    }

    #[test]
    fn an_unreadable_header_causes_a_long_wait_and_a_missing_one_none() {
        for value in ["soon", "", "-5", "inf", "nan", "1e3", "1.2.3", ","] {
            assert_eq!(asked(&[value]), Some(UNREADABLE), "{value}");
        }
        assert_eq!(asked(&["99999999999999999999999"]), Some(UNREADABLE), "the value is too large for a Duration");
        assert_eq!(asked(&["99999999"]), Some(LONGEST));
        assert_eq!(asked(&[]), None);
    }
}
