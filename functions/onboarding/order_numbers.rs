//! `order-numbers`: claims or orders the phone numbers of the instance (manual procedure: 電話番号の申請). Each
//! invocation polls once. The state machine waits between polls, for weeks if necessary. [`poll`] decides which phone
//! numbers are claimed and which support cases are filed. This step performs these actions.
//!
//! The step claims phone numbers that are in Connect's inventory, and then sets their description, tags and flow.
//! Japanese phone numbers, and other phone numbers that are not in the inventory, must be ordered. For all of them, the
//! step files one AWS Support case that contains the three documents. AWS then adds these phone numbers to the
//! instance.
//! If the account has no access to the Support API, or if the input specifies `manual`, the operator receives the text
//! for the support case. In all these situations, the step waits until `ListPhoneNumbersV2` returns the phone numbers.
//!
//! * Reads: `connect:ListPhoneNumbersV2`, `connect:SearchAvailablePhoneNumbers`, `connect:DescribePhoneNumber`,
//!   `connect:ListContactFlows`, `connect:ListFlowAssociations`, `servicequotas:GetServiceQuota`,
//!   `servicequotas:GetAWSDefaultServiceQuota`, `support:DescribeServices`, `support:DescribeCases`,
//!   `support:DescribeCommunications`, `s3:GetObject` on the documents bucket (and `s3:ListBucket`, because S3
//!   otherwise returns access denied for a missing object).
//! * Writes: `connect:ClaimPhoneNumber`, `connect:UpdatePhoneNumberMetadata`,
//!   `connect:AssociatePhoneNumberContactFlow`, `connect:TagResource`, `support:AddAttachmentsToSet`,
//!   `support:CreateCase`.
//! * If the input specifies no `contactFlow` for a phone number, the step associates the starter flow with it, unless
//!   the phone number already has a flow.
//! * Safe to repeat: the step lists the phone numbers of the instance before any other request. A poll claims only
//!   phone numbers that the previous poll has stored in the state of the execution, and each of them has its own client
//!   token. The step finds a support case again by the marker in the subject, even if the case is resolved. Phone
//!   numbers that the instance already had get the settings in the input, but never the tags of the onboarding. The
//!   step never releases a phone number, because a released phone number can't be claimed again.
//! * The EventBridge event "Support Case Update" is not used, because AWS sends this event only in us-east-1, and only
//!   on a best-effort basis. The event would require a second stack in that Region, and polling would still be
//!   necessary.

use onboarding_core::{
    StepError,
    telephony::{OrderNumbersInput, OrderNumbersOutput, Responses, poll},
};
use time::OffsetDateTime;

use crate::{context::Context, onboarding::telephony::perform};

/// Polls once for all phone numbers and all settings of phone numbers that are missing.
///
/// # Errors
/// If Connect, S3 or AWS Support can't be reached or returns an error. Rejected requests, missing documents and a
/// missing support plan are part of the output, with the action that the operator must take.
pub async fn run(ctx: &Context, input: OrderNumbersInput) -> Result<OrderNumbersOutput, StepError> {
    let today = OffsetDateTime::now_utc().date();
    let mut responses = Responses::default();
    loop {
        match poll(&input, today, &responses) {
            Ok(output) => return Ok(output),
            Err(action) => perform(ctx, &input, action, &mut responses).await?,
        }
    }
}
