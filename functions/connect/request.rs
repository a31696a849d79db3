//! The single requests of which a plan consists.

use aws_sdk_connect::{
    Client,
    error::SdkError,
    operation::RequestId,
    types::{
        AfterContactWorkConfig, AfterContactWorkConfigPerChannel, AutoAcceptConfig, Channel, PhoneNumberConfig,
        PhoneType, User, UserIdentityInfo,
    },
};
use aws_smithy_types::error::{metadata::ProvideErrorMetadata, operation::BuildError};
use onboarding_core::{
    StepError, names,
    onboarding::Phone,
    sync::{Change, NewUser, REMOVAL_DUE_KEY, Removal, UserRef},
};

use super::Operation;
use crate::aws;

/// A single request.
#[derive(Clone, Debug)]
pub(super) enum Job<'p> {
    /// Create the user, including the tags.
    Create(&'p NewUser),
    /// Read the existing user whose name a new user should get.
    Resolve {
        new: &'p NewUser,
        /// Whether an earlier call may have created the user and its response was lost.
        lost: bool,
    },
    /// Tag a user as ours.
    Adopt { user: UserRef, object_id: String },
    /// Apply one change.
    Change { user: UserRef, change: Change },
    /// Tag a user with the date of its deletion.
    Mark { user: UserRef, due: String },
    /// Remove that tag.
    Unmark { user: UserRef },
    /// Check again that the user may be deleted.
    Verify { removal: Removal },
    /// Delete the user.
    Delete { user: UserRef },
}

impl Job<'_> {
    pub(super) const fn operation(&self) -> Operation {
        match self {
            Self::Create(_) => Operation::CreateUser,
            Self::Resolve { .. } => Operation::SearchUsers,
            Self::Adopt { .. } | Self::Mark { .. } => Operation::TagResource,
            Self::Unmark { .. } => Operation::UntagResource,
            Self::Change { change, .. } => match change {
                Change::Identity { .. } => Operation::UpdateUserIdentityInfo,
                Change::SecurityProfiles(_) => Operation::UpdateUserSecurityProfiles,
                Change::RoutingProfile(_) => Operation::UpdateUserRoutingProfile,
                Change::Hierarchy(_) => Operation::UpdateUserHierarchy,
                Change::Phone(_) => Operation::UpdateUserConfig,
            },
            Self::Verify { .. } => Operation::ReadMembership,
            Self::Delete { .. } => Operation::DeleteUser,
        }
    }

    pub(super) fn username(&self) -> &str {
        match self {
            Self::Create(new) | Self::Resolve { new, .. } => &new.username,
            Self::Adopt { user, .. }
            | Self::Change { user, .. }
            | Self::Mark { user, .. }
            | Self::Unmark { user }
            | Self::Delete { user } => &user.username,
            Self::Verify { removal } => &removal.user.username,
        }
    }
}

/// A failed request: the named error, and Connect's error code, which determines the handling.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) error: StepError,
    pub(super) code: Option<String>,
}

impl Refused {
    fn new<E, R>(doing: &str, error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug,
        SdkError<E, R>: RequestId,
    {
        Self { error: aws::error::step_error(doing, error), code: aws::error::code(error).map(ToOwned::to_owned) }
    }

    /// Returns whether an object of the request does not exist in Connect.
    pub(super) fn is_not_found(&self) -> bool {
        self.code.as_deref() == Some("ResourceNotFoundException")
    }

    /// Returns whether the cause may be that a new object is not visible yet (because of eventual consistency, Connect
    /// uses either code).
    pub(super) fn may_pass(&self) -> bool {
        self.is_not_found() || self.code.as_deref() == Some("InvalidRequestException")
    }

    /// Returns whether the username is taken.
    pub(super) fn is_duplicate(&self) -> bool {
        self.code.as_deref() == Some("DuplicateResourceException")
    }
}

impl From<StepError> for Refused {
    fn from(error: StepError) -> Self {
        Self { error, code: None }
    }
}

/// The instance whose users are changed.
#[derive(Debug)]
pub(super) struct Requests<'a> {
    pub(super) client: &'a Client,
    pub(super) instance_id: &'a str,
    pub(super) alias: &'a str,
}

