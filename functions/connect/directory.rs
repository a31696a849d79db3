//! Reads the users and profiles of an instance. One search (`connect:SearchUsers`) returns 500 users per page with all
//! fields that a comparison needs, so no request per user is necessary. `connect:ListSecurityProfiles` and
//! `connect:ListRoutingProfiles` return the names and IDs of the profiles. Hierarchy groups are read only if the input
//! names at least one of them (`connect:ListUserHierarchyGroups`, `connect:DescribeUserHierarchyGroup`).

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap, VecDeque},
    future::Future,
    time::Duration,
};

use aws_sdk_connect::{
    Client,
    error::SdkError,
    operation::{RequestId, search_users::builders::SearchUsersFluentBuilder},
    types::{
        ControlPlaneTagFilter, HierarchyPath, StringComparisonType, StringCondition, TagCondition, UserSearchCriteria,
        UserSearchFilter, UserSearchSummary,
    },
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use onboarding_core::{
    StepError, StepErrorKind, names,
    sync::{
        ConnectUser, Ownership, PROFICIENCIES_KEY, Profiles, REMOVAL_DUE_KEY, SIGN_OUT_DUE_KEY, SIGNED_OUT_KEY,
        TRAFFIC_GROUP_KEY, date_from_tag,
    },
};
use tokio::time::{Instant, sleep, sleep_until};

use super::{
    channels,
    rate_budget::RateBudget,
    rate_limiter::{DEFAULT_RATE, RateLimiter},
};
use crate::{
    aws::{error::CallResult as _, retries::WithoutRetries as _},
    runtime::clock::Clock,
};

/// Connect's maximum page sizes for users and for profiles.
const USERS_PAGE: i32 = 500;
const NAMES_PAGE: i32 = 1000;
/// Maximum time for the retries of one read. If the read still fails after this time, the step can't read the instance
/// and fails.
pub(super) const RETRY_TIME: Duration = Duration::from_secs(60);

/// The kind of a read request. This process limits the rate of searches. Searches for users have a separate maximum
/// time for retries. Other reads are rare, so only the shared budget limits their rate.
#[derive(Clone, Copy, Debug)]
pub(super) enum Read {
    Search(Duration),
    SearchQuickConnects,
    Other(&'static str),
}

/// Reads the users and profiles of one instance, within Connect's default rate limit for searches.
#[derive(Debug)]
pub struct Directory<'a> {
    pub(super) client: Client,
    pub(super) instance_id: &'a str,
    alias: &'a str,
    clock: Clock,
    budget: Option<&'a dyn RateBudget>,
    /// The times of reserved requests that are not sent yet, and the number of requests of the last reservation, by
    /// operation.
    reserved: RefCell<BTreeMap<&'static str, (VecDeque<Instant>, u32)>>,
    searches: RefCell<RateLimiter>,
    quick_connect_searches: RefCell<RateLimiter>,
    calls: Cell<usize>,
    throttles: Cell<usize>,
}

impl<'a> Directory<'a> {
    /// Creates a directory of the instance with this ID. Users of this onboarding have the tag `onboarding` with the
    /// value `alias`. The waits after failed requests use `clock`, whereas the rate limiters use wall-clock time.
    #[must_use]
    pub fn new(client: &Client, instance_id: &'a str, alias: &'a str, clock: Clock) -> Self {
        Self {
            // This directory retries requests itself, and its rate limiter must be notified of every throttled request.
            // So the SDK must not retry requests.
            client: client.without_retries(),
            instance_id,
            alias,
            clock,
            budget: None,
            reserved: RefCell::default(),
            searches: RefCell::new(RateLimiter::new(DEFAULT_RATE, true, Instant::now())),
            quick_connect_searches: RefCell::new(RateLimiter::new(DEFAULT_RATE, true, Instant::now())),
            calls: Cell::new(0),
            throttles: Cell::new(0),
        }
    }

    /// Returns a directory that reserves its requests in `budget`.
    #[must_use]
    pub fn with_budget(self, budget: &'a dyn RateBudget) -> Self {
        Self { budget: Some(budget), ..self }
    }

    /// Returns the budget in which requests must be reserved.
    pub(super) fn budget(&self) -> Option<&'a dyn RateBudget> {
        self.budget
    }

    /// Waits until a reserved request of this operation may be sent. Reserves 1, 2, 4 … requests in advance, at most the
    /// burst, so that a list with many pages needs few reservations. Does not wait if there is no budget.
    pub async fn permit(&self, operation: &'static str) {
        let Some(budget) = self.budget else { return };
        let next = || self.reserved.borrow_mut().get_mut(operation).and_then(|(times, _)| times.pop_front());
        let at = match next() {
            Some(at) => Some(at),
            None => {
                let pace = RateLimiter::new(DEFAULT_RATE, true, Instant::now()).pace();
                let last = self.reserved.borrow().get(operation).map_or(0, |(_, last)| *last);
                let requests = (last * 2).clamp(1, pace.burst);
                let times = pace.reserve(budget, operation, requests).await;
                self.reserved.borrow_mut().insert(operation, (times, requests));
                next()
            }
        };
        if let Some(at) = at {
            sleep_until(at).await;
        }
    }

    /// Returns the clock for the waits after failed requests.
    pub(super) const fn clock(&self) -> Clock {
        self.clock
    }

    /// Returns the number of requests that were sent to Connect.
    #[must_use]
    pub const fn calls(&self) -> usize {
        self.calls.get()
    }

    /// Returns the number of requests that Connect throttled.
    #[must_use]
    pub const fn throttles(&self) -> usize {
        self.throttles.get()
    }

    /// Returns all users of the instance.
    ///
    /// # Errors
    /// If a page can't be read, even after retries.
    pub async fn users(&self) -> Result<Vec<ConnectUser>, StepError> {
        let search = self.client.search_users().instance_id(self.instance_id).max_results(USERS_PAGE);
        let send = |token| search.clone().set_next_token(token).send();
        let retries = Read::Search(RETRY_TIME);
        let pages = self.pages("reading the users of the instance", retries, send, |page| page.next_token()).await?;
        let users = pages.into_iter().flat_map(|page| page.users.unwrap_or_default());
        Ok(users.filter_map(|user| connect_user(user, self.alias)).collect())
    }

    /// Returns the user with exactly this username. Returns `None` if the user does not exist, or if the search does
    /// not return the user yet. Sends one request.
    ///
    /// # Errors
    /// If Connect returns an error.
    pub async fn user(&self, username: &str) -> Result<Option<ConnectUser>, StepError> {
        Ok(self.users_named(&[username]).await?.pop())
    }

    /// Returns the users with exactly these usernames. Users that do not exist, or that the search does not return yet,
    /// are missing from the result. Sends one request for all usernames.
    ///
    /// # Errors
    /// If Connect returns an error.
    pub async fn users_named(&self, usernames: &[&str]) -> Result<Vec<ConnectUser>, StepError> {
        let condition = |username: &&str| {
            let condition = StringCondition::builder()
                .field_name("Username")
                .value(*username)
                .comparison_type(StringComparisonType::Exact)
                .build();
            UserSearchCriteria::builder().string_condition(condition).build()
        };
        let criteria = match usernames {
            [username] => condition(username),
            _ => {
                let conditions = usernames.iter().map(condition).collect();
                UserSearchCriteria::builder().set_or_conditions(Some(conditions)).build()
            }
        };
        let search = self.client.search_users().instance_id(self.instance_id).max_results(USERS_PAGE);
        let search = search.search_criteria(criteria);
        let doing = format!("searching for the user {}", usernames.join(", "));
        let output = self.read(&doing, Read::Search(Duration::ZERO), || search.clone().send()).await?;
        let found = output.users.unwrap_or_default().into_iter().filter_map(|user| connect_user(user, self.alias));
        Ok(found.filter(|user| usernames.contains(&user.username.as_str())).collect())
    }

    /// Returns the users whose tag contains one of these Entra object IDs. Users that the search does not return yet
    /// are missing from the result. Sends one request for all object IDs.
    ///
    /// # Errors
    /// If Connect returns an error.
    pub async fn users_of(&self, object_ids: &[String]) -> Result<Vec<ConnectUser>, StepError> {
        let either = object_ids.iter().map(|id| vec![tagged(names::ENTRA_OBJECT_ID_KEY, id)]).collect();
        let filter = ControlPlaneTagFilter::builder().set_or_conditions(Some(either)).build();
        let search = self.search_by_tags(filter).max_results(USERS_PAGE);
        let doing = "searching for the users of the members who left";
        let output = self.read(doing, Read::Search(Duration::ZERO), || search.clone().send()).await?;
        let found = output.users.unwrap_or_default().into_iter().filter_map(|user| connect_user(user, self.alias));
        Ok(found.filter(|user| user.entra_object_id.as_ref().is_some_and(|id| object_ids.contains(id))).collect())
    }

    /// Returns the approximate number of users with the tags of this onboarding. Sends one request.
    ///
    /// # Errors
    /// If Connect returns an error.
    pub async fn managed(&self) -> Result<usize, StepError> {
        let ours = names::tags(self.alias).into_iter().map(|(key, value)| tagged(key, &value)).collect();
        let filter = ControlPlaneTagFilter::builder().set_and_conditions(Some(ours)).build();
        let search = self.search_by_tags(filter).max_results(1);
        let output = self.read("counting the users", Read::Search(Duration::ZERO), || search.clone().send()).await?;
        Ok(output.approximate_total_count.and_then(|count| usize::try_from(count).ok()).unwrap_or_default())
    }

    fn search_by_tags(&self, filter: ControlPlaneTagFilter) -> SearchUsersFluentBuilder {
        let filter = UserSearchFilter::builder().tag_filter(filter).build();
        self.client.search_users().instance_id(self.instance_id).search_filter(filter)
    }

    /// Returns the IDs of all security profiles and routing profiles by name, and the IDs of the given hierarchy groups
    /// by path.
    ///
    /// # Errors
    /// If Connect returns an error.
    pub async fn profiles(&self, hierarchy: &[&str]) -> Result<Profiles, StepError> {
        let (security, routing, hierarchy) =
            tokio::try_join!(self.security_profiles(), self.routing_profiles(), self.hierarchy_groups(hierarchy))?;
        Ok(Profiles { security, routing, hierarchy })
    }

    /// Returns the IDs of all security profiles by name.
    ///
    /// # Errors
    /// If Connect returns an error.
    pub async fn security_profiles(&self) -> Result<BTreeMap<String, String>, StepError> {
        let list = self.client.list_security_profiles().instance_id(self.instance_id).max_results(NAMES_PAGE);
        let send = |token| list.clone().set_next_token(token).send();
        let pages = self
            .pages("listing the security profiles", Read::Other("ListSecurityProfiles"), send, |page| page.next_token())
            .await?;
        let profiles = pages.into_iter().flat_map(|page| page.security_profile_summary_list.unwrap_or_default());
        Ok(profiles.filter_map(|profile| Some((profile.name?, profile.id?))).collect())
    }

    async fn routing_profiles(&self) -> Result<BTreeMap<String, String>, StepError> {
        let list = self.client.list_routing_profiles().instance_id(self.instance_id).max_results(NAMES_PAGE);
        let send = |token| list.clone().set_next_token(token).send();
        let pages = self
            .pages("listing the routing profiles", Read::Other("ListRoutingProfiles"), send, |page| page.next_token())
            .await?;
        let profiles = pages.into_iter().flat_map(|page| page.routing_profile_summary_list.unwrap_or_default());
        Ok(profiles.filter_map(|profile| Some((profile.name?, profile.id?))).collect())
    }

    /// Returns the hierarchy groups with these paths. The list that Connect returns contains only the names of
    /// hierarchy groups. So the function describes each hierarchy group with a matching name to get its path.
    async fn hierarchy_groups(&self, paths: &[&str]) -> Result<BTreeMap<String, String>, StepError> {
        let mut found = BTreeMap::new();
        if paths.is_empty() {
            return Ok(found);
        }
        let list = self.client.list_user_hierarchy_groups().instance_id(self.instance_id).max_results(NAMES_PAGE);
        let send = |token| list.clone().set_next_token(token).send();
        let pages = self
            .pages("listing the hierarchy groups", Read::Other("ListUserHierarchyGroups"), send, |page| {
                page.next_token()
            })
            .await?;
        let groups = pages.into_iter().flat_map(|page| page.user_hierarchy_group_summary_list.unwrap_or_default());
        let is_candidate = |name: Option<&str>| paths.iter().any(|path| path.rsplit(" / ").next() == name);
        for id in groups.filter(|group| is_candidate(group.name())).filter_map(|group| group.id) {
            if let Some(path) = self.hierarchy_path(&id).await?
                && paths.contains(&path.as_str())
            {
                found.insert(path, id);
            }
        }
        Ok(found)
    }

    /// Returns the path of a hierarchy group, or `None` if the group does not exist.
    ///
    /// # Errors
    /// If Connect returns an error.
    pub async fn hierarchy_path(&self, id: &str) -> Result<Option<String>, StepError> {
        let describe = self.client.describe_user_hierarchy_group().instance_id(self.instance_id);
        let describe = describe.hierarchy_group_id(id);
        let output = self
            .read("reading a hierarchy group", Read::Other("DescribeUserHierarchyGroup"), || describe.clone().send())
            .await?;
        Ok(output.hierarchy_group.as_ref().and_then(|group| group.hierarchy_path()).map(path_of))
    }

    /// Reads all pages of a list operation.
    pub(super) async fn pages<O, E, R, Fut>(
        &self,
        doing: &str,
        kind: Read,
        send: impl Fn(Option<String>) -> Fut,
        next_token: impl Fn(&O) -> Option<&str>,
    ) -> Result<Vec<O>, StepError>
    where
        Fut: Future<Output = Result<O, SdkError<E, R>>>,
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug,
        SdkError<E, R>: RequestId,
    {
        let (mut pages, mut token) = (Vec::new(), None);
        loop {
            let page = self.read(doing, kind, || send(token.clone())).await?;
            token = next(token.as_deref(), next_token(&page))?;
            pages.push(page);
            if token.is_none() {
                return Ok(pages);
            }
        }
    }

    /// Sends a read request. After throttling or a failure, retries the request until the maximum time for retries has
    /// passed.
    pub(super) async fn read<O, E, R, Fut>(
        &self,
        doing: &str,
        kind: Read,
        send: impl Fn() -> Fut,
    ) -> Result<O, StepError>
    where
        Fut: Future<Output = Result<O, SdkError<E, R>>>,
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug,
        SdkError<E, R>: RequestId,
    {
        // The time until a reserved request may be sent does not count for the maximum time for retries.
        let mut spent = Duration::ZERO;
        let (mut wait, mut waited) = (Duration::from_millis(500), Duration::ZERO);
        loop {
            self.permit(kind.operation()).await;
            let started = Instant::now();
            let error = match self.attempt(doing, kind, &send).await {
                Ok(output) => return Ok(output),
                Err(error) => error,
            };
            let pause = match error.kind {
                StepErrorKind::Throttled => wait,
                StepErrorKind::Unavailable => self.clock.wait(wait),
                _ => return Err(error),
            };
            waited += wait;
            spent += started.elapsed() + pause;
            if waited > kind.retry_time() || spent > kind.retry_time() {
                return Err(error);
            }
            sleep(pause).await;
            wait = (wait * 2).min(Duration::from_secs(8));
        }
    }

    /// Sends a read request once, without retries. A search is sent only after the rate limiter allows the request.
    async fn attempt<O, E, R, Fut>(&self, doing: &str, kind: Read, send: &impl Fn() -> Fut) -> Result<O, StepError>
    where
        Fut: Future<Output = Result<O, SdkError<E, R>>>,
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug,
        SdkError<E, R>: RequestId,
    {
        let limiter = match kind {
            Read::Search(_) => Some(&self.searches),
            Read::SearchQuickConnects => Some(&self.quick_connect_searches),
            Read::Other(_) => None,
        };
        if let Some(limiter) = limiter {
            let at = limiter.borrow().next(Instant::now());
            sleep_until(at).await;
            limiter.borrow_mut().take(Instant::now());
        }
        self.calls.set(self.calls.get() + 1);
        let result = send().await.doing(doing);
        let throttled = result.as_ref().is_err_and(|error| error.kind == StepErrorKind::Throttled);
        if throttled {
            self.throttles.set(self.throttles.get() + 1);
        }
        if let Some(limiter) = limiter {
            let (now, mut limiter) = (Instant::now(), limiter.borrow_mut());
            limiter.responded(now);
            match &result {
                Ok(_) => limiter.succeeded(now),
                Err(_) if throttled => limiter.throttled(now),
                Err(_) => {}
            }
        }
        result
    }
}

