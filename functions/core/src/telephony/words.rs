//! Open items about cases and numbers for the report, and the notification of a poll.

use time::Date;

use super::{
    case::{CaseText, Topic},
    contract::{CaseOrder, Notification, OrderStatus},
};
use crate::{contract::OpenItem, messages, onboarding::Language};

/// Combines the messages of a poll into one notification.
#[must_use]
pub fn notification(messages: &[String]) -> Option<Notification> {
    (!messages.is_empty()).then(|| Notification {
        message: messages.join(
            "

",
        ),
    })
}

/// The open item about an order; `None` if there is neither an action nor information for the operator.
#[must_use]
pub fn open_item(order: &CaseOrder) -> Option<OpenItem> {
    let subject = messages::topic_name(order.topic, Language::En);
    let case =
        order.display_id.as_deref().or(order.case_id.as_deref()).map_or(String::new(), |id| format!("case {id}: "));
    let message = order.message.as_deref().unwrap_or("no details are available");
    let item = |action: &str| Some(OpenItem::new(subject.as_str(), format!("{case}{message}"), action));
    match order.status {
        OrderStatus::Open => item("Nothing: AWS decides. To continue waiting, start the same input again."),
        OrderStatus::CustomerAction => {
            item("Reply to the case in Support Center. If the workflow has finished, start the same input again.")
        }
        OrderStatus::Manual => {
            let text = order.text.as_ref().map(CaseText::to_paste).unwrap_or_default();
            Some(OpenItem::new(
                subject,
                message,
                format!("File this case manually, and do not change the part in [ ]: {text}"),
            ))
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

/// Information for accounts with an older support plan before an order is filed; `None` after AWS has discontinued
/// these plans (AWS Support user guide, "About the AWS Support API").
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
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn order(status: OrderStatus) -> CaseOrder {
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
            let item = open_item(&order(status)).unwrap();
            assert!(item.action.starts_with(action) && item.what.contains("said"), "{item:?}");
        }
        assert_eq!(open_item(&order(OrderStatus::Done)), None);
        let outbound = CaseOrder { topic: Topic::OutboundToJapaneseMobiles, ..order(OrderStatus::Done) };
        assert!(open_item(&outbound).is_some_and(|item| item.action.contains("Call a Japanese mobile")));
    }

    #[test]
    fn the_end_of_the_older_support_plans_is_reported_until_it_has_passed() {
        let day = |year, month| Date::from_calendar_date(year, month, 1).unwrap();
        let item = older_plans_end(day(2026, time::Month::December)).unwrap();
        assert!(item.what.contains("2027-01-01") && item.what.contains("Business Support+"), "{item:?}");
        assert_eq!(older_plans_end(day(2027, time::Month::January)), None);
    }

    #[test]
    fn the_messages_of_one_poll_are_one_notification() {
        let both = notification(&["x".into(), "y".into()]).unwrap();
        assert_eq!(
            both.message,
            "x

y"
        );
        assert!(notification(&[]).is_none());
    }
}
