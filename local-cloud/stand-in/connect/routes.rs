//! The URL paths of the Connect API.

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::stand_in::http::Request;
use crate::stand_in::input::Input;

/// Each entry contains a method, a path template and an operation. No request matches two entries, because any two
/// entries differ in the method or in a fixed path segment. The order of the entries therefore does not matter.
const ROUTES: [(&str, &str, &str); 83] = [
    ("PUT", "/instance", "CreateInstance"),
    ("GET", "/instance", "ListInstances"),
    ("GET", "/instance/{InstanceId}", "DescribeInstance"),
    ("DELETE", "/instance/{InstanceId}", "DeleteInstance"),
    ("GET", "/instance/{InstanceId}/attributes", "ListInstanceAttributes"),
    ("GET", "/instance/{InstanceId}/attribute/{AttributeType}", "DescribeInstanceAttribute"),
    ("POST", "/instance/{InstanceId}/attribute/{AttributeType}", "UpdateInstanceAttribute"),
    ("PUT", "/instance/{InstanceId}/storage-config", "AssociateInstanceStorageConfig"),
    ("GET", "/instance/{InstanceId}/storage-configs", "ListInstanceStorageConfigs"),
    ("GET", "/instance/{InstanceId}/storage-config/{AssociationId}", "DescribeInstanceStorageConfig"),
    ("POST", "/instance/{InstanceId}/storage-config/{AssociationId}", "UpdateInstanceStorageConfig"),
    ("DELETE", "/instance/{InstanceId}/storage-config/{AssociationId}", "DisassociateInstanceStorageConfig"),
    ("PUT", "/instance/{InstanceId}/approved-origin", "AssociateApprovedOrigin"),
    ("GET", "/instance/{InstanceId}/approved-origins", "ListApprovedOrigins"),
    ("DELETE", "/instance/{InstanceId}/approved-origin", "DisassociateApprovedOrigin"),
    ("GET", "/security-profiles-summary/{InstanceId}", "ListSecurityProfiles"),
    ("GET", "/security-profiles/{InstanceId}/{SecurityProfileId}", "DescribeSecurityProfile"),
    ("GET", "/routing-profiles-summary/{InstanceId}", "ListRoutingProfiles"),
    ("GET", "/routing-profiles/{InstanceId}/{RoutingProfileId}", "DescribeRoutingProfile"),
    ("GET", "/queues-summary/{InstanceId}", "ListQueues"),
    ("GET", "/hours-of-operations-summary/{InstanceId}", "ListHoursOfOperations"),
    ("GET", "/contact-flows-summary/{InstanceId}", "ListContactFlows"),
    ("PUT", "/contact-flows/{InstanceId}", "CreateContactFlow"),
    ("GET", "/contact-flows/{InstanceId}/{ContactFlowId}", "DescribeContactFlow"),
    ("POST", "/contact-flows/{InstanceId}/{ContactFlowId}/content", "UpdateContactFlowContent"),
    ("DELETE", "/contact-flows/{InstanceId}/{ContactFlowId}", "DeleteContactFlow"),
    ("GET", "/flow-associations-summary/{InstanceId}", "ListFlowAssociations"),
    ("PUT", "/test-cases/{InstanceId}", "CreateTestCase"),
    ("GET", "/test-cases-summary/{InstanceId}", "ListTestCases"),
    ("GET", "/test-cases/{InstanceId}/{TestCaseId}", "DescribeTestCase"),
    ("POST", "/test-cases/{InstanceId}/{TestCaseId}", "UpdateTestCase"),
    ("DELETE", "/test-cases/{InstanceId}/{TestCaseId}", "DeleteTestCase"),
    ("PUT", "/test-cases/{InstanceId}/{TestCaseId}/start-execution", "StartTestCaseExecution"),
    ("GET", "/test-case-executions/{InstanceId}", "ListTestCaseExecutions"),
    ("GET", "/test-cases/{InstanceId}/{TestCaseId}/{TestCaseExecutionId}/summary", "GetTestCaseExecutionSummary"),
    ("GET", "/test-cases/{InstanceId}/{TestCaseId}/{TestCaseExecutionId}/records", "ListTestCaseExecutionRecords"),
    ("GET", "/user-hierarchy-groups-summary/{InstanceId}", "ListUserHierarchyGroups"),
    ("GET", "/user-hierarchy-groups/{InstanceId}/{HierarchyGroupId}", "DescribeUserHierarchyGroup"),
    ("PUT", "/user-hierarchy-groups/{InstanceId}", "CreateUserHierarchyGroup"),
    ("PUT", "/users/{InstanceId}", "CreateUser"),
    ("GET", "/users/{InstanceId}/{UserId}", "DescribeUser"),
    ("DELETE", "/users/{InstanceId}/{UserId}", "DeleteUser"),
    ("GET", "/users-summary/{InstanceId}", "ListUsers"),
    ("POST", "/search-users", "SearchUsers"),
    ("POST", "/users/{InstanceId}/{UserId}/identity-info", "UpdateUserIdentityInfo"),
    ("POST", "/users/{InstanceId}/{UserId}/security-profiles", "UpdateUserSecurityProfiles"),
    ("POST", "/users/{InstanceId}/{UserId}/routing-profile", "UpdateUserRoutingProfile"),
    ("POST", "/users/{InstanceId}/{UserId}/hierarchy", "UpdateUserHierarchy"),
    ("POST", "/users/{InstanceId}/{UserId}/phone-config", "UpdateUserPhoneConfig"),
    ("POST", "/users/{InstanceId}/{UserId}/config", "UpdateUserConfig"),
    ("GET", "/users/{InstanceId}/{UserId}/proficiencies", "ListUserProficiencies"),
    ("POST", "/users/{InstanceId}/{UserId}/proficiencies", "UpdateUserProficiencies"),
    ("POST", "/users/{InstanceId}/{UserId}/associate-proficiencies", "AssociateUserProficiencies"),
    ("POST", "/users/{InstanceId}/{UserId}/disassociate-proficiencies", "DisassociateUserProficiencies"),
    ("PUT", "/predefined-attributes/{InstanceId}", "CreatePredefinedAttribute"),
    ("GET", "/predefined-attributes/{InstanceId}/{Name}", "DescribePredefinedAttribute"),
    ("POST", "/predefined-attributes/{InstanceId}/{Name}", "UpdatePredefinedAttribute"),
    ("POST", "/tags/{resourceArn}", "TagResource"),
    ("DELETE", "/tags/{resourceArn}", "UntagResource"),
    ("GET", "/tags/{resourceArn}", "ListTagsForResource"),
    ("POST", "/phone-number/search-available", "SearchAvailablePhoneNumbers"),
    ("POST", "/phone-number/claim", "ClaimPhoneNumber"),
    ("POST", "/phone-number/list", "ListPhoneNumbersV2"),
    ("GET", "/phone-number/{PhoneNumberId}", "DescribePhoneNumber"),
    ("DELETE", "/phone-number/{PhoneNumberId}", "ReleasePhoneNumber"),
    ("PUT", "/phone-number/{PhoneNumberId}/metadata", "UpdatePhoneNumberMetadata"),
    ("PUT", "/phone-number/{PhoneNumberId}/contact-flow", "AssociatePhoneNumberContactFlow"),
    ("DELETE", "/phone-number/{PhoneNumberId}/contact-flow", "DisassociatePhoneNumberContactFlow"),
    ("PUT", "/security-profiles/{InstanceId}", "CreateSecurityProfile"),
    ("GET", "/security-profiles-permissions/{InstanceId}/{SecurityProfileId}", "ListSecurityProfilePermissions"),
    ("POST", "/security-profiles/{InstanceId}/{SecurityProfileId}", "UpdateSecurityProfile"),
    ("DELETE", "/security-profiles/{InstanceId}/{SecurityProfileId}", "DeleteSecurityProfile"),
    ("POST", "/auth/sessions/delete-all-entity-sessions", "DeleteAllEntitySessions"),
    ("PUT", "/quick-connects/{InstanceId}", "CreateQuickConnect"),
    ("POST", "/search-quick-connects", "SearchQuickConnects"),
    ("GET", "/quick-connects/{InstanceId}/{QuickConnectId}", "DescribeQuickConnect"),
    ("POST", "/quick-connects/{InstanceId}/{QuickConnectId}/config", "UpdateQuickConnectConfig"),
    ("DELETE", "/quick-connects/{InstanceId}/{QuickConnectId}", "DeleteQuickConnect"),
    ("GET", "/traffic-distribution-groups", "ListTrafficDistributionGroups"),
    ("GET", "/traffic-distribution-group/{TrafficDistributionGroupId}/user", "ListTrafficDistributionGroupUsers"),
    ("PUT", "/traffic-distribution-group/{TrafficDistributionGroupId}/user", "AssociateTrafficDistributionGroupUser"),
    (
        "DELETE",
        "/traffic-distribution-group/{TrafficDistributionGroupId}/user",
        "DisassociateTrafficDistributionGroupUser",
    ),
    ("GET", "/replication-findings/{InstanceId}", "ListReplicationFindings"),
];

