//! The end of a round: whether the sync needs another round, and the metrics of the round.

use onboarding_core::{
    StepError,
    sync::{Checkpoint, SyncStatus, SyncUsersOutput, Totals},
};
use tracing::info;

use crate::{
    connect::{Applied, MAX_IDLE_ROUNDS},
    runtime::metrics::{Metric, Metrics},
};

/// Decides whether the sync needs another round.
pub(super) fn finish(output: &mut SyncUsersOutput, applied: &Applied, previous: &Checkpoint) -> Result<(), StepError> {
    // A failure may have been temporary. So another round retries the failed requests now, instead of leaving them to
    // the next scheduled sync.
    let retry_failures = (applied.totals.failed > 0 || applied.assignments_may_pass) && !previous.retried;
    if applied.left == 0 && !retry_failures {
        output.status = SyncStatus::Done;
        if let Some(waiting) = &output.waiting {
            output.status = SyncStatus::UnsafePlan;
            output.digest.clone_from(&waiting.digest);
        }
        info!(counts = ?output.counts, "user sync done");
        return Ok(());
    }
    output.status = SyncStatus::More;
    let idle_rounds = if applied.changed_anything() || applied.left == 0 { 0 } else { previous.idle_rounds + 1 };
    if idle_rounds >= MAX_IDLE_ROUNDS {
        if applied.abandoned_checks > 0 {
            return Err(StepError::unavailable(format!(
                "{idle_rounds} rounds of the user sync changed nothing, because Microsoft Graph did not respond in time to {} \
                 checks before removals; the next sync repeats these checks",
                applied.abandoned_checks
            )));
        }
        return Err(StepError::limit_exceeded(format!(
            "{idle_rounds} rounds of the user sync changed nothing, and {} requests are left; other programs of this account use \
             the complete rate of Amazon Connect's API in this Region, so reduce their rate or request higher rate quotas",
            applied.left
        )));
    }
    output.carry = Some(Checkpoint {
        another_pass: previous.another_pass,
        rounds: previous.rounds + 1,
        idle_rounds,
        planned: output.counts.planned,
        digest: output.digest.clone(),
        totals: output.counts.done,
        duration_ms: previous.duration_ms + output.durations.total_ms(),
        retried: previous.retried || applied.left == 0,
        approved: output.approved.clone(),
    });
    info!(left = applied.left, "the user sync continues in another round");
    Ok(())
}

/// Returns the metrics of this round. At the end of a sync, also returns the metrics of the whole sync.
pub(super) fn measure<'a>(alias: &'a str, before: &Checkpoint, output: &SyncUsersOutput) -> Metrics<'a> {
    let (done, until_now) = (&output.counts.done, &before.totals);
    let updated =
        |totals: &Totals| totals.adopted + totals.updated + totals.deletions_scheduled + totals.deletions_cancelled;
    let metrics = Metrics::of_instance(alias)
        .with(Metric::UsersCreated, done.created - until_now.created)
        .with(Metric::UsersUpdated, updated(done) - updated(until_now))
        .with(Metric::UsersRemoved, done.removed - until_now.removed)
        .with(Metric::SyncCalls, done.calls - until_now.calls)
        .with(Metric::SyncThrottles, done.throttles - until_now.throttles);
    if output.status == SyncStatus::More {
        return metrics;
    }
    metrics
        .with(Metric::UsersFailed, done.failed)
        .with(Metric::UsersSkipped, output.counts.planned.skipped)
        .with(Metric::SyncDuration, before.duration_ms + output.durations.total_ms())
        .with(Metric::UnsafePlans, u32::from(output.waiting.as_ref().is_some_and(|part| part.rejected_by.is_none())))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use onboarding_core::{
        StepErrorKind,
        sync::{Durations, WaitingPart},
    };

    use super::*;

    fn totals(created: usize) -> Totals {
        Totals {
            created,
            updated: 2,
            deletions_scheduled: 1,
            removed: 3,
            failed: 4,
            calls: 10 * created,
            ..Totals::default()
        }
    }

    fn output(status: SyncStatus) -> SyncUsersOutput {
        let mut output = SyncUsersOutput { status, ..SyncUsersOutput::default() };
        output.counts.done = totals(7);
        output.counts.planned.skipped = 60;
        output.durations = Durations { observe_ms: 1, plan_ms: 2, apply_ms: 4 };
        output
    }

    #[test]
    fn a_sync_without_progress_names_the_service_that_did_not_respond() {
        let before = Checkpoint { idle_rounds: MAX_IDLE_ROUNDS - 1, ..Checkpoint::default() };
        for (abandoned_checks, kind, service) in [
            (0, StepErrorKind::LimitExceeded, "Amazon Connect's API"),
            (2, StepErrorKind::Unavailable, "Microsoft Graph did not respond in time to 2 checks"),
        ] {
            let mut applied = Applied::default();
            (applied.left, applied.abandoned_checks) = (3, abandoned_checks);
            let error = finish(&mut output(SyncStatus::More), &applied, &before).unwrap_err();
            assert!(error.kind == kind && error.message.contains(service), "{error}");
        }
    }

    #[test]
    fn each_round_has_its_own_metrics_and_the_last_round_those_of_the_whole_sync() {
        let before = Checkpoint {
            totals: Totals { created: 5, ..Totals::default() },
            duration_ms: 100,
            ..Checkpoint::default()
        };
        let round = Metrics::of_instance("acme")
            .with(Metric::UsersCreated, 2)
            .with(Metric::UsersUpdated, 3)
            .with(Metric::UsersRemoved, 3)
            .with(Metric::SyncCalls, 70)
            .with(Metric::SyncThrottles, 0);
        assert_eq!(measure("acme", &before, &output(SyncStatus::More)), round);
        let run = round.with(Metric::UsersFailed, 4).with(Metric::UsersSkipped, 60).with(Metric::SyncDuration, 107);
        assert_eq!(measure("acme", &before, &output(SyncStatus::Done)), run.clone().with(Metric::UnsafePlans, 0));
        let mut unsafe_plan = output(SyncStatus::UnsafePlan);
        unsafe_plan.waiting = Some(WaitingPart::default());
        assert_eq!(measure("acme", &before, &unsafe_plan), run.clone().with(Metric::UnsafePlans, 1));
        unsafe_plan.waiting = Some(WaitingPart { rejected_by: Some("arn".into()), ..WaitingPart::default() });
        assert_eq!(
            measure("acme", &before, &unsafe_plan),
            run.with(Metric::UnsafePlans, 0),
            "no request waits for approval"
        );
    }
}
