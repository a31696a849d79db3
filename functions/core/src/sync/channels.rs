//! The channel settings of a user: the desired settings, which the groups define, and the current settings in Connect.

use std::collections::BTreeMap;
use std::fmt;

use super::planned::{GroupValue, Setting};
use crate::onboarding::{Channel, Phone, UserGroup, VoiceEnhancement, VoiceSettings};

/// The settings of a user for each channel. A setting is `None` if no group defines it or if Connect returned no value.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct UserChannels(BTreeMap<Channel, VoiceSettings>);

/// For each setting of each channel, the name of the group that defines the value.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ChannelSources(BTreeMap<(Channel, Setting), String>);

impl ChannelSources {
    /// Records this group as the source of each value in `settings` that no earlier group has defined.
    fn complete(&mut self, group: &str, channel: Channel, settings: VoiceSettings) {
        for (setting, _) in named_settings(settings) {
            self.0.entry((channel, setting)).or_insert_with(|| group.to_owned());
        }
    }
}

/// The settings that are not `None`, each with its value in the notation of `onboarding.json`.
fn named_settings(settings: VoiceSettings) -> impl Iterator<Item = (Setting, String)> {
    let VoiceSettings { auto_accept, after_contact_work_seconds, persistent_connection, voice_enhancement } = settings;
    let enhancement = voice_enhancement.map(|mode| match mode {
        VoiceEnhancement::VoiceIsolation => "VOICE_ISOLATION",
        VoiceEnhancement::NoiseSuppression => "NOISE_SUPPRESSION",
        VoiceEnhancement::Off => "NONE",
    });
    let all = [
        (Setting::AutoAccept, auto_accept.map(|accept| accept.to_string())),
        (Setting::AfterContactWorkSeconds, after_contact_work_seconds.map(|seconds| seconds.to_string())),
        (Setting::PersistentConnection, persistent_connection.map(|persistent| persistent.to_string())),
        (Setting::VoiceEnhancement, enhancement.map(ToOwned::to_owned)),
    ];
    all.into_iter().filter_map(|(setting, value)| Some((setting, value?)))
}

impl UserChannels {
    /// Determines the channel settings of a user who is a member of these groups, which are in the order of the input.
    /// Also returns which group defines each value. For each setting of a channel, the first group with this setting
    /// defines the value. Auto-accept and after-contact work of the voice channel have a default: if no group has such
    /// a setting, the field `phone` of the first group defines the value.
    pub(super) fn of_groups<'g>(groups: impl Iterator<Item = (&'g str, &'g UserGroup)>) -> (Self, ChannelSources) {
        let (mut channels, mut sources, mut first) = (Self::default(), ChannelSources::default(), None);
        for (name, group) in groups {
            first.get_or_insert((name, &group.phone));
            for channel in Channel::ALL {
                let settings = group.channels.get(channel);
                sources.complete(name, channel, settings);
                channels.complete(channel, settings);
            }
        }
        if let Some((name, phone)) = first {
            let phone = VoiceSettings {
                auto_accept: Some(phone.auto_accept),
                after_contact_work_seconds: Some(phone.after_contact_work_seconds),
                ..VoiceSettings::default()
            };
            sources.complete(name, Channel::Voice, phone);
            channels.complete(Channel::Voice, phone);
        }
        (channels, sources)
    }

    /// The channel settings of a user in one group that has this field `phone` and no settings for channels.
    #[must_use]
    pub fn of_phone(phone: &Phone) -> Self {
        let group = UserGroup { phone: phone.clone(), ..UserGroup::default() };
        Self::of_groups(std::iter::once(("", &group))).0
    }

    /// The channel settings, each with the group that defines the value.
    pub(super) fn values(&self, sources: &ChannelSources) -> Vec<GroupValue> {
        let settings = self.iter().flat_map(|(channel, settings)| {
            named_settings(settings).map(move |(setting, value)| (channel, setting, value))
        });
        settings
            .map(|(channel, setting, value)| GroupValue {
                setting,
                channel: Some(channel),
                value,
                groups: sources.0.get(&(channel, setting)).cloned().into_iter().collect(),
            })
            .collect()
    }

    /// Sets those settings of a channel that do not have a value yet.
    pub fn complete(&mut self, channel: Channel, settings: VoiceSettings) {
        if settings == VoiceSettings::default() {
            return;
        }
        let known = self.0.entry(channel).or_default();
        known.auto_accept = known.auto_accept.or(settings.auto_accept);
        known.after_contact_work_seconds = known.after_contact_work_seconds.or(settings.after_contact_work_seconds);
        known.persistent_connection = known.persistent_connection.or(settings.persistent_connection);
        known.voice_enhancement = known.voice_enhancement.or(settings.voice_enhancement);
    }

    /// The settings of a channel.
    #[must_use]
    pub fn get(&self, channel: Channel) -> VoiceSettings {
        self.0.get(&channel).copied().unwrap_or_default()
    }

    /// The channels that have a setting, each with its settings.
    pub fn iter(&self) -> impl Iterator<Item = (Channel, VoiceSettings)> {
        self.0.iter().map(|(channel, settings)| (*channel, *settings))
    }

    /// Whether the settings that Connect returned match the desired settings. Connect may omit a setting that has its
    /// default value. For the voice channel, a missing value of auto-accept or after-contact work is a difference,
    /// because a user without these values has a desk phone.
    pub(super) fn are_met_by(&self, seen: &Self) -> bool {
        self.iter().all(|(channel, wanted)| {
            let seen = seen.get(channel);
            let may_be_absent = channel != Channel::Voice;
            let accept = seen.auto_accept.or(may_be_absent.then_some(false));
            let work = seen.after_contact_work_seconds.or(may_be_absent.then_some(0));
            wanted.auto_accept.is_none_or(|wanted| accept == Some(wanted))
                && wanted.after_contact_work_seconds.is_none_or(|wanted| work.is_some_and(|work| is_work(work, wanted)))
                && wanted
                    .persistent_connection
                    .is_none_or(|wanted| seen.persistent_connection.unwrap_or_default() == wanted)
                && wanted.voice_enhancement.is_none_or(|wanted| seen.voice_enhancement.unwrap_or_default() == wanted)
        })
    }
}