/// Query parameters that can occur more than once.
const LISTS: [&str; 3] = ["tagKeys", "contactFlowTypes", "queueTypes"];

/// The operation of a request, and the operation's input: path parameters, query parameters and body by member name.
pub(crate) fn operation_of(request: &Request) -> Option<(&'static str, Result<Input, serde_json::Error>)> {
    let path: Vec<&str> = request.path.trim_end_matches('/').split('/').collect();
    let (operation, labels) = ROUTES.iter().find_map(|(method, template, operation)| {
        let labels = if *method == request.method { labels(template, &path) } else { None };
        labels.map(|labels| (*operation, labels))
    })?;
    let input = request.json().map(|body| {
        let mut members = body.as_object().cloned().unwrap_or_default();
        for (name, value) in &request.query {
            if LISTS.contains(&name.as_str()) {
                if let Value::Array(values) = members.entry(member(name)).or_insert_with(|| json!([])) {
                    values.push(json!(value));
                }
            } else {
                let number = value.parse::<u64>().ok().filter(|_| name == "maxResults");
                members.insert(member(name), number.map_or_else(|| json!(value), |number| json!(number)));
            }
        }
        members.extend(labels);
        Input(members)
    });
    Some((operation, input))
}

/// Converts the name of a query parameter to its member name: the first letter becomes a capital. The only exception is
/// `tagKeys`, which the model itself writes with a small letter.
fn member(parameter: &str) -> String {
    if parameter == "tagKeys" {
        return parameter.into();
    }
    let mut letters = parameter.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}

