//! The assignments of an application that a teardown removes.

use std::collections::BTreeSet;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use onboarding_core::{StepError, contract::EntraGroup};

use super::entra::{ApplicationOwner, Found};
use crate::{entra::AppRoleAssignment, registry::Registry};

/// Maximum number of concurrent reads of the registry.
const LANES: usize = 8;

/// Returns the IDs of those assignments of single users that the onboarding recorded when it created them.
///
/// # Errors
/// If `DynamoDB` returns an error.
pub(crate) async fn recorded(registry: &Registry<'_>, found: &Found) -> Result<BTreeSet<String>, StepError> {
    let users = found.assignments.iter().filter(|one| one.principal_type.as_deref() == Some("User"));
    let users: Vec<&AppRoleAssignment> = users.collect();
    let ids: Vec<Option<String>> = stream::iter(users)
        .map(|one| async move {
            let is_recorded = registry.has_recorded(&found.principal.id, one).await?;
            Ok::<_, StepError>(one.id.clone().filter(|_| is_recorded))
        })
        .buffer_unordered(LANES)
        .try_collect()
        .await?;
    Ok(ids.into_iter().flatten().collect())
}

/// Returns two lists: the assignments that a teardown removes, and the assignments that a teardown keeps. If the
/// application existed before the onboarding, some assignments may also have existed before. In this case, a teardown
/// removes only the assignments of the onboarding's groups, and the `recorded` assignments of single users.
pub(crate) fn removable<'f>(
    found: &'f Found,
    owner: ApplicationOwner,
    groups: &[EntraGroup],
    recorded: &BTreeSet<String>,
) -> (Vec<&'f AppRoleAssignment>, Vec<&'f AppRoleAssignment>) {
    let is_ours = |one: &&AppRoleAssignment| {
        groups.iter().any(|group| group.id == one.principal_id)
            || one.id.as_ref().is_some_and(|id| recorded.contains(id))
    };
    found.assignments.iter().partition(|one| owner != ApplicationOwner::Adopted || is_ours(one))
}
