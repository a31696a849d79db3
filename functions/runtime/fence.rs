//! The fence. The fence ensures that a step that may have lost its lease sends no requests (docs/theory.md, "Fence").
//!
//! Lambda can pause an invocation, and an invocation of a stopped execution continues to run. So every request of a
//! step to AWS or Microsoft, including each retry, first waits for the fence. The fence allows a request if the
//! registry has confirmed the lease within the last seconds of *wall-clock* time. Otherwise, the fence first requests a
//! new confirmation from the registry. The monotonic clock of the process is not sufficient, because it can stop while
//! the invocation is paused.
//!
//! If the registry does not confirm the lease, the step stops immediately with `LeaseLost`.

use std::{
    fmt,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use futures_util::future::BoxFuture;
use onboarding_core::{StepError, contract::Lease};
use tokio::sync::{Mutex as AsyncMutex, Notify};
use tracing::warn;

tokio::task_local! {
    static FENCE: Option<Arc<Fence>>;
}

/// A function that requests the confirmation of a lease from the registry. The function returns the confirmed lease, or
/// `None` if another execution or a later invocation holds the lease. For the lease of an instance's users, the first
/// confirmation by an invocation also increases the number of the lease.
pub type Confirm = dyn Fn(Lease, Turn) -> Confirmation + Send + Sync;
/// The result of a confirmation.
pub type Confirmation = BoxFuture<'static, Result<Option<Lease>, StepError>>;

/// Whether a confirmation is the first one that an invocation requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The first confirmation of the invocation.
    First,
    /// A later confirmation of the invocation.
    Later,
}

/// The fence of one invocation.
pub struct Fence {
    confirm: Box<Confirm>,
    term: Duration,
    now: fn() -> SystemTime,
    state: Mutex<State>,
    /// Ensures that only one request at a time confirms the lease. The other requests wait for the result.
    confirmation: AsyncMutex<()>,
    lost: Notify,
}

struct State {
    lease: Lease,
    /// The time at which the last successful confirmation was requested from the registry.
    confirmed_at: Option<SystemTime>,
    is_lost: bool,
}

impl fmt::Debug for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fence").field("term", &self.term).finish_non_exhaustive()
    }
}

impl Fence {
    /// Creates a fence. A confirmation is valid for `term`.
    #[must_use]
    pub fn new(lease: Lease, term: Duration, confirm: Box<Confirm>) -> Arc<Self> {
        Self::with_clock(lease, term, confirm, SystemTime::now)
    }

    fn with_clock(lease: Lease, term: Duration, confirm: Box<Confirm>, now: fn() -> SystemTime) -> Arc<Self> {
        Arc::new(Self {
            confirm,
            term,
            now,
            state: Mutex::new(State { lease, confirmed_at: None, is_lost: false }),
            confirmation: AsyncMutex::new(()),
            lost: Notify::new(),
        })
    }

    /// Runs a step whose requests all wait for this fence.
    ///
    /// # Errors
    /// `LeaseLost` as soon as the lease is lost; otherwise the error of the step.
    pub async fn guard<T>(self: Arc<Self>, step: impl Future<Output = Result<T, StepError>>) -> Result<T, StepError> {
        let result = tokio::select! {
            biased;
            () = self.lost.notified() => Err(self.error()),
            result = FENCE.scope(Some(Arc::clone(&self)), step) => result,
        };
        if self.state().is_lost { Err(self.error()) } else { result }
    }

    /// Returns the lease with the number of this invocation.
    fn lease(&self) -> Lease {
        self.state().lease.clone()
    }

