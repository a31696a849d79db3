//! Approved origins: the websites that may embed the Contact Control Panel (CCP) of an instance.

/// Maximum length of a host name, in characters (RFC 1035). With `https://` and a port of five digits, an origin has at
/// most 267 characters, the maximum that Amazon Connect allows.
const MAX_HOST: usize = 253;
/// Maximum length of a label in a host name. Dots separate the labels.
const MAX_LABEL: usize = 63;
/// The default port of HTTPS. The normal form of an origin does not contain this port.
const HTTPS_PORT: u16 = 443;

/// The reason why a string is not a valid origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginFault {
    /// The string does not begin with `https://`.
    NotHttps,
    /// The string contains a path, a query, a fragment or a username.
    NotOnlyOrigin,
    /// The string contains no valid host name.
    Host,
    /// The string contains no valid port.
    Port,
}

/// Converts an origin to its normal form: the scheme and the host in lower case, without the default port, and without
/// a slash at the end. An origin consists of a scheme, a host and a port, and must use HTTPS ("Allowlisting" in the
/// documentation of Amazon Connect Streams).
///
/// # Errors
/// If the string is not a valid origin.
pub fn normal_form(text: &str) -> Result<String, OriginFault> {
    let text = text.to_ascii_lowercase();
    let authority = text.strip_prefix("https://").ok_or(OriginFault::NotHttps)?;
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    if authority.contains(['/', '\\', '?', '#', '@']) {
        return Err(OriginFault::NotOnlyOrigin);
    }
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    if host.len() > MAX_HOST || !host.split('.').all(is_label) {
        return Err(OriginFault::Host);
    }
    match port.map(number).transpose()? {
        Some(port) if port != HTTPS_PORT => Ok(format!("https://{host}:{port}")),
        _ => Ok(format!("https://{host}")),
    }
}

fn is_label(label: &str) -> bool {
    let inner = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    inner && (1..=MAX_LABEL).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
}

fn number(port: &str) -> Result<u16, OriginFault> {
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit()) && !port.starts_with('0');
    port.parse().ok().filter(|_| is_number).ok_or(OriginFault::Port)
}

/// Whether two strings are the same origin. An administrator may have entered an origin in the console in a different
/// notation.
#[must_use]
pub fn same(one: &str, other: &str) -> bool {
    one == other || normal_form(one).is_ok_and(|one| normal_form(other) == Ok(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_normalized() {
        for (text, normal) in [
            ("https://crm.example.com", "https://crm.example.com"),
            ("HTTPS://CRM.example.com:443/", "https://crm.example.com"),
            ("https://crm.example.com:8443", "https://crm.example.com:8443"),
            ("https://localhost:3000", "https://localhost:3000"),
            ("https://xn--eckwd4c7c.example", "https://xn--eckwd4c7c.example"),
        ] {
            assert_eq!(normal_form(text).as_deref(), Ok(normal), "{text}");
            assert!(same(text, normal) && !same(text, "https://other.example"));
        }
        let longest = format!("https://{}:65535", ["a".repeat(63).as_str(); 3].join(".") + "." + &"a".repeat(61));
        assert_eq!((longest.len(), normal_form(&longest)), (267, Ok(longest.clone())));
    }

    #[test]
    fn a_text_that_is_not_an_https_origin_is_rejected_with_its_reason() {
        for (text, fault) in [
            ("http://crm.example.com", OriginFault::NotHttps),
            ("http://localhost:3000", OriginFault::NotHttps),
            ("crm.example.com", OriginFault::NotHttps),
            ("https:/crm.example.com", OriginFault::NotHttps),
            ("https://crm.example.com/desk", OriginFault::NotOnlyOrigin),
            ("https://crm.example.com?x", OriginFault::NotOnlyOrigin),
            ("https://crm.example.com#x", OriginFault::NotOnlyOrigin),
            ("https://crm.example.com\\@evil.example", OriginFault::NotOnlyOrigin),
            ("https://user@crm.example.com", OriginFault::NotOnlyOrigin),
            ("https://", OriginFault::Host),
            ("https://*.example.com", OriginFault::Host),
            ("https://crm.example.com.", OriginFault::Host),
            ("https://-crm.example.com", OriginFault::Host),
            ("https://日本.example", OriginFault::Host),
            ("https://[::1]", OriginFault::Host),
            ("https://crm.example.com:", OriginFault::Port),
            ("https://crm.example.com:0", OriginFault::Port),
            ("https://crm.example.com:+80", OriginFault::Port),
            ("https://crm.example.com:65536", OriginFault::Port),
        ] {
            assert_eq!(normal_form(text), Err(fault), "{text}");
        }
    }
}
