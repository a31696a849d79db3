//! Compares requests and responses with the official service models.

mod check;
mod load;

use std::collections::HashMap;
use std::path::Path;

use serde_json::{Map, Value};

pub(crate) use load::LoadError;
use load::Model;

use crate::stand_in::aws_error::{Answer, Refusal};
use crate::stand_in::input::Input;
use crate::stand_in::world::Service;

/// Errors that any operation can return although the service models do not list them, with their HTTP statuses.
const COMMON: [(&str, &[u16]); 11] = [
    ("AccessDeniedException", &[400, 403]),
    ("ExpiredTokenException", &[400, 403]),
    ("InternalFailure", &[500]),
    ("InternalServerError", &[500]),
    ("ServiceUnavailableException", &[500, 503]),
    ("SubscriptionRequiredException", &[400]),
    ("ThrottlingException", &[400, 429]),
    ("TooManyRequestsException", &[400, 429]),
    ("UnknownOperationException", &[400, 404]),
    ("UnrecognizedClientException", &[400, 401, 403]),
    ("ValidationException", &[400]),
];

/// The models of the three AWS services that the stand-in emulates.
#[derive(Debug)]
pub(crate) struct Models {
    connect: Model,
    quotas: Model,
    support: Model,
}

impl Models {
    /// Reads the models from botocore's `data` directory.
    pub(crate) fn load(directory: &Path) -> Result<Self, LoadError> {
        Ok(Self {
            connect: Model::load(directory, "connect")?,
            quotas: Model::load(directory, "service-quotas")?,
            support: Model::load(directory, "support")?,
        })
    }

    fn of(&self, service: Service) -> &Model {
        match service {
            Service::Connect => &self.connect,
            Service::Quotas => &self.quotas,
            Service::Support => &self.support,
        }
    }

    /// Validates the input of an operation. If the input is invalid, returns the error that AWS would return.
    pub(crate) fn request(&self, service: Service, operation: &str, input: &Input) -> Result<(), Refusal> {
        let model = self.of(service);
        let Some(known) = model.operations.get(operation) else {
            return Err(Refusal::new(
                404,
                "UnknownOperationException",
                format!("Operation {operation} does not exist."),
            ));
        };
        let faults = known.input.as_ref().map(|input_of| model.faults(&input_of.shape, &input.0)).unwrap_or_default();
        if faults.is_empty() {
            return Ok(());
        }
        let count = faults.len();
        let plural = if count == 1 { "" } else { "s" };
        let message = format!("{count} validation error{plural} detected: {}", faults.join("; "));
        let modelled = |code: &str| known.errors.iter().any(|error| error.shape == code);
        let code = match service {
            Service::Connect if modelled("InvalidParameterException") => "InvalidParameterException",
            Service::Connect => "InvalidRequestException",
            _ => "ValidationException",
        };
        Err(Refusal::new(400, code, message))
    }

    /// Lists the differences between a response of the local cloud and the model.
    pub(crate) fn answer(&self, service: Service, operation: &str, answer: &Answer) -> Vec<String> {
        let model = self.of(service);
        let Some(known) = model.operations.get(operation) else { return Vec::new() };
        match answer {
            Ok(members) => match &known.output {
                Some(output) => model.faults(&output.shape, members),
                None if members.is_empty() => Vec::new(),
                None => vec!["the operation has no output".into()],
            },
            Err(refusal) => error_faults(model, known, refusal),
        }
    }

    /// Replaces an error code that the operation does not define. Connect has two error codes for invalid requests, and
    /// some operations define only one of the two.
    pub(crate) fn modelled_code(&self, service: Service, operation: &str, refusal: &mut Refusal) {
        let Some(known) = self.of(service).operations.get(operation) else { return };
        let modelled = |code: &str| known.errors.iter().any(|error| error.shape == code);
        let other = match refusal.code.as_str() {
            "InvalidRequestException" => "InvalidParameterException",
            "InvalidParameterException" => "InvalidRequestException",
            _ => return,
        };
        if !modelled(&refusal.code) && modelled(other) {
            refusal.code = other.into();
        }
    }
}

fn error_faults(model: &Model, operation: &load::Operation, refusal: &Refusal) -> Vec<String> {
    let modelled = operation.errors.iter().find(|error| error.shape == refusal.code);
    let statuses: HashMap<&str, &[u16]> = COMMON.into_iter().collect();
    let right = match (modelled, statuses.get(refusal.code.as_str())) {
        (Some(error), _) => {
            let given = model.shapes.get(&error.shape).and_then(|shape| shape.error.as_ref()?.http_status_code);
            given.map_or((400..600).contains(&refusal.status), |given| given == refusal.status)
        }
        (None, Some(statuses)) => statuses.contains(&refusal.status),
        (None, None) => return vec![format!("the error {} is neither in the model nor a common error", refusal.code)],
    };
    if right { Vec::new() } else { vec![format!("the error {} must have the status {}", refusal.code, refusal.status)] }
}

