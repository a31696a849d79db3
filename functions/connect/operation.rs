//! The operations that change users, each with a bucket of its own.

/// One Connect operation (or the Graph read that precedes a deletion): a lane of the [`Writer`](super::Writer).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// `CreateUser`.
    CreateUser,
    /// `SearchUsers`, to look at a user that exists already.
    SearchUsers,
    /// `TagResource`.
    TagResource,
    /// `UntagResource`.
    UntagResource,
    /// `DescribeUser`, which has no lane of its own: it precedes the changes that replace more than they name
    /// ([`Operation::reads_user`]).
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
    /// Graph: who is about to be deleted is looked up once more.
    ReadMembership,
    /// `DeleteUser`.
    DeleteUser,
}

impl Operation {
    /// Whether each request follows a `DescribeUser` and so counts against its rate as well.
    #[must_use]
    pub const fn reads_user(self) -> bool {
        matches!(self, Self::UpdateUserIdentityInfo | Self::UpdateUserConfig)
    }

    /// The Service Quotas code of its rate, where one is published.
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

    /// The operation's name, for people.
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
