//! What lies in a file of public certificates: one as it is (DER), or any number as text (PEM), in the order of the file.
//!
//! Layout: RFC 7468. Neighbours: the port looks which one is meant, and Windows reads each. A private key that lies beside them is
//! never looked at.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

const PEM: &[u8] = b"-----BEGIN ";

/// Each certificate as it is encoded.
pub(super) fn encoded(bytes: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    if !bytes.windows(PEM.len()).any(|part| part == PEM) {
        return Ok(vec![bytes.to_vec()]);
    }
    let all = CertificateDer::pem_slice_iter(bytes).map(|one| one.map(|one| one.to_vec()));
    all.collect::<Result<_, _>>().map_err(|error| format!("a certificate in it cannot be read: {error:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selftest::throwaway;

    #[test]
    fn a_file_is_one_certificate_or_a_text_of_several() {
        let [one] = &encoded(throwaway::CER).unwrap()[..] else { panic!("not one") };
        assert!(encoded(one).unwrap() == std::slice::from_ref(one), "as it is");
        let key = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n".as_slice();
        let chain = [b"Bag Attributes\n".as_slice(), throwaway::CER, key, throwaway::CER].concat();
        assert_eq!(encoded(&chain).unwrap(), [one.clone(), one.clone()]);
        let (half, none) =
            (&throwaway::CER[..400], b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n");
        assert!(encoded(half).is_err() && encoded(none).is_err());
    }
}
