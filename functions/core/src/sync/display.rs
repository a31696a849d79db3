//! Formats a plan as text for operators.

use std::fmt;

use super::plan::{Change, Plan};
use super::planned::GroupValue;
use super::quick_connects::QuickConnectChange;
use crate::text::Quoted;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.counts();
        if self.is_empty() {
            writeln!(f, "Nothing to do: {} users are in sync.", counts.unchanged)?;
        } else {
            writeln!(
                f,
                "Plan {}: create {}, adopt {}, update {}, schedule deletion {}, cancel deletion {}, delete {}, strip {}, sign out {}; {} unchanged.",
                self.digest(),
                counts.create,
                counts.adopt,
                counts.update,
                counts.schedule_deletion,
                counts.cancel_deletion,
                counts.delete,
                counts.strip,
                counts.end_sessions,
                counts.unchanged
            )?;
        }
        let reasons = self.approval_reasons();
        if !reasons.is_empty() {
            writeln!(f, "A part of the plan needs approval:")?;
            for reason in reasons {
                writeln!(f, "  ! {reason}")?;
            }
        }
        self.actions(f)?;
        list(f, "Skipped", &self.skipped, "-")?;
        list(f, "Findings", &self.findings, "*")
    }
}

impl Plan {
    fn actions(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for user in &self.create {
            let values = joined(&self.values(&user.assignment));
            writeln!(f, "  + create {} ({} {}): {values}", user.username, user.first_name, user.last_name)?;
        }
        for adoption in &self.adopt {
            writeln!(f, "  = adopt {} (object id {})", adoption.user.username, adoption.object_id)?;
        }
        for update in &self.update {
            let change = |change| {
                let values = self.values_of(update, change);
                if values.is_empty() { self.describe(change) } else { joined(&values) }
            };
            let changes: Vec<String> = update.changes.iter().map(change).collect();
            writeln!(f, "  ~ update {}: {}", update.user.username, changes.join(", "))?;
        }
        for user in &self.cancel_deletion {
            writeln!(f, "  ~ cancel the deletion of {}", user.username)?;
        }
        for mark in &self.schedule_deletion {
            writeln!(f, "  - schedule the deletion of {} on {}", mark.user.username, mark.due)?;
        }
        for removal in &self.delete {
            match &removal.replaced_by {
                Some(name) => writeln!(f, "  - delete {} once {name} exists", removal.user.username)?,
                None => writeln!(f, "  - delete {}", removal.user.username)?,
            }
            for QuickConnectChange { name, transfer, .. } in &removal.quick_connects {
                match transfer {
                    Some(to) => writeln!(f, "    transfer the quick connect {} to {}", Quoted(name), to.username)?,
                    None => writeln!(f, "    delete the quick connect {}", Quoted(name))?,
                }
            }
        }
        for user in &self.strip {
            writeln!(f, "  - remove all rights from {} and keep the user", user.username)?;
        }
        for user in &self.end_sessions {
            writeln!(f, "  - sign out {} and keep the user", user.username)?;
        }
        Ok(())
    }

    /// Describes a change of a user for operators.
    #[must_use]
    pub fn describe(&self, change: &Change) -> String {
        match change {
            Change::Identity { first_name, last_name } => format!("name {first_name} {last_name}"),
            Change::SecurityProfiles(ids) => format!("security profiles {}", self.named(ids)),
            Change::RoutingProfile(id) => format!("routing profile {}", self.name(id)),
            Change::Hierarchy(id) => format!("hierarchy group {}", self.name(id)),
            Change::Channels(channels) => format!("channels {channels}"),
            Change::Proficiencies(change) => change.desired.to_string(),
            Change::TrafficGroup(id) => format!("traffic distribution group {id}"),
            Change::ForgetSignOut => "member again".to_owned(),
            Change::RepeatSignOut => "sign-out, which failed earlier".to_owned(),
            Change::ForgetSignOutDue => "sessions expired".to_owned(),
        }
    }

    pub(super) fn name<'a>(&'a self, id: &'a str) -> &'a str {
        self.names.get(id).map_or(id, String::as_str)
    }

    /// The names of the profiles with these ids, in alphabetical order. A profile whose name is unknown is represented
    /// by its id.
    #[must_use]
    pub fn profile_names<'a>(&'a self, ids: &'a [String]) -> Vec<&'a str> {
        let mut names: Vec<&str> = ids.iter().map(|id| self.name(id)).collect();
        names.sort_unstable();
        names
    }

    fn named(&self, ids: &[String]) -> String {
        self.profile_names(ids).join(" + ")
    }
}

fn joined(values: &[GroupValue]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn list(f: &mut fmt::Formatter<'_>, title: &str, items: &[impl fmt::Display], bullet: &str) -> fmt::Result {
    if items.is_empty() {
        return Ok(());
    }
    writeln!(f, "{title} ({}):", items.len())?;
    for item in items {
        writeln!(f, "  {bullet} {item}")?;
    }
    Ok(())
}