fn labels(template: &str, path: &[&str]) -> Option<Vec<(String, Value)>> {
    let parts: Vec<&str> = template.split('/').collect();
    if parts.len() != path.len() {
        return None;
    }
    let mut labels = Vec::new();
    for (part, segment) in parts.into_iter().zip(path) {
        match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(name) if !segment.is_empty() => {
                let value = percent_decode_str(segment).decode_utf8_lossy().into_owned();
                labels.push((name.to_owned(), json!(value)));
            }
            Some(_) => return None,
            None if part == *segment => {}
            None => return None,
        }
    }
    Some(labels)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "an unknown request fails the test")]
    use super::*;

    #[test]
    fn labels_query_and_body_become_one_input() {
        let request = Request {
            method: "DELETE".into(),
            path: "/tags/arn%3Aaws%3Aconnect%3Aap-northeast-1%3A000000000000%3Ainstance%2Fi".into(),
            query: vec![("tagKeys".into(), "a".into()), ("tagKeys".into(), "b".into())],
            headers: Vec::new(),
            body: Vec::new(),
        };
        let (operation, input) = operation_of(&request).unwrap();
        let input = input.unwrap();
        assert_eq!(operation, "UntagResource");
        assert_eq!(input.text("resourceArn"), Some("arn:aws:connect:ap-northeast-1:000000000000:instance/i"));
        assert_eq!(input.texts("tagKeys"), ["a", "b"]);
    }

    #[test]
    fn a_literal_path_segment_takes_precedence_over_a_label() {
        let request = Request {
            method: "POST".into(),
            path: "/phone-number/claim".into(),
            query: Vec::new(),
            headers: Vec::new(),
            body: Vec::new(),
        };
        assert_eq!(operation_of(&request).unwrap().0, "ClaimPhoneNumber");
    }
}
