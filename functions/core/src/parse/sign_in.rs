//! Checks the section `signIn` and the approved origins of the instance.

use serde_json::Value;

use super::check::{Location, list, object, optional, text};
use crate::{
    onboarding::{Destination, Instance},
    origin::{OriginFault, normal_form},
    text::is_control,
};

/// The characters that a path or a query may contain in addition to letters and digits (RFC 3986, `pchar`, `/` and `?`,
/// without percent-encoding).
const SIGNS: &str = "-._~!$&'()*+,;=:@/?";

pub(super) fn sign_in(at: &Location<'_>, value: &Value) {
    object(at, value, &[optional("destination", destination)]);
}

/// Checks that a destination is the name of a page, or a path. A path is rejected if a browser could interpret it as
/// the path of a page outside the instance.
fn destination(at: &Location<'_>, value: &Value) {
    let Some(text) = text(at, value) else { return };
    if matches!(text, "agentWorkspace" | "ccp" | "admin") {
        return;
    }
    if !text.starts_with('/') {
        return at.fault(
            "must be \"agentWorkspace\", \"ccp\", \"admin\", or a path within the instance that begins with `/`, for \
             example \"/real-time-metrics\"",
            "\"agentWorkspace\"、\"ccp\"、\"admin\"、または `/` で始まるインスタンス内のパス (例: \
             \"/real-time-metrics\") を指定してください",
        );
    }
    if text.chars().count() > Destination::MAX_PATH {
        let most = Destination::MAX_PATH;
        at.fault(format!("must have at most {most} characters"), format!("{most} 文字以内で指定してください"));
    }
    let path = text.split('?').next().unwrap_or_default();
    // A path segment can have parameters after a semicolon. Some web servers ignore these parameters, so `..;a` is
    // treated as `..`.
    let is_dot = |segment: &str| matches!(segment.split(';').next(), Some("." | ".."));
    if path.contains("//") {
        at.fault(
            "must not contain `//`, because a browser could open a page outside the instance",
            "`//` は使用できません。ブラウザがインスタンスの外部のページを開く可能性があります",
        );
    } else if path.split('/').any(is_dot) {
        at.fault("must not contain the segments `.` and `..`", "`.` と `..` のセグメントは使用できません");
    }
    let foreign = |c: char| !c.is_ascii_alphanumeric() && !SIGNS.contains(c) && !is_control(c);
    match text.chars().find(|c| foreign(*c)) {
        Some('%') => at.fault(
            "must not be percent-encoded; write each character as it is",
            "パーセントエンコードされた文字は使用できません。元の文字のまま指定してください",
        ),
        Some('#') => at.fault("must not contain a fragment (`#`)", "フラグメント (`#`) は使用できません"),
        Some(c) => at.fault(
            format!("must not contain the character {c:?}; allowed are letters, digits and {SIGNS}"),
            format!("文字 {c:?} は使用できません。使用できる文字は、英数字と {SIGNS} です"),
        ),
        None => {}
    }
}

pub(super) fn approved_origins(at: &Location<'_>, value: &Value) {
    let origins = list(at, value, origin);
    let most = Instance::MAX_ORIGINS;
    if origins.len() > most {
        at.fault(format!("must not have more than {most} origins"), format!("指定できるオリジンは {most} 個までです"));
    }
    for (index, origin) in origins.iter().enumerate() {
        if origin.is_string() && origins[..index].contains(origin) {
            at.index(index).fault("is named twice", "重複して指定されています");
        }
    }
}

