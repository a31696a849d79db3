//! Our events on the bus. Their shapes are a public contract, in the core.

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use onboarding_core::{
    StepError,
    contract::{EVENT_SOURCE, MEMBERSHIP_CHANGED, MembershipChange, REAUTHORIZATION_REQUIRED, Reauthorization},
};

use crate::{aws_error, clients::Clients};

/// `PutEvents` takes so many events at once.
const BATCH: usize = 10;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The members of a group changed.
    MembershipChanged(MembershipChange),
    /// A subscription has to be renewed.
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
/// Where not all of them are on it. To put them all again does no harm: events are hints.
pub async fn put(cx: &Clients, events: &[Event]) -> Result<(), StepError> {
    let bus = cx.settings.event_bus()?;
    for batch in events.chunks(BATCH) {
        let entries = batch.iter().map(|event| event.entry(bus)).collect::<Result<Vec<_>, _>>()?;
        let output = cx
            .events()
            .put_events()
            .set_entries(Some(entries))
            .send()
            .await
            .map_err(|error| aws_error::step_error(&format!("putting events on the bus {bus}"), &error))?;
        if output.failed_entry_count() > 0 {
            let code = output.entries().iter().find_map(|entry| entry.error_code()).unwrap_or("no code");
            return Err(StepError::unavailable(format!(
                "{} of {} events were not taken by the bus {bus} ({code})",
                output.failed_entry_count(),
                batch.len()
            )));
        }
    }
    Ok(())
}
