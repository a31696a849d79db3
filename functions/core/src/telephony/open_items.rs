//! Open items about phone numbers, orders and support plans.

use time::Date;

use super::{
    case::Topic,
    contract::{CaseOrder, NumberResult, NumberStatus, OrderStatus},
};
use crate::{contract::OpenItem, messages, onboarding::Language};

/// The open item about a phone number. `None` if there is no information for the operator.
pub(super) fn number(number: &NumberResult) -> Option<OpenItem> {
    let subject = format!("phone number {}", number.phone_number);
    let message = number.message.as_deref();
    match number.status {
        NumberStatus::InProgress => None,
        NumberStatus::Claimed => Some(OpenItem::new(
            subject,
            message?,
            "Create the flow or correct its name, then start the same input again.",
        )),
        NumberStatus::Failed => Some(OpenItem::new(
            subject,
            format!("the claim failed: {}", message.unwrap_or("Connect returned no reason")),
            "Start the same input again to try another number. If the message names a limit, request an increase with \
             quotas.phoneNumbers or contact AWS Support.",
        )),
    }
}

/// The open item about missing phone numbers, if Connect rejects claims until a date. `message` is the error message
/// from Connect, if Connect rejected a claim in this poll.
pub(super) fn claims_blocked(country: &str, missing: usize, until: &str, message: Option<&str>) -> OpenItem {
    let message = message.map_or_else(String::new, |message| format!(". The error from Amazon Connect: {message}"));
    OpenItem::new(
        "phone numbers",
        format!(
            "{missing} numbers of {country} are not claimed. Amazon Connect limits claims and releases of phone numbers \
             to 200 % of their quota within 180 days, and this account has reached the limit. Claims are possible again \
             when the oldest release is 180 days ago: on {until} at the latest, unless numbers are released until \
             then{message}"
        ),
        "Start the same input again on that day, or ask AWS Support for an exception (Amazon Connect) to claim earlier.",
    )
}

/// The open item about missing phone numbers that would exceed the quota of the instance.
pub(super) fn low_quota(country: &str, exceeding: usize, increase_requested: bool) -> OpenItem {
    let action = if increase_requested {
        "None: the increase is requested, and the numbers are claimed after AWS has approved it."
    } else {
        "Request an increase with quotas.phoneNumbers in the input, then start the input again."
    };
    let what = format!("{exceeding} numbers of {country} exceed the instance's phoneNumbers quota");
    OpenItem::new("phone numbers", what, action)
}

/// The open item for phone numbers and Support cases that are still pending after the last poll.
pub(super) fn end_of_polls() -> OpenItem {
    OpenItem::new(
        "phone numbers",
        "the workflow has waited for ten months, the longest time that its execution can wait",
        "Start the same input again: it continues where this execution stopped.",
    )
}

/// The open item about an order. `None` if there is no information for the operator.
#[must_use]
pub fn open_item(order: &CaseOrder) -> Option<OpenItem> {
    let subject = messages::topic_name(order.topic, Language::En);
    let case = order.case_number().map_or_else(String::new, |number| format!("case {number}: "));
    let message = order.message.as_deref().unwrap_or("no details are available");
    let item = |action: &str| Some(OpenItem::new(subject.as_str(), format!("{case}{message}"), action));
    match order.status {
        OrderStatus::Open => item("Nothing: AWS decides. To continue waiting, start the same input again."),
        OrderStatus::CustomerAction => {
            item("Reply to the case in Support Center. If the workflow has finished, start the same input again.")
        }
        OrderStatus::Manual => {
            let text = order.text_to_paste();
            let action = format!("File this case manually, and do not change the part in [ ]: {text}");
            Some(OpenItem::new(subject, message, action))
        }
        OrderStatus::Unreadable => item("Follow the case in Support Center. Do not file another case."),
        OrderStatus::Done if order.topic == Topic::OutboundToJapaneseMobiles => item(
            "Call a Japanese mobile number from the instance to check the result: no API shows whether \
             such calls are allowed.",
        ),
        OrderStatus::Done => None,
        OrderStatus::Refused if order.case_id.is_some() => item(
            "Reply to the case to reopen it, then start the same input again. For a new order, change the \
             numbers, or upload corrected documents under other object keys and name these keys in the input.",
        ),
        OrderStatus::Refused => item("Fix the problem that the message describes, then start the same input again."),
    }
}

/// The open item that warns accounts with an older support plan before an order is filed. `None` after the day on which
/// AWS discontinues these plans (AWS Support user guide, "About the AWS Support API").
#[must_use]
pub fn older_plans_end(today: Date) -> Option<OpenItem> {
    (today.year() < 2027).then(|| {
        OpenItem::new(
            "support plan",
            "AWS ends Developer Support and Business Support on 2027-01-01; the Support API then needs Business Support+ (from \
             29 USD a month) or a higher plan. An order of phone numbers takes two to six weeks, so its case can be open on that \
             day",
            "If the account has one of these plans, change to Business Support+ before that day. Otherwise the \
             workflow can no longer read its cases: it lists them and still waits for the numbers.",
        )
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;

    fn with_status(status: OrderStatus) -> CaseOrder {
        CaseOrder { status, message: Some("said".into()), case_id: Some("case-1".into()), ..Default::default() }
    }

    #[test]
    fn every_unfinished_order_is_an_open_item_with_an_action() {
        for (status, action) in [
            (OrderStatus::Open, "Nothing"),
            (OrderStatus::CustomerAction, "Reply to the case in Support Center"),
            (OrderStatus::Manual, "File this case manually"),
            (OrderStatus::Refused, "Reply to the case"),
            (OrderStatus::Unreadable, "Follow the case in Support Center"),
        ] {
            let item = open_item(&with_status(status)).unwrap();
            assert!(item.action.starts_with(action) && item.what.contains("said"), "{item:?}");
        }
        assert_eq!(open_item(&with_status(OrderStatus::Done)), None);
        let outbound = CaseOrder { topic: Topic::OutboundToJapaneseMobiles, ..with_status(OrderStatus::Done) };
        assert!(open_item(&outbound).is_some_and(|item| item.action.contains("Call a Japanese mobile")));
    }

    #[test]
    fn the_end_of_the_older_support_plans_is_reported_until_it_has_passed() {
        let day = |year, month| Date::from_calendar_date(year, month, 1).unwrap();
        let item = older_plans_end(day(2026, time::Month::December)).unwrap();
        assert!(item.what.contains("2027-01-01") && item.what.contains("Business Support+"), "{item:?}");
        assert_eq!(older_plans_end(day(2027, time::Month::January)), None);
    }
}
