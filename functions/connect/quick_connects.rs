//! Deletes or transfers the quick connects of a user immediately before the user is deleted.
//!
//! A user who left must lose access, so the user is deleted even if a quick connect of the user can't be changed. The
//! outcome then contains the name of the quick connect. If Connect is unavailable, a later sync deletes the user.

use aws_sdk_connect::types::{QuickConnectConfig, QuickConnectType, UserQuickConnectConfig};
use onboarding_core::{
    StepError, StepErrorKind,
    onboarding::QuickConnects,
    sync::{ConnectUser, Finding, Plan, QuickConnect, Removal},
};
use tracing::warn;

use super::{
    Applied, Directory, Operation,
    directory::Read,
    lane::Attempt,
    request::{OwnQuickConnect, Request, RequestError, Write},
    run::{MAX_TRIES, Run},
    user_api::{UserApi, invalid, outcome},
};

/// Connect's maximum page size for quick connects.
const PAGE: i32 = 100;
/// Maximum number of quick connects that a message names.
const MAX_NAMED: usize = 10;

/// Adds to a plan the quick connects of the users that the plan deletes. If the plan deletes no user, the function
/// sends no request. Otherwise, the function sends one request for every 100 quick connects of the instance. If an
/// error occurs that a retry can't solve, for example a missing permission, the quick connects are not changed, and a
/// finding of the plan states the reason.
///
/// # Errors
/// If Connect is unavailable or throttles the requests. A later sync then deletes the users.
pub async fn add_quick_connects(
    directory: &Directory<'_>,
    plan: &mut Plan,
    setting: &QuickConnects,
    users: &[ConnectUser],
) -> Result<(), StepError> {
    if plan.delete.is_empty() {
        return Ok(());
    }
    match directory.quick_connects().await {
        Ok(found) => plan.add_quick_connects(found, setting, users),
        Err(error) if matches!(error.kind, StepErrorKind::Throttled | StepErrorKind::Unavailable) => return Err(error),
        Err(error) => {
            warn!(error = error.name(), message = error.message, "the quick connects of deleted users are kept");
            // The most important finding comes first, because a long list of findings is truncated.
            plan.findings.insert(0, Finding::QuickConnectsUnreadable { reason: error.message });
        }
    }
    Ok(())
}

impl Directory<'_> {
    /// Returns all quick connects that transfer contacts to users. `SearchQuickConnects` can't filter by user or type.
    /// However, `SearchQuickConnects` returns the configuration of each quick connect, so no separate request for each
    /// quick connect is necessary.
    ///
    /// # Errors
    /// If a page can't be read, despite retries.
    pub async fn quick_connects(&self) -> Result<Vec<QuickConnect>, StepError> {
        let search = self.client.search_quick_connects().instance_id(self.instance_id).max_results(PAGE);
        let send = |token| search.clone().set_next_token(token).send();
        let (doing, kind) = ("reading the quick connects of the instance", Read::SearchQuickConnects);
        let pages = self.pages(doing, kind, send, |page| page.next_token()).await?;
        let found = pages.into_iter().flat_map(|page| page.quick_connects.unwrap_or_default());
        Ok(found.filter_map(of_user).collect())
    }
}

/// Converts a quick connect. Returns `None` if the quick connect does not transfer contacts to a user.
fn of_user(quick_connect: aws_sdk_connect::types::QuickConnect) -> Option<QuickConnect> {
    let user_id = user_id(quick_connect.quick_connect_config.as_ref()?)?.to_owned();
    Some(QuickConnect { id: quick_connect.quick_connect_id?, name: quick_connect.name?, user_id })
}

/// Returns the ID of the user to whom a quick connect transfers contacts. If Connect returns an ARN, the ID is its last
/// part.
fn user_id(config: &QuickConnectConfig) -> Option<&str> {
    let user = config.user_config.as_ref().filter(|_| config.quick_connect_type == QuickConnectType::User)?;
    user.user_id.rsplit('/').next()
}

