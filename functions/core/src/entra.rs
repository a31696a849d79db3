//! The two Entra application identities with which the stack signs in to Microsoft Graph, and their permissions.
//!
//! The *setup* identity has wide permissions: it creates the enterprise application with its certificate and claims,
//! and assigns groups. Only the functions of an onboarding may use the setup identity. An administrator can remove the
//! setup identity between onboardings. The *runtime* identity can only read, and is needed as long as the stack is
//! used. `onboard entra-setup` requests exactly the permissions in this file, and `preflight` checks that they are
//! granted.

use serde::{Deserialize, Serialize};

/// The application id of Microsoft Graph, which is the same in every tenant.
pub const GRAPH_APP_ID: &str = "00000003-0000-0000-c000-000000000000";

/// The audience of a federated identity token in Entra's global cloud.
pub const TOKEN_AUDIENCE: &str = "api://AzureADTokenExchange";

/// The identity that a function uses to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Identity {
    /// The setup identity, which creates and updates applications, policies and assignments.
    Setup,
    /// The runtime identity, which reads groups and users.
    Runtime,
}

/// An application permission of Microsoft Graph: an app role of its service principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Permission {
    /// The name, as in the `roles` claim of a token.
    pub name: &'static str,
    /// The id of the app role (Microsoft Graph permissions reference). The id is the same in every tenant of the global
    /// cloud.
    pub id: &'static str,
    /// Whether the identity cannot work without this permission.
    pub required: bool,
    /// The reason why the identity needs this permission.
    pub purpose: &'static str,
}

const READ_GROUPS: Permission = Permission {
    name: "Group.Read.All",
    id: "5b567255-7703-4780-807c-7be8301ae99b",
    required: true,
    purpose: "finds the groups and reads their members; subscriptions to groups require this permission",
};
const READ_USERS: Permission = Permission {
    name: "User.Read.All",
    id: "df021288-bdef-4463-88db-98f22de89214",
    required: true,
    purpose: "reads the members' names and whether their accounts are enabled",
};

/// For each API call that creates or changes an application, Microsoft lists `Application.ReadWrite.OwnedBy` as the
/// least privileged permission. `Application.ReadWrite.OwnedBy` is not sufficient here, because an application that is
/// created from the gallery without a signed-in user has no owner (microsoft-graph-docs#16545).
const SETUP: [Permission; 5] = [
    Permission {
        name: "Application.ReadWrite.All",
        id: "1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9",
        required: true,
        purpose: "creates and configures the enterprise application and its signing certificate",
    },
    Permission {
        name: "AppRoleAssignment.ReadWrite.All",
        id: "06b708a9-e830-4db3-a914-8e69da51d44f",
        required: true,
        purpose: "assigns groups or users to the enterprise application",
    },
    READ_GROUPS,
    Permission {
        name: "Policy.ReadWrite.ApplicationConfiguration",
        id: "be74164b-cff1-491c-8741-e671cb536e13",
        required: true,
        purpose: "configures the claims of the enterprise application",
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
        purpose: "lets the drift check and the certificate rotation read the enterprise application",
    },
    Permission {
        name: "Policy.Read.All",
        id: "246dd0d5-5bd0-4def-940b-0421030a5b68",
        required: false,
        purpose: "lets the drift check read the claims",
    },
];

impl Identity {
    /// The setup identity and the runtime identity.
    pub const ALL: [Self; 2] = [Self::Setup, Self::Runtime];

    /// The name of the identity: `setup` or `runtime`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Runtime => "runtime",
        }
    }

    /// Returns the Entra identity with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|identity| identity.name() == name)
    }

    /// The permissions that an administrator grants to this identity.
    #[must_use]
    pub const fn permissions(self) -> &'static [Permission] {
        match self {
            Self::Setup => &SETUP,
            Self::Runtime => &RUNTIME,
        }
    }

    /// The names of the permissions without which this identity cannot be used.
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
    fn the_runtime_identity_has_no_write_permission() {
        for permission in Identity::Runtime.permissions() {
            assert!(!permission.name.contains("Write"), "{}", permission.name);
        }
    }

    #[test]
    fn an_identity_is_found_by_its_name() {
        for identity in Identity::ALL {
            assert_eq!(Identity::from_name(identity.name()), Some(identity));
        }
        assert_eq!(Identity::from_name("admin"), None);
    }
}
