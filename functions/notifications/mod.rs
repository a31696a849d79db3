//! The steps between Microsoft Graph's change notifications and the event bus.

pub mod receive_notification;
pub mod subscribe_groups;
pub mod unsubscribe_groups;
