//! Delta queries: which groups and users have changed since an earlier request.
//!
//! Graph returns a link at the end of each delta query. A request to this link returns the changes since then, and the
//! next link. A change may be returned twice. Graph no longer returns changes for a link that is older than seven days,
//! and may lose the state of a link earlier; everything must then be read again.
//! <https://learn.microsoft.com/graph/delta-query-overview>

use std::collections::BTreeSet;

use onboarding_core::StepError;
use serde::Deserialize;

use super::{Graph, GraphError, call::Call, groups::USER_FIELDS};

/// Maximum number of groups in the filter of a delta query.
const GROUPS_PER_LINK: usize = 50;

/// The changes since a link was returned.
#[derive(Debug)]
pub struct Changes {
    /// The IDs of the changed objects, in lower case. Deleted objects are included.
    pub ids: BTreeSet<String>,
    /// The link for the changes after these.
    pub link: String,
    /// The number of requests.
    pub pages: usize,
}

/// An object in a response. Its changed properties are not used, because a change leads to a full comparison.
#[derive(Deserialize)]
struct Changed {
    id: String,
}

impl Graph {
    /// Returns links for the changes to the members of these groups from now on. Each link is for up to 50 groups.
    ///
    /// # Errors
    /// The error that Graph returns.
    pub async fn track_groups(&self, ids: &[&str]) -> Result<Vec<String>, StepError> {
        let mut links = Vec::new();
        for ids in ids.chunks(GROUPS_PER_LINK) {
            let filter: Vec<String> = ids.iter().map(|id| format!("id eq '{id}'")).collect();
            let call = Call::get(&["groups", "delta"], "starting to track the members of the groups")
                .query("$select", "id,members")
                .query("$filter", filter.join(" or "))
                .query("$deltatoken", "latest")
                .needs("Group.Read.All");
            links.push(self.track(&call).await?);
        }
        Ok(links)
    }

    /// Returns a link for the changes to the tenant's users from now on: names, sign-in, deletion.
    ///
    /// # Errors
    /// The error that Graph returns.
    pub async fn track_users(&self) -> Result<String, StepError> {
        let call = Call::get(&["users", "delta"], "starting to track the users")
            .query("$select", USER_FIELDS)
            .query("$deltatoken", "latest")
            .needs("User.Read.All");
        self.track(&call).await
    }

    async fn track(&self, call: &Call) -> Result<String, StepError> {
        let url = self.url(call)?;
        let listing = self.list_from::<Changed>(call, url).await?;
        listing.delta_link.ok_or_else(|| StepError::unavailable("a delta query of Graph ended without a link"))
    }

    /// Returns the changes since a link was returned, or `None` if Graph does not accept the link any more.
    ///
    /// # Errors
    /// If Graph does not respond or throttles the request.
    pub async fn changes_since(&self, link: &str) -> Result<Option<Changes>, StepError> {
        let call = Call::get(&[], "reading the changes to groups and users");
        // The link of another Graph endpoint is as useless as an expired link.
        let Some(url) = self.same_origin(link) else { return Ok(None) };
        let listing = match self.list_from::<Changed>(&call, url).await {
            Ok(listing) => listing,
            // Graph documents status 410 and several codes with status 400 for a link whose state is lost.
            Err(GraphError::Refused(_)) => return Ok(None),
            Err(GraphError::Failed(error)) => return Err(error),
        };
        let Some(link) = listing.delta_link else { return Ok(None) };
        let ids = listing.items.into_iter().map(|changed| changed.id.to_ascii_lowercase()).collect();
        Ok(Some(Changes { ids, link, pages: listing.pages }))
    }
}
