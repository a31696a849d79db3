//! The Amazon Connect quotas of Service Quotas, with the codes and values that AWS publishes.

/// The level at which a quota applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Account,
    Resource,
}

/// A quota of Amazon Connect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Code {
    pub(crate) code: &'static str,
    pub(crate) name: &'static str,
    pub(crate) default: f64,
    pub(crate) level: Level,
    /// The operation whose rate the quota limits. Empty if the quota limits the number of resources.
    pub(crate) operation: &'static str,
}

const fn count(code: &'static str, name: &'static str, default: f64, level: Level) -> Code {
    Code { code, name, default, level, operation: "" }
}

const fn rate(code: &'static str, operation: &'static str, name: &'static str) -> Code {
    Code { code, name, default: 2.0, level: Level::Account, operation }
}

/// All quotas of Amazon Connect. A rate quota limits the calls per second, and applies to the account in this Region.
pub(crate) const CODES: [Code; 35] = [
    count("L-AA17A6B9", "Amazon Connect instance count", 2.0, Level::Account),
    count("L-8F812903", "Phone numbers per instance", 5.0, Level::Resource),
    count("L-12AB7C57", "Concurrent active calls per instance", 10.0, Level::Resource),
    count("L-9A46857E", "Users per instance", 500.0, Level::Resource),
    count("L-F325A715", "Security profiles per instance", 100.0, Level::Resource),
    count("L-D3E7BE26", "Routing profiles per instance", 500.0, Level::Resource),
    count("L-19A87C94", "Queues per instance", 100.0, Level::Resource),
    count("L-22922690", "Contact flows per instance", 100.0, Level::Resource),
    count("L-D4BA6F6E", "Concurrent active chats per instance", 500.0, Level::Resource),
    count("L-50375162", "Proficiencies per agent", 10.0, Level::Resource),
    count("L-3828FBF0", "Predefined attributes per instance", 150.0, Level::Resource),
    rate("L-CBDEE3E4", "CreateUser", "Rate of CreateUser API requests"),
    rate("L-30488271", "DeleteUser", "Rate of DeleteUser API requests"),
    rate("L-66B5F86E", "UpdateUserIdentityInfo", "Rate of UpdateUserIdentityInfo API requests"),
    rate("L-64B27051", "UpdateUserSecurityProfiles", "Rate of UpdateUserSecurityProfiles API requests"),
    rate("L-418ABD80", "UpdateUserRoutingProfile", "Rate of UpdateUserRoutingProfile API requests"),
    rate("L-5D8210C3", "UpdateUserPhoneConfig", "Rate of UpdateUserPhoneConfig API requests"),
    rate("L-EE6F0D82", "DescribeUser", "Rate of DescribeUser API requests"),
    rate("L-CCC38177", "ListUsers", "Rate of ListUsers API requests"),
    rate("L-839A2EDC", "DescribeRoutingProfile", "Rate of DescribeRoutingProfile API requests"),
    rate("L-2AF5EEF5", "DescribeSecurityProfile", "Rate of DescribeSecurityProfile API requests"),
    rate("L-3481440F", "SearchSecurityProfiles", "Rate of SearchSecurityProfiles API requests"),
    rate("L-9DAC7B1B", "SearchRoutingProfiles", "Rate of SearchRoutingProfiles API requests"),
    rate("L-EA358306", "TagResource", "Rate of TagResource API requests"),
    Code { default: 10.0, ..rate("L-A59C54EE", "ListUserProficiencies", "Rate of ListUserProficiencies API requests") },
    rate("L-2CCBA953", "AssociateUserProficiencies", "Rate of AssociateUserProficiencies API requests"),
    rate("L-5A3065E6", "UpdateUserProficiencies", "Rate of UpdateUserProficiencies API requests"),
    rate("L-53E03705", "DisassociateUserProficiencies", "Rate of DisassociateUserProficiencies API requests"),
    rate("L-9AA558F3", "GetFederationToken", "Rate of GetFederationToken API requests"),
    rate("L-98C95556", "ListInstances", "Rate of ListInstances API requests"),
    rate("L-40F4B10D", "UpdateInstanceAttribute", "Rate of UpdateInstanceAttribute API requests"),
    rate("L-8BFD043A", "ListInstanceStorageConfigs", "Rate of ListInstanceStorageConfigs API requests"),
    rate("L-B07B2C56", "ListPhoneNumbersV2", "Rate of ListPhoneNumbersV2 API requests"),
    rate("L-AF3C38D5", "SearchAvailablePhoneNumbers", "Rate of SearchAvailablePhoneNumbers API requests"),
    rate("L-21385E28", "ClaimPhoneNumber", "Rate of ClaimPhoneNumber API requests"),
];

/// The quota with this code.
pub(crate) fn find(code: &str) -> Option<&'static Code> {
    CODES.iter().find(|known| known.code == code)
}