/// Checks that an approved origin uses HTTPS and is in the normal form.
fn origin(at: &Location<'_>, value: &Value) {
    let Some(text) = text(at, value) else { return };
    match normal_form(text) {
        Ok(normal) if normal == text => {}
        Ok(normal) => at.fault(format!("must be written \"{normal}\""), format!("\"{normal}\" と指定してください")),
        Err(OriginFault::NotHttps) => at.fault(
            "must begin with `https://`, because Amazon Connect allows only HTTPS",
            "`https://` で始まるオリジンを指定してください。Amazon Connect で許可されるのは HTTPS だけです",
        ),
        Err(OriginFault::NotOnlyOrigin) => at.fault(
            "must be only `https://`, the host name and, if necessary, the port, for example \
             \"https://crm.example.com\"",
            "`https://`、ホスト名、および必要に応じてポートだけを指定してください (例: \"https://crm.example.com\")",
        ),
        Err(OriginFault::Host) => at.fault(
            "must have a host name of letters, digits, hyphens and dots, without wildcards; write an internationalized \
             name in Punycode (`xn--…`)",
            "ホスト名は、英数字、ハイフン、ドットで指定してください。ワイルドカードは使用できません。国際化ドメイン名は \
             Punycode (`xn--…`) で指定してください",
        ),
        Err(OriginFault::Port) => at.fault(
            "must have a port from 1 to 65535, or no port",
            "ポートは 1〜65535 の数値で指定するか、省略してください",
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::check::problems, approved_origins, sign_in};

    fn faults(destination: &str) -> Vec<String> {
        let faults = problems(|at| sign_in(&at.key("signIn"), &json!({ "destination": destination })));
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn named_pages_and_paths_within_the_instance_are_accepted() {
        for good in [
            "agentWorkspace",
            "ccp",
            "admin",
            "/",
            "/ccp-v2/chat",
            "/agent-app-v2?VDIPlatform=CITRIX_413",
            "/real-time-metrics?reportArn=arn:aws:connect:ap-northeast-1:111122223333:instance/i/report/r",
            "/search?next=//a",
        ] {
            assert_eq!(faults(good), [""; 0], "{good}");
        }
    }

    #[test]
    fn each_destination_outside_the_instance_is_one_fault_with_its_path() {
        for (bad, reason) in [
            ("https://crm.example.com", "begins with `/`"),
            ("javascript:alert(1)", "begins with `/`"),
            ("ccp-v2", "begins with `/`"),
            ("CCP", "begins with `/`"),
            ("\\\\evil.example", "begins with `/`"),
            ("//evil.example", "`//`"),
            ("/a//b", "`//`"),
            ("/\\evil.example", "the character '\\\\'"),
            ("/..", "segments"),
            ("/a/./b", "segments"),
            ("/a/../../b", "segments"),
            ("/a/..;x=1/b", "segments"),
            ("/%2e%2e/", "percent-encoded"),
            ("/%2Fevil.example", "percent-encoded"),
            ("/users#/", "fragment"),
            ("/a b", "the character ' '"),
            ("/é", "the character 'é'"),
            ("/a\tb", "control character U+0009"),
            ("/a\u{2028}b", "2028"),
            ("", "must not be empty"),
        ] {
            let faults = faults(bad);
            assert_eq!(faults.len(), 1, "{bad:?}: {faults:?}");
            assert!(
                faults[0].starts_with("$.signIn.destination: ") && faults[0].contains(reason),
                "{bad:?}: {faults:?}"
            );
        }
        assert!(faults(&format!("/{}", "a".repeat(1024)))[0].contains("at most 1024 characters"));
    }

    #[test]
    fn each_wrong_origin_is_one_fault_with_its_path() {
        let origins = json!([
            "https://crm.example.com",
            "https://crm.example.com:8443",
            "http://localhost:3000",
            "https://CRM.example.com/",
            "https://crm.example.com/desk",
            "https://*.example.com",
            "https://crm.example.com:0",
            "https://crm.example.com",
            7,
        ]);
        let faults = problems(|at| approved_origins(&at.key("origins"), &origins));
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(faults.join("\n"), @r#"
        $.origins[2]: must begin with `https://`, because Amazon Connect allows only HTTPS
        $.origins[3]: must be written "https://crm.example.com"
        $.origins[4]: must be only `https://`, the host name and, if necessary, the port, for example "https://crm.example.com"
        $.origins[5]: must have a host name of letters, digits, hyphens and dots, without wildcards; write an internationalized name in Punycode (`xn--…`)
        $.origins[6]: must have a port from 1 to 65535, or no port
        $.origins[8]: must be a string, not a number
        $.origins[7]: is named twice
        "#);
        let many: Vec<String> = (0..101).map(|number| format!("https://crm{number}.example.com")).collect();
        let faults = problems(|at| approved_origins(at, &json!(many)));
        assert!(faults.len() == 1 && faults[0].message.contains("more than 100"), "{faults:?}");
    }
}