impl Read {
    /// Returns the name of the operation.
    const fn operation(self) -> &'static str {
        match self {
            Self::Search(_) => "SearchUsers",
            Self::SearchQuickConnects => "SearchQuickConnects",
            Self::Other(operation) => operation,
        }
    }

    /// Returns the maximum time for retries.
    const fn retry_time(self) -> Duration {
        match self {
            Self::Search(retry_time) => retry_time,
            Self::SearchQuickConnects | Self::Other(_) => RETRY_TIME,
        }
    }
}

fn tagged(key: &str, value: &str) -> TagCondition {
    TagCondition::builder().tag_key(key).tag_value(value).build()
}

/// Returns the pagination token of the next page. If Connect returns the token of the current page again, the function
/// returns an error, because otherwise the loop over the pages would never finish.
fn next(current: Option<&str>, next: Option<&str>) -> Result<Option<String>, StepError> {
    match next.filter(|token| !token.is_empty()) {
        Some(token) if Some(token) == current => Err(StepError::unavailable(
            "Amazon Connect returned the same page token twice, so the read is not complete",
        )),
        token => Ok(token.map(ToOwned::to_owned)),
    }
}

fn path_of(path: &HierarchyPath) -> String {
    let levels = [path.level_one(), path.level_two(), path.level_three(), path.level_four(), path.level_five()];
    let names: Vec<&str> = levels.into_iter().flatten().filter_map(|level| level.name()).collect();
    names.join(" / ")
}

