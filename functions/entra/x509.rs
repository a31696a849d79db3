//! Parses the public key and the expiry of an X.509 certificate.

use time::OffsetDateTime;
use yasna::{ASN1Error, ASN1ErrorKind, ASN1Result, BERReader, BERReaderSeq, Tag, tags::TAG_UTCTIME};

/// The parsed fields of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The public key of the certificate, in the encoding of the certificate. For RSA, this is a PKCS #1
    /// `RSAPublicKey`.
    pub public_key: Vec<u8>,
    /// The expiry time of the certificate.
    pub not_after: OffsetDateTime,
}

/// Parses a certificate in DER format. Returns `None` if the certificate is invalid.
#[must_use]
pub fn read(der: &[u8]) -> Option<Facts> {
    let certificate = yasna::parse_der(der, |reader| {
        reader.read_sequence(|certificate| {
            let facts = certificate.next().read_sequence(body)?;
            rest(certificate)?;
            Ok(facts)
        })
    });
    certificate.ok()
}

/// Parses the signed part of the certificate (RFC 5280, 4.1: `TBSCertificate`).
fn body(fields: &mut BERReaderSeq<'_, '_>) -> ASN1Result<Facts> {
    fields.read_optional(|version| version.read_tagged(Tag::context(0), |number| number.read_i64()))?;
    let (_serial, _algorithm, _issuer) =
        (fields.next().read_der()?, fields.next().read_der()?, fields.next().read_der()?);
    let not_after = fields.next().read_sequence(|validity| {
        validity.next().read_der()?;
        moment(validity.next())
    })?;
    let _subject = fields.next().read_der()?;
    let public_key = fields.next().read_sequence(|key| {
        key.next().read_der()?;
        Ok(key.next().read_bitvec_bytes()?.0)
    })?;
    rest(fields)?;
    Ok(Facts { public_key, not_after })
}

fn moment(time: BERReader<'_, '_>) -> ASN1Result<OffsetDateTime> {
    if time.lookahead_tag()? == TAG_UTCTIME {
        Ok(*time.read_utctime()?.datetime())
    } else {
        Ok(*time.read_generalized_time()?.datetime())
    }
}

/// Skips the remaining fields of a certificate. Only a few fields remain, because all extensions together are one
/// field.
fn rest(fields: &mut BERReaderSeq<'_, '_>) -> ASN1Result<()> {
    for _ in 0..16 {
        if fields.read_optional(|field| field.read_der())?.is_none() {
            return Ok(());
        }
    }
    Err(ASN1Error::new(ASN1ErrorKind::Extra))
}
