//! The deployed stack, and the Region and account in which it is deployed.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The emulated Region: Tokyo, which is also the Region of the manual procedure that the product replaces.
pub const REGION: &str = "ap-northeast-1";
/// The emulator's account number.
pub const ACCOUNT: &str = "000000000000";

/// The stack that was deployed to the emulator.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct Stack {
    /// The stack outputs by name.
    pub outputs: BTreeMap<String, String>,
}

impl Stack {
    /// The stack's name.
    pub const NAME: &str = "connect-onboarding";

    /// ARN of the onboarding state machine.
    #[must_use]
    pub fn onboarding_state_machine_arn(&self) -> &str {
        self.output("OnboardingStateMachineArn")
    }

    /// ARN of the user sync state machine.
    #[must_use]
    pub fn user_sync_state_machine_arn(&self) -> &str {
        self.output("UserSyncStateMachineArn")
    }

    fn output(&self, name: &str) -> &str {
        self.outputs.get(name).map(String::as_str).unwrap_or_default()
    }
}
