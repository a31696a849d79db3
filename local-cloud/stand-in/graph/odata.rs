//! `OData` query options: validation, pagination, and the real service's errors for unsupported options.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{Graph, error::GraphError, filter::Filter, schema::Endpoint, schema::MODEL};
use crate::stand_in::http::Request;

const LARGEST_PAGE: usize = 999;

/// The query options of a call.
pub(super) struct Options {
    pub(super) select: Option<Vec<String>>,
    pub(super) filter: Option<Filter>,
    pub(super) count: bool,
    /// Whether the call reads the advanced index, which may be outdated.
    pub(super) eventual: bool,
    top: Option<usize>,
    place: Place,
}

/// The position at which a page begins.
#[derive(Clone, Copy, Default)]
struct Place {
    after: u64,
    pages: usize,
    empty_given: bool,
}

impl Options {
    /// Reads and validates the options of a call.
    pub(super) fn read(graph: &Graph, endpoint: &Endpoint, request: &Request) -> Result<Self, GraphError> {
        for name in ["$expand", "$search", "$orderby", "$skip"] {
            if request.query(name).is_some() {
                return Err(GraphError::unsupported_query(format!("'{name}' is not supported for this query.")));
            }
        }
        let select: Option<Vec<String>> =
            request.query("$select").map(|names| names.split(',').map(|name| name.trim().into()).collect());
        if let Some(names) = &select {
            MODEL.check_select(endpoint, names)?;
        }
        let eventual = request.header("consistencylevel").is_some_and(|level| level.eq_ignore_ascii_case("eventual"));
        let count = match request.query("$count") {
            None | Some("false") => false,
            Some("true") if eventual || !is_directory(&endpoint.path) => true,
            Some("true") => {
                return Err(GraphError::unsupported_query(
                    "$count is not supported because the 'ConsistencyLevel:eventual' header is missing. Refer to \
                     https://aka.ms/graph-docs/advanced-queries for more information.",
                ));
            }
            Some(other) => {
                return Err(GraphError::new(
                    400,
                    "BadRequest",
                    format!("Invalid value '{other}' for $count query option."),
                ));
            }
        };
        let filter = request.query("$filter").map(Filter::parse).transpose()?;
        let top = request.query("$top").map(page_size).transpose()?;
        let place = request.query("$skiptoken").map(|token| open_token(graph, request, token)).transpose()?;
        Ok(Self { select, filter, count, eventual, top, place: place.unwrap_or_default() })
    }

    /// The key of the last row before this page.
    pub(super) fn after(&self) -> u64 {
        self.place.after
    }

    /// Whether this is the first page. Only the first page contains a count.
    pub(super) fn first(&self) -> bool {
        self.place.pages == 0
    }

    /// The selected properties of an object.
    pub(super) fn project(&self, object: &Map<String, Value>) -> Map<String, Value> {
        match &self.select {
            None => object.clone(),
            Some(names) => names.iter().filter_map(|name| Some((name.clone(), object.get(name)?.clone()))).collect(),
        }
    }

    /// One page of the given rows. Each row has a key. `rows` must contain only the rows after the key
    /// [`Options::after`].
    pub(super) fn page(
        &self,
        graph: &Graph,
        request: &Request,
        total: Option<usize>,
        mut rows: impl Iterator<Item = (u64, Value)>,
    ) -> Value {
        let size = self.top.unwrap_or(100);
        let mut place = self.place;
        let mut value = Vec::new();
        let empty_now = graph.behaviour().empty_page_after == Some(place.pages) && !place.empty_given;
        let mut rest = rows.next();
        if empty_now && !self.first() && rest.is_some() {
            place.empty_given = true;
        } else {
            while let Some((key, row)) = rest.take() {
                place.after = key;
                value.push(row);
                rest = rows.next();
                if value.len() == size {
                    break;
                }
            }
            place.pages += 1;
        }
        let collection = super::relative(request);
        let mut page = json!({"@odata.context": format!("{}/v1.0/$metadata#{collection}", graph.base())});
        if let Some(total) = total {
            page["@odata.count"] = json!(total);
        }
        if rest.is_some() {
            page["@odata.nextLink"] = json!(next_link(graph, request, place));
        }
        page["value"] = Value::Array(value);
        page
    }

    /// One page of a short list. The key of each entry is its position in the list.
    pub(super) fn page_of(&self, graph: &Graph, request: &Request, rows: &[&Map<String, Value>]) -> Value {
        let keyed = (1..).zip(rows).filter(|(key, _)| *key > self.after());
        let rows_of_page = keyed.map(|(key, row)| (key, Value::Object(self.project(row))));
        self.page(graph, request, (self.count && self.first()).then_some(rows.len()), rows_of_page)
    }
}

fn is_directory(path: &str) -> bool {
    ["/users", "/groups", "/applications", "/servicePrincipals"]
        .iter()
        .any(|prefix| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

fn page_size(text: &str) -> Result<usize, GraphError> {
    let size = text.parse().unwrap_or(0);
    if (1..=LARGEST_PAGE).contains(&size) {
        Ok(size)
    } else {
        Err(GraphError::bad_request(format!(
            "Invalid page size specified: '{text}'. Must be between 1 and {LARGEST_PAGE} inclusive."
        )))
    }
}

/// A hash of the path, the other query options and the position of the page. A page token contains this hash, so that a
/// next link works only if the client does not change it.
fn binding(graph: &Graph, request: &Request, place: &[u8]) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(graph.salt.as_bytes());
    hash.update(request.path.as_bytes());
    for (name, value) in request.query.iter().filter(|(name, _)| name != "$skiptoken") {
        hash.update(format!("\n{name}={value}"));
    }
    hash.update(place);
    hash.finalize()[..12].to_vec()
}

fn next_link(graph: &Graph, request: &Request, place: Place) -> String {
    let mut bytes = place.after.to_be_bytes().to_vec();
    bytes.extend(u32::try_from(place.pages).unwrap_or(u32::MAX).to_be_bytes());
    bytes.push(u8::from(place.empty_given));
    let mut token = b"RFNwdAoAAQ".to_vec();
    token.extend(binding(graph, request, &bytes));
    token.extend(bytes);
    let mut link = format!("{}{}?", graph.base(), request.path);
    for (name, value) in request.query.iter().filter(|(name, _)| name != "$skiptoken") {
        link.push_str(&format!("{name}={}&", utf8_percent_encode(value, NON_ALPHANUMERIC)));
    }
    link + "$skiptoken=" + &URL_SAFE_NO_PAD.encode(token)
}

fn open_token(graph: &Graph, request: &Request, token: &str) -> Result<Place, GraphError> {
    let invalid = || {
        GraphError::new(
            400,
            "Directory_ExpiredPageToken",
            "The specified page token value has expired and can no longer be included in your request.",
        )
    };
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| invalid())?;
    let (Some(seal), Some(place)) = (bytes.get(10..22), bytes.get(22..)) else {
        return Err(invalid());
    };
    if seal != binding(graph, request, place) {
        return Err(invalid());
    }
    let (Some(after), Some(pages), Some(flag)) =
        (place.first_chunk::<8>(), place.get(8..).and_then(<[u8]>::first_chunk::<4>), place.get(12))
    else {
        return Err(invalid());
    };
    let pages = usize::try_from(u32::from_be_bytes(*pages)).map_err(|_| invalid())?;
    Ok(Place { after: u64::from_be_bytes(*after), pages, empty_given: *flag == 1 })
}
