//! The requests that apply a plan, with their responses and errors.

use aws_sdk_connect::{error::SdkError, operation::RequestId};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use onboarding_core::{
    StepError, StepErrorKind,
    sync::{
        Change, ConnectUser, NewUser, Plan, ProficiencyChange, ProficiencyStep, QuickConnectChange, Removal, UserRef,
    },
};

use super::{Applied, Operation};
use crate::aws::{self, sessions::SessionError};

/// One of the requests that apply a plan.
#[derive(Clone, Debug)]
pub(super) enum Request<'p> {
    /// Change one user.
    Write(Write<'p>),
    /// Read the existing user who already has the name of the user to create. `lost` means that the response to an
    /// earlier request was lost. The earlier request may have created the existing user.
    Resolve { new: &'p NewUser, lost: bool },
    /// Check again that the user may be removed. If the user may be removed, the request `then` is sent. With
    /// `sign_out`, the user is signed out before `then` is sent.
    CheckRemoval { then: Write<'p>, sign_out: bool },
    /// End the sessions of the user. Then the request `then` is sent, even if the sessions could not be ended.
    SignOut { then: Write<'p> },
    /// Delete one quick connect of a user who is deleted. With `target`, transfer the quick connect to the user with
    /// this ID instead. After the last quick connect, the user is deleted.
    QuickConnect { of: OwnQuickConnect<'p>, target: Option<String> },
}

/// One of the quick connects of a user who is deleted.
#[derive(Clone, Copy, Debug)]
pub(super) struct OwnQuickConnect<'p> {
    pub(super) removal: &'p Removal,
    pub(super) change: &'p QuickConnectChange,
    /// The index of `change` in the list of quick connects of the removal.
    pub(super) index: usize,
}

/// A request that changes one user.
#[derive(Clone, Debug)]
pub(super) enum Write<'p> {
    /// Create the user, with the tags of this onboarding.
    Create(&'p NewUser),
    /// Set the tags of this onboarding on a user. With `sign_out_due`, also set the tag that states that the user's
    /// sessions must still be ended.
    Adopt { user: UserRef, object_id: String, sign_out_due: Option<String> },
    /// Apply one change to a user.
    Change { user: UserRef, change: Change },
    /// Set the tag with the user's deletion date. With `sign_out_due`, also set the tag that states that the user's
    /// sessions must still be ended.
    ScheduleDeletion { user: UserRef, due: String, sign_out_due: Option<String> },
    /// Remove the tag with the user's deletion date.
    CancelDeletion(UserRef),
    /// Delete the user.
    Delete(&'p Removal),
    /// Assign the user only the security profile with this ID, which has no permissions.
    Strip { user: UserRef, no_access: String },
    /// Perform the first of these steps, which change the user's proficiencies. Afterwards, a request for the remaining
    /// steps is sent.
    Proficiencies { user: UserRef, change: ProficiencyChange, steps: Vec<ProficiencyStep> },
    /// Set the tag with the ID of the traffic distribution group to which the user was added.
    RecordTrafficGroup { user: UserRef, group: String },
    /// Set the tag with the date of the sign-out. This request is sent after the user's sessions were ended.
    RecordSignOut { user: UserRef, date: String },
    /// Set the tag with the date since which the user's sessions must be ended. Afterwards, the request `then` is sent,
    /// which removes permissions from the user.
    MarkSignOutDue { user: UserRef, date: String, then: Box<Self> },
    /// Remove the tag that [`Self::MarkSignOutDue`] sets. This request is sent after the sign-out.
    SignOutDone(UserRef),
}

/// The result of a successful [`Write`].
#[derive(Debug, Default)]
pub(super) struct Sent<'p> {
    /// The ID of the created user.
    pub(super) created: Option<String>,
    /// The requests that must follow.
    pub(super) then: Vec<Write<'p>>,
}

/// The response to a [`Request`].
#[derive(Debug)]
pub(super) enum Response<'p> {
    Written {
        write: Write<'p>,
        sent: Sent<'p>,
    },
    /// `found` is `None` if Connect does not return the existing user yet.
    Resolved {
        new: &'p NewUser,
        lost: bool,
        found: Option<Box<ConnectUser>>,
    },
    RemovalChecked {
        then: Write<'p>,
        sign_out: bool,
        must_keep: bool,
        /// The reason why the user's assignment to the enterprise application could not be removed.
        not_revoked: Option<String>,
    },
    SignedOut(Write<'p>),
    /// `changed` is false if the quick connect no longer exists, or no longer transfers contacts to the user.
    QuickConnectChanged {
        of: OwnQuickConnect<'p>,
        changed: bool,
    },
}

/// How to handle an error that concerns only one user.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reaction<'p> {
    /// Send the request again later, because Connect may not find a new object yet, or is unavailable for a short time.
    Retry,
    /// Record the error as a failure of this user.
    Fail,
    /// Read the existing user, because another user already has the name of the new user.
    Resolve(&'p NewUser),
    /// Create no more users, because the instance already has the maximum number of users that its quota allows.
    QuotaReached,
    /// Treat the user as deleted, because the user no longer exists.
    Deleted(&'p UserRef),
}

impl<'p> Request<'p> {
    pub(super) const fn operation(&self) -> Operation {
        match self {
            Self::Write(write) => write.operation(),
            Self::Resolve { .. } => Operation::SearchUsers,
            Self::CheckRemoval { .. } => Operation::ReadMembership,
            Self::SignOut { .. } => Operation::DeleteAllEntitySessions,
            Self::QuickConnect { of, .. } if of.change.transfer.is_some() => Operation::UpdateQuickConnectConfig,
            Self::QuickConnect { .. } => Operation::DeleteQuickConnect,
        }
    }

    pub(super) fn username(&self) -> &str {
        match self {
            Self::Write(write) => write.username(),
            Self::Resolve { new, .. } => &new.username,
            Self::CheckRemoval { then, .. } | Self::SignOut { then } => then.username(),
            Self::QuickConnect { of, .. } => &of.removal.user.username,
        }
    }

    /// Returns how to handle an error of this request. Connect returns the same error for an invalid request and for an
    /// object that Connect does not find yet. So the request is retried in both cases. If the request is invalid, the
    /// retries also fail.
    pub(super) fn reaction(&self, error: &RequestError) -> Reaction<'p> {
        match self {
            _ if error.kind() == StepErrorKind::Unavailable => Reaction::Retry,
            Self::CheckRemoval { .. } if error.kind() == StepErrorKind::NotConsistentYet => Reaction::Retry,
            Self::Write(Write::Create(new)) if error.is_duplicate() => Reaction::Resolve(new),
            Self::Write(Write::Create(_)) if error.kind() == StepErrorKind::LimitExceeded => Reaction::QuotaReached,
            Self::Write(Write::Create(_)) if !error.is_not_found() => Reaction::Fail,
            Self::Write(Write::Delete(removal)) if error.is_not_found() => Reaction::Deleted(&removal.user),
            // Connect may not find a new predefined attribute or value yet.
            Self::Write(Write::Proficiencies { .. }) if error.is_invalid_parameter() => Reaction::Retry,
            _ if error.may_pass() => Reaction::Retry,
            _ => Reaction::Fail,
        }
    }

    /// Returns the request to send if this request failed and is retried. A change of proficiencies starts again and
    /// first reads the current proficiencies, because the failed request may have been successful although its response
    /// was lost.
    pub(super) fn again(self) -> Self {
        match self {
            Self::Write(Write::Proficiencies { user, change, .. }) => {
                Self::Write(Write::Change { user, change: Change::Proficiencies(change) })
            }
            other => other,
        }
    }
}

impl Write<'_> {
    const fn operation(&self) -> Operation {
        match self {
            Self::Create(_) => Operation::CreateUser,
            Self::Adopt { .. }
            | Self::ScheduleDeletion { .. }
            | Self::RecordTrafficGroup { .. }
            | Self::RecordSignOut { .. }
            | Self::MarkSignOutDue { .. } => Operation::TagResource,
            Self::CancelDeletion(_) | Self::SignOutDone(_) => Operation::UntagResource,
            Self::Change { change, .. } => match change {
                Change::Identity { .. } => Operation::UpdateUserIdentityInfo,
                Change::SecurityProfiles(_) => Operation::UpdateUserSecurityProfiles,
                Change::RoutingProfile(_) => Operation::UpdateUserRoutingProfile,
                Change::Hierarchy(_) => Operation::UpdateUserHierarchy,
                Change::Channels(_) => Operation::UpdateUserConfig,
                Change::Proficiencies(_) => Operation::ListUserProficiencies,
                Change::TrafficGroup(_) => Operation::AssociateTrafficDistributionGroupUser,
                Change::ForgetSignOut | Change::RepeatSignOut | Change::ForgetSignOutDue => Operation::UntagResource,
            },
            Self::Proficiencies { change, steps, .. } => match steps.as_slice() {
                [ProficiencyStep::Remove(_), ..] => Operation::DisassociateUserProficiencies,
                [ProficiencyStep::Add(_), ..] => Operation::AssociateUserProficiencies,
                [ProficiencyStep::SetLevel(_), ..] => Operation::UpdateUserProficiencies,
                [ProficiencyStep::Record, ..] | [] if change.desired.is_empty() => Operation::UntagResource,
                [ProficiencyStep::Announce(_) | ProficiencyStep::Record, ..] | [] => Operation::TagResource,
            },
            Self::Delete(_) => Operation::DeleteUser,
            Self::Strip { .. } => Operation::UpdateUserSecurityProfiles,
        }
    }

    pub(super) fn username(&self) -> &str {
        self.user().map_or_else(|new| new.username.as_str(), |user| user.username.as_str())
    }

    /// Returns the user that the request changes.
    ///
    /// # Errors
    /// The user to create, if the request creates a user. This user does not exist yet.
    pub(super) const fn user(&self) -> Result<&UserRef, &NewUser> {
        match self {
            Self::Create(new) => Err(new),
            Self::Adopt { user, .. }
            | Self::Change { user, .. }
            | Self::ScheduleDeletion { user, .. }
            | Self::CancelDeletion(user)
            | Self::Delete(Removal { user, .. })
            | Self::Strip { user, .. }
            | Self::Proficiencies { user, .. }
            | Self::RecordTrafficGroup { user, .. }
            | Self::RecordSignOut { user, .. }
            | Self::MarkSignOutDue { user, .. }
            | Self::SignOutDone(user) => Ok(user),
        }
    }

    /// Counts this request of `plan` in `applied` after the request was successful.
    pub(super) fn record(&self, plan: &Plan, applied: &mut Applied) {
        match self {
            Self::Create(new) => applied.created(plan, new),
            Self::Adopt { user, .. } => applied.adopted(&user.username),
            // A change that consists of several steps is counted only after its last step.
            Self::Change { change: Change::Proficiencies(_) | Change::TrafficGroup(_), .. } => {}
            Self::RecordTrafficGroup { user, group } => {
                applied.changed(user, &plan.describe(&Change::TrafficGroup(group.clone())), None);
            }
            Self::Change { user, change } => {
                let profiles = match change {
                    Change::SecurityProfiles(ids) => Some(plan.profile_names(ids)),
                    _ => None,
                };
                applied.changed(user, &plan.describe(change), profiles.as_deref());
            }
            Self::Proficiencies { user, change, steps } => {
                if steps.len() <= 1 {
                    applied.changed(user, &change.desired.to_string(), None);
                }
            }
            Self::ScheduleDeletion { user, due, .. } => applied.deletion_scheduled(&user.username, due),
            Self::CancelDeletion(user) => applied.deletion_canceled(&user.username),
            Self::Delete(removal) => applied.removed(&removal.user.username),
            Self::Strip { user, .. } => applied.stripped(&user.username),
            // These requests only set or remove tags that belong to a sign-out. The sign-out itself is counted
            // separately.
            Self::RecordSignOut { .. } | Self::MarkSignOutDue { .. } | Self::SignOutDone(_) => {}
        }
    }
}

/// The error of a failed request: the step error, and Connect's error code. The error code determines how the error is
/// handled.
#[derive(Debug)]
pub(super) struct RequestError {
    pub(super) error: StepError,
    code: Option<String>,
}

impl RequestError {
    pub(super) fn new<E, R>(doing: &str, error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug,
        SdkError<E, R>: RequestId,
    {
        Self { error: aws::error::step_error(doing, error), code: aws::error::code(error).map(ToOwned::to_owned) }
    }

    pub(super) const fn kind(&self) -> StepErrorKind {
        self.error.kind
    }

    /// Returns whether Connect reported that an object in the request does not exist.
    pub(super) fn is_not_found(&self) -> bool {
        self.code.as_deref() == Some("ResourceNotFoundException")
    }

    /// Returns whether Connect reported that the desired state already exists.
    pub(super) fn is_conflict(&self) -> bool {
        self.code.as_deref() == Some("ResourceConflictException")
    }

    /// Returns whether Connect rejected the value of a parameter.
    fn is_invalid_parameter(&self) -> bool {
        self.code.as_deref() == Some("InvalidParameterException")
    }

    /// Returns whether a retry may succeed because Connect does not find a new object yet. Connect is eventually
    /// consistent, and returns one of these two error codes for such an object.
    fn may_pass(&self) -> bool {
        self.is_not_found() || self.code.as_deref() == Some("InvalidRequestException")
    }

    /// Returns whether the username already belongs to another user.
    fn is_duplicate(&self) -> bool {
        self.code.as_deref() == Some("DuplicateResourceException")
    }
}

impl RequestError {
    /// Returns whether a failed sign-out, or a failed change of a quick connect, concerns only this user or this quick
    /// connect. If the function returns `false`, the operation is denied, unavailable or unknown in this Region.
    pub(super) fn concerns_one_object(&self) -> bool {
        const OF_ONE_OBJECT: [&str; 3] =
            ["InvalidParameterException", "InvalidRequestException", "ResourceNotFoundException"];
        self.code.as_deref().is_some_and(|code| OF_ONE_OBJECT.contains(&code))
    }
}

impl From<SessionError> for RequestError {
    fn from(SessionError { error, code }: SessionError) -> Self {
        Self { error, code }
    }
}

impl From<StepError> for RequestError {
    fn from(error: StepError) -> Self {
        Self { error, code: None }
    }
}
