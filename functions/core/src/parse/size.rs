//! Checks the size of an input. Only the step `preflight` knows the exact size of an input, because the step reads the
//! names of the groups from Entra.

use super::Problem;
use crate::{contract::PreflightOutput, onboarding::Onboarding};

/// The error in an input that is too large for the state machine even if the names of its groups are as short as
/// possible.
pub(super) fn fault(onboarding: &Onboarding) -> Option<Problem> {
    let needed = PreflightOutput::least_carried(onboarding);
    if needed <= PreflightOutput::MAX_STATE {
        return None;
    }
    let (needed, most) = (needed.div_ceil(1024), PreflightOutput::MAX_STATE / 1024);
    let groups = onboarding.users.groups.len();
    Some(Problem::new(
        "$",
        format!(
            "with all default values and the data of its {groups} groups, the input needs {needed} KiB, but a state of the \
             state machine can hold only {most} KiB; name fewer groups, for example parent groups with \
             users.nestedGroups \"flatten\""
        ),
        format!(
            "デフォルト値と {groups} 個のグループのデータを含めると {needed} KiB になり、ステートマシンのステートの上限 \
             ({most} KiB) を超えます。グループの数を減らしてください (例: 親グループを指定し、users.nestedGroups に \
             \"flatten\" を指定)"
        ),
    ))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use serde_json::json;

    use crate::{
        contract::{EntraGroup, PreflightOutput},
        onboarding::{Language, Onboarding},
    };

    /// Parses an input with this number of groups. Each group has 24 proficiencies.
    fn parse(groups: usize) -> Result<Onboarding, String> {
        let proficiency = |number: usize| json!({ "attribute": "Skill", "value": format!("v{number}"), "level": 1 });
        let proficiencies: Vec<_> = (0..24).map(proficiency).collect();
        let group = |number: usize| json!({ "group": format!("g{number}"), "securityProfiles": ["Agent"], "proficiencies": proficiencies });
        let groups: Vec<_> = (0..groups).map(group).collect();
        let input = json!({ "instance": { "alias": "acme" }, "users": { "groups": groups } });
        Onboarding::parse(&input).map_err(|faults| {
            assert_eq!(faults.len(), 1, "{faults:?}");
            assert!(faults[0].text(Language::Ja).contains("257 KiB"), "{faults:?}");
            faults[0].to_string()
        })
    }

    #[test]
    fn an_input_that_is_too_large_for_the_state_machine_is_a_fault_before_the_groups_are_read() {
        let most = (1..300).take_while(|groups| parse(*groups).is_ok()).last().unwrap();
        let refused = parse(most + 1).unwrap_err();
        assert!(refused.starts_with("$: ") && refused.contains("257 KiB"), "{refused}");
        assert!(refused.contains(&format!("its {} groups", most + 1)), "{refused}");

        let onboarding = parse(most).unwrap();
        let group = |number| EntraGroup { id: "i".repeat(36), display_name: format!("g{number}"), users: 0 };
        let output = PreflightOutput { groups: (0..most).map(group).collect(), ..PreflightOutput::least(&onboarding) };
        assert_eq!(output.carried(), PreflightOutput::least_carried(&output.onboarding));
        assert!(output.within_limits().is_ok(), "preflight accepts the same inputs");
    }
}
