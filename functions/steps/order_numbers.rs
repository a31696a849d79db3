//! `order-numbers`: the phone numbers of the instance (the how-to's 電話番号の申請). One look a call; the state machine waits
//! in between, for weeks if need be.
//!
//! Numbers that Connect's inventory offers are claimed, then given their description, tags and flow. Japanese ones, and
//! others that the inventory does not have, are ordered by one AWS Support case with the three documents, and appear on the
//! instance by themselves. Where the account has no Support API, or the input says `manual`, a person gets the text to
//! file. However they were ordered: the wait ends when `ListPhoneNumbersV2` shows them.
//!
//! * Reads: `connect:ListPhoneNumbersV2`, `connect:SearchAvailablePhoneNumbers`, `connect:DescribePhoneNumber`,
//!   `connect:ListContactFlows`, `servicequotas:GetServiceQuota`, `servicequotas:GetAWSDefaultServiceQuota`,
//!   `support:DescribeServices`, `support:DescribeCases`, `support:DescribeCommunications`, `s3:GetObject` on the documents bucket (and `s3:ListBucket`, without which S3 calls
//!   a missing object a denied one).
//! * Writes: `connect:ClaimPhoneNumber`, `connect:UpdatePhoneNumberMetadata`, `connect:AssociatePhoneNumberContactFlow`,
//!   `connect:TagResource`, `support:AddAttachmentsToSet`, `support:CreateCase`.
//! * Safe to repeat: the instance's numbers are listed before anything is asked for; a poll claims only numbers
//!   that the poll before it has put into the state, each with a client token of its own; a case is found again by the marker in its subject, resolved ones too. Numbers that were there
//!   before are only given what the input says of them, never our tags. A released number can't be had again, so nothing
//!   is ever released.
//! * The wake-up by EventBridge ("Support Case Update") is left out: that event is best effort and reaches us-east-1 only,
//!   so it would need a second stack there, and the poll behind it all the same.

use onboarding_core::{
    StepError,
    telephony::{CaseText, OrderNumbersInput, OrderNumbersOutput, Topic, marker},
};

use crate::{
    clients::Clients,
    telephony::{Look, Wanted},
};

/// One look at everything that is wanted and not there.
///
/// # Errors
/// Whatever keeps Connect, S3 or AWS Support from answering. Refusals, missing documents and a missing support plan are
/// results, with what a person has to do.
pub async fn run(cx: &Clients, input: OrderNumbersInput) -> Result<OrderNumbersOutput, StepError> {
    let previous = input.previous.clone().unwrap_or_default();
    let mut look = Look::new(cx, &input, &previous);
    if !input.phone_numbers.is_empty() {
        look.numbers().await?;
    }
    if input.telephony.outbound_to_japanese_mobiles {
        let mark = marker(&input.alias, Topic::OutboundToJapaneseMobiles, &input.instance_arn, [], None);
        let text = CaseText::outbound(&mark, &input.instance_arn);
        look.order(Wanted {
            topic: Topic::OutboundToJapaneseMobiles,
            marker: mark,
            text,
            documents: None,
            tokyo: false,
            met: false,
        })
        .await?;
    }
    Ok(look.done())
}
