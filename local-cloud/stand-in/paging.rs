//! Pagination and its tokens.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::stand_in::aws_error::Refusal;

/// The current pagination settings.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Paging {
    /// The maximum page size, if the options set one.
    pub(crate) limit: Option<usize>,
    /// Whether a list operation first returns an empty page with a next token.
    pub(crate) empty_page: bool,
}

/// One page of `items` and the token of the next page.
///
/// The token is opaque and valid only for the same list request (`scope`: the operation and the listed resource). The
/// token contains the key of the first item on the next page. If items are added or deleted between two requests, each
/// other item is therefore still returned exactly once.
///
/// # Errors
/// Returns `bad_token` if the token does not belong to this list request.
pub(crate) fn page<T>(
    items: impl Iterator<Item = (u64, T)>,
    scope: &str,
    token: Option<&str>,
    size: usize,
    paging: Paging,
    bad_token: impl Fn() -> Refusal,
) -> Result<(Vec<T>, Option<String>), Refusal> {
    let after = match token {
        Some(token) => Some(read(scope, token).ok_or_else(bad_token)?),
        None if paging.empty_page => return Ok((Vec::new(), Some(write(scope, 0)))),
        None => None,
    };
    let size = size.min(paging.limit.unwrap_or(size)).max(1);
    let mut rest = items.skip_while(|(key, _)| after.is_some_and(|after| *key < after));
    let mut found = Vec::new();
    let mut next = None;
    for (key, item) in rest.by_ref() {
        if found.len() == size {
            next = Some(write(scope, key));
            break;
        }
        found.push(item);
    }
    Ok((found, next))
}

fn write(scope: &str, from: u64) -> String {
    STANDARD.encode(format!("{scope}|{from}"))
}

fn read(scope: &str, token: &str) -> Option<u64> {
    let text = String::from_utf8(STANDARD.decode(token).ok()?).ok()?;
    text.strip_prefix(scope)?.strip_prefix('|')?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "an invalid page fails the test")]
    use super::*;

    fn cut(token: Option<&str>, paging: Paging) -> (Vec<u64>, Option<String>) {
        let items = [1, 3, 5, 7].into_iter().map(|key| (key, key));
        page(items, "Op", token, 3, paging, || Refusal::invalid_parameter("token")).unwrap()
    }

    #[test]
    fn the_pages_contain_every_item_once() {
        let (first, token) = cut(None, Paging::default());
        let (second, end) = cut(token.as_deref(), Paging::default());
        assert_eq!((first, second, end), (vec![1, 3, 5], vec![7], None));
    }

    #[test]
    fn an_empty_first_page_has_a_next_token() {
        let paging = Paging { limit: Some(1), empty_page: true };
        let (first, token) = cut(None, paging);
        assert!(first.is_empty());
        assert_eq!(cut(token.as_deref(), paging).0, [1]);
    }

    #[test]
    fn a_token_of_another_list_request_is_rejected() {
        let items = [(1, ())];
        let token = write("Other", 1);
        let refused =
            page(items.into_iter(), "Op", Some(&token), 1, Paging::default(), || Refusal::invalid_request("x"));
        assert_eq!(refused.unwrap_err().code, "InvalidRequestException");
    }
}