impl Model {
    /// All errors in the members of a structure.
    fn faults(&self, shape: &str, members: &Map<String, Value>) -> Vec<String> {
        let mut faults = Vec::new();
        check::structure(self, shape, members, "", &mut faults);
        faults
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "an unreadable model fails the test")]
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};
    use serde_json::json;

    use super::*;
    use crate::stand_in::input::answer;

    /// Three service models with one operation each. The Connect model is compressed, as in botocore.
    fn models() -> Models {
        let model = json!({
            "operations": { "Op": {
                "input": { "shape": "In" }, "output": { "shape": "Out" }, "errors": [{ "shape": "InvalidParameterException" }],
            } },
            "shapes": {
                "In": { "type": "structure", "required": ["Name"], "members": {
                    "Name": { "shape": "Name" }, "Size": { "shape": "Size" }, "Tags": { "shape": "Tags" },
                } },
                "Out": { "type": "structure", "members": { "At": { "shape": "At" } } },
                "Name": { "type": "string", "max": 5, "enum": ["one", "three"] },
                "Size": { "type": "integer", "min": 1 },
                "Tags": { "type": "map", "key": { "shape": "Key" }, "value": { "shape": "Size" } },
                "Key": { "type": "string", "pattern": "^(?!aws:)[a-z:]+$" },
                "At": { "type": "timestamp" },
                "InvalidParameterException": { "type": "structure", "error": { "httpStatusCode": 400 } },
            },
        })
        .to_string();
        let directory = tempfile::tempdir().unwrap();
        for service in ["connect", "service-quotas", "support"] {
            let version = directory.path().join(service).join("2017-08-08");
            std::fs::create_dir_all(&version).unwrap();
            let file = |name: &str| std::fs::File::create(version.join(name)).unwrap();
            if service == "connect" {
                let mut packed = GzEncoder::new(file("service-2.json.gz"), Compression::fast());
                packed.write_all(model.as_bytes()).unwrap();
                packed.finish().unwrap();
            } else {
                file("service-2.json").write_all(model.as_bytes()).unwrap();
            }
        }
        Models::load(directory.path()).unwrap()
    }

    fn refused(service: Service, input: Value) -> Refusal {
        models().request(service, "Op", &Input(input.as_object().cloned().unwrap())).unwrap_err()
    }

    #[test]
    fn a_request_that_matches_the_model_is_accepted() {
        let input = json!({ "Name": "one", "Size": 2, "Tags": { "a": 1 } });
        let input = Input(input.as_object().cloned().unwrap());
        assert_eq!(models().request(Service::Connect, "Op", &input), Ok(()));
    }

    #[test]
    fn each_fault_of_a_request_is_reported() {
        let cases = [
            (json!({}), "Member must not be null"),
            (json!({ "Name": "two" }), "enum value set"),
            (json!({ "Name": "three-hundred" }), "length less than or equal to 5"),
            (json!({ "Name": 1 }), "Member must be a string"),
            (json!({ "Name": "one", "Size": 0 }), "value greater than or equal to 1"),
            (json!({ "Name": "one", "Size": 1.5 }), "Member must be an integer"),
            (json!({ "Name": "one", "Tags": { "aws:a": 1 } }), "regular expression pattern"),
            (json!({ "Name": "one", "Other": 1 }), "'Other' is not a member"),
        ];
        for (input, expected) in cases {
            let refusal = refused(Service::Connect, input);
            assert!(refusal.message.contains(expected), "{expected}: {}", refusal.message);
            assert_eq!((refusal.status, refusal.code.as_str()), (400, "InvalidParameterException"));
        }
        assert_eq!(refused(Service::Support, json!({})).code, "ValidationException");
    }

    #[test]
    fn a_response_that_does_not_match_the_model_is_reported() {
        let models = models();
        let faults = |answer: Answer| models.answer(Service::Connect, "Op", &answer);
        assert!(faults(answer(json!({ "At": 1.5 }))).is_empty());
        assert_eq!(faults(answer(json!({ "At": "2026-11-22T00:00:00Z" }))).len(), 1);
        assert!(faults(Err(Refusal::new(429, "ThrottlingException", ""))).is_empty());
        assert_eq!(faults(Err(Refusal::new(404, "ResourceNotFoundException", ""))).len(), 1);
        assert_eq!(faults(Err(Refusal::new(409, "InvalidParameterException", ""))).len(), 1);
    }

    #[test]
    fn a_directory_without_models_is_named_in_the_error() {
        let directory = tempfile::tempdir().unwrap();
        let error = Models::load(directory.path()).unwrap_err().to_string();
        assert!(error.contains("botocore") && error.contains(&directory.path().display().to_string()));
    }
}