impl Requests<'_> {
    /// Sends `CreateUser` with all settings. Email and password are omitted, because a SAML instance refuses them.
    pub(super) async fn create(&self, user: &NewUser) -> Result<(), Refused> {
        let assignment = &user.assignment;
        let phone = Phone {
            auto_accept: assignment.auto_accept,
            after_contact_work_seconds: assignment.after_contact_work_seconds,
        };
        let (accept, work) = channel_settings(&phone)?;
        let soft_phone = PhoneNumberConfig::builder()
            .channel(Channel::Voice)
            .phone_type(PhoneType::SoftPhone)
            .build()
            .map_err(unbuilt)?;
        let mut call = self
            .client
            .create_user()
            .instance_id(self.instance_id)
            .username(&user.username)
            .identity_info(UserIdentityInfo::builder().first_name(&user.first_name).last_name(&user.last_name).build())
            .set_security_profile_ids(Some(assignment.security_profile_ids.clone()))
            .routing_profile_id(&assignment.routing_profile_id)
            .set_hierarchy_group_id(assignment.hierarchy_group_id.clone())
            .auto_accept_configs(accept)
            .after_contact_work_configs(work)
            .phone_number_configs(soft_phone)
            .tags(names::ENTRA_OBJECT_ID_KEY, &user.object_id);
        for (key, value) in names::tags(self.alias) {
            call = call.tags(key, value);
        }
        let sent = call.send().await;
        sent.map(|_| ()).map_err(|error| Refused::new(&format!("creating the user {}", user.username), &error))
    }

    pub(super) async fn adopt(&self, user: &UserRef, object_id: &str) -> Result<(), Refused> {
        let mut call = self.client.tag_resource().resource_arn(&user.arn).tags(names::ENTRA_OBJECT_ID_KEY, object_id);
        for (key, value) in names::tags(self.alias) {
            call = call.tags(key, value);
        }
        let sent = call.send().await;
        sent.map(|_| ()).map_err(|error| Refused::new(&format!("adopting the user {}", user.username), &error))
    }

    pub(super) async fn mark(&self, user: &UserRef, due: &str) -> Result<(), Refused> {
        let sent = self.client.tag_resource().resource_arn(&user.arn).tags(REMOVAL_DUE_KEY, due).send().await;
        sent.map(|_| ())
            .map_err(|error| Refused::new(&format!("marking the user {} for deletion", user.username), &error))
    }

    pub(super) async fn unmark(&self, user: &UserRef) -> Result<(), Refused> {
        let sent = self.client.untag_resource().resource_arn(&user.arn).tag_keys(REMOVAL_DUE_KEY).send().await;
        sent.map(|_| ())
            .map_err(|error| Refused::new(&format!("taking the mark from the user {}", user.username), &error))
    }

    pub(super) async fn delete(&self, user: &UserRef) -> Result<(), Refused> {
        let sent = self.client.delete_user().instance_id(self.instance_id).user_id(&user.id).send().await;
        sent.map(|_| ()).map_err(|error| Refused::new(&format!("deleting the user {}", user.username), &error))
    }

    pub(super) async fn change(&self, user: &UserRef, change: &Change) -> Result<(), Refused> {
        let doing = format!("changing the user {}", user.username);
        let (client, instance, id) = (self.client, self.instance_id, user.id.as_str());
        match change {
            Change::Identity { first_name, last_name } => return self.rename(user, first_name, last_name).await,
            Change::SecurityProfiles(ids) => client
                .update_user_security_profiles()
                .instance_id(instance)
                .user_id(id)
                .set_security_profile_ids(Some(ids.clone()))
                .send()
                .await
                .map(|_| ())
                .map_err(|error| Refused::new(&doing, &error)),
            Change::RoutingProfile(profile) => client
                .update_user_routing_profile()
                .instance_id(instance)
                .user_id(id)
                .routing_profile_id(profile)
                .send()
                .await
                .map(|_| ())
                .map_err(|error| Refused::new(&doing, &error)),
            Change::Hierarchy(group) => client
                .update_user_hierarchy()
                .instance_id(instance)
                .user_id(id)
                .hierarchy_group_id(group)
                .send()
                .await
                .map(|_| ())
                .map_err(|error| Refused::new(&doing, &error)),
            Change::Phone(phone) => return self.configure(user, phone).await,
        }
    }

    /// Sends `UpdateUserConfig` for the voice channel. AWS does not document whether the request clears the settings
    /// of other channels, so these are read first and sent back.
    async fn configure(&self, user: &UserRef, phone: &Phone) -> Result<(), Refused> {
        let doing = format!("changing the phone of the user {}", user.username);
        let (accept, work) = channel_settings(phone)?;
        let (mut accept, mut work) = (vec![accept], vec![work]);
        if let Some(known) = self.described(user, &doing).await? {
            let accepts = known.auto_accept_configs.unwrap_or_default();
            accept.extend(accepts.into_iter().filter(|config| config.channel != Channel::Voice));
            let works = known.after_contact_work_configs.unwrap_or_default();
            work.extend(works.into_iter().filter(|config| config.channel != Channel::Voice));
        }
        let sent = self
            .client
            .update_user_config()
            .instance_id(self.instance_id)
            .user_id(&user.id)
            .set_auto_accept_configs(Some(accept))
            .set_after_contact_work_configs(Some(work))
            .send()
            .await;
        sent.map(|_| ()).map_err(|error| Refused::new(&doing, &error))
    }

    /// Reads the user before a change that replaces more settings than the request contains.
    async fn described(&self, user: &UserRef, doing: &str) -> Result<Option<User>, Refused> {
        let sent = self.client.describe_user().instance_id(self.instance_id).user_id(&user.id).send().await;
        sent.map(|known| known.user).map_err(|error| Refused::new(doing, &error))
    }

    /// Sends `UpdateUserIdentityInfo`, which replaces the complete identity. Fields that `SearchUsers` does not return
    /// (secondary email, mobile number) are therefore read first and sent back.
    async fn rename(&self, user: &UserRef, first_name: &str, last_name: &str) -> Result<(), Refused> {
        let doing = format!("changing the name of the user {}", user.username);
        let known = self.described(user, &doing).await?.and_then(|user| user.identity_info);
        let identity = UserIdentityInfo::builder()
            .first_name(first_name)
            .last_name(last_name)
            .set_secondary_email(known.as_ref().and_then(|identity| identity.secondary_email.clone()))
            .set_mobile(known.and_then(|identity| identity.mobile))
            .build();
        let sent = self
            .client
            .update_user_identity_info()
            .instance_id(self.instance_id)
            .user_id(&user.id)
            .identity_info(identity)
            .send()
            .await;
        sent.map(|_| ()).map_err(|error| Refused::new(&doing, &error))
    }
}

/// Returns the phone settings for the voice channel. Only channel settings are used, because they must not be combined
/// with `PhoneConfig`.
fn channel_settings(phone: &Phone) -> Result<(AutoAcceptConfig, AfterContactWorkConfigPerChannel), Refused> {
    let seconds = i32::try_from(phone.after_contact_work_seconds).unwrap_or(i32::MAX);
    let accept =
        AutoAcceptConfig::builder().channel(Channel::Voice).auto_accept(phone.auto_accept).build().map_err(unbuilt)?;
    let work = AfterContactWorkConfigPerChannel::builder()
        .channel(Channel::Voice)
        .after_contact_work_config(AfterContactWorkConfig::builder().after_contact_work_time_limit(seconds).build())
        .build()
        .map_err(unbuilt)?;
    Ok((accept, work))
}

fn unbuilt(error: BuildError) -> Refused {
    StepError::internal(format!("a request to Amazon Connect could not be built: {error}")).into()
}
