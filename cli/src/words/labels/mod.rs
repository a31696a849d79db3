//! The labels of the report page in English and Japanese. The labels use the names that AWS and Microsoft use for
//! services and fields.

mod english;
mod japanese;
mod open_items;
mod states;

use onboarding_core::{
    contract::QuotaStatus,
    onboarding::Language,
    telephony::{FirstCallStatus, NumberStatus, OrderStatus},
};

use self::{
    open_items::{ACTIONS, SUBJECTS},
    states::STATES,
};

/// The labels of the report page in one language.
#[derive(Debug)]
pub(crate) struct Labels {
    /// The language code, as the value of `<html lang>`.
    pub(crate) code: &'static str,
    pub(crate) title: &'static str,
    pub(crate) skip: &'static str,
    pub(crate) local: &'static str,
    pub(crate) ready: &'static str,
    pub(crate) incomplete: &'static str,
    pub(crate) account: &'static str,
    pub(crate) region: &'static str,
    pub(crate) started: &'static str,
    pub(crate) took: &'static str,
    pub(crate) sign_in: &'static str,
    pub(crate) sign_in_text: &'static str,
    pub(crate) qr: &'static str,
    pub(crate) next: &'static str,
    pub(crate) nothing_open: &'static str,
    pub(crate) workflow: &'static str,
    pub(crate) picture: &'static str,
    pub(crate) as_table: &'static str,
    pub(crate) state: &'static str,
    pub(crate) outcome: &'static str,
    pub(crate) polls: &'static str,
    pub(crate) run_time: &'static str,
    pub(crate) waited: &'static str,
    pub(crate) of_it_waited: &'static str,
    pub(crate) done: &'static str,
    pub(crate) failed: &'static str,
    pub(crate) recovered: &'static str,
    pub(crate) users: &'static str,
    pub(crate) counts: [&'static str; 11],
    pub(crate) no_user_changed: &'static str,
    pub(crate) refused: &'static str,
    pub(crate) refused_text: &'static str,
    pub(crate) failed_users: &'static str,
    pub(crate) username: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) findings: &'static str,
    pub(crate) first_only: &'static str,
    pub(crate) groups: &'static str,
    pub(crate) group: &'static str,
    pub(crate) members: &'static str,
    pub(crate) telephony: &'static str,
    pub(crate) quota: &'static str,
    pub(crate) needed: &'static str,
    pub(crate) current: &'static str,
    pub(crate) status: &'static str,
    pub(crate) nothing_asked: &'static str,
    pub(crate) numbers: &'static str,
    pub(crate) number: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) cases: &'static str,
    pub(crate) case: &'static str,
    pub(crate) topic_numbers: &'static str,
    pub(crate) topic_mobiles: &'static str,
    pub(crate) first_call: &'static str,
    pub(crate) flow: &'static str,
    pub(crate) tested_at: &'static str,
    first_calls: [&'static str; 3],
    pub(crate) resources: &'static str,
    pub(crate) resource: &'static str,
    pub(crate) id: &'static str,
    pub(crate) new: &'static str,
    pub(crate) adopted: &'static str,
    pub(crate) names: Names,
    pub(crate) checks: &'static str,
    pub(crate) check: &'static str,
    pub(crate) expected: &'static str,
    pub(crate) found: &'static str,
    pub(crate) matches: &'static str,
    pub(crate) differs: &'static str,
    pub(crate) made_by: &'static str,
    quotas: [&'static str; 3],
    number_states: [&'static str; 3],
    orders: [&'static str; 6],
}

/// The names of the resources in one language.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) instance: &'static str,
    pub(crate) access_url: &'static str,
    pub(crate) application: &'static str,
    pub(crate) saml_identifier: &'static str,
    pub(crate) certificate: &'static str,
    pub(crate) until: &'static str,
    pub(crate) provider: &'static str,
    pub(crate) policy: &'static str,
    pub(crate) role: &'static str,
    pub(crate) relay_state: &'static str,
    pub(crate) destination: &'static str,
    pub(crate) approved_origin: &'static str,
    pub(crate) recordings: &'static str,
    pub(crate) chats: &'static str,
    pub(crate) reports: &'static str,
    pub(crate) execution: &'static str,
    pub(crate) tenant: &'static str,
}

impl Labels {
    /// The labels of the report page in a language.
    #[must_use]
    pub(crate) const fn of(language: Language) -> &'static Self {
        match language {
            Language::En => &english::LABELS,
            Language::Ja => &japanese::LABELS,
        }
    }

    /// Label of a quota status.
    #[must_use]
    pub(crate) const fn quota(&self, status: QuotaStatus) -> &'static str {
        match status {
            QuotaStatus::Sufficient => self.quotas[0],
            QuotaStatus::Pending => self.quotas[1],
            QuotaStatus::Denied => self.quotas[2],
        }
    }

    /// Label of a phone number status.
    #[must_use]
    pub(crate) const fn number(&self, status: NumberStatus) -> &'static str {
        match status {
            NumberStatus::Claimed => self.number_states[0],
            NumberStatus::InProgress => self.number_states[1],
            NumberStatus::Failed => self.number_states[2],
        }
    }

    /// Label of the result of the test call.
    #[must_use]
    pub(crate) const fn first_call(&self, status: FirstCallStatus) -> &'static str {
        match status {
            FirstCallStatus::Answered => self.first_calls[0],
            FirstCallStatus::NotAnswered => self.first_calls[1],
            FirstCallStatus::NotTested => self.first_calls[2],
        }
    }

    /// Label of the status of a phone number order.
    #[must_use]
    pub(crate) const fn order(&self, status: OrderStatus) -> &'static str {
        match status {
            OrderStatus::Open => self.orders[0],
            OrderStatus::CustomerAction => self.orders[1],
            OrderStatus::Manual => self.orders[2],
            OrderStatus::Done => self.orders[3],
            OrderStatus::Refused => self.orders[4],
            OrderStatus::Unreadable => self.orders[5],
        }
    }

    /// Formats a duration.
    #[must_use]
    pub(crate) fn duration(&self, seconds: f64) -> String {
        let japanese = self.code == "ja";
        let units: [(f64, &str, &str); 3] = [(86_400.0, "d", "日"), (3_600.0, "h", "時間"), (60.0, "min", "分")];
        let two = |big: f64, small: f64, names: (&str, &str)| {
            let (first, rest) = ((seconds / big).floor(), ((seconds % big) / small).floor());
            let first = format!("{first:.0} {}", names.0);
            if rest > 0.0 { format!("{first} {rest:.0} {}", names.1) } else { first }
        };
        let name = |n: usize| if japanese { units[n].2 } else { units[n].1 };
        match seconds {
            s if s >= 86_400.0 => two(86_400.0, 3_600.0, (name(0), name(1))),
            s if s >= 3_600.0 => two(3_600.0, 60.0, (name(1), name(2))),
            s if s >= 60.0 => two(60.0, 1.0, (name(2), if japanese { "秒" } else { "s" })),
            s if s < 0.05 => if japanese { "0.1 秒未満" } else { "< 0.1 s" }.to_owned(),
            s => format!("{s:.1} {}", if japanese { "秒" } else { "s" }),
        }
    }

    /// The text that states how many states of the workflow succeeded, how many failed, and how many were not needed.
    #[must_use]
    pub(crate) fn states(&self, done: usize, failed: usize, not_needed: usize) -> String {
        let japanese = self.code == "ja";
        let parts = [(done, "done", "完了"), (failed, "failed", "失敗"), (not_needed, "not needed", "不要")];
        let parts = parts.into_iter().filter(|(count, ..)| *count > 0);
        let parts: Vec<String> = parts
            .map(|(count, en, ja)| if japanese { format!("{ja} {count}") } else { format!("{count} {en}") })
            .collect();
        if japanese { format!("ステート: {}", parts.join("、")) } else { format!("States: {}", parts.join(", ")) }
    }

    /// The title of a state, or the name of the state if it has no title.
    #[must_use]
    pub(crate) fn state<'a>(&self, name: &'a str) -> &'a str {
        let titles = STATES.iter().find(|(state, ..)| *state == name);
        titles.map_or(name, |(_, english, japanese)| if self.code == "ja" { japanese } else { english })
    }

    /// The subject of an open item in the language of these labels.
    #[must_use]
    pub(crate) fn subject(&self, subject: &str) -> String {
        if self.code == "ja" {
            for (english, japanese) in SUBJECTS {
                if let Some(rest) = subject.strip_prefix(english) {
                    return format!("{japanese}{rest}");
                }
            }
        }
        subject.to_owned()
    }

    /// The Japanese text for the recommended action of an open item. `None` if the page shows the English text that the
    /// report contains.
    #[must_use]
    pub(crate) fn action(&self, action: &str) -> Option<&'static str> {
        if self.code == "ja" { ACTIONS.iter().find(|(english, _)| *english == action).map(|(_, ja)| *ja) } else { None }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;
    use onboarding_core::telephony::CaseOrder;

    #[test]
    fn durations_are_formatted_in_the_two_largest_units() {
        let english = Labels::of(Language::En);
        for (seconds, text) in [
            (0.04, "< 0.1 s"),
            (0.05, "0.1 s"),
            (12.34, "12.3 s"),
            (60.0, "1 min"),
            (61.0, "1 min 1 s"),
            (7_260.0, "2 h 1 min"),
            (266_400.0, "3 d 2 h"),
        ] {
            assert_eq!(english.duration(seconds), text);
        }
        assert_eq!(Labels::of(Language::Ja).duration(266_400.0), "3 日 2 時間");
    }

    #[test]
    fn the_states_are_counted_without_zeros() {
        assert_eq!(Labels::of(Language::En).states(20, 1, 6), "States: 20 done, 1 failed, 6 not needed");
        assert_eq!(Labels::of(Language::Ja).states(20, 0, 6), "ステート: 完了 20、不要 6");
    }

    #[test]
    fn every_order_that_needs_an_action_has_a_japanese_action() {
        use OrderStatus::{CustomerAction, Open, Refused, Unreadable};
        for status in [Open, CustomerAction, Refused, Unreadable] {
            for case_id in [None, Some("case-1".to_owned())] {
                let order = CaseOrder { status, case_id, ..CaseOrder::default() };
                let item = onboarding_core::telephony::open_item(&order).unwrap();
                assert!(Labels::of(Language::Ja).action(&item.action).is_some(), "{}", item.action);
            }
        }
    }
}
