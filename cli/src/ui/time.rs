//! Formats durations and times as text.

/// Formats a duration: `0.35 s`, `12 min 03 s`, `2 h 05 min`, `3 d 04 h`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    if seconds < 60.0 {
        return format!("{:.2} s", seconds.max(0.0));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the number is positive and far below 2^52"
    )]
    let whole = seconds as u64;
    let (days, hours, minutes) = (whole / 86_400, whole / 3_600 % 24, whole / 60 % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes} min {:02} s", whole % 60),
        (0, _) => format!("{hours} h {minutes:02} min"),
        _ => format!("{days} d {hours:02} h"),
    }
}

/// Formats a time in ISO 8601, with a precision of one second.
#[must_use]
pub fn iso(at: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "a current time fits")]
    let moment = time::OffsetDateTime::from_unix_timestamp(at as i64).unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    moment.format(&time::format_description::well_known::Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_at_most_two_units() {
        let text = [0.346, 59.0, 723.0, 7_500.0, 273_700.0].map(duration);
        assert_eq!(text, ["0.35 s", "59.00 s", "12 min 03 s", "2 h 05 min", "3 d 04 h"]);
    }

    #[test]
    fn times_are_formatted_in_iso_8601() {
        assert_eq!(iso(1_795_615_200.9), "2026-11-25T14:00:00Z");
    }
}
