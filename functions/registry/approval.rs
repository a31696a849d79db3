//! The requests for approval of user sync actions, and the approvals (docs/theory.md, "Approval").
//!
//! The registry item of an instance contains at most one request for approval and one approval, each with the digest of
//! its actions:
//!
//! * the request: `approvalDigest`, `approvalChunks`, `approvalSummary` (JSON, [`WaitingPart`]), `approvalRequestedAt`,
//!   `approvalUntil` and `approvalNotified`; after a rejection, also `rejectedBy` and `rejectedAt`;
//! * the approval: `approvedDigest`, `approvedChunks`, `approvedUntil`, `approvedBy` and `approvedAt`. The command
//!   `onboard approve` converts the request to the approval in one conditional write.
//!
//! The actions are stored in separate items, called chunks, because they may exceed the maximum size of an item. The
//! partition key of a chunk is `approval#`, the instance ID, `#`, the digest, `#` and the number of the chunk. The
//! attribute `actions` contains the bytes of the chunk. `DynamoDB` deletes the chunks some days after the request
//! (attribute `expiresAt`, time to live).

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use onboarding_core::{
    StepError,
    sync::{ActionSet, WaitingPart},
};
use time::{Duration, OffsetDateTime};
use tracing::{info, warn};

use super::{Item, Registry, now_ms, number, string, text, time};

/// The prefix of the partition key of a chunk.
const PREFIX: &str = "approval#";
/// Maximum number of bytes in a chunk. The maximum size of a `DynamoDB` item is 400 KiB.
const MAX_CHUNK: usize = 350_000;
/// The time after which a request for approval expires.
const REQUEST_VALIDITY: Duration = Duration::days(3);
/// The time after which `DynamoDB` may delete a chunk. The request is valid for three days, and the approval for
/// another three days.
const CHUNK_LIFETIME: Duration = Duration::days(7);

/// Returns whether a partition key in the registry belongs to a chunk, or to the record of an assignment
/// ([`assignments`](super::assignments)).
pub(super) fn is_key(key: &str) -> bool {
    key.starts_with(PREFIX)
}

fn chunk_key(instance_id: &str, digest: &str, chunk: usize) -> String {
    format!("{PREFIX}{instance_id}#{digest}#{chunk}")
}

/// The stored data about the actions of a request or approval: the digest of the actions and the number of chunks. The
/// actions themselves are in the chunks.
#[derive(Clone, Debug, PartialEq, Eq)]
struct StoredSet {
    digest: String,
    chunks: usize,
}

/// A request for approval that has not expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    set: StoredSet,
    /// The time at which the request expires.
    pub until: OffsetDateTime,
    /// Whether the operators were notified of the request.
    pub notified: bool,
    /// The ARN of the operator who rejected the request.
    pub rejected_by: Option<String>,
    /// The time of the rejection.
    pub rejected_at: Option<OffsetDateTime>,
}

impl Request {
    /// Returns the digest of the requested actions.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.set.digest
    }
}

/// An approval that has not expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenApproval {
    set: StoredSet,
    /// The ARN of the operator who approved the actions.
    pub by: String,
    /// The time of the approval.
    pub at: OffsetDateTime,
}

impl GivenApproval {
    /// Returns the digest of the approved actions.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.set.digest
    }
}

/// The request for approval and the approval of an instance. A request or approval that does not exist or has expired
/// is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approvals {
    /// The request for approval.
    pub request: Option<Request>,
    /// The approval.
    pub approval: Option<GivenApproval>,
    /// The digests of the request and of the approval in the item, even if these have expired. A write is conditional
    /// on these digests.
    stored: [Option<String>; 2],
}

impl Approvals {
    fn of(item: &Item, now: OffsetDateTime) -> Self {
        let set = |digest: &str, chunks: &str| {
            let chunks = item.get(chunks)?.as_n().ok()?.parse().ok()?;
            Some(StoredSet { digest: text(item, digest)?.to_owned(), chunks })
        };
        let valid_until = |name: &str| time(item, name).filter(|until| *until > now);
        let request = || {
            Some(Request {
                set: set("approvalDigest", "approvalChunks")?,
                until: valid_until("approvalUntil")?,
                notified: item.get("approvalNotified").is_some_and(|value| value.as_bool() == Ok(&true)),
                rejected_by: text(item, "rejectedBy").map(ToOwned::to_owned),
                rejected_at: time(item, "rejectedAt"),
            })
        };
        let approval = || {
            let _ = valid_until("approvedUntil")?;
            Some(GivenApproval {
                set: set("approvedDigest", "approvedChunks")?,
                by: text(item, "approvedBy")?.to_owned(),
                at: time(item, "approvedAt")?,
            })
        };
        Self {
            request: request(),
            approval: approval(),
            stored: ["approvalDigest", "approvedDigest"].map(|name| text(item, name).map(ToOwned::to_owned)),
        }
    }

