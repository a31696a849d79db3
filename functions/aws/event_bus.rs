//! The events that this product publishes on the event bus. The format of these events is a public contract, defined in
//! `onboarding-core`.

use aws_sdk_eventbridge::{Client, types::PutEventsRequestEntry};
use onboarding_core::{
    StepError,
    contract::{EVENT_SOURCE, MEMBERSHIP_CHANGED, MembershipChange, REAUTHORIZATION_REQUIRED, Reauthorization},
};

use crate::aws::error::CallResult as _;

/// Maximum number of events in one `PutEvents` call.
const BATCH: usize = 10;

/// An event that this product publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The members of a group changed.
    MembershipChanged(MembershipChange),
    /// A subscription must be renewed.
    ReauthorizationRequired(Reauthorization),
}

impl Event {
    fn entry(&self, bus: &str) -> Result<PutEventsRequestEntry, StepError> {
        let (kind, detail) = match self {
            Self::MembershipChanged(change) => (MEMBERSHIP_CHANGED, serde_json::to_string(change)),
            Self::ReauthorizationRequired(which) => (REAUTHORIZATION_REQUIRED, serde_json::to_string(which)),
        };
        let detail = detail.map_err(|error| StepError::internal(format!("an event could not be encoded: {error}")))?;
        Ok(PutEventsRequestEntry::builder()
            .event_bus_name(bus)
            .source(EVENT_SOURCE)
            .detail_type(kind)
            .detail(detail)
            .build())
    }
}

/// Puts events on the stack's bus.
///
/// # Errors
/// If the bus did not accept all events. The caller can then send all events again, because a duplicate event has no
/// effect.
pub async fn put(client: &Client, bus: &str, events: &[Event]) -> Result<(), StepError> {
    for batch in events.chunks(BATCH) {
        let entries = batch.iter().map(|event| event.entry(bus)).collect::<Result<Vec<_>, _>>()?;
        let output = client
            .put_events()
            .set_entries(Some(entries))
            .send()
            .await
            .doing(format_args!("putting events on the bus {bus}"))?;
        if output.failed_entry_count() > 0 {
            let code = output.entries().iter().find_map(|entry| entry.error_code()).unwrap_or("no code");
            return Err(StepError::unavailable(format!(
                "the bus {bus} rejected {} of {} events ({code})",
                output.failed_entry_count(),
                batch.len()
            )));
        }
    }
    Ok(())
}
