//! The two applications by which the stack signs in to Microsoft Graph, and what each of them may do there.
//!
//! The *setup* identity is wide: it registers the enterprise application, makes its certificate and claims, and assigns
//! groups. Only the functions of an onboarding may use it, and it can be removed when nobody onboards. The *runtime* identity
//! only reads; it is what stays. What `onboard entra-setup` asks an administrator for and what `preflight` looks for are the
//! same list: this one.

use serde::{Deserialize, Serialize};

/// The application id of Microsoft Graph, in every tenant.
pub const GRAPH_APP_ID: &str = "00000003-0000-0000-c000-000000000000";

/// What a federated credential of Entra's global cloud expects as the audience of a foreign token.
pub const TOKEN_AUDIENCE: &str = "api://AzureADTokenExchange";

/// As whom a function signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Identity {
    /// Writes applications, policies and assignments.
    Setup,
    /// Reads groups and users.
    Runtime,
}

/// An application permission of Microsoft Graph (an app role of its service principal).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Permission {
    /// Its name, as it stands in a token's `roles`.
    pub name: &'static str,
    /// The id of the app role (Microsoft Graph permissions reference; the same in every tenant of the global cloud).
    pub id: &'static str,
    /// Whether the identity's work can't be done without it.
    pub required: bool,
    /// What it is for.
    pub purpose: &'static str,
}

const READ_GROUPS: Permission = Permission {
    name: "Group.Read.All",
    id: "5b567255-7703-4780-807c-7be8301ae99b",
    required: true,
    purpose: "finds the groups and reads their members; subscriptions to groups take nothing less",
};
const READ_USERS: Permission = Permission {
    name: "User.Read.All",
    id: "df021288-bdef-4463-88db-98f22de89214",
    required: true,
    purpose: "reads the members' names and whether their accounts are enabled",
};

/// `Application.ReadWrite.OwnedBy` is Microsoft's "least" for the single calls and does not do: an application that is made
/// from the gallery without a user has no owner (microsoft-graph-docs#16545).
const SETUP: [Permission; 5] = [
    Permission {
        name: "Application.ReadWrite.All",
        id: "1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9",
        required: true,
        purpose: "makes and configures the enterprise application and its signing certificate",
    },
    Permission {
        name: "AppRoleAssignment.ReadWrite.All",
        id: "06b708a9-e830-4db3-a914-8e69da51d44f",
        required: true,
        purpose: "assigns groups or people to the enterprise application",
    },
    READ_GROUPS,
    Permission {
        name: "Policy.ReadWrite.ApplicationConfiguration",
        id: "be74164b-cff1-491c-8741-e671cb536e13",
        required: true,
        purpose: "writes the claims of the enterprise application",
    },
    READ_USERS,
];

const RUNTIME: [Permission; 4] = [
    READ_GROUPS,
    READ_USERS,
    Permission {
        name: "Application.Read.All",
        id: "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30",
        required: false,
        purpose: "lets the drift check and the certificate rotation see the enterprise application",
    },
    Permission {
        name: "Policy.Read.All",
        id: "246dd0d5-5bd0-4def-940b-0421030a5b68",
        required: false,
        purpose: "lets the drift check see the claims",
    },
];

impl Identity {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Setup, Self::Runtime];

    /// `setup` or `runtime`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Runtime => "runtime",
        }
    }

    /// The identity of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|identity| identity.name() == name)
    }

    /// What an administrator grants it.
    #[must_use]
    pub const fn permissions(self) -> &'static [Permission] {
        match self {
            Self::Setup => &SETUP,
            Self::Runtime => &RUNTIME,
        }
    }

    /// The names of those without which it can't do its work.
    pub fn required(self) -> impl Iterator<Item = &'static str> {
        self.permissions().iter().filter(|permission| permission.required).map(|permission| permission.name)
    }
}

impl std::fmt::Display for Identity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runtime_identity_can_write_nothing() {
        for permission in Identity::Runtime.permissions() {
            assert!(!permission.name.contains("Write"), "{}", permission.name);
        }
    }

    #[test]
    fn an_identity_is_known_by_its_name() {
        for identity in Identity::ALL {
            assert_eq!(Identity::from_name(identity.name()), Some(identity));
        }
        assert_eq!(Identity::from_name("admin"), None);
    }
}
