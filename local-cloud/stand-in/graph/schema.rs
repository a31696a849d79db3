//! A subset of Microsoft's own description of Graph v1.0: the endpoints, their query options, and the properties and
//! types of request bodies. The subset is extracted from the MIT-licensed Graph SDK, whose version is given in the file
//! (`source`). Requests are therefore validated against Microsoft's own description, not against this project's
//! interpretation of the documentation.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::LazyLock,
};

use serde::Deserialize;
use serde_json::{Map, Value};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::error::GraphError;

/// The description of Graph v1.0.
pub(super) static MODEL: LazyLock<Model> = LazyLock::new(Model::load);

/// A Graph operation.
#[derive(Debug, Deserialize)]
pub(super) struct Endpoint {
    pub(super) method: String,
    pub(super) path: String,
    query: Vec<String>,
    body: Option<String>,
    pub(super) returns: Option<String>,
    #[serde(default)]
    required: Vec<String>,
}

#[derive(Deserialize)]
struct RawType {
    #[serde(default)]
    bases: Vec<String>,
    #[serde(default)]
    props: BTreeMap<String, String>,
    #[serde(default)]
    nav: BTreeMap<String, Value>,
    #[serde(default)]
    values: Vec<String>,
    #[serde(default, rename = "odataType")]
    odata_type: Option<String>,
}

#[derive(Deserialize)]
struct RawModel {
    endpoints: Vec<Endpoint>,
    models: HashMap<String, RawType>,
}

/// A type, with its own and its inherited properties.
#[derive(Debug, Default)]
pub(super) struct Type {
    pub(super) properties: BTreeMap<String, String>,
    relations: BTreeSet<String>,
    values: Vec<String>,
    tag: Option<String>,
}

/// The endpoints and types of Graph v1.0.
pub(super) struct Model {
    endpoints: Vec<Endpoint>,
    types: HashMap<String, Type>,
    by_tag: HashMap<String, String>,
}

/// Why no endpoint matches a request.
pub(super) enum NoRoute {
    /// No operation has this path. The value is the first path segment that does not match.
    Path(String),
    /// Operations with this path exist, but not with this method.
    Method,
}

impl Endpoint {
    fn segments(&self) -> impl Iterator<Item = &str> {
        self.path.trim_start_matches('/').split('/').map(|segment| segment.trim_end_matches("()"))
    }

    /// Rejects query parameters that the operation does not define.
    pub(super) fn check_query(&self, query: &[(String, String)]) -> Result<(), GraphError> {
        for (index, (name, _)) in query.iter().enumerate() {
            if query[..index].iter().any(|(other, _)| other == name) {
                return Err(GraphError::new(
                    400,
                    "BadRequest",
                    format!(
                        "Query option '{name}' was specified more than once, but it must be specified at most once."
                    ),
                ));
            }
            let is_token = name == "$deltatoken" && self.path.ends_with("/delta()");
            if !self.query.contains(name) && !is_token && !["$skiptoken", "$format"].contains(&name.as_str()) {
                return Err(if name.starts_with('$') {
                    GraphError::new(400, "BadRequest", format!("The query parameter '{name}' is not supported."))
                } else {
                    GraphError::bad_request(format!("Unrecognized query argument specified: '{name}'."))
                });
            }
        }
        Ok(())
    }
}

fn is_label(segment: &str) -> bool {
    segment.starts_with('{')
}

impl Model {
    fn load() -> Self {
        // The file is part of the program, and a test parses it. The fallback is therefore never used in a release.
        let mut raw: RawModel = serde_json::from_str(include_str!("models/graph-subset-v1.0.json"))
            .unwrap_or(RawModel { endpoints: Vec::new(), models: HashMap::new() });
        // `$batch` is added here. The subset extracted from the SDK does not contain `$batch`, because a batch is not a
        // resource.
        raw.endpoints.push(Endpoint {
            method: "POST".into(),
            path: "/$batch".into(),
            query: Vec::new(),
            body: None,
            returns: None,
            required: Vec::new(),
        });
        let types: HashMap<_, _> = raw.models.keys().map(|name| (name.clone(), inherit(&raw.models, name))).collect();
        let by_tag = types.iter().filter_map(|(name, kind)| Some((kind.tag.clone()?, name.clone()))).collect();
        Self { endpoints: raw.endpoints, types, by_tag }
    }

