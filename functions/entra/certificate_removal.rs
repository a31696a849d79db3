//! Removes SAML signing certificates. This is the most dangerous write of this product: a mistake can prevent every
//! user from signing in.
//!
//! Graph has no call that removes one certificate. Instead, a request replaces both credential lists (`keyCredentials`
//! and `passwordCredentials`), and Graph deletes the credentials that the new lists do not contain. The following rules
//! come from the tests of a public Terraform provider in real tenants (terraform-provider-microsoft365, pull request
//! 3491, August 2026):
//!
//! * Credentials that are kept are sent back exactly as they were read, except that `key` and `secretText` are
//!   explicitly null. Graph rejects any other value: "Update to existing credential … is not allowed".
//! * The response of a replica that is not up to date may lack the newest certificate. Therefore, one request reads
//!   both the lists and the active certificate. Nothing is written unless the credentials to keep include the active
//!   certificate and all other certificates from an earlier read.
//! * Both lists are read again after the write. A removal is recorded before it is written, so that the lists are also
//!   read again if the write or the read was interrupted.
//!
//! If any condition for the write is not met, nothing is written. The caller then reports the reason, and an
//! administrator must remove the certificate.

use std::collections::{BTreeMap, BTreeSet};

use onboarding_core::{StepError, contract::CertificateRemoval, saml};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Graph, GraphError,
    call::{Call, REPLICA_WAITS},
    model::or_default,
};

const WRITE_APPLICATIONS: &str = "Application.ReadWrite.All";
const FIELDS: &str = "id,keyCredentials,passwordCredentials,preferredTokenSigningKeyThumbprint";

/// One entry of `keyCredentials` or `passwordCredentials`, as returned by Graph.
type Credential = Map<String, Value>;

/// The result of a removal of certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// Nothing was changed yet. The caller must record this removal, and then pass it to the next call.
    Planned(CertificateRemoval),
    /// Neither list contains the removed certificates, and both lists still contain all other certificates.
    Done,
    /// Nothing was changed, for the given reason.
    Refused(String),
    /// Credentials that should have been kept are missing after the write. The string lists the missing credentials.
    Damaged(String),
}

/// The credentials of a service principal, all from the same response.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credentials {
    #[serde(default, deserialize_with = "or_default")]
    key_credentials: Vec<Credential>,
    #[serde(default, deserialize_with = "or_default")]
    password_credentials: Vec<Credential>,
    preferred_token_signing_key_thumbprint: Option<String>,
}

/// The reason why a removal writes nothing to Graph.
#[derive(Debug, PartialEq, Eq)]
enum Doubt {
    /// The response may come from a replica that is not up to date, so a later read may return another result.
    Stale(String),
    /// The lists do not have the structure that `addTokenSigningCertificate` creates.
    Unclear(String),
}

/// The credential lists that a removal writes to Graph.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    keys: Vec<Credential>,
    passwords: Vec<Credential>,
    /// The `keyId`s of the credentials to remove from both lists.
    removed: BTreeSet<String>,
}

