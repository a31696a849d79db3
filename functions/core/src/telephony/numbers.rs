//! The allocation of the instance's phone numbers to the entries of `phoneNumbers`, and the client token of a claim.

use super::contract::NumberResult;
use crate::{
    digest,
    onboarding::{PhoneNumber, PhoneNumberType},
};

/// The name of a phone number type in Connect's API.
#[must_use]
pub const fn type_name(kind: PhoneNumberType) -> &'static str {
    match kind {
        PhoneNumberType::Did => "DID",
        PhoneNumberType::TollFree => "TOLL_FREE",
        PhoneNumberType::Uifn => "UIFN",
    }
}

/// Whether the phone numbers of this entry must be ordered with documents and can't be claimed by API.
#[must_use]
pub fn needs_documents(desired: &PhoneNumber) -> bool {
    desired.country == "JP"
}

/// Allocates the phone numbers of the instance (`held`) to the entries of `phoneNumbers` (`desired_numbers`). For each
/// entry, returns the indexes in `held` of its phone numbers, at most as many as the quantity of the entry. Each phone
/// number is allocated only once. Entries with a longer prefix come first, so that a Tokyo phone number (03) is not
/// allocated to an entry for any Japanese phone number.
#[must_use]
pub fn allocate(desired_numbers: &[PhoneNumber], held: &[NumberResult]) -> Vec<Vec<usize>> {
    let prefix = |desired: &PhoneNumber| desired.prefix.clone().unwrap_or_default();
    let mut order: Vec<usize> = (0..desired_numbers.len()).collect();
    order.sort_by_key(|place| std::cmp::Reverse(prefix(&desired_numbers[*place]).len()));
    let mut taken = vec![false; held.len()];
    let mut allocated = vec![Vec::new(); desired_numbers.len()];
    for place in order {
        let desired = &desired_numbers[place];
        let start = prefix(desired);
        for (index, number) in held.iter().enumerate() {
            let enough = allocated[place].len() >= desired.quantity as usize;
            let fits = number.country == desired.country
                && number.kind == type_name(desired.kind)
                && number.phone_number.starts_with(&start);
            if !enough && fits && !taken[index] {
                taken[index] = true;
                allocated[place].push(index);
            }
        }
    }
    allocated
}

/// The client token for the claim of a phone number. If the same execution claims the same phone number again, the
/// token is the same. Every other claim has a different token. The documented pattern of the token is a lowercase UUID
/// (`ClaimPhoneNumber` in the model of botocore 1.43.11). The token is a UUID of version 8, which may have any content
/// (RFC 9562).
pub(super) fn claim_token(execution_id: &str, instance_arn: &str, phone: &str) -> String {
    let hex = digest::of_parts([execution_id, instance_arn, phone], 16);
    format!("{}-{}-8{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn desired(kind: PhoneNumberType, prefix: Option<&str>, quantity: u32) -> PhoneNumber {
        PhoneNumber {
            country: "JP".into(),
            kind,
            prefix: prefix.map(Into::into),
            quantity,
            description: None,
            contact_flow: None,
        }
    }

    fn held(phone_number: &str, kind: &str) -> NumberResult {
        NumberResult {
            phone_number: phone_number.into(),
            country: "JP".into(),
            kind: kind.into(),
            ..NumberResult::default()
        }
    }

    #[test]
    fn the_longest_prefix_is_allocated_first_and_no_number_counts_twice() {
        let did = PhoneNumberType::Did;
        let desired_numbers =
            [desired(did, None, 2), desired(did, Some("+813"), 1), desired(PhoneNumberType::TollFree, None, 1)];
        let numbers = [held("+81350000001", "DID"), held("+815050000001", "DID"), held("+81120500001", "TOLL_FREE")];
        assert_eq!(allocate(&desired_numbers, &numbers), [vec![1], vec![0], vec![2]]);
    }

    #[test]
    fn each_claim_has_its_own_stable_uuid_token() {
        let token = claim_token("execution", "instance", "+12065550000");
        assert_eq!(token, claim_token("execution", "instance", "+12065550000"));
        for other in [
            claim_token("execution", "instance", "+12065550001"),
            claim_token("execution", "another", "+12065550000"),
            claim_token("another", "instance", "+12065550000"),
        ] {
            assert_ne!(token, other);
        }
        let lengths: Vec<usize> = token.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{token}");
        assert!(token.chars().all(|c| c == '-' || c.is_ascii_digit() || ('a'..='f').contains(&c)), "{token}");
    }

    #[test]
    fn surplus_numbers_are_not_allocated() {
        let desired_numbers = [desired(PhoneNumberType::Did, Some("+813"), 1)];
        let numbers = [held("+81350000001", "DID"), held("+81350000002", "DID")];
        assert_eq!(allocate(&desired_numbers, &numbers), [vec![0]]);
    }
}
