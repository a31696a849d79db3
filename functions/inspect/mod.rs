//! Reads what both clouds have of an onboarding and holds it against what the input wants. It only reads, and three things
//! stand on it: the login check, the plan of an onboarding, and the look for what somebody changed by hand. The steps that
//! write compare by the same functions.

pub(crate) mod entra;
pub(crate) mod federation;
pub(crate) mod instance;
pub(crate) mod people;
pub(crate) mod record;
pub(crate) mod unfinished;
