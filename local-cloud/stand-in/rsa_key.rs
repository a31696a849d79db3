//! The RSA key pair of a token issuer. The public key is published as a JSON Web Key (JWK).

use std::sync::{
    LazyLock, Mutex, PoisonError,
    mpsc::{Receiver, channel},
};

use aws_lc_rs::{
    digest,
    encoding::AsDer,
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// The number of RSA key pairs that an onboarding needs: one for STS, one for the tenant and one for the application.
const FIRST: usize = 3;

/// The first key pairs. A separate thread generates these key pairs in advance, because each key pair takes a tenth of
/// a second or more.
static PAIRS: LazyLock<Mutex<Receiver<KeyPair>>> = LazyLock::new(|| {
    let (pairs, taken) = channel();
    std::thread::spawn(move || (0..FIRST).all(|_| generate().is_ok_and(|pair| pairs.send(pair).is_ok())));
    Mutex::new(taken)
});

/// Starts the thread that generates the first key pairs.
pub(crate) fn prepare() {
    LazyLock::force(&PAIRS);
}

/// Returns a new 2048-bit key pair.
///
/// # Errors
/// Fails if the random number generator fails.
pub(crate) fn pair() -> Result<KeyPair, String> {
    let first = PAIRS.lock().unwrap_or_else(PoisonError::into_inner).recv();
    first.or_else(|_| generate())
}

fn generate() -> Result<KeyPair, String> {
    KeyPair::generate(KeySize::Rsa2048).map_err(|_| "no RSA key could be generated".to_owned())
}

/// An RSA key pair with its key ID and public numbers.
pub(crate) struct RsaKey {
    pair: KeyPair,
    id: String,
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

impl RsaKey {
    /// Generates a 2048-bit key pair.
    ///
    /// # Errors
    /// Fails if the random number generator or the encoder fails. The error message states which component failed.
    pub(crate) fn generate() -> Result<Self, String> {
        let pair = pair()?;
        // In PKCS #1, a public key is a sequence of modulus and exponent.
        let (modulus, exponent) = yasna::parse_der(pair.public_key().as_ref(), |reader| {
            reader.read_sequence(|numbers| {
                Ok((numbers.next().read_bigint_bytes()?.0, numbers.next().read_bigint_bytes()?.0))
            })
        })
        .map_err(|error| format!("the RSA key could not be read: {error}"))?;
        let public = pair.public_key().as_der().map_err(|_| "the RSA key could not be written".to_owned())?;
        let id = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, public.as_ref()));
        Ok(Self { pair, id, modulus: unsigned(modulus), exponent: unsigned(exponent) })
    }

    /// The key ID, which the issuer's tokens contain as `kid`.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The public key as a JSON Web Key.
    pub(crate) fn jwk(&self) -> Value {
        let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.id, "n": number(&self.modulus),
                "e": number(&self.exponent) })
    }

    /// Signs a message with RS256.
    ///
    /// # Errors
    /// Fails if the random number generator fails.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        sign(&self.pair, message)
    }
}

/// Signs a message with RS256.
///
/// # Errors
/// Fails if the random number generator fails.
pub(crate) fn sign(pair: &KeyPair, message: &[u8]) -> Result<Vec<u8>, String> {
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
        .map_err(|_| "the message could not be signed".to_owned())?;
    Ok(signature)
}

/// Removes the leading zero that DER adds to a number whose highest bit is set.
fn unsigned(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.first() == Some(&0) {
        bytes.remove(0);
    }
    bytes
}
