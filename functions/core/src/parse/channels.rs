//! Checks the channel settings in `users.groups`.

use serde_json::Value;

use super::check::{Location, boolean, choice, integer, object, optional};

/// Checks the settings of all channels of a group.
pub(super) fn channels(at: &Location<'_>, value: &Value) {
    object(
        at,
        value,
        &[optional("VOICE", voice), optional("CHAT", chat), optional("TASK", other), optional("EMAIL", other)],
    );
}

fn voice(at: &Location<'_>, value: &Value) {
    object(
        at,
        value,
        &[
            optional("autoAccept", boolean),
            optional("afterContactWorkSeconds", integer::<0, 2_000_000>),
            optional("persistentConnection", boolean),
            optional("voiceEnhancement", |at, value| {
                choice(at, value, &["VOICE_ISOLATION", "NOISE_SUPPRESSION", "NONE"]);
            }),
        ],
    );
}

/// Checks the settings for the channel `CHAT`. Connect ends after-contact work for a chat after 5,400 seconds, even if
/// the setting is higher (API reference, `AfterContactWorkConfig`).
fn chat(at: &Location<'_>, value: &Value) {
    settings(at, value, integer::<0, 5_400>);
}

fn other(at: &Location<'_>, value: &Value) {
    settings(at, value, integer::<0, 2_000_000>);
}

fn settings(at: &Location<'_>, value: &Value, work: fn(&Location<'_>, &Value)) {
    object(
        at,
        value,
        &[
            optional("autoAccept", boolean),
            optional("afterContactWorkSeconds", work),
            optional("persistentConnection", only_voice),
            optional("voiceEnhancement", only_voice),
        ],
    );
}

/// Reports an error for a setting that exists only for the channel `VOICE` (API reference, `PersistentConnectionConfig`
/// and `VoiceEnhancementConfig`).
fn only_voice(at: &Location<'_>, _: &Value) {
    at.fault("is a setting of the channel VOICE only", "チャネル VOICE でのみ指定できます");
}

/// Checks that the fields `phone` and `channels.VOICE` of a group contain the same value for the same setting.
pub(super) fn contradictions(at: &Location<'_>, group: &Value) {
    for setting in ["autoAccept", "afterContactWorkSeconds"] {
        let (phone, voice) = (group["phone"].get(setting), group["channels"]["VOICE"].get(setting));
        if phone.is_some() && voice.is_some() && phone != voice {
            at.key("channels").key("VOICE").key(setting).fault(
                format!("differs from phone.{setting} of the same group; remove one of the two"),
                format!("同じグループの phone.{setting} と値が異なります。いずれか一方を削除してください"),
            );
        }
    }
}