/// Converts a user that a search returned. Returns `None` if the user has no ID or no username. Connect never returns
/// such a user.
fn connect_user(user: UserSearchSummary, alias: &str) -> Option<ConnectUser> {
    let channels = channels::of_summary(&user);
    let tags: HashMap<String, String> = user.tags.unwrap_or_default();
    let tag = |key: &str| tags.get(key).map(String::as_str);
    let identity = user.identity_info;
    Some(ConnectUser {
        id: user.id?,
        arn: user.arn.unwrap_or_default(),
        username: user.username?,
        first_name: identity.as_ref().and_then(|identity| identity.first_name.clone()).unwrap_or_default(),
        last_name: identity.and_then(|identity| identity.last_name).unwrap_or_default(),
        security_profile_ids: user.security_profile_ids.unwrap_or_default(),
        routing_profile_id: user.routing_profile_id.unwrap_or_default(),
        hierarchy_group_id: user.hierarchy_group_id,
        channels,
        ownership: Ownership::from_tags(tag(names::MANAGED_BY_KEY), tag(names::ONBOARDING_KEY), alias),
        entra_object_id: tag(names::ENTRA_OBJECT_ID_KEY).map(ToOwned::to_owned),
        removal_due: tag(REMOVAL_DUE_KEY).and_then(date_from_tag),
        signed_out: tags.contains_key(SIGNED_OUT_KEY),
        sign_out_due: tag(SIGN_OUT_DUE_KEY).and_then(date_from_tag),
        proficiencies: tag(PROFICIENCIES_KEY).map(ToOwned::to_owned),
        traffic_group: tag(TRAFFIC_GROUP_KEY).map(ToOwned::to_owned),
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use aws_sdk_connect::types::{
        AfterContactWorkConfig, AfterContactWorkConfigPerChannel, AutoAcceptConfig, Channel, PhoneType, UserPhoneConfig,
    };
    use onboarding_core::{
        onboarding::{Phone, VoiceSettings},
        sync::UserChannels,
    };

    use super::*;

    fn summary() -> aws_sdk_connect::types::builders::UserSearchSummaryBuilder {
        UserSearchSummary::builder().id("u").username("taro@example.com")
    }

    #[test]
    fn older_phone_settings_are_converted_from_milliseconds_to_seconds() {
        let config = UserPhoneConfig::builder()
            .phone_type(PhoneType::SoftPhone)
            .auto_accept(true)
            .after_contact_work_time_limit(30_000)
            .build();
        let user = connect_user(summary().phone_config(config).build(), "acme").unwrap();
        assert_eq!(user.channels, UserChannels::of_phone(&Phone { auto_accept: true, after_contact_work_seconds: 30 }));
    }

    #[test]
    fn the_voice_channel_settings_take_precedence_over_the_older_ones() {
        let work = AfterContactWorkConfigPerChannel::builder()
            .channel(Channel::Voice)
            .after_contact_work_config(AfterContactWorkConfig::builder().after_contact_work_time_limit(45).build())
            .build()
            .unwrap();
        let chat = AutoAcceptConfig::builder().channel(Channel::Chat).auto_accept(true).build().unwrap();
        let voice = AutoAcceptConfig::builder().channel(Channel::Voice).auto_accept(false).build().unwrap();
        let user =
            summary().auto_accept_configs(chat).auto_accept_configs(voice).after_contact_work_configs(work).build();
        let user = connect_user(user, "acme").unwrap();
        let mut expected = UserChannels::of_phone(&Phone { auto_accept: false, after_contact_work_seconds: 45 });
        expected.complete(
            onboarding_core::onboarding::Channel::Chat,
            VoiceSettings { auto_accept: Some(true), ..VoiceSettings::default() },
        );
        assert_eq!(user.channels, expected);
        assert_eq!(connect_user(summary().build(), "acme").unwrap().channels, UserChannels::default());
    }

    #[test]
    fn tags_determine_the_owner_of_a_user() {
        let tagged = |alias: &str| {
            let user = summary()
                .tags("managed-by", "connect-onboarding")
                .tags("onboarding", "acme")
                .tags("entra-object-id", "0f8f")
                .tags("removal-due", "2026-11-29");
            connect_user(user.build(), alias).unwrap()
        };
        let user = tagged("acme");
        assert_eq!((user.ownership, user.entra_object_id.as_deref()), (Ownership::Ours, Some("0f8f")));
        assert_eq!(user.removal_due, date_from_tag("2026-11-29"));
        assert_eq!(tagged("other").ownership, Ownership::OtherOnboarding("acme".into()));
        assert_eq!(connect_user(summary().build(), "acme").unwrap().ownership, Ownership::Unmanaged);
    }

    #[test]
    fn a_page_token_that_repeats_itself_fails_the_read() {
        assert_eq!(next(Some("a"), Some("b")).unwrap(), Some("b".into()));
        assert_eq!(next(Some("a"), Some("")).unwrap(), None);
        assert!(next(Some("a"), Some("a")).is_err());
    }
}
