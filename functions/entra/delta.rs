//! Delta queries, which return the groups and users that have changed since an earlier request.
//!
//! Graph returns a link at the end of each delta query. A request to this link returns the changes that occurred after
//! Graph returned the link, and the next link. Graph may return the same change twice. A link is valid for at most
//! seven days, and Graph may lose the state of the link earlier. After that, the caller must read all objects again.
//! <https://learn.microsoft.com/graph/delta-query-overview>

use std::collections::BTreeSet;

use onboarding_core::StepError;
use serde::Deserialize;

use super::{Graph, GraphError, call::Call, groups::USER_FIELDS};

/// Maximum number of groups in the filter of a delta query.
const GROUPS_PER_LINK: usize = 50;

/// The changes that a link returned.
#[derive(Debug)]
pub struct Changes {
    /// The IDs of the changed objects, in lower case. Deleted objects are included.
    pub ids: BTreeSet<String>,
    /// The link that returns later changes.
    pub link: String,
    /// The number of requests that were sent to Graph.
    pub pages: usize,
}

/// An object in the response to a delta query. Only its ID is used, because any change causes a full comparison.
#[derive(Deserialize)]
struct Changed {
    id: String,
}

impl Graph {
    /// Returns links for future changes to the members of these groups. Each link covers up to 50 groups.
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

    /// Returns a link for future changes to the users of the tenant. The link covers changes to names, sign-in settings
    /// and deletions.
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

    /// Returns the changes that occurred after Graph returned this link. Returns `None` if Graph no longer accepts the
    /// link.
    ///
    /// # Errors
    /// If Graph does not respond or throttles the request.
    pub async fn changes_since(&self, link: &str) -> Result<Option<Changes>, StepError> {
        let call = Call::get(&[], "reading the changes to groups and users");
        // The link may come from another Graph endpoint. A link from another endpoint is treated like an expired link.
        let Some(url) = self.same_origin(link) else { return Ok(None) };
        let listing = match self.list_from::<Changed>(&call, url).await {
            Ok(listing) => listing,
            // If Graph has lost the state of a link, it returns status 410, or status 400 with one of several
            // documented error codes.
            Err(GraphError::Refused(_)) => return Ok(None),
            Err(GraphError::Failed(error)) => return Err(error),
        };
        let Some(link) = listing.delta_link else { return Ok(None) };
        let ids = listing.items.into_iter().map(|changed| changed.id.to_ascii_lowercase()).collect();
        Ok(Some(Changes { ids, link, pages: listing.pages }))
    }
}