    /// Returns the condition that the item still contains the request and the approval that were read before.
    fn unchanged(&self) -> (String, Vec<(&'static str, AttributeValue)>) {
        let names = [("approvalDigest", ":request"), ("approvedDigest", ":approval")];
        let conditions = names.iter().zip(&self.stored).map(|((name, value), stored)| match stored {
            Some(_) => format!("{name} = {value}"),
            None => format!("attribute_not_exists({name})"),
        });
        let values = names.iter().zip(&self.stored);
        let values = values.filter_map(|((_, value), stored)| Some((*value, string(stored.clone()?))));
        (conditions.collect::<Vec<_>>().join(" AND "), values.collect())
    }
}

impl Registry<'_> {
    /// Returns the request for approval and the approval of an instance, unless they have expired.
    ///
    /// # Errors
    /// If `DynamoDB` returns an error.
    pub async fn approvals(&self, instance_id: &str) -> Result<Approvals, StepError> {
        let item = self.item(instance_id).await?.unwrap_or_default();
        Ok(Approvals::of(&item, OffsetDateTime::now_utc()))
    }

    /// Returns the approved actions. If there is no approval, or if a chunk is missing, the result is empty.
    ///
    /// # Errors
    /// If `DynamoDB` returns an error.
    pub async fn approved_actions(&self, instance_id: &str, approvals: &Approvals) -> Result<ActionSet, StepError> {
        self.actions(instance_id, approvals.approval.as_ref().map(|approval| &approval.set)).await
    }

    /// Returns the requested actions. If there is no request, or if a chunk is missing, the result is empty.
    ///
    /// # Errors
    /// If `DynamoDB` returns an error.
    pub async fn requested_actions(&self, instance_id: &str, approvals: &Approvals) -> Result<ActionSet, StepError> {
        self.actions(instance_id, approvals.request.as_ref().map(|request| &request.set)).await
    }

    async fn actions(&self, instance_id: &str, set: Option<&StoredSet>) -> Result<ActionSet, StepError> {
        let Some(StoredSet { digest, chunks }) = set else { return Ok(ActionSet::EMPTY) };
        let mut bytes = Vec::new();
        for chunk in 0..*chunks {
            let item = self.item(&chunk_key(instance_id, digest, chunk)).await?.unwrap_or_default();
            if let Some(Ok(actions)) = item.get("actions").map(AttributeValue::as_b) {
                bytes.extend_from_slice(actions.as_ref());
            }
        }
        let actions = ActionSet::from_bytes(&bytes);
        if actions.digest() == *digest {
            return Ok(actions);
        }
        warn!(digest, "the actions of a request or approval are incomplete, so it is ignored");
        Ok(ActionSet::EMPTY)
    }

    /// Stores a request for approval, which replaces an earlier request. Returns the expiry time of the request.
    /// Returns `None` if the request or the approval in the registry has changed since they were read.
    ///
    /// # Errors
    /// If `DynamoDB` returns an error.
    pub async fn request_approval(
        &self,
        instance_id: &str,
        before: &Approvals,
        (actions, summary): (&ActionSet, &WaitingPart),
    ) -> Result<Option<OffsetDateTime>, StepError> {
        let doing = format!("requesting approval for the instance {instance_id}");
        let (now, digest) = (OffsetDateTime::now_utc(), &summary.digest);
        let expires = (now + CHUNK_LIFETIME).unix_timestamp();
        let chunks = actions.bytes().chunks(MAX_CHUNK);
        let count = chunks.len();
        for (chunk, bytes) in chunks.enumerate() {
            let values = [(":actions", AttributeValue::B(Blob::new(bytes))), (":expires", number(expires))];
            let key = chunk_key(instance_id, digest, chunk);
            let _ = self.update_if(&doing, &key, None, "SET actions = :actions, expiresAt = :expires", &values).await?;
        }
        let until = now + REQUEST_VALIDITY;
        let summary = serde_json::to_string(summary)
            .map_err(|error| StepError::internal(format!("the request could not be encoded: {error}")))?;
        let (condition, mut values) = before.unchanged();
        values.extend([
            (":digest", string(digest)),
            (":chunks", number(count)),
            (":summary", string(summary)),
            (":now", now_ms()),
            (":until", number(until.unix_timestamp() * 1000)),
        ]);
        // The attributes `approvalBy` and `approvalToken` belong to a request of an earlier release.
        let update = "SET approvalDigest = :digest, approvalChunks = :chunks, approvalSummary = :summary, \
                      approvalRequestedAt = :now, approvalUntil = :until \
                      REMOVE approvalNotified, rejectedBy, rejectedAt, approvalBy, approvalToken";
        let condition = format!("attribute_exists(instanceId) AND attribute_not_exists(teardown) AND {condition}");
        let stored = self.update_if(&doing, instance_id, condition.as_str(), update, &values).await?;
        if stored {
            info!(digest, actions = actions.len(), "approval requested");
        }
        Ok(stored.then_some(until))
    }

