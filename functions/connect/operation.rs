//! The operations that change users, each with its own token bucket.

/// A Connect operation, or the Graph read that precedes a deletion: a lane of the [`Writer`](super::Writer).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// `CreateUser`.
    CreateUser,
    /// `SearchUsers`, to read a user that already exists.
    SearchUsers,
    /// `TagResource`.
    TagResource,
    /// `UntagResource`.
    UntagResource,
    /// `DescribeUser`. It has no lane of its own, because it precedes changes that replace more settings than the
    /// request contains ([`Operation::reads_user`]).
    DescribeUser,
    /// `UpdateUserIdentityInfo`.
    UpdateUserIdentityInfo,
    /// `UpdateUserSecurityProfiles`.
    UpdateUserSecurityProfiles,
    /// `UpdateUserRoutingProfile`.
    UpdateUserRoutingProfile,
    /// `UpdateUserHierarchy`.
    UpdateUserHierarchy,
    /// `UpdateUserConfig`.
    UpdateUserConfig,
    /// Graph: reads the memberships of a user again before its deletion.
    ReadMembership,
    /// `DeleteUser`.
    DeleteUser,
}

impl Operation {
    /// Returns whether each request follows a `DescribeUser`, and therefore also counts against the rate of
    /// `DescribeUser`.
    #[must_use]
    pub const fn reads_user(self) -> bool {
        matches!(self, Self::UpdateUserIdentityInfo | Self::UpdateUserConfig)
    }

    /// Returns the Service Quotas code of the operation's rate, if published.
    #[must_use]
    pub const fn rate_quota(self) -> Option<&'static str> {
        match self {
            Self::CreateUser => Some("L-CBDEE3E4"),
            Self::DeleteUser => Some("L-30488271"),
            Self::DescribeUser => Some("L-EE6F0D82"),
            Self::UpdateUserIdentityInfo => Some("L-66B5F86E"),
            Self::UpdateUserSecurityProfiles => Some("L-64B27051"),
            Self::UpdateUserRoutingProfile => Some("L-418ABD80"),
            Self::TagResource => Some("L-EA358306"),
            Self::SearchUsers
            | Self::UntagResource
            | Self::UpdateUserHierarchy
            | Self::UpdateUserConfig
            | Self::ReadMembership => None,
        }
    }

    /// Returns the operation's name for messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CreateUser => "CreateUser",
            Self::SearchUsers => "SearchUsers",
            Self::TagResource => "TagResource",
            Self::UntagResource => "UntagResource",
            Self::DescribeUser => "DescribeUser",
            Self::UpdateUserIdentityInfo => "UpdateUserIdentityInfo",
            Self::UpdateUserSecurityProfiles => "UpdateUserSecurityProfiles",
            Self::UpdateUserRoutingProfile => "UpdateUserRoutingProfile",
            Self::UpdateUserHierarchy => "UpdateUserHierarchy",
            Self::UpdateUserConfig => "UpdateUserConfig",
            Self::ReadMembership => "reading the membership",
            Self::DeleteUser => "DeleteUser",
        }
    }
}
