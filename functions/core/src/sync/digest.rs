//! The digest that identifies a plan in logs and outputs.

use sha2::{Digest, Sha256};

use super::plan::{Change, Plan};
use super::proficiencies::Proficiencies;
use crate::digest::hex;

impl Plan {
    /// The SHA-256 digest of all actions in the plan, in hexadecimal. The digest does not include the dates of
    /// scheduled deletions. Therefore, a plan with the same actions has the same digest on the next day.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hash = CanonicalHash::default();
        for user in &self.create {
            hash.line("create", &[&user.username, &user.object_id, &user.first_name, &user.last_name]);
            let assignment = &user.assignment;
            hash.line("with", &assignment.security_profile_ids);
            hash.line(
                "with",
                &[
                    assignment.routing_profile_id.as_str(),
                    assignment.hierarchy_group_id.as_deref().unwrap_or_default(),
                    &assignment.channels.to_string(),
                ],
            );
            if let Some(record) = assignment.proficiencies.as_ref().and_then(Proficiencies::record) {
                hash.line("proficiencies", &[record]);
            }
            if let Some(group) = &assignment.traffic_group {
                hash.line("traffic distribution group", &[group]);
            }
        }
        for adoption in &self.adopt {
            hash.line("adopt", &[&adoption.user.username, &adoption.user.id, &adoption.object_id]);
        }
        for update in &self.update {
            hash.line("update", &[&update.user.username, &update.user.id]);
            for change in &update.changes {
                match change {
                    Change::Identity { first_name, last_name } => hash.line("identity", &[first_name, last_name]),
                    Change::SecurityProfiles(ids) => hash.line("security", ids),
                    Change::RoutingProfile(id) => hash.line("routing", &[id]),
                    Change::Hierarchy(id) => hash.line("hierarchy", &[id]),
                    Change::Channels(channels) => hash.line("channels", &[channels.to_string()]),
                    Change::Proficiencies(change) => {
                        hash.line("proficiencies", &[change.desired.record().unwrap_or_default()]);
                    }
                    Change::TrafficGroup(id) => hash.line("traffic distribution group", &[id]),
                    Change::ForgetSignOut => hash.line("forget sign-out", &[""; 0]),
                    Change::RepeatSignOut => hash.line("repeat sign-out", &[""; 0]),
                    Change::ForgetSignOutDue => hash.line("forget sign-out due", &[""; 0]),
                }
            }
        }
        for user in &self.cancel_deletion {
            hash.line("unmark", &[&user.username, &user.id]);
        }
        for schedule in &self.schedule_deletion {
            hash.line("mark", &[&schedule.user.username, &schedule.user.id]);
        }
        for removal in &self.delete {
            hash.line("delete", &[&removal.user.username, &removal.user.id]);
            for change in &removal.quick_connects {
                let to = change.transfer.as_ref().map_or("", |transfer| &transfer.username);
                hash.line("quick connect", &[change.id.as_str(), to]);
            }
        }
        for user in &self.strip {
            hash.line("strip", &[&user.username, &user.id]);
        }
        for user in &self.end_sessions {
            hash.line("end sessions", &[&user.username, &user.id]);
        }
        hash.finish()
    }
}

/// Computes the digest of lines that consist of fields. The separators are control characters, which names never
/// contain.
#[derive(Default)]
struct CanonicalHash(Sha256);

impl CanonicalHash {
    fn line(&mut self, what: &str, fields: &[impl AsRef<str>]) {
        self.0.update(what);
        for field in fields {
            self.0.update([0x1F]);
            self.0.update(field.as_ref());
        }
        self.0.update([0x1E]);
    }

    fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}
