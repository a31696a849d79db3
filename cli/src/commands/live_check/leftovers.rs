//! Finds, by their name, resources that the command created. The search is necessary if a call got no response, because
//! the command then does not know whether the call created a resource, and which id this resource has.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    clouds::{Answer, Clouds},
    created::Resource,
};
use crate::cloud::{error::CommandError, signed::IAM};

/// Every list operation returns a new resource after at most this number of seconds.
const LISTED_AFTER: f64 = 300.0;

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The existing resources that have the name `name`, which only this run of the command uses. Roles are not searched,
/// because the command stores the name of each role before it creates the role. Subscriptions are not searched, because
/// they expire within an hour.
pub(crate) async fn find(clouds: &Clouds, name: &str) -> Result<Vec<Resource>, CommandError> {
    // Waits first, so that every list operation returns the new resources, and one search is enough.
    clouds.pause(LISTED_AFTER).await;
    let mut found = providers(clouds, name).await?;
    found.extend(of_entra(clouds, name).await?);
    found.extend(of_connect(clouds, name).await?);
    Ok(found)
}

async fn providers(clouds: &Clouds, name: &str) -> Result<Vec<Resource>, CommandError> {
    let answer = clouds.good("iam:ListSAMLProviders", clouds.query(IAM, "ListSAMLProviders", &[]).await?)?;
    let document = roxmltree::Document::parse(&answer.text)
        .map_err(|error| CommandError::input(error.to_string(), clouds.words.see_message()))?;
    let arns = document.descendants().filter(|node| node.has_tag_name((IAM_NAMESPACE, "Arn")));
    let arns = arns.filter_map(|node| node.text()).filter(|arn| is_named(arn.rsplit('/').next(), name));
    Ok(arns.map(|arn| Resource::Provider(arn.to_owned())).collect())
}

const IAM_NAMESPACE: &str = "https://iam.amazonaws.com/doc/2010-05-08/";

/// Whether the name of a resource is `name`, or `name` followed by a hyphen and a suffix.
fn is_named(found: Option<&str>, name: &str) -> bool {
    found.and_then(|found| found.strip_prefix(name)).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

async fn of_entra(clouds: &Clouds, name: &str) -> Result<Vec<Resource>, CommandError> {
    let named = async |path: &str| {
        let answer = clouds.graph(Method::GET, path, &Value::Null).await?;
        let list = clouds.good("searching for resources in Entra", answer)?.json()["value"].clone();
        Ok::<_, CommandError>(list.as_array().cloned().unwrap_or_default())
    };
    let mut found = Vec::new();
    for name in [name.to_owned(), format!("{name}-second")] {
        for application in named(&format!("/applications?$filter=displayName eq '{name}'")).await? {
            let app_id = text(&application["appId"]);
            let principals = named(&format!("/servicePrincipals?$filter=appId eq '{app_id}'")).await?;
            let principal = principals.first().map(|one| text(&one["id"])).unwrap_or_default();
            found.push(Resource::Application { id: text(&application["id"]), principal });
        }
    }
    let policies = named(&format!("/policies/claimsMappingPolicies?$filter=displayName eq '{name}'")).await?;
    found.extend(policies.iter().map(|policy| Resource::Policy(text(&policy["id"]))));
    let groups = named(&format!("/groups?$filter=displayName eq '{name}'&$select=id")).await?;
    found.extend(groups.iter().map(|group| Resource::Group(text(&group["id"]))));
    Ok(found)
}

async fn of_connect(clouds: &Clouds, name: &str) -> Result<Vec<Resource>, CommandError> {
    let mut found = Vec::new();
    let listed = |answer: Answer, list: &str| {
        let page = clouds.good("searching for resources in Connect", answer)?.json();
        let next = page["NextToken"].as_str().filter(|token| !token.is_empty()).map(str::to_owned);
        Ok::<_, CommandError>((page[list].as_array().cloned().unwrap_or_default(), next))
    };
    let mut token: Option<String> = None;
    loop {
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let query = token.map(|token| format!("?nextToken={}", encode(&token))).unwrap_or_default();
        let answer = clouds.connect(Method::GET, &format!("/instance{query}"), &Value::Null).await?;
        let (instances, next) = listed(answer, "InstanceSummaryList")?;
        for instance in instances.iter().filter(|one| is_named(one["InstanceAlias"].as_str(), name)) {
            found.push(Resource::Instance(text(&instance["Id"])));
            let body = json!({ "TargetArn": instance["Arn"] });
            let answer = clouds.connect(Method::POST, "/phone-number/list", &body).await?;
            let (numbers, _) = listed(answer, "ListPhoneNumbersSummaryList")?;
            // The command removes the resources in reverse order, and a phone number must be removed before its
            // instance. The numbers are therefore added to the list after the instance.
            found.extend(numbers.iter().map(|number| Resource::Number(text(&number["PhoneNumberId"]))));
        }
        token = next;
        if token.is_none() {
            return Ok(found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_resources_of_the_same_check_are_found() {
        for own in ["live-check-17", "live-check-17-second"] {
            assert!(is_named(Some(own), "live-check-17"), "{own}");
        }
        for other in ["live-check-170", "live-check-1", "my-live-check-17"] {
            assert!(!is_named(Some(other), "live-check-17"), "{other}");
        }
    }
}
