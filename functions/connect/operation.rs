//! The operations that change users. Each operation has its own token bucket, which limits the rate of its requests.

/// A Connect operation, or the Graph read that precedes a removal. In the [`Writer`](super::Writer), each operation
/// except `DescribeUser` and `DescribeQuickConnect` has a lane, that is, a list of its waiting requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// `CreateUser`.
    CreateUser,
    /// `SearchUsers`, which reads a user who already exists.
    SearchUsers,
    /// `TagResource`.
    TagResource,
    /// `UntagResource`.
    UntagResource,
    /// `DescribeUser`. `DescribeUser` has no lane, because the operation is called directly before each request that
    /// replaces more settings of a user than the plan changes ([`Operation::read_before`]).
    DescribeUser,
    /// `DescribeQuickConnect`. `DescribeQuickConnect` has no lane, because the operation is called directly before each
    /// change of a quick connect.
    DescribeQuickConnect,
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
    /// `ListUserProficiencies`, which is called before the proficiencies of a user are changed.
    ListUserProficiencies,
    /// `AssociateUserProficiencies`.
    AssociateUserProficiencies,
    /// `UpdateUserProficiencies`.
    UpdateUserProficiencies,
    /// `DisassociateUserProficiencies`.
    DisassociateUserProficiencies,
    /// `AssociateTrafficDistributionGroupUser`.
    AssociateTrafficDistributionGroupUser,
    /// The Graph read that checks the memberships of a user again before the user is removed.
    ReadMembership,
    /// `DeleteAllEntitySessions`, which signs a user out.
    DeleteAllEntitySessions,
    /// `UpdateQuickConnectConfig`, which transfers a quick connect to another user.
    UpdateQuickConnectConfig,
    /// `DeleteQuickConnect`.
    DeleteQuickConnect,
    /// `DeleteUser`.
    DeleteUser,
}

impl Operation {
    /// Returns the read operation that is called before each request of this operation. The request therefore also
    /// counts against the rate limit of the read operation.
    #[must_use]
    pub const fn read_before(self) -> Option<Self> {
        match self {
            Self::UpdateUserIdentityInfo | Self::UpdateUserConfig => Some(Self::DescribeUser),
            Self::UpdateQuickConnectConfig | Self::DeleteQuickConnect => Some(Self::DescribeQuickConnect),
            _ => None,
        }
    }

    /// Returns whether the writer reserves the requests of this operation in the
    /// [`RateBudget`](super::RateBudget). The [`Directory`](super::Directory) reserves its searches itself, and
    /// Connect's quotas do not apply to Graph.
    pub(super) const fn is_reserved(self) -> bool {
        !matches!(self, Self::SearchUsers | Self::ReadMembership)
    }

    /// Returns the operations that are called after this operation if the plan sets proficiencies. The writer needs
    /// these operations when it reads the quotas for request rates, because their lanes are still empty at that time.
    pub(super) const fn of_proficiencies_after(self) -> &'static [Self] {
        match self {
            Self::CreateUser => &[Self::AssociateUserProficiencies, Self::TagResource],
            Self::ListUserProficiencies => &[
                Self::AssociateUserProficiencies,
                Self::UpdateUserProficiencies,
                Self::DisassociateUserProficiencies,
                Self::TagResource,
            ],
            _ => &[],
        }
    }

    /// Returns whether the operation reads or changes only details of a user: the proficiencies or the traffic
    /// distribution group. If Connect denies access to such an operation, all other requests are still sent before the
    /// run ends.
    #[must_use]
    pub const fn is_of_details(self) -> bool {
        matches!(
            self,
            Self::AssociateTrafficDistributionGroupUser
                | Self::ListUserProficiencies
                | Self::AssociateUserProficiencies
                | Self::UpdateUserProficiencies
                | Self::DisassociateUserProficiencies
        )
    }

    /// Returns the Service Quotas code of the quota for the request rate of this operation, if AWS has published this
    /// code.
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
            Self::ListUserProficiencies => Some("L-A59C54EE"),
            Self::AssociateUserProficiencies => Some("L-2CCBA953"),
            Self::UpdateUserProficiencies => Some("L-5A3065E6"),
            Self::DisassociateUserProficiencies => Some("L-53E03705"),
            Self::SearchUsers
            | Self::UntagResource
            | Self::UpdateUserHierarchy
            | Self::UpdateUserConfig
            | Self::AssociateTrafficDistributionGroupUser
            | Self::ReadMembership
            | Self::DeleteAllEntitySessions
            | Self::DescribeQuickConnect
            | Self::UpdateQuickConnectConfig
            | Self::DeleteQuickConnect => None,
        }
    }

    /// Returns the name of the operation as it appears in messages.
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
            Self::ListUserProficiencies => "ListUserProficiencies",
            Self::AssociateUserProficiencies => "AssociateUserProficiencies",
            Self::UpdateUserProficiencies => "UpdateUserProficiencies",
            Self::DisassociateUserProficiencies => "DisassociateUserProficiencies",
            Self::AssociateTrafficDistributionGroupUser => "AssociateTrafficDistributionGroupUser",
            Self::ReadMembership => "reading the membership",
            Self::DeleteAllEntitySessions => "DeleteAllEntitySessions",
            Self::DescribeQuickConnect => "DescribeQuickConnect",
            Self::UpdateQuickConnectConfig => "UpdateQuickConnectConfig",
            Self::DeleteQuickConnect => "DeleteQuickConnect",
            Self::DeleteUser => "DeleteUser",
        }
    }
}