/// Whether a duration of after-contact work matches the desired number of seconds. In `PhoneConfig`, `SearchUsers`
/// returns the duration in milliseconds. Connect does not document whether the duration in the channel settings is in
/// seconds or in milliseconds. Therefore, 1,000 times the desired number is also accepted.
fn is_work(seen: u32, desired: u32) -> bool {
    seen == desired || Some(seen) == desired.checked_mul(1000)
}

impl fmt::Display for UserChannels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (channel, settings)) in self.iter().enumerate() {
            let VoiceSettings { auto_accept, after_contact_work_seconds, persistent_connection, voice_enhancement } =
                settings;
            let accept = auto_accept.map(|auto| if auto { "auto-accept" } else { "manual accept" }.to_owned());
            let work = after_contact_work_seconds.map(|seconds| format!("{seconds} s after contact work"));
            let persistent = persistent_connection
                .map(|persistent| format!("{} persistent connection", if persistent { "with" } else { "without" }));
            let enhancement = voice_enhancement.map(|mode| {
                let mode = match mode {
                    VoiceEnhancement::VoiceIsolation => "voice isolation",
                    VoiceEnhancement::NoiseSuppression => "noise suppression",
                    VoiceEnhancement::Off => "no voice enhancement",
                };
                mode.to_owned()
            });
            let parts: Vec<String> = [accept, work, persistent, enhancement].into_iter().flatten().collect();
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{} {}", channel.name(), parts.join(" + "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onboarding::{ChannelSettings, Channels};

    fn group(phone: Phone, channels: Channels) -> UserGroup {
        UserGroup { phone, channels, ..UserGroup::default() }
    }

    #[test]
    fn the_first_group_that_names_a_setting_determines_it_for_each_channel() {
        let chat = |auto_accept, after_contact_work_seconds| Channels {
            chat: Some(ChannelSettings { auto_accept, after_contact_work_seconds }),
            ..Channels::default()
        };
        let voice =
            VoiceSettings { auto_accept: Some(true), persistent_connection: Some(true), ..VoiceSettings::default() };
        let groups = [
            ("A", &group(Phone { auto_accept: false, after_contact_work_seconds: 30 }, chat(None, Some(60)))),
            (
                "B",
                &group(
                    Phone { auto_accept: true, after_contact_work_seconds: 90 },
                    Channels { voice: Some(voice), ..chat(Some(true), Some(5)) },
                ),
            ),
        ];
        let (both, sources) = UserChannels::of_groups(groups.into_iter());
        assert_eq!(
            both.to_string(),
            "VOICE auto-accept + 30 s after contact work + with persistent connection, \
             CHAT auto-accept + 60 s after contact work"
        );
        let values: Vec<String> = both.values(&sources).iter().map(ToString::to_string).collect();
        assert_eq!(
            values,
            [
                "VOICE auto-accept true (from \"B\")",
                "VOICE seconds of after-contact work 30 (from \"A\")",
                "VOICE persistent connection true (from \"B\")",
                "CHAT auto-accept true (from \"B\")",
                "CHAT seconds of after-contact work 60 (from \"A\")",
            ]
        );
        assert_eq!(
            UserChannels::of_groups(groups[..1].iter().copied()).0.to_string(),
            "VOICE manual accept + 30 s after contact work, CHAT 60 s after contact work"
        );
    }

    #[test]
    fn milliseconds_and_omitted_defaults_are_no_difference_but_a_desk_phone_is() {
        let mut wanted = UserChannels::of_phone(&Phone { auto_accept: false, after_contact_work_seconds: 30 });
        let off = VoiceSettings {
            persistent_connection: Some(false),
            voice_enhancement: Some(VoiceEnhancement::Off),
            ..VoiceSettings::default()
        };
        wanted.complete(Channel::Voice, off);
        let manual = VoiceSettings { auto_accept: Some(false), after_contact_work_seconds: Some(0), ..off };
        wanted.complete(Channel::Task, manual);
        let mut seen = UserChannels::default();
        assert!(!wanted.are_met_by(&seen), "the user has a desk phone");
        let milliseconds = VoiceSettings { after_contact_work_seconds: Some(30_000), ..manual };
        seen.complete(
            Channel::Voice,
            VoiceSettings { persistent_connection: None, voice_enhancement: None, ..milliseconds },
        );
        assert!(wanted.are_met_by(&seen));
        seen.complete(Channel::Voice, VoiceSettings { persistent_connection: Some(true), ..off });
        assert!(!wanted.are_met_by(&seen));
    }
}
