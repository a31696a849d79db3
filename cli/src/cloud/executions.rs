//! Starts, finds and describes executions of the stack's state machines.

use std::pin::pin;

use aws_sdk_sfn::types::ExecutionStatus;
use futures_util::{StreamExt, TryStreamExt, future::ready, stream};
use onboarding_core::names;
use serde_json::Value;
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

use super::{Cloud, Machine, error::CommandError};

/// If the operator specifies an alias, the number of the latest onboardings that are searched for this alias.
pub const RECENT: i32 = 50;
/// The maximum number of concurrent calls of `DescribeExecution`. Step Functions allows 15 calls of this operation per
/// second, with bursts of 300 (Step Functions developer guide, "Quotas").
pub const AT_ONCE: usize = 15;
/// Format of the timestamp in an execution's name.
const STAMP: &[BorrowedFormatItem<'_>] =
    format_description!("[year][month][day]T[hour][minute][second][subsecond digits:3]Z");

/// An execution of a state machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Execution {
    /// The execution's ARN.
    pub arn: String,
    /// The execution's name.
    pub name: String,
    /// The execution's state machine.
    pub machine: Machine,
    /// The execution's status.
    pub status: ExecutionStatus,
    /// Start time in seconds since the epoch.
    pub started: f64,
    /// End time in seconds since the epoch, if the execution has ended.
    pub stopped: Option<f64>,
}

/// An execution with its input and its result.
#[derive(Clone, Debug, PartialEq)]
pub struct Described {
    /// The execution that was described.
    pub execution: Execution,
    /// The execution's input.
    pub input: Value,
    /// The execution's output, if it succeeded.
    pub output: Option<Value>,
    /// The error name, if the execution failed.
    pub error: Option<String>,
    /// The error message, if the execution failed.
    pub cause: Option<String>,
}

impl Described {
    /// The instance alias in the input of an onboarding.
    #[must_use]
    pub fn alias(&self) -> Option<&str> {
        self.input["instance"]["alias"].as_str()
    }

    /// Whether this execution is an onboarding of the instance with the alias `alias`.
    #[must_use]
    pub fn is_of(&self, alias: &str) -> bool {
        self.alias().is_some_and(|other| names::same_alias(other, alias))
    }
}

impl Cloud {
    /// Starts an execution whose name begins with `subject`. Returns the execution's ARN.
    ///
    /// # Errors
    /// Fails if Step Functions rejects the request.
    pub async fn start(&self, machine: Machine, subject: &str, input: &Value) -> Result<String, CommandError> {
        let name = execution_name(subject, OffsetDateTime::now_utc(), std::process::id());
        let doing = self.words.starting(machine.name());
        let started = self
            .sfn
            .start_execution()
            .state_machine_arn(self.machine(machine)?)
            .name(name)
            .input(input.to_string())
            .send()
            .await
            .map_err(|error| CommandError::of(self.words, &doing, &error))?;
        Ok(started.execution_arn)
    }

    /// The latest executions of a state machine, newest first, optionally filtered by status.
    ///
    /// # Errors
    /// Fails if Step Functions rejects the request.
    pub async fn executions(
        &self,
        machine: Machine,
        status: Option<ExecutionStatus>,
        most: i32,
    ) -> Result<Vec<Execution>, CommandError> {
        let listed = self
            .sfn
            .list_executions()
            .state_machine_arn(self.machine(machine)?)
            .set_status_filter(status)
            .max_results(most)
            .send()
            .await
            .map_err(|error| CommandError::of(self.words, &self.words.listing_executions(), &error))?;
        let read = |item: aws_sdk_sfn::types::ExecutionListItem| Execution {
            started: item.start_date.as_secs_f64(),
            stopped: item.stop_date.map(|date| date.as_secs_f64()),
            arn: item.execution_arn,
            name: item.name,
            status: item.status,
            machine,
        };
        Ok(listed.executions.into_iter().map(read).collect())
    }

    /// Describes an execution.
    ///
    /// # Errors
    /// Fails if the execution does not exist or Step Functions rejects the request.
    pub async fn describe(&self, arn: &str) -> Result<Described, CommandError> {
        self.find(arn)
            .await?
            .ok_or_else(|| CommandError::input(self.words.no_execution(arn), self.words.list_executions()))
    }

