//! The steps that connect Microsoft Graph's change notifications with the event bus.

pub mod receive_notification;
pub mod subscribe_groups;
pub mod unsubscribe_groups;
