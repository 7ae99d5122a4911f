//! Random bytes: serial numbers, secrets of tokens.
//!
//! Neighbours: `authority` alone. From the same source as TLS keys.

use rustls::crypto::aws_lc_rs;

use super::Error;

/// Bytes that nobody can guess.
pub(super) fn bytes<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    aws_lc_rs::default_provider().secure_random.fill(&mut bytes).map_err(|_| Error::Random)?;
    Ok(bytes)
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