    /// The operation for a method and path segments, with the values of its path parameters.
    pub(super) fn route(&self, method: &str, segments: &[String]) -> Result<(&Endpoint, Vec<String>), NoRoute> {
        let fits = |endpoint: &&Endpoint| {
            endpoint.segments().count() == segments.len()
                && endpoint.segments().zip(segments).all(|(want, have)| {
                    if is_label(want) { !have.is_empty() && !have.starts_with('$') } else { want == have }
                })
        };
        let candidates: Vec<&Endpoint> = self.endpoints.iter().filter(fits).collect();
        let literal = |endpoint: &&Endpoint| endpoint.segments().filter(|segment| !is_label(segment)).count();
        let Some(most) = candidates.iter().map(literal).max() else {
            let known = (1..=segments.len()).rev().find(|&length| self.has_prefix(&segments[..length])).unwrap_or(0);
            return Err(NoRoute::Path(segments.get(known).or(segments.last()).cloned().unwrap_or_default()));
        };
        let endpoint = candidates
            .into_iter()
            .find(|endpoint| literal(endpoint) == most && endpoint.method == method)
            .ok_or(NoRoute::Method)?;
        let labels = endpoint.segments().zip(segments).filter(|(want, _)| is_label(want)).map(|(_, have)| have.clone());
        Ok((endpoint, labels.collect()))
    }

    fn has_prefix(&self, segments: &[String]) -> bool {
        self.endpoints.iter().any(|endpoint| {
            let mut have = endpoint.segments();
            segments.iter().all(|segment| have.next().is_some_and(|want| is_label(want) || want == segment))
        })
    }

    /// The type with this `@odata.type`, for example `#microsoft.graph.user`.
    pub(super) fn tagged(&self, tag: &str) -> Option<&Type> {
        self.types.get(self.by_tag.get(tag)?)
    }

    /// Rejects a body with unknown properties, wrong types or missing required properties.
    pub(super) fn check_body(&self, endpoint: &Endpoint, body: &Value) -> Result<(), GraphError> {
        let Some(kind) = &endpoint.body else {
            return Ok(());
        };
        let Value::Object(fields) = body else {
            return Err(GraphError::new(400, "BadRequest", "Empty Payload. JSON content expected."));
        };
        self.check_fields(kind, fields)?;
        let resource = short(kind);
        for name in &endpoint.required {
            let missing = match fields.get(name) {
                None | Some(Value::Null) => true,
                Some(Value::String(text)) => text.is_empty(),
                Some(Value::Array(items)) => items.is_empty(),
                Some(_) => false,
            };
            if missing {
                return Err(GraphError::required(name, resource));
            }
        }
        Ok(())
    }

    /// Rejects properties that a type does not have, and values that a property does not accept.
    pub(super) fn check_fields(&self, kind: &str, fields: &Map<String, Value>) -> Result<(), GraphError> {
        let Some(kind) = self.types.get(kind) else {
            return Ok(());
        };
        for (name, value) in fields {
            match kind.properties.get(name) {
                Some(of) => self.check_value(of, value, name)?,
                None if kind.relations.contains(name) => {
                    return Err(GraphError::bad_request(
                        "Write requests are only supported on contained entities or navigation properties with bindings.",
                    ));
                }
                None if name.contains('@') => {}
                None => return Err(GraphError::bad_request(format!("Invalid property '{name}'."))),
            }
        }
        Ok(())
    }

