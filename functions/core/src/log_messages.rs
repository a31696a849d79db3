//! The log messages that the functions write and that `onboard evidence` and `onboard export` search for. No program
//! searches for any other log message.

/// A user was created.
pub const USER_CREATED: &str = "user created";
/// A setting of a user was changed.
pub const USER_CHANGED: &str = "user changed";
/// A user who left all groups was scheduled for deletion.
pub const DELETION_SCHEDULED: &str = "user scheduled for deletion";
/// The scheduled deletion of a user was canceled, because the user is a member of a group again.
pub const DELETION_CANCELED: &str = "the scheduled deletion of the user was canceled";
/// A user was deleted.
pub const USER_DELETED: &str = "user deleted";
/// A user who left all groups was kept, but all permissions of the user were removed.
pub const RIGHTS_REMOVED: &str = "all rights of the user were taken away";
/// All sessions of a user were ended.
pub const USER_SIGNED_OUT: &str = "user signed out";
/// A sync applies actions that an operator has approved.
pub const PART_APPROVED: &str = "an operator has approved a part of the plan";
/// A sync skips actions that an operator has rejected.
pub const PART_REJECTED: &str = "an operator has rejected a part of the plan";
/// A sync that only creates a plan has read the members of a group.
pub const GROUP_MEMBERS: &str = "members of the group";
/// A drift check found a difference from the input.
pub const DRIFT: &str = "drift";
/// A drift check compared a setting with the input.
pub const SETTING: &str = "setting";
/// A drift check read the enterprise application.
pub const APPLICATION: &str = "enterprise application";
/// A drift check read the assignments of the enterprise application.
pub const ASSIGNMENTS: &str = "assignments of the enterprise application";
/// A drift check has compared all settings of an instance with the input.
pub const COMPARED: &str = "compared with the input";
