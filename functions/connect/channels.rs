//! Converts the channel settings of a user to and from the types of Connect's API.

use aws_sdk_connect::types::{
    AfterContactWorkConfig, AfterContactWorkConfigPerChannel, AutoAcceptConfig, Channel as ConnectChannel,
    PersistentConnectionConfig, PhoneNumberConfig, PhoneType, User, UserSearchSummary, VoiceEnhancementConfig,
    VoiceEnhancementMode,
};
use aws_smithy_types::error::operation::BuildError;
use onboarding_core::{
    onboarding::{Channel, VoiceEnhancement, VoiceSettings},
    sync::UserChannels,
};

/// All channel settings of a request. The request does not contain `PhoneConfig`, because Connect rejects a request
/// with both channel settings and `PhoneConfig`.
#[derive(Debug, Default)]
pub(super) struct ChannelConfigs {
    pub(super) accept: Vec<AutoAcceptConfig>,
    pub(super) work: Vec<AfterContactWorkConfigPerChannel>,
    pub(super) phone_number: Vec<PhoneNumberConfig>,
    pub(super) persistent: Vec<PersistentConnectionConfig>,
    pub(super) enhancement: Vec<VoiceEnhancementConfig>,
}

impl ChannelConfigs {
    /// The current channel settings of a user. AWS does not document whether `UpdateUserConfig` deletes the settings
    /// that a request omits. So a request contains all settings, including the settings of channels that this version
    /// does not know.
    pub(super) fn of_user(user: Option<User>) -> Self {
        let Some(user) = user else { return Self::default() };
        Self {
            accept: user.auto_accept_configs.unwrap_or_default(),
            work: user.after_contact_work_configs.unwrap_or_default(),
            phone_number: user.phone_number_configs.unwrap_or_default(),
            persistent: user.persistent_connection_configs.unwrap_or_default(),
            enhancement: user.voice_enhancement_configs.unwrap_or_default(),
        }
    }

    /// The channel settings of a new user, who has a soft phone.
    pub(super) fn of_new_user() -> Result<Self, BuildError> {
        let soft_phone =
            PhoneNumberConfig::builder().channel(ConnectChannel::Voice).phone_type(PhoneType::SoftPhone).build()?;
        Ok(Self { phone_number: vec![soft_phone], ..Self::default() })
    }

    /// Replaces the settings that the user's groups specify. The settings for agent-first callbacks are not changed.
    pub(super) fn with(mut self, wanted: &UserChannels) -> Result<Self, BuildError> {
        for (channel, wanted) in wanted.iter() {
            let channel = to_connect(channel);
            if let Some(auto_accept) = wanted.auto_accept {
                let known = taken(&mut self.accept, |one| one.channel == channel);
                let callbacks = known.and_then(|known| known.agent_first_callback_auto_accept);
                let config = AutoAcceptConfig::builder().channel(channel.clone()).auto_accept(auto_accept);
                self.accept.push(config.set_agent_first_callback_auto_accept(callbacks).build()?);
            }
            if let Some(seconds) = wanted.after_contact_work_seconds {
                let known = taken(&mut self.work, |one| one.channel == channel);
                let callbacks = known.and_then(|known| known.agent_first_callback_after_contact_work_config);
                let seconds = i32::try_from(seconds).unwrap_or(i32::MAX);
                let limit = AfterContactWorkConfig::builder().after_contact_work_time_limit(seconds).build();
                let config = AfterContactWorkConfigPerChannel::builder().channel(channel.clone());
                let config = config.after_contact_work_config(limit);
                self.work.push(config.set_agent_first_callback_after_contact_work_config(callbacks).build()?);
            }
            if let Some(persistent) = wanted.persistent_connection {
                taken(&mut self.persistent, |one| one.channel == channel);
                let config = PersistentConnectionConfig::builder().channel(channel.clone());
                self.persistent.push(config.persistent_connection(persistent).build()?);
            }
            if let Some(mode) = wanted.voice_enhancement {
                taken(&mut self.enhancement, |one| one.channel == channel);
                let mode = match mode {
                    VoiceEnhancement::VoiceIsolation => VoiceEnhancementMode::VoiceIsolation,
                    VoiceEnhancement::NoiseSuppression => VoiceEnhancementMode::NoiseSuppression,
                    VoiceEnhancement::Off => VoiceEnhancementMode::None,
                };
                let config = VoiceEnhancementConfig::builder().channel(channel);
                self.enhancement.push(config.voice_enhancement_mode(mode).build()?);
            }
        }
        Ok(self)
    }
}