impl UserApi<'_> {
    /// Deletes a quick connect, or transfers it to the user with the ID `target`. The quick connect is read again
    /// before the change. If the quick connect no longer belongs to the deleted user, the quick connect is not changed,
    /// and the function returns `false`.
    pub(super) async fn change_quick_connect(
        &self,
        of: &OwnQuickConnect<'_>,
        target: Option<&str>,
    ) -> Result<bool, RequestError> {
        let (client, instance, id) = (&self.client, self.instance_id, of.change.id.as_str());
        let (name, user) = (&of.change.name, &of.removal.user);
        let sent = client.describe_quick_connect().instance_id(instance).quick_connect_id(id).send().await;
        let found = match sent.map_err(|error| RequestError::new(&format!("reading the quick connect {name}"), &error))
        {
            Err(error) if error.is_not_found() => return Ok(false),
            found => found?.quick_connect.and_then(|found| found.quick_connect_config),
        };
        let Some(mut config) = found.filter(|config| user_id(config) == Some(user.id.as_str())) else {
            return Ok(false);
        };
        let Some(target) = target else {
            let doing = format!("deleting the quick connect {name} of the user {}", user.username);
            let delete = client.delete_quick_connect().instance_id(instance).quick_connect_id(id);
            return match outcome(&doing, delete.send().await) {
                Err(error) if error.is_not_found() => Ok(true),
                deleted => deleted.map(|()| true),
            };
        };
        let flow = config.user_config.take().map(|user| user.contact_flow_id).unwrap_or_default();
        let to = UserQuickConnectConfig::builder().user_id(target).contact_flow_id(flow).build().map_err(invalid)?;
        config.user_config = Some(to);
        let doing = format!("transferring the quick connect {name} of the user {}", user.username);
        let update = client.update_quick_connect_config().instance_id(instance).quick_connect_id(id);
        outcome(&doing, update.quick_connect_config(config).send().await).map(|()| true)
    }
}

impl Applied {
    /// Returns the names of the quick connects of deleted users that could be neither deleted nor transferred, as text,
    /// and the reason.
    #[must_use]
    pub fn left_quick_connects(&self) -> Option<(String, &str)> {
        let left = &self.quick_connects_left;
        if left.is_empty() {
            return None;
        }
        let mut names: Vec<String> = left.iter().take(MAX_NAMED).map(|name| format!("{name:?}")).collect();
        if left.len() > MAX_NAMED {
            names.push(format!("{} more", left.len() - MAX_NAMED));
        }
        let reason = self.quick_connects_unavailable.as_ref().or(self.quick_connect_error.as_ref());
        let reason = reason.map_or("the user who gets them can't be found", String::as_str);
        Some((format!("the quick connects {} of deleted users are kept", names.join(", ")), reason))
    }
}

impl<'p> Run<'p> {
    /// Adds the request that changes the quick connect with this index in the removal's list. If the user has no
    /// further quick connect, adds the request that deletes the user.
    pub(super) fn release_and_delete(&mut self, removal: &'p Removal, index: usize) {
        if self.deletion_denied.is_some() {
            return;
        }
        let Some(change) = removal.quick_connects.get(index) else {
            return self.push(Request::Write(Write::Delete(removal)));
        };
        let of = OwnQuickConnect { removal, change, index };
        let target = change.transfer.as_ref().map(|to| to.user_id.clone().or_else(|| self.applied.id_of(&to.username)));
        match (&self.applied.quick_connects_unavailable, target) {
            (None, None) => self.push(Request::QuickConnect { of, target: None }),
            (None, Some(Some(target))) => self.push(Request::QuickConnect { of, target: Some(target) }),
            _ => self.leave(of),
        }
    }

    /// Continues with the user's next quick connect after a quick connect was changed.
    pub(super) fn quick_connect_changed(&mut self, of: OwnQuickConnect<'p>, changed: bool) {
        if changed {
            self.applied.quick_connect_changed(of.change, &of.removal.user.username);
        }
        self.release_and_delete(of.removal, of.index + 1);
    }

    /// Leaves a quick connect unchanged, and continues with the next quick connect of the user.
    fn leave(&mut self, of: OwnQuickConnect<'p>) {
        if self.deletion_denied.is_none() {
            self.applied.quick_connects_left.push(of.change.name.clone());
        }
        self.release_and_delete(of.removal, of.index + 1);
    }

    /// Handles a failed change of a quick connect. If the operation is denied or unknown to Connect, this run changes
    /// no further quick connects.
    pub(super) fn quick_connect_failed(
        &mut self,
        of: OwnQuickConnect<'p>,
        target: Option<String>,
        tries: u32,
        error: &RequestError,
    ) {
        let message = &error.error.message;
        self.count_failure(error);
        let concerns_one = error.concerns_one_object();
        if error.kind() == StepErrorKind::Unavailable || (concerns_one && tries + 1 < MAX_TRIES) {
            // The user to whom the quick connect is transferred may be new, and Connect may not find a new user yet. So
            // the request is retried.
            return self.retry(Attempt { request: Request::QuickConnect { of, target }, tries }, message);
        }
        if concerns_one {
            self.applied.quick_connect_error.get_or_insert_with(|| message.clone());
        } else {
            self.applied.quick_connects_unavailable.get_or_insert_with(|| message.clone());
            for operation in [Operation::DeleteQuickConnect, Operation::UpdateQuickConnectConfig] {
                for request in self.lane(operation).clear() {
                    if let Request::QuickConnect { of, .. } = request {
                        self.leave(of);
                    }
                }
            }
        }
        self.leave(of);
    }
}
