//! The steps that keep the users of Amazon Connect equal to the groups in Entra.

pub mod joiners;
pub mod sync_members;
pub mod sync_users;
