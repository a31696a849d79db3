//! The individual requests that apply a plan, with their responses and errors.

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

/// A request that is part of applying a plan.
#[derive(Clone, Debug)]
pub(super) enum Request<'p> {
    /// Change one user.
    Write(Write<'p>),
    /// Read the user who already has the name of the user to create. If `lost`, an earlier request whose response was
    /// lost may have created the existing user.
    Resolve { new: &'p NewUser, lost: bool },
    /// Check again that the user may be removed. If so, the request `then` is sent. If `sign_out` is set, the user is
    /// signed out before this request.
    CheckRemoval { then: Write<'p>, sign_out: bool },
    /// End the sessions of the user. Then the request `then` is sent, even if the sessions could not be ended.
    SignOut { then: Write<'p> },
    /// Delete one quick connect of a user who is deleted, or transfer it to the user with the ID `target`. The deletion
    /// of the user follows.
    QuickConnect { of: OwnQuickConnect<'p>, target: Option<String> },
}

/// One of the quick connects of a user who is deleted.
#[derive(Clone, Copy, Debug)]
pub(super) struct OwnQuickConnect<'p> {
    pub(super) removal: &'p Removal,
    pub(super) change: &'p QuickConnectChange,
    /// The position of `change` in the list of the removal.
    pub(super) index: usize,
}

/// A request that changes one user.
#[derive(Clone, Debug)]
pub(super) enum Write<'p> {
    /// Create the user, including the tags.
    Create(&'p NewUser),
    /// Tag a user with the tags of this onboarding. With `sign_out_due`, the sessions of the user must still end.
    Adopt { user: UserRef, object_id: String, sign_out_due: Option<String> },
    /// Apply one change to a user.
    Change { user: UserRef, change: Change },
    /// Tag a user with the date of its deletion. With `sign_out_due`, the sessions of the user must still end.
    ScheduleDeletion { user: UserRef, due: String, sign_out_due: Option<String> },
    /// Remove the tag with the date of the deletion.
    CancelDeletion(UserRef),
    /// Delete the user.
    Delete(&'p Removal),
    /// Give the user only the security profile with this ID, which grants nothing.
    Strip { user: UserRef, no_access: String },
    /// Send the first of these steps of a change of the user's proficiencies. Then the other steps follow.
    Proficiencies { user: UserRef, change: ProficiencyChange, steps: Vec<ProficiencyStep> },
    /// Tag a user with the ID of the traffic distribution group to which the user was added.
    RecordTrafficGroup { user: UserRef, group: String },
    /// Tag a user, whose sessions have ended, with the date of the sign-out.
    RecordSignOut { user: UserRef, date: String },
    /// Tag a user whose sessions must end with the date. Then `then` is sent, which takes rights away from the user.
    MarkSignOutDue { user: UserRef, date: String, then: Box<Self> },
    /// Remove this tag after the sign-out.
    SignOutDone(UserRef),
}

/// What a successful [`Write`] returned.
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
    /// `found` is `None` if Connect does not show the existing user.
    Resolved {
        new: &'p NewUser,
        lost: bool,
        found: Option<Box<ConnectUser>>,
    },
    RemovalChecked {
        then: Write<'p>,
        sign_out: bool,
        must_keep: bool,
        /// Why the user's access outside Connect could not be ended.
        not_revoked: Option<String>,
    },
    SignedOut(Write<'p>),
    /// `changed` is false if the quick connect no longer exists, or no longer transfers contacts to the user.
    QuickConnectChanged {
        of: OwnQuickConnect<'p>,
        changed: bool,
    },
}

/// How an error that concerns only one user is handled.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reaction<'p> {
    /// Send the request again later: the object may not be visible yet, or the service is briefly unavailable.
    Retry,
    /// Record the error as a failure of this user.
    Fail,
    /// The name of the new user is taken: read the existing user.
    Resolve(&'p NewUser),
    /// The instance has as many users as its quota allows.
    QuotaReached,
    /// The user is already deleted.
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

    /// Returns how to handle an error of this request. Connect returns the same error for an object that is not visible
    /// yet and for an invalid request, so the request is retried. If the request is invalid, the error persists.
    pub(super) fn reaction(&self, error: &RequestError) -> Reaction<'p> {
        match self {
            _ if error.kind() == StepErrorKind::Unavailable => Reaction::Retry,
            Self::CheckRemoval { .. } if error.kind() == StepErrorKind::NotConsistentYet => Reaction::Retry,
            Self::Write(Write::Create(new)) if error.is_duplicate() => Reaction::Resolve(new),
            Self::Write(Write::Create(_)) if error.kind() == StepErrorKind::LimitExceeded => Reaction::QuotaReached,
            Self::Write(Write::Create(_)) if !error.is_not_found() => Reaction::Fail,
            Self::Write(Write::Delete(removal)) if error.is_not_found() => Reaction::Deleted(&removal.user),
            // A new predefined attribute or value may not be visible yet.
            Self::Write(Write::Proficiencies { .. }) if error.is_invalid_parameter() => Reaction::Retry,
            _ if error.may_pass() => Reaction::Retry,
            _ => Reaction::Fail,
        }
    }

    /// Returns the request to send if this request is tried again after an error. A change of proficiencies starts with
    /// the read again, because the request may have been successful although its response was lost.
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

    /// The user that the request changes.
    ///
    /// # Errors
    /// The user to create, which does not exist yet.
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

    /// Adds this request of `plan`, which was successful, to the counts.
    pub(super) fn record(&self, plan: &Plan, applied: &mut Applied) {
        match self {
            Self::Create(new) => applied.created(plan, new),
            Self::Adopt { user, .. } => applied.adopted(&user.username),
            // The change is complete after its last step.
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
            // The sign-out itself is counted. Its record is only a tag.
            Self::RecordSignOut { .. } | Self::MarkSignOutDue { .. } | Self::SignOutDone(_) => {}
        }
    }
}

/// A failed request: the named error, and Connect's error code, which determines the handling.
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

    /// Returns whether an object of the request does not exist in Connect.
    pub(super) fn is_not_found(&self) -> bool {
        self.code.as_deref() == Some("ResourceNotFoundException")
    }

    /// Returns whether the wanted state exists already.
    pub(super) fn is_conflict(&self) -> bool {
        self.code.as_deref() == Some("ResourceConflictException")
    }

    /// Returns whether Connect rejected the value of a parameter.
    fn is_invalid_parameter(&self) -> bool {
        self.code.as_deref() == Some("InvalidParameterException")
    }

    /// Returns whether a retry may succeed because a new object is not visible yet. Connect is eventually consistent
    /// and returns either of these codes for such an object.
    fn may_pass(&self) -> bool {
        self.is_not_found() || self.code.as_deref() == Some("InvalidRequestException")
    }

    /// Returns whether the username is taken.
    fn is_duplicate(&self) -> bool {
        self.code.as_deref() == Some("DuplicateResourceException")
    }
}

impl RequestError {
    /// Returns whether a failed sign-out or change of a quick connect concerns only this user or quick connect.
    /// Otherwise, the operation is denied, unavailable or not known in this Region.
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