    fn check_value(&self, of: &str, value: &Value, name: &str) -> Result<(), GraphError> {
        if value.is_null() {
            return Ok(());
        }
        let (outer, inner) = of.split_once(':').unwrap_or((of, ""));
        if outer.starts_with("collection") {
            let Value::Array(items) = value else {
                return Err(GraphError::bad_request(format!(
                    "A node of type 'PrimitiveValue' was read from the JSON reader when trying to read the contents of the \
                     property '{name}'; however, a 'StartArray' node was expected."
                )));
            };
            let item = match outer {
                "collection_of_objects" => format!("object:{inner}"),
                "collection_of_enums" => format!("enum:{inner}"),
                _ => inner.to_owned(),
            };
            return items.iter().try_for_each(|entry| {
                if entry.is_null() {
                    return Err(GraphError::bad_request(format!("A null value was found in collection '{name}'.")));
                }
                self.check_value(&item, entry, name)
            });
        }
        let edm = match (outer, value) {
            ("object", Value::Object(fields)) => return self.check_fields(inner, fields),
            ("object", _) => {
                return Err(GraphError::bad_request(format!(
                    "An unexpected 'PrimitiveValue' node was found when reading from the JSON reader for property \
                     '{name}'. A 'StartObject' node was expected."
                )));
            }
            ("enum", Value::String(text)) if self.has_value(inner, text) => return Ok(()),
            ("enum", _) => {
                return Err(GraphError::bad_request(format!(
                    "Requested value '{value}' was not found on property '{name}'."
                )));
            }
            ("bool", Value::Bool(_)) | ("str" | "time", Value::String(_)) | ("float", Value::Number(_)) => {
                return Ok(());
            }
            ("int", Value::Number(number)) if number.is_i64() => return Ok(()),
            ("uuid" | "UUID", Value::String(text)) if is_guid(text) => return Ok(()),
            ("datetime", Value::String(text)) if date_time(text).is_some() => return Ok(()),
            ("date", Value::String(text)) if date_time(&format!("{text}T00:00:00Z")).is_some() => return Ok(()),
            ("bytes", Value::String(text)) if is_base64(text) => return Ok(()),
            ("bool", _) => "Edm.Boolean",
            ("int", _) => "Edm.Int32",
            ("float", _) => "Edm.Double",
            ("uuid" | "UUID", _) => "Edm.Guid",
            ("datetime", _) => "Edm.DateTimeOffset",
            ("date", _) => "Edm.Date",
            ("bytes", _) => "Edm.Binary",
            _ => "Edm.String",
        };
        Err(GraphError::bad_request(format!(
            "Cannot convert the value of property '{name}' to the expected type '{edm}'. See the inner exception for more \
             details."
        )))
    }

    fn has_value(&self, kind: &str, text: &str) -> bool {
        self.types.get(kind).is_none_or(|kind| kind.values.iter().any(|value| value == text))
    }

    /// Rejects selected properties that no object in the response can have.
    pub(super) fn check_select(&self, endpoint: &Endpoint, names: &[String]) -> Result<(), GraphError> {
        let Some(returned) = endpoint.returns.as_ref().and_then(|name| self.types.get(name)) else {
            return Ok(());
        };
        let item = returned.properties.get("value").and_then(|of| of.split_once(':')).map(|(_, inner)| inner);
        let item = item.or(endpoint.returns.as_deref()).unwrap_or_default();
        let pool: Vec<&Type> = if item.ends_with(".DirectoryObject") {
            self.by_tag.values().filter_map(|name| self.types.get(name)).collect()
        } else {
            self.types.get(item).into_iter().collect()
        };
        for name in names {
            let known = |kind: &&Type| kind.properties.contains_key(name) || kind.relations.contains(name);
            if name.starts_with('@') || (name != "id" && !pool.iter().any(known)) {
                return Err(GraphError::new(
                    400,
                    "BadRequest",
                    format!(
                        "Parsing OData Select and Expand failed: Could not find a property named '{name}' on type \
                         'microsoft.graph.{}'.",
                        lower_first(short(item))
                    ),
                ));
            }
        }
        Ok(())
    }
}

fn inherit(raw: &HashMap<String, RawType>, name: &str) -> Type {
    let Some(own) = raw.get(name) else {
        return Type::default();
    };
    let mut whole = Type { values: own.values.clone(), tag: own.odata_type.clone(), ..Type::default() };
    for base in &own.bases {
        let base = inherit(raw, base);
        whole.properties.extend(base.properties);
        whole.relations.extend(base.relations);
    }
    whole.properties.extend(own.props.clone());
    whole.relations.extend(own.nav.keys().cloned());
    whole
}

fn short(name: &str) -> &str {
    let name = name.rsplit('.').next().unwrap_or(name);
    name.strip_suffix("PostRequestBody").unwrap_or(name)
}

fn lower_first(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// Whether a text is a GUID in the format of Graph.
pub(super) fn is_guid(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::try_parse(text).is_ok()
}

/// Parses a time in the format of Graph: ISO 8601 with an offset.
pub(super) fn date_time(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

fn is_base64(text: &str) -> bool {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.decode(text).is_ok()
}
