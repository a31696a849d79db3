//! The settings of an agent for each channel, in `users.groups[].channels`.

use serde::{Deserialize, Serialize};

#[cfg(feature = "schema")]
use schemars::JsonSchema;

/// The channels of an agent (service model of Amazon Connect, `Channel`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum Channel {
    /// Voice calls.
    Voice,
    /// Chats.
    Chat,
    /// Tasks.
    Task,
    /// Emails.
    Email,
}

impl Channel {
    /// All channels.
    pub const ALL: [Self; 4] = [Self::Voice, Self::Chat, Self::Task, Self::Email];

    /// The name of the channel in Connect's API and in the input.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Voice => "VOICE",
            Self::Chat => "CHAT",
            Self::Task => "TASK",
            Self::Email => "EMAIL",
        }
    }
}

/// The settings for each channel. If no group of a user specifies a setting, the setting remains unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "UPPERCASE")]
pub struct Channels {
    /// Voice calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voice: Option<VoiceSettings>,
    /// Chats. Connect ends after-contact work of a chat after 90 minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat: Option<ChannelSettings>,
    /// Tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<ChannelSettings>,
    /// Emails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<ChannelSettings>,
}

impl Channels {
    /// Whether all settings of all channels are absent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The settings of one channel.
    #[must_use]
    pub fn get(&self, channel: Channel) -> VoiceSettings {
        let other = match channel {
            Channel::Voice => return self.voice.unwrap_or_default(),
            Channel::Chat => self.chat,
            Channel::Task => self.task,
            Channel::Email => self.email,
        };
        let ChannelSettings { auto_accept, after_contact_work_seconds } = other.unwrap_or_default();
        VoiceSettings { auto_accept, after_contact_work_seconds, ..VoiceSettings::default() }
    }
}

/// The settings for voice calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct VoiceSettings {
    /// Whether calls are accepted automatically. Default: `phone.autoAccept` of the user's first group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_accept: Option<bool>,
    /// Seconds of after-contact work; 0 means no limit. Default: `phone.afterContactWorkSeconds` of the user's first
    /// group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(max = 2_000_000)))]
    pub after_contact_work_seconds: Option<u32>,
    /// Whether the agent's connection is maintained after a call, so that the next call connects faster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persistent_connection: Option<bool>,
    /// How background sounds are reduced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voice_enhancement: Option<VoiceEnhancement>,
}

/// The settings for chats, tasks or emails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema), schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct ChannelSettings {
    /// Whether contacts are accepted automatically.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_accept: Option<bool>,
    /// Seconds of after-contact work; 0 means no limit. For chats, the maximum is 5,400 seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(max = 2_000_000)))]
    pub after_contact_work_seconds: Option<u32>,
}

/// How background sounds of an agent are reduced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum VoiceEnhancement {
    /// Only the agent's voice is transmitted.
    VoiceIsolation,
    /// Noise is suppressed.
    NoiseSuppression,
    /// Background sounds are not reduced.
    #[default]
    #[serde(rename = "NONE")]
    Off,
}