/// Returns the list for a request, or `None` if the list is empty.
pub(super) fn filled<T>(list: Vec<T>) -> Option<Vec<T>> {
    Some(list).filter(|list| !list.is_empty())
}

fn taken<T>(list: &mut Vec<T>, is_it: impl Fn(&T) -> bool) -> Option<T> {
    list.iter().position(is_it).map(|place| list.remove(place))
}

const fn to_connect(channel: Channel) -> ConnectChannel {
    match channel {
        Channel::Voice => ConnectChannel::Voice,
        Channel::Chat => ConnectChannel::Chat,
        Channel::Task => ConnectChannel::Task,
        Channel::Email => ConnectChannel::Email,
    }
}

/// Converts a channel in the API of Connect to a channel of the input. Returns `None` for a channel that this version
/// does not know.
fn from_connect(channel: &ConnectChannel) -> Option<Channel> {
    Channel::ALL.into_iter().find(|known| to_connect(*known) == *channel)
}

/// Returns the channel settings of a user. The voice settings are read from the channel settings in Connect, which the
/// user sync writes. If these settings are missing, the voice settings are read from the older `PhoneConfig`, which the
/// console or another tool may have written. In `PhoneConfig`, `SearchUsers` returns the time for after-contact work in
/// milliseconds.
pub(super) fn of_summary(user: &UserSearchSummary) -> UserChannels {
    let mut channels = UserChannels::default();
    let mut add = |channel: &ConnectChannel, settings: VoiceSettings| {
        if let Some(channel) = from_connect(channel) {
            channels.complete(channel, settings);
        }
    };
    for one in user.auto_accept_configs() {
        add(&one.channel, VoiceSettings { auto_accept: Some(one.auto_accept), ..VoiceSettings::default() });
    }
    for one in user.after_contact_work_configs() {
        let limit = one.after_contact_work_config().map(|config| config.after_contact_work_time_limit);
        add(
            &one.channel,
            VoiceSettings { after_contact_work_seconds: limit.and_then(seconds), ..VoiceSettings::default() },
        );
    }
    for one in user.persistent_connection_configs() {
        let persistent_connection = Some(one.persistent_connection);
        add(&one.channel, VoiceSettings { persistent_connection, ..VoiceSettings::default() });
    }
    for one in user.voice_enhancement_configs() {
        let voice_enhancement = match one.voice_enhancement_mode {
            VoiceEnhancementMode::VoiceIsolation => Some(VoiceEnhancement::VoiceIsolation),
            VoiceEnhancementMode::NoiseSuppression => Some(VoiceEnhancement::NoiseSuppression),
            VoiceEnhancementMode::None => Some(VoiceEnhancement::Off),
            _ => None,
        };
        add(&one.channel, VoiceSettings { voice_enhancement, ..VoiceSettings::default() });
    }
    let voice = channels.get(Channel::Voice);
    let older = user.phone_config();
    if older.is_some() || voice.auto_accept.is_some() || voice.after_contact_work_seconds.is_some() {
        let work = older.map_or(0, |phone| phone.after_contact_work_time_limit / 1000);
        let older = VoiceSettings {
            auto_accept: Some(older.is_some_and(|phone| phone.auto_accept)),
            after_contact_work_seconds: seconds(work),
            persistent_connection: older.and_then(|phone| phone.persistent_connection),
            voice_enhancement: None,
        };
        channels.complete(Channel::Voice, older);
    }
    channels
}

fn seconds(limit: i32) -> Option<u32> {
    u32::try_from(limit).ok()
}
