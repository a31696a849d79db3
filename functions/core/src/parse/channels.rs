//! The checks of the settings of channels in `users.groups`.

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

/// Checks the settings of chats. Connect ends after-contact work of a chat after 5,400 seconds, even if the setting is
/// greater (API reference, `AfterContactWorkConfig`).
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

/// Rejects a setting that only the voice channel has (API reference, `PersistentConnectionConfig` and
/// `VoiceEnhancementConfig`).
fn only_voice(at: &Location<'_>, _: &Value) {
    at.fault("is a setting of the channel VOICE only", "チャネル VOICE でのみ指定できます");
}

/// Checks that a group does not name two different values for one setting of the voice channel: in `phone` and in
/// `channels.VOICE`.
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
