//! The requests to Amazon Connect that change users.

use aws_sdk_connect::{
    Client,
    error::SdkError,
    operation::RequestId,
    types::{User, UserIdentityInfo},
};
use aws_smithy_types::error::{metadata::ProvideErrorMetadata, operation::BuildError};
use onboarding_core::{
    StepError, StepErrorKind, names,
    sync::{
        Change, NewUser, PROFICIENCIES_KEY, ProficiencyChange, REMOVAL_DUE_KEY, SIGN_OUT_DUE_KEY, SIGNED_OUT_KEY,
        TRAFFIC_GROUP_KEY, UserChannels, UserRef,
    },
};

use super::{
    channels::{ChannelConfigs, filled},
    request::{RequestError, Sent, Write},
};
use crate::aws::sessions::Sessions;

/// Changes the users of one instance.
#[derive(Debug)]
pub(super) struct UserApi<'a> {
    pub(super) client: Client,
    pub(super) instance_id: &'a str,
    pub(super) alias: &'a str,
    pub(super) sessions: Sessions<'a>,
}

impl UserApi<'_> {
    /// Sends one request that changes a user.
    pub(super) async fn send<'p>(&self, write: &Write<'p>) -> Result<Sent<'p>, RequestError> {
        let sent = match write {
            Write::Create(new) => return self.create(new).await,
            Write::Change { user, change } => return self.change(user, change).await.map(followed_by),
            Write::Proficiencies { user, change, steps } => {
                return self.take_step(user, change, steps).await.map(followed_by);
            }
            Write::MarkSignOutDue { user, date, then } => {
                self.mark_sign_out_due(user, date).await?;
                return Ok(followed_by(Some(Write::clone(then))));
            }
            Write::SignOutDone(user) => self.forget_sign_out_due(user).await,
            Write::Adopt { user, object_id, sign_out_due } => self.adopt(user, object_id, sign_out_due.as_ref()).await,
            Write::ScheduleDeletion { user, due, sign_out_due } => {
                self.schedule_deletion(user, due, sign_out_due.as_ref()).await
            }
            Write::CancelDeletion(user) => self.cancel_deletion(user).await,
            Write::Delete(removal) => self.delete(&removal.user).await,
            Write::Strip { user, no_access } => {
                self.change(user, &Change::SecurityProfiles(vec![no_access.clone()])).await.map(drop)
            }
            Write::RecordTrafficGroup { user, group } => self.record_traffic_group(user, group).await,
            Write::RecordSignOut { user, date } => self.record_sign_out(user, date).await,
        };
        sent.map(|()| Sent::default())
    }

    /// Ends all sessions of a user.
    pub(super) async fn sign_out(&self, user: &UserRef) -> Result<(), RequestError> {
        Ok(self.sessions.end(self.instance_id, &user.username, &user.id).await?)
    }

    async fn record_sign_out(&self, user: &UserRef, date: &str) -> Result<(), RequestError> {
        let sent = self.client.tag_resource().resource_arn(&user.arn).tags(SIGNED_OUT_KEY, date).send().await;
        outcome(&format!("recording the sign-out of the user {}", user.username), sent)
    }

    async fn mark_sign_out_due(&self, user: &UserRef, date: &str) -> Result<(), RequestError> {
        let sent = self.client.tag_resource().resource_arn(&user.arn).tags(SIGN_OUT_DUE_KEY, date).send().await;
        outcome(&format!("recording that the sessions of the user {} must end", user.username), sent)
    }

    async fn forget_sign_out_due(&self, user: &UserRef) -> Result<(), RequestError> {
        let sent = self.client.untag_resource().resource_arn(&user.arn).tag_keys(SIGN_OUT_DUE_KEY).send().await;
        outcome(&format!("recording that the sessions of the user {} have ended", user.username), sent)
    }

    /// Sends `CreateUser` with all settings that the request can contain. Email and password are omitted, because an
    /// instance with SAML rejects them.
    /// Proficiencies are set by separate requests after `CreateUser`. `CreateUser` already contains the tag that
    /// records the proficiencies. If the sync is interrupted before the proficiencies are set, a later sync therefore
    /// sets them.
    async fn create<'p>(&self, user: &NewUser) -> Result<Sent<'p>, RequestError> {
        let assignment = &user.assignment;
        let configs = ChannelConfigs::of_new_user().and_then(|new| new.with(&assignment.channels)).map_err(invalid)?;
        let mut call = self
            .client
            .create_user()
            .instance_id(self.instance_id)
            .username(&user.username)
            .identity_info(UserIdentityInfo::builder().first_name(&user.first_name).last_name(&user.last_name).build())
            .set_security_profile_ids(Some(assignment.security_profile_ids.clone()))
            .routing_profile_id(&assignment.routing_profile_id)
            .set_hierarchy_group_id(assignment.hierarchy_group_id.clone())
            .set_auto_accept_configs(filled(configs.accept))
            .set_after_contact_work_configs(filled(configs.work))
            .set_phone_number_configs(filled(configs.phone_number))
            .set_persistent_connection_configs(filled(configs.persistent))
            .set_voice_enhancement_configs(filled(configs.enhancement))
            .tags(names::ENTRA_OBJECT_ID_KEY, &user.object_id);
        for (key, value) in names::tags(self.alias) {
            call = call.tags(key, value);
        }
        let pending = assignment.proficiencies.as_ref().and_then(|given| Some((given, given.pending_record()?)));
        if let Some((_, record)) = &pending {
            call = call.tags(PROFICIENCIES_KEY, record);
        }
        let doing = format!("creating the user {}", user.username);
        let created = call.send().await.map_err(|error| RequestError::new(&doing, &error))?;
        let mut then = Vec::new();
        if let Some((id, arn)) = created.user_id.clone().zip(created.user_arn) {
            let (username, object_id) = (user.username.clone(), Some(user.object_id.clone()));
            let user = UserRef { username, id, arn, object_id, ..UserRef::default() };
            then.extend(
                assignment
                    .traffic_group
                    .iter()
                    .map(|group| Write::Change { user: user.clone(), change: Change::TrafficGroup(group.clone()) }),
            );
            then.extend(pending.map(|(given, record)| {
                let change = ProficiencyChange { desired: given.clone(), recorded: Some(record) };
                let steps = change.steps(&[]);
                Write::Proficiencies { user, change, steps }
            }));
        }
        Ok(Sent { created: created.user_id, then })
    }

    async fn adopt(&self, user: &UserRef, object_id: &str, sign_out_due: Option<&String>) -> Result<(), RequestError> {
        let mut call = self.client.tag_resource().resource_arn(&user.arn).tags(names::ENTRA_OBJECT_ID_KEY, object_id);
        for (key, value) in names::tags(self.alias) {
            call = call.tags(key, value);
        }
        if let Some(date) = sign_out_due {
            call = call.tags(SIGN_OUT_DUE_KEY, date);
        }
        outcome(&format!("adopting the user {}", user.username), call.send().await)
    }

    async fn schedule_deletion(
        &self,
        user: &UserRef,
        due: &str,
        sign_out_due: Option<&String>,
    ) -> Result<(), RequestError> {
        let mut call = self.client.tag_resource().resource_arn(&user.arn).tags(REMOVAL_DUE_KEY, due);
        if let Some(date) = sign_out_due {
            call = call.tags(SIGN_OUT_DUE_KEY, date);
        }
        outcome(&format!("scheduling the deletion of the user {}", user.username), call.send().await)
    }

    async fn cancel_deletion(&self, user: &UserRef) -> Result<(), RequestError> {
        let sent = self.client.untag_resource().resource_arn(&user.arn).tag_keys(REMOVAL_DUE_KEY).send().await;
        outcome(&format!("canceling the deletion of the user {}", user.username), sent)
    }

    /// Adds the user to a traffic distribution group. Returns the request that records the traffic distribution group
    /// in a tag of the user.
    async fn join<'p>(&self, user: &UserRef, group: &str) -> Result<Option<Write<'p>>, RequestError> {
        let doing = format!("adding the user {} to the traffic distribution group {group}", user.username);
        let call = self.client.associate_traffic_distribution_group_user().instance_id(self.instance_id);
        let sent = call.user_id(&user.id).traffic_distribution_group_id(group).send().await;
        match outcome(&doing, sent) {
            // The API reference does not describe when this conflict occurs. The user may already be in the traffic
            // distribution group.
            Err(error) if !error.is_conflict() => Err(error),
            _ => Ok(Some(Write::RecordTrafficGroup { user: user.clone(), group: group.to_owned() })),
        }
    }

    async fn record_traffic_group(&self, user: &UserRef, group: &str) -> Result<(), RequestError> {
        let sent = self.client.tag_resource().resource_arn(&user.arn).tags(TRAFFIC_GROUP_KEY, group).send().await;
        outcome(&format!("recording the traffic distribution group of the user {}", user.username), sent)
    }

    /// Removes a user from the traffic distribution group before the user is deleted. No documentation requires this,
    /// but otherwise Connect might reject the deletion. If an error occurs that a retry can't solve, the user is still
    /// deleted.
    async fn leave(&self, user: &UserRef, group: &str) -> Result<(), RequestError> {
        let doing = format!("removing the user {} from the traffic distribution group {group}", user.username);
        let call = self.client.disassociate_traffic_distribution_group_user().instance_id(self.instance_id);
        let sent = call.user_id(&user.id).traffic_distribution_group_id(group).send().await;
        match outcome(&doing, sent) {
            Err(error) if matches!(error.kind(), StepErrorKind::Throttled | StepErrorKind::Unavailable) => Err(error),
            Err(error) => {
                tracing::debug!(error = error.error.message, "the user stays in its traffic distribution group");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    async fn delete(&self, user: &UserRef) -> Result<(), RequestError> {
        if let Some(group) = &user.traffic_group {
            self.leave(user, group).await?;
        }
        let sent = self.client.delete_user().instance_id(self.instance_id).user_id(&user.id).send().await;
        outcome(&format!("deleting the user {}", user.username), sent)
    }

    /// Sends the request for a change. If another request must follow, returns that request.
    async fn change<'p>(&self, user: &UserRef, change: &Change) -> Result<Option<Write<'p>>, RequestError> {
        let doing = format!("changing the user {}", user.username);
        let (client, instance, id) = (&self.client, self.instance_id, user.id.as_str());
        let sent = match change {
            Change::Proficiencies(change) => return self.read_proficiencies(user, change).await.map(Some),
            Change::Identity { first_name, last_name } => self.rename(user, first_name, last_name).await,
            Change::SecurityProfiles(ids) => {
                let call = client.update_user_security_profiles().instance_id(instance).user_id(id);
                outcome(&doing, call.set_security_profile_ids(Some(ids.clone())).send().await)
            }
            Change::RoutingProfile(profile) => {
                let call = client.update_user_routing_profile().instance_id(instance).user_id(id);
                outcome(&doing, call.routing_profile_id(profile).send().await)
            }
            Change::Hierarchy(group) => {
                let call = client.update_user_hierarchy().instance_id(instance).user_id(id);
                outcome(&doing, call.hierarchy_group_id(group).send().await)
            }
            Change::Channels(channels) => self.configure(user, channels).await,
            Change::TrafficGroup(group) => return self.join(user, group).await,
            Change::ForgetSignOut => {
                let call = client.untag_resource().resource_arn(&user.arn).tag_keys(SIGNED_OUT_KEY);
                outcome(&doing, call.send().await)
            }
            Change::RepeatSignOut | Change::ForgetSignOutDue => self.forget_sign_out_due(user).await,
        };
        sent.map(|()| None)
    }

    /// Sends `UpdateUserConfig` with the settings that the user's groups specify, and with the current values of all
    /// other settings of the user.
    async fn configure(&self, user: &UserRef, channels: &UserChannels) -> Result<(), RequestError> {
        let doing = format!("changing the channels of the user {}", user.username);
        let configs = ChannelConfigs::of_user(self.describe(user, &doing).await?).with(channels).map_err(invalid)?;
        let sent = self
            .client
            .update_user_config()
            .instance_id(self.instance_id)
            .user_id(&user.id)
            .set_auto_accept_configs(filled(configs.accept))
            .set_after_contact_work_configs(filled(configs.work))
            .set_phone_number_configs(filled(configs.phone_number))
            .set_persistent_connection_configs(filled(configs.persistent))
            .set_voice_enhancement_configs(filled(configs.enhancement))
            .send()
            .await;
        outcome(&doing, sent)
    }

    /// Reads the user before a request that replaces more settings than the plan changes.
    async fn describe(&self, user: &UserRef, doing: &str) -> Result<Option<User>, RequestError> {
        let sent = self.client.describe_user().instance_id(self.instance_id).user_id(&user.id).send().await;
        sent.map(|output| output.user).map_err(|error| RequestError::new(doing, &error))
    }

    /// Sends `UpdateUserIdentityInfo`, which replaces all identity fields of a user. `SearchUsers` does not return the
    /// secondary email and the mobile number. So the secondary email and the mobile number are read first, and sent
    /// without a change.
    async fn rename(&self, user: &UserRef, first_name: &str, last_name: &str) -> Result<(), RequestError> {
        let doing = format!("changing the name of the user {}", user.username);
        let current = self.describe(user, &doing).await?.and_then(|user| user.identity_info);
        let identity = UserIdentityInfo::builder()
            .first_name(first_name)
            .last_name(last_name)
            .set_secondary_email(current.as_ref().and_then(|identity| identity.secondary_email.clone()))
            .set_mobile(current.and_then(|identity| identity.mobile))
            .build();
        let sent = self
            .client
            .update_user_identity_info()
            .instance_id(self.instance_id)
            .user_id(&user.id)
            .identity_info(identity)
            .send()
            .await;
        outcome(&doing, sent)
    }
}

/// Returns the result of a successful request. If another request must follow, the result contains that request.
fn followed_by(then: Option<Write<'_>>) -> Sent<'_> {
    Sent { then: then.into_iter().collect(), ..Sent::default() }
}

/// Discards the content of a response, and adds the description of the action (`doing`) to an error.
pub(super) fn outcome<T, E, R>(doing: &str, sent: Result<T, SdkError<E, R>>) -> Result<(), RequestError>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
    SdkError<E, R>: RequestId,
{
    sent.map(drop).map_err(|error| RequestError::new(doing, &error))
}

pub(super) fn invalid(error: BuildError) -> RequestError {
    StepError::internal(format!("a request to Amazon Connect could not be built: {error}")).into()
}