    /// Describes an execution, or returns `None` if it does not exist.
    ///
    /// # Errors
    /// Fails if Step Functions rejects the request.
    pub async fn find(&self, arn: &str) -> Result<Option<Described>, CommandError> {
        let found = match self.sfn.describe_execution().execution_arn(arn).send().await {
            Ok(found) => found,
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_execution_does_not_exist() || error.is_invalid_arn()) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(CommandError::of(self.words, &self.words.describing(arn), &error)),
        };
        let machine = Machine::ALL
            .into_iter()
            .find(|machine| self.machine(*machine).is_ok_and(|known| known == found.state_machine_arn))
            .unwrap_or(Machine::Onboarding);
        let json = |text: Option<String>| text.and_then(|text| serde_json::from_str(&text).ok());
        let succeeded = found.status == ExecutionStatus::Succeeded;
        Ok(Some(Described {
            execution: Execution {
                name: found.name.unwrap_or_else(|| name_of(arn).to_owned()),
                arn: found.execution_arn,
                machine,
                status: found.status,
                started: found.start_date.as_secs_f64(),
                stopped: found.stop_date.map(|date| date.as_secs_f64()),
            },
            input: json(found.input).unwrap_or_default(),
            output: if succeeded { json(found.output) } else { None },
            error: found.error,
            cause: found.cause,
        }))
    }

    /// Finds the execution that the operator's argument specifies. The argument is first interpreted as an ARN, then as
    /// an execution name, then as an instance alias. Without an argument, returns the newest running onboarding or, if
    /// no onboarding is running, the latest onboarding.
    ///
    /// # Errors
    /// Fails if no execution matches.
    pub async fn resolve_execution(&self, what: Option<&str>) -> Result<Described, CommandError> {
        let Some(what) = what else {
            let running = self.executions(Machine::Onboarding, Some(ExecutionStatus::Running), 1).await?;
            let latest = match running.into_iter().next() {
                Some(running) => Some(running),
                None => self.executions(Machine::Onboarding, None, 1).await?.into_iter().next(),
            };
            let latest =
                latest.ok_or_else(|| CommandError::input(self.words.no_onboarding_yet(), self.words.start_one()))?;
            return self.describe(&latest.arn).await;
        };
        if what.starts_with("arn:") {
            return self.describe(what).await;
        }
        for machine in Machine::ALL {
            let Ok(arn) = self.machine(machine) else { continue };
            if let Some(found) =
                self.find(&format!("{}:{what}", arn.replacen(":stateMachine:", ":execution:", 1))).await?
            {
                return Ok(found);
            }
        }
        let recent = self.executions(Machine::Onboarding, None, RECENT).await?;
        let described =
            stream::iter(recent).map(async |execution| self.describe(&execution.arn).await).buffered(AT_ONCE);
        let mut of_instance = pin!(described.try_filter(|described| ready(described.is_of(what))));
        if let Some(described) = of_instance.try_next().await? {
            return Ok(described);
        }
        Err(CommandError::input(self.words.no_execution(what), self.words.list_executions()))
    }

    /// The newest running onboarding of the instance with this alias, if there is one.
    ///
    /// # Errors
    /// Fails if Step Functions rejects the request.
    pub async fn running_onboarding(&self, alias: &str) -> Result<Option<Described>, CommandError> {
        for execution in self.executions(Machine::Onboarding, Some(ExecutionStatus::Running), 1_000).await? {
            let described = self.describe(&execution.arn).await?;
            if described.is_of(alias) {
                return Ok(Some(described));
            }
        }
        Ok(None)
    }
}

/// The execution name in an execution ARN.
#[must_use]
pub fn name_of(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}

fn execution_name(subject: &str, now: OffsetDateTime, process_id: u32) -> String {
    let stamp = now.format(STAMP).unwrap_or_default();
    // An execution name can have at most 80 characters. The timestamp with its hyphen takes 20 of them, and the process
    // id with its hyphen takes at most 9. Two commands can start an execution in the same millisecond, so the timestamp
    // alone is not unique.
    let subject: String = subject.chars().take(50).collect();
    format!("{subject}-{stamp}-{process_id:x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn an_execution_name_has_subject_and_timestamp_and_at_most_80_characters() {
        let now = datetime!(2026-11-25 04:05:06.789 UTC);
        assert_eq!(execution_name("acme", now, 0x4d2), "acme-20261125T040506789Z-4d2");
        assert_ne!(execution_name("acme", now, 1), execution_name("acme", now, 2));
        assert!(execution_name(&"x".repeat(100), now, u32::MAX).len() <= 80);
    }
}