impl Graph {
    /// Removes the certificates with the thumbprints `removed` from a service principal. Each certificate is removed
    /// together with its private key, its public key and its password. `kept` contains the thumbprints of all other
    /// certificates, from an earlier read.
    ///
    /// `recorded` is the removal that the previous call returned and that the caller has recorded. This call writes only
    /// if the removal is still the same. Otherwise, it returns the removal to record.
    ///
    /// # Errors
    /// `NotConsistentYet` if Graph does not return the service principal, the certificates to keep, or the result of
    /// the removal yet.
    pub async fn remove_certificates(
        &self,
        id: &str,
        removed: &BTreeSet<String>,
        kept: &BTreeSet<String>,
        recorded: Option<&CertificateRemoval>,
    ) -> Result<Removal, StepError> {
        let shown = self.credentials(id).await?;
        if let Some(recorded) = recorded.filter(|recorded| recorded.removed.is_disjoint(&ids(&shown))) {
            return self.verify_removal(id, recorded).await;
        }
        let plan = match plan(&shown, removed, kept) {
            Ok(Some(plan)) => plan,
            Ok(None) => return Ok(Removal::Done),
            Err(Doubt::Unclear(why)) => return Ok(Removal::Refused(why)),
            Err(Doubt::Stale(why)) => {
                return Err(StepError::not_consistent_yet(format!(
                    "no certificate of the service principal {id} is removed: {why}"
                )));
            }
        };
        let removal = plan.removal();
        if recorded != Some(&removal) {
            return Ok(Removal::Planned(removal));
        }
        let changes = json!({ "keyCredentials": plan.keys, "passwordCredentials": plan.passwords });
        let doing = format!("removing certificates from the service principal {id}");
        match self.act(&Call::patch(&["servicePrincipals", id], changes, doing).needs(WRITE_APPLICATIONS)).await {
            Ok(()) => self.verify_removal(id, &removal).await,
            // Another execution may have removed the certificates after this function read the lists.
            Err(GraphError::Refused(refusal)) if refusal.status == 400 => {
                let shown = ids(&self.credentials(id).await?);
                match plan.removed.is_disjoint(&shown) {
                    true => self.verify_removal(id, &removal).await,
                    false => Ok(Removal::Refused(format!("{}: {}", refusal.code, refusal.message))),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn credentials(&self, id: &str) -> Result<Credentials, StepError> {
        let doing = format!("reading the credentials of the service principal {id}");
        let call = Call::get(&["servicePrincipals", id], doing).query("$select", FIELDS).needs(WRITE_APPLICATIONS);
        self.find(&call).await?.ok_or_else(|| {
            StepError::not_consistent_yet(format!(
                "Graph does not return the service principal {id}, or no longer does"
            ))
        })
    }

    /// Reads both lists after a removal. Repeats the read a few times, because a replica may still return the previous
    /// lists.
    ///
    /// # Errors
    /// `NotConsistentYet` if Graph still returns the removed certificates.
    pub async fn verify_removal(&self, id: &str, removal: &CertificateRemoval) -> Result<Removal, StepError> {
        let mut waits = REPLICA_WAITS.into_iter();
        loop {
            let shown = self.credentials(id).await?;
            let stale = !removal.removed.is_disjoint(&ids(&shown));
            let shown = named(&shown.key_credentials, &shown.password_credentials);
            let missing: Vec<&str> = removal.kept.difference(&shown).map(String::as_str).collect();
            if !stale && missing.is_empty() {
                return Ok(Removal::Done);
            }
            match waits.next() {
                Some(wait) => self.settings.clock().sleep(wait).await,
                None if stale => {
                    return Err(StepError::not_consistent_yet(format!(
                        "Graph still returns the certificates that were removed from the service principal {id}"
                    )));
                }
                None => return Ok(Removal::Damaged(missing.join(", "))),
            }
        }
    }
}

impl Plan {
    fn removal(&self) -> CertificateRemoval {
        CertificateRemoval { removed: self.removed.clone(), kept: named(&self.keys, &self.passwords) }
    }
}

/// Returns each credential as the name of its list and its `keyId`. The private key and the password of a certificate
/// have the same `keyId`.
fn named(keys: &[Credential], passwords: &[Credential]) -> BTreeSet<String> {
    let keys = keys.iter().map(|key| format!("keyCredentials {}", key_id(key)));
    keys.chain(passwords.iter().map(|password| format!("passwordCredentials {}", key_id(password)))).collect()
}

fn text<'a>(credential: &'a Credential, name: &str) -> &'a str {
    credential.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn key_id(credential: &Credential) -> &str {
    text(credential, "keyId")
}

/// Returns the identifier that the private key, the public key and the password of a certificate have in common.
fn identifier(credential: &Credential) -> &str {
    text(credential, "customKeyIdentifier")
}

fn all(credentials: &Credentials) -> impl Iterator<Item = &Credential> {
    credentials.key_credentials.iter().chain(&credentials.password_credentials)
}

fn ids(credentials: &Credentials) -> BTreeSet<String> {
    all(credentials).map(|credential| key_id(credential).to_owned()).collect()
}

/// Returns the credential lists to write. Returns `None` if the current lists do not contain the certificates to
/// remove.
fn plan(credentials: &Credentials, removed: &BTreeSet<String>, kept: &BTreeSet<String>) -> Result<Option<Plan>, Doubt> {
    if all(credentials).any(|credential| key_id(credential).is_empty() || identifier(credential).is_empty()) {
        let why = "a credential has no keyId or no customKeyIdentifier, so the parts of a certificate can't be matched";
        return Err(Doubt::Unclear(why.into()));
    }
    let shown: BTreeMap<String, &str> = credentials
        .key_credentials
        .iter()
        .filter(|key| text(key, "usage") == "Verify")
        .filter_map(|key| Some((saml::thumbprint(key.get("key")?.as_str()?)?, identifier(key))))
        .collect();
    let active = credentials.preferred_token_signing_key_thumbprint.as_deref().unwrap_or_default().to_uppercase();
    let Some(signs) = shown.get(&active) else {
        return Err(Doubt::Stale(format!("the active certificate \"{active}\" is not in the list")));
    };
    if removed.contains(&active) {
        return Err(Doubt::Stale(format!("the certificate {active}, which is to be removed, is active")));
    }
    if let Some(absent) = kept.iter().find(|thumbprint| !shown.contains_key(*thumbprint)) {
        return Err(Doubt::Stale(format!("the certificate {absent}, which existed before, is not in the list")));
    }
    let doomed: BTreeSet<&str> = removed.iter().filter_map(|thumbprint| shown.get(thumbprint).copied()).collect();
    if doomed.is_empty() {
        return Ok(None);
    }
    if shown.iter().any(|(thumbprint, shared)| !removed.contains(thumbprint) && doomed.contains(shared)) {
        return Err(Doubt::Unclear("two certificates have the same customKeyIdentifier".into()));
    }
    if let Some(odd) = doomed.iter().chain([signs]).find(|identifier| !is_whole(credentials, identifier)) {
        return Err(Doubt::Unclear(format!(
            "the certificate with the customKeyIdentifier {odd} does not consist of exactly one private key, one \
             public key and one password"
        )));
    }
    let without = |list: &[Credential], secret: &str| -> Vec<Credential> {
        let retained = list.iter().filter(|credential| !doomed.contains(identifier(credential)));
        let silent = |credential: &Credential| {
            let mut credential = credential.clone();
            credential.insert(secret.to_owned(), Value::Null);
            credential
        };
        retained.map(silent).collect()
    };
    let gone = all(credentials).filter(|credential| doomed.contains(identifier(credential)));
    Ok(Some(Plan {
        keys: without(&credentials.key_credentials, "key"),
        passwords: without(&credentials.password_credentials, "secretText"),
        removed: gone.map(|credential| key_id(credential).to_owned()).collect(),
    }))
}

/// Returns whether the lists contain exactly one private key, one public key and one password of a certificate.
fn is_whole(credentials: &Credentials, of: &str) -> bool {
    let keys = |usage: &str| {
        let of_pair = credentials.key_credentials.iter().filter(|key| identifier(key) == of);
        of_pair.filter(|key| text(key, "usage") == usage).count()
    };
    let all_keys = credentials.key_credentials.iter().filter(|key| identifier(key) == of).count();
    let passwords = credentials.password_credentials.iter().filter(|password| identifier(password) == of).count();
    (keys("Sign"), keys("Verify"), all_keys, passwords) == (1, 1, 2, 1)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;

    /// Three certificates, each with its content in base64 and its thumbprint.
    const OLD: (&str, &str) = ("aGVsbG8=", "AAF4C61DDCC5E8A2DABEDE0F3B482CD9AEA9434D");
    const NEW: (&str, &str) = ("d29ybGQ=", "7C211433F02071597741E6FF5A8EA34789ABBF43");
    const PORTAL: (&str, &str) = ("dGhpcmQ=", "34FB3300B9A77BEBDC988EC3EDD0D4A6A42A26F9");

    /// Returns the credentials of these certificates with the structure that `addTokenSigningCertificate` creates.
    fn listed(certificates: &[(&str, &str)], active: &str) -> Credentials {
        let mut credentials = Credentials {
            preferred_token_signing_key_thumbprint: Some(active.to_lowercase()),
            ..Credentials::default()
        };
        for (der, thumbprint) in certificates {
            let fields = |value: Value| value.as_object().unwrap().clone();
            credentials.key_credentials.push(fields(json!({
                "keyId": format!("sign {thumbprint}"), "customKeyIdentifier": thumbprint, "usage": "Sign", "key": null,
            })));
            credentials.key_credentials.push(fields(json!({
                "keyId": format!("verify {thumbprint}"), "customKeyIdentifier": thumbprint, "usage": "Verify", "key": der,
                "endDateTime": "2029-01-01T00:00:00.1234567Z",
            })));
            credentials.password_credentials.push(fields(json!({
                "keyId": format!("sign {thumbprint}"), "customKeyIdentifier": thumbprint, "hint": null,
            })));
        }
        credentials
    }

    fn set(certificates: &[(&str, &str)]) -> BTreeSet<String> {
        certificates.iter().map(|(_, thumbprint)| (*thumbprint).to_owned()).collect()
    }

    #[test]
    fn retained_credentials_are_sent_back_unchanged_with_explicitly_null_secrets() {
        let before = listed(&[OLD, NEW], NEW.1);
        let planned = plan(&before, &set(&[OLD]), &set(&[NEW])).unwrap().unwrap();
        assert_eq!(planned.removed, [format!("sign {}", OLD.1), format!("verify {}", OLD.1)].into());
        let mut expected = before.key_credentials[2..].to_vec();
        expected[1].insert("key".into(), Value::Null);
        assert_eq!(planned.keys, expected);
        assert_eq!(planned.passwords.len(), 1);
        assert_eq!(planned.passwords[0].get("secretText"), Some(&Value::Null), "it was not in the read");
        assert_eq!(planned.passwords[0].get("hint"), Some(&Value::Null));
    }

    #[test]
    fn a_completed_removal_writes_nothing() {
        assert_eq!(plan(&listed(&[NEW], NEW.1), &set(&[OLD]), &set(&[NEW])), Ok(None));
    }

    #[test]
    fn nothing_is_written_after_a_read_that_may_be_stale() {
        for (shown, active, kept) in [
            // The active certificate is not listed yet.
            (listed(&[OLD], NEW.1), "not in the list", set(&[])),
            // The lists come from a replica that does not know yet that the new certificate is active.
            (listed(&[OLD, NEW], OLD.1), "is to be removed, is active", set(&[NEW])),
            // A certificate from an earlier read is missing.
            (listed(&[OLD, NEW], NEW.1), "which existed before", set(&[NEW, PORTAL])),
            // No certificate is active.
            (listed(&[OLD, NEW], ""), "not in the list", set(&[NEW])),
        ] {
            let doubt = plan(&shown, &set(&[OLD]), &kept).unwrap_err();
            assert!(matches!(&doubt, Doubt::Stale(why) if why.contains(active)), "{doubt:?}");
        }
    }

    #[test]
    fn nothing_is_written_if_credentials_can_not_be_matched_to_a_certificate() {
        let change = |change: &dyn Fn(&mut Credentials)| {
            let mut credentials = listed(&[OLD, NEW], NEW.1);
            change(&mut credentials);
            plan(&credentials, &set(&[OLD]), &set(&[NEW])).unwrap_err()
        };
        for doubt in [
            // This case guards against the removal of too many credentials. If a null identifier were accepted, it
            // would match all credentials without an identifier.
            change(&|credentials| {
                for credential in &mut credentials.key_credentials {
                    credential.insert("customKeyIdentifier".into(), Value::Null);
                }
            }),
            change(&|credentials| {
                credentials.password_credentials[1].insert("customKeyIdentifier".into(), json!(""));
            }),
            change(&|credentials| drop(credentials.key_credentials[0].remove("keyId"))),
            change(&|credentials| drop(credentials.password_credentials.remove(1))),
            change(&|credentials| drop(credentials.key_credentials.remove(0))),
            change(&|credentials| {
                for credential in &mut credentials.key_credentials {
                    credential.insert("customKeyIdentifier".into(), json!("the same"));
                }
            }),
        ] {
            assert!(matches!(doubt, Doubt::Unclear(_)), "{doubt:?}");
        }
    }

    #[test]
    fn a_removal_names_each_credential_with_its_list() {
        let planned = plan(&listed(&[OLD, NEW], NEW.1), &set(&[OLD]), &set(&[NEW])).unwrap().unwrap();
        let kept = ["keyCredentials sign", "keyCredentials verify", "passwordCredentials sign"];
        assert_eq!(planned.removal().kept, kept.map(|name| format!("{name} {}", NEW.1)).into());
        assert_eq!(planned.removal().removed, planned.removed);
    }
}