    /// Runs a write to the registry that also confirms the lease. If the write returns `None`, the lease is lost.
    ///
    /// # Errors
    /// `LeaseLost`, or the error of the write.
    async fn confirm_with<F>(&self, write: impl FnOnce(Lease) -> F) -> Result<(), StepError>
    where
        F: Future<Output = Result<Option<Lease>, StepError>>,
    {
        let sent_at = (self.now)();
        // The write itself confirms the lease, so it must not wait for the fence.
        let confirmed = FENCE.scope(None, write(self.lease())).await?;
        let mut state = self.state();
        if let Some(lease) = confirmed {
            state.lease = lease;
            state.confirmed_at = Some(sent_at);
            return Ok(());
        }
        state.is_lost = true;
        drop(state);
        warn!(lease = self.lease().key, "the lease is lost; no further request is sent");
        self.lost.notify_one();
        Err(self.error())
    }

    async fn pass(&self) -> Result<(), StepError> {
        if self.is_confirmed()? {
            return Ok(());
        }
        let _one_at_a_time = self.confirmation.lock().await;
        if self.is_confirmed()? {
            return Ok(());
        }
        let turn = if self.state().confirmed_at.is_none() { Turn::First } else { Turn::Later };
        self.confirm_with(|lease| (self.confirm)(lease, turn)).await
    }

    /// Returns whether the last confirmation is still valid. If the clock has been set back since the confirmation, it
    /// is no longer valid.
    fn is_confirmed(&self) -> Result<bool, StepError> {
        let state = self.state();
        if state.is_lost {
            drop(state);
            return Err(self.error());
        }
        let age = state.confirmed_at.and_then(|at| (self.now)().duration_since(at).ok());
        Ok(age.is_some_and(|age| age < self.term))
    }