    /// Withdraws this request for approval, because no action needs approval any longer. If the request was rejected,
    /// or replaced by another request, it is not withdrawn.
    ///
    /// # Errors
    /// If `DynamoDB` returns an error.
    pub async fn withdraw_request(&self, instance_id: &str, request: &Request) -> Result<(), StepError> {
        let doing = format!("withdrawing the request for approval for the instance {instance_id}");
        let update = "REMOVE approvalDigest, approvalChunks, approvalSummary, approvalRequestedAt, approvalUntil, \
                      approvalNotified";
        let condition = "approvalDigest = :digest AND attribute_not_exists(rejectedBy)";
        if self.update_if(&doing, instance_id, condition, update, &[(":digest", string(request.digest()))]).await? {
            info!(digest = request.digest(), "the request for approval was withdrawn");
        }
        Ok(())
    }

    /// Records that the operators were notified of a request for approval. If another request has replaced this
    /// request, the function does nothing.
    ///
    /// # Errors
    /// If `DynamoDB` returns an error.
    pub async fn approval_notified(&self, instance_id: &str, digest: &str) -> Result<(), StepError> {
        let doing = format!("recording the notification about the instance {instance_id}");
        let values = [(":digest", string(digest)), (":yes", AttributeValue::Bool(true))];
        self.update_if(&doing, instance_id, "approvalDigest = :digest", "SET approvalNotified = :yes", &values)
            .await
            .map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(attributes: &[(&str, AttributeValue)]) -> Item {
        attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    #[test]
    fn an_expired_request_or_approval_does_not_count_but_is_part_of_the_condition() {
        let stored = item(&[
            ("approvalDigest", string("r")),
            ("approvalChunks", number(2)),
            ("approvalUntil", number(2000)),
            ("rejectedBy", string("arn:aws:iam::1:user/b")),
            ("approvedDigest", string("a")),
            ("approvedChunks", number(1)),
            ("approvedUntil", number(1000)),
            ("approvedAt", number(10)),
            ("approvedBy", string("arn:aws:iam::1:user/a")),
        ]);
        let at = |ms: i64| OffsetDateTime::UNIX_EPOCH + Duration::milliseconds(ms);
        let both = Approvals::of(&stored, at(999));
        let approval = both.approval.as_ref().map(|approval| (approval.digest(), approval.by.as_str(), approval.at));
        assert_eq!(approval, Some(("a", "arn:aws:iam::1:user/a", at(10))));
        let request = both.request.map(|request| (request.set.chunks, request.notified, request.rejected_by));
        assert_eq!(request, Some((2, false, Some("arn:aws:iam::1:user/b".into()))));
        let later = Approvals::of(&stored, at(1000));
        assert!(later.approval.is_none() && later.request.is_some());
        let expired = Approvals::of(&stored, at(2000));
        assert_eq!((&expired.approval, &expired.request), (&None, &None));
        assert_eq!(expired.unchanged().0, "approvalDigest = :request AND approvedDigest = :approval");
        assert_eq!(expired.unchanged().1.len(), 2);
    }

    #[test]
    fn a_request_of_an_earlier_release_has_no_set_and_does_not_count() {
        let old = [("approvalDigest", string("r")), ("approvalUntil", number(9)), ("approvalToken", string("t"))];
        let approvals = Approvals::of(&item(&old), OffsetDateTime::UNIX_EPOCH);
        assert_eq!(approvals.request, None);
        assert_eq!(approvals.unchanged().0, "approvalDigest = :request AND attribute_not_exists(approvedDigest)");
    }

    #[test]
    fn the_key_of_a_chunk_contains_the_instance_and_the_digest() {
        assert_eq!(chunk_key("i", "d", 3), "approval#i#d#3");
        assert!(is_key("approval#i#d#3") && !is_key("0b1c2d3e"));
    }
}
