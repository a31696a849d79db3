//! SHA-256 digests in hexadecimal.

use sha2::{Digest, Sha256};

/// Returns the first `length` bytes of the SHA-256 digest of the parts, in hexadecimal. A zero byte after each part
/// separates the parts, so that `["ab", "c"]` and `["a", "bc"]` have different digests.
pub fn of_parts<P: AsRef<[u8]>>(parts: impl IntoIterator<Item = P>, length: usize) -> String {
    hex(&of_parts_bytes(parts)[..length.min(32)])
}

/// Returns the SHA-256 digest of the parts. Each part is followed by a zero byte.
pub fn of_parts_bytes<P: AsRef<[u8]>>(parts: impl IntoIterator<Item = P>) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part);
        digest.update([0]);
    }
    digest.finalize().into()
}

/// Returns the first `length` bytes of the SHA-256 digest of the content, in hexadecimal.
#[must_use]
pub fn of(content: impl AsRef<[u8]>, length: usize) -> String {
    hex(&Sha256::digest(content)[..length.min(32)])
}

/// Converts bytes to lowercase hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_depends_on_the_borders_of_the_parts() {
        assert_eq!(of("abc", 4), "ba7816bf");
        assert_eq!(of("abc", 64).len(), 64);
        assert_eq!(of_parts(["ab", "c"], 32), of("ab\0c\0", 32));
        assert_ne!(of_parts(["ab", "c"], 32), of_parts(["a", "bc"], 32));
    }
}