    fn error(&self) -> StepError {
        let Lease { key, holder, number } = self.lease();
        StepError::lease_lost(format!(
            "this invocation (number {number}) of the execution {} no longer holds the lease of {key}, so it sent no further \
             request; the execution that holds the lease continues the work",
            holder.rsplit(':').next().unwrap_or_default()
        ))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn current() -> Option<Arc<Fence>> {
    FENCE.try_with(Clone::clone).ok().flatten()
}

/// Returns the number of the lease of the current step, or `None` if the step has no lease.
#[must_use]
pub fn number() -> Option<u64> {
    current().map(|fence| fence.lease().number)
}

/// Waits until the current step may send a request. If the step has no lease, the function returns immediately.
///
/// # Errors
/// `LeaseLost`, or the error that the registry returns.
pub async fn pass() -> Result<(), StepError> {
    match current() {
        Some(fence) => fence.pass().await,
        None => Ok(()),
    }
}

/// Runs a write to the registry that also confirms the lease of the current step. The write receives the lease, and
/// returns `None` if the lease is lost. If the step has no lease, the function does not run the write and returns
/// `None`.
///
/// # Errors
/// `LeaseLost`, or the error of the write.
pub async fn confirm_with<F>(write: impl FnOnce(Lease) -> F) -> Result<Option<()>, StepError>
where
    F: Future<Output = Result<Option<Lease>, StepError>>,
{
    match current() {
        Some(fence) => fence.confirm_with(write).await.map(Some),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::pending,
        sync::atomic::{AtomicU64, Ordering},
        time::UNIX_EPOCH,
    };

    use futures_util::FutureExt as _;

    use super::*;

    const TERM: Duration = Duration::from_secs(10);

    tokio::task_local! {
        static SECONDS: Arc<AtomicU64>;
    }

    fn now() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(SECONDS.with(|seconds| seconds.load(Ordering::Relaxed)))
    }

    /// A registry that confirms a lease until another execution acquires the lease.
    #[derive(Clone, Default)]
    struct Registry {
        confirmations: Arc<AtomicU64>,
        taken_over_after: Option<u64>,
    }

    impl Registry {
        fn fence(&self) -> Arc<Fence> {
            let lease = Lease { key: "i".into(), holder: "arn:execution:one".into(), number: 7 };
            let registry = self.clone();
            let confirm = move |lease: Lease, turn: Turn| {
                assert_eq!(turn == Turn::First, registry.confirmations() == 0);
                let before = registry.confirmations.fetch_add(1, Ordering::Relaxed);
                let is_held = registry.taken_over_after.is_none_or(|after| before < after);
                async move { Ok(is_held.then_some(lease)) }.boxed()
            };
            Fence::with_clock(lease, TERM, Box::new(confirm), now)
        }

        fn confirmations(&self) -> u64 {
            self.confirmations.load(Ordering::Relaxed)
        }
    }

    async fn on_a_clock<T>(test: impl AsyncFnOnce(&AtomicU64) -> T) -> T {
        let seconds = Arc::new(AtomicU64::new(1000));
        SECONDS.scope(Arc::clone(&seconds), test(&seconds)).await
    }

    #[tokio::test]
    async fn a_lease_is_confirmed_before_the_first_request_and_again_after_its_term() {
        on_a_clock(async |seconds| {
            let registry = Registry::default();
            let step = async {
                for (time, confirmations) in [(1000, 1), (1009, 1), (1010, 2), (4610, 3), (4600, 4)] {
                    seconds.store(time, Ordering::Relaxed);
                    pass().await?;
                    assert_eq!(registry.confirmations(), confirmations, "at {time}");
                }
                Ok(())
            };
            assert_eq!(registry.fence().guard(step).await, Ok(()));
        })
        .await;
    }

    #[tokio::test]
    async fn concurrent_requests_wait_for_one_confirmation() {
        on_a_clock(async |_| {
            let registry = Registry::default();
            let step = async {
                futures_util::future::try_join_all((0..32).map(|_| pass())).await?;
                Ok(registry.confirmations())
            };
            assert_eq!(registry.fence().guard(step).await, Ok(1));
        })
        .await;
    }

    #[tokio::test]
    async fn a_step_that_was_paused_while_its_lease_was_taken_over_sends_nothing_and_ends() {
        on_a_clock(async |seconds| {
            let registry = Registry { taken_over_after: Some(1), ..Registry::default() };
            let sent = AtomicU64::new(0);
            let request = async || {
                pass().await?;
                sent.fetch_add(1, Ordering::Relaxed);
                Ok::<_, StepError>(())
            };
            let step = async {
                request().await?;
                seconds.store(1000 + 3600, Ordering::Relaxed);
                // Even if a step ignores the error of a request, it sends no further request.
                let _ = tokio::join!(request(), request());
                pending::<Result<(), StepError>>().await
            };
            let ended = registry.fence().guard(step).await;
            assert!(ended.is_err_and(|error| error.name() == "LeaseLost"));
            assert_eq!(sent.load(Ordering::Relaxed), 1);
        })
        .await;
    }

    #[tokio::test]
    async fn a_write_of_progress_confirms_the_lease_and_a_refused_one_ends_the_step() {
        on_a_clock(async |seconds| {
            let registry = Registry::default();
            let step = async {
                pass().await?;
                assert_eq!(number(), Some(7));
                seconds.store(1009, Ordering::Relaxed);
                confirm_with(|lease| async { Ok(Some(Lease { number: 8, ..lease })) }).await?;
                assert_eq!(number(), Some(8));
                seconds.store(1018, Ordering::Relaxed);
                pass().await?;
                assert_eq!(registry.confirmations(), 1, "the progress write confirmed the lease");
                let _ = confirm_with(|lease| async move { Ok((lease.number == 7).then_some(lease)) }).await;
                Ok(())
            };
            let ended = registry.fence().guard(step).await;
            assert!(ended.is_err_and(|error| error.name() == "LeaseLost"));
        })
        .await;
    }

    #[tokio::test]
    async fn a_step_without_a_lease_passes() {
        assert_eq!(pass().await, Ok(()));
        assert_eq!(confirm_with(|lease| async { Ok(Some(lease)) }).await, Ok(None));
        assert_eq!(number(), None);
    }
}
