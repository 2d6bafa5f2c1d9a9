use std::fmt;

use ed25519_compact::{KeyPair, Seed};
use trustplane_core::{PublicKey, base64url_bytes};
use zeroize::Zeroizing;

/// An Ed25519 private key: wiped when dropped, never cloned, never printed.
///
/// It stays behind its pointer, so that moving the value leaves no copy of the secret behind.
pub struct SigningKey {
    pair: Box<KeyPair>,
    public: PublicKey,
}

/// Why bytes are no usable private key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyFault {
    /// Neither unpadded base64url nor a PEM block.
    Encoding,
    /// Base64url of neither 32 nor 64 bytes.
    Length,
    /// 64 bytes whose public half is not that of the seed.
    Mismatch,
    /// A PEM block that is no PKCS#8 Ed25519 private key.
    Pem,
    /// A seed of zeros: an unfilled buffer, not a secret.
    ZeroSeed,
}

impl SigningKey {
    /// A new key from the operating system's randomness.
    pub fn generate() -> Result<Self, getrandom::Error> {
        loop {
            let mut seed = Zeroizing::new([0u8; 32]);
            getrandom::fill(seed.as_mut_slice())?;
            if let Ok(key) = Self::from_seed(&seed) {
                return Ok(key);
            }
        }
    }

    /// The key of a 32-byte seed (RFC 8032 section 5.1.5).
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, KeyFault> {
        let mut seed = Seed::new(*seed);
        let pair = KeyPair::try_from_seed(seed);
        seed.wipe_mut();
        Self::from_pair(pair.map_err(|_| KeyFault::ZeroSeed)?)
    }

    /// Reads base64url of a 32-byte seed, or of 64 bytes seed and public key, whose halves must agree.
    ///
    /// A pair that disagrees would sign with one key under the name of another, which gives the
    /// secret away.
    pub fn from_base64url(text: &str) -> Result<Self, KeyFault> {
        let bytes = Zeroizing::new(base64url_bytes(text.as_bytes()).ok_or(KeyFault::Encoding)?);
        let (seed, public) = bytes.split_first_chunk::<32>().ok_or(KeyFault::Length)?;
        if !matches!(public.len(), 0 | 32) {
            return Err(KeyFault::Length);
        }
        let key = Self::from_seed(seed)?;
        if !public.is_empty() && public != key.public.as_bytes() {
            return Err(KeyFault::Mismatch);
        }
        Ok(key)
    }

    /// Reads a PKCS#8 PEM block, as OpenSSL writes it.
    pub fn from_pem(text: &str) -> Result<Self, KeyFault> {
        Self::from_pair(KeyPair::from_pem(text).map_err(|_| KeyFault::Pem)?)
    }

    /// Reads either form, as it stands in a file or a variable; outer white space is ignored.
    pub fn from_text(text: &str) -> Result<Self, KeyFault> {
        if text.contains("-----BEGIN") { Self::from_pem(text) } else { Self::from_base64url(text.trim()) }
    }

    /// The 64-byte form, seed and public key.
    pub fn to_base64url(&self) -> Zeroizing<String> {
        Zeroizing::new(trustplane_core::base64url(self.pair.sk.as_slice()))
    }

    /// The public half.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// The deterministic signature of RFC 8032 over `message`.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        *self.pair.sk.sign(message, None)
    }

    fn from_pair(pair: KeyPair) -> Result<Self, KeyFault> {
        // Every seed yields a canonical key of large order; a zero one is refused before.
        let public = PublicKey::from_bytes(&pair.pk).map_err(|_| KeyFault::Mismatch)?;
        Ok(Self { pair: Box::new(pair), public })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey([secret key elided])")
    }
}

impl fmt::Display for KeyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Encoding => "neither unpadded base64url nor a PEM block",
            Self::Length => "base64url of neither 32 bytes (seed) nor 64 bytes (seed and public key)",
            Self::Mismatch => "the public half does not belong to the seed",
            Self::Pem => "the PEM block is no PKCS#8 Ed25519 private key",
            Self::ZeroSeed => "the seed is all zeros",
        })
    }
}

impl std::error::Error for KeyFault {}

#[cfg(test)]
mod tests {
    use super::*;

    // The official Python SDK's export of the seed 00 01 … 1f.
    const SEED: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    const PAIR: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8DoQe_884Qvh1w3RjnS8CZZ-TWMJulDV8d3IZkElUxuA";
    const PUBLIC: &str = "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg";
    const FINGERPRINT: &str = "sha256:56475aa75463474c0285df5dbf2bcab73da651358839e9b77481b2eab107708c";
    const PEM: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n\
        -----END PRIVATE KEY-----\n";

    #[test]
    fn every_form_of_one_key_is_the_same_key() {
        for text in [SEED, PAIR, PEM, &format!("  {PAIR}\n")] {
            let key = SigningKey::from_text(text).unwrap();
            assert_eq!(key.public_key().to_base64url(), PUBLIC);
            assert_eq!(key.public_key().fingerprint(), FINGERPRINT);
            assert_eq!(*key.to_base64url(), PAIR);
        }
    }

    #[test]
    fn unusable_keys_are_refused_with_their_reason() {
        let swapped = trustplane_core::base64url(&[[1u8; 32], [2u8; 32]].concat());
        for (text, fault) in [
            (trustplane_core::base64url(&[0; 32]), KeyFault::ZeroSeed),
            (trustplane_core::base64url(&[0; 64]), KeyFault::ZeroSeed),
            (trustplane_core::base64url(&[1; 31]), KeyFault::Length),
            (trustplane_core::base64url(&[1; 65]), KeyFault::Length),
            (String::new(), KeyFault::Length),
            (format!("{SEED}="), KeyFault::Encoding),
            (swapped, KeyFault::Mismatch),
            ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----".into(), KeyFault::Pem),
        ] {
            assert_eq!(SigningKey::from_text(&text).unwrap_err(), fault, "{text}");
        }
    }

    #[test]
    fn signatures_are_those_of_rfc_8032() {
        // Section 7.1, test 2.
        let seed = "TM0Imyj_ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U-4pvs";
        let signature = "kqAJqfDUyrhyDoILX2QlQKKye1QWUD-Ps3YiI-vbadoIWsHkPhWZbkWPNhPQ8R2MOHsurrQwKu6wDSkWErsMAA";
        let key = SigningKey::from_base64url(seed).unwrap();
        assert_eq!(trustplane_core::base64url(&key.sign(&[0x72])), signature);
        assert!(key.public_key().verify(&[0x72], &key.sign(&[0x72])));
    }

    #[test]
    fn the_secret_is_not_printed() {
        let key = SigningKey::from_base64url(PAIR).unwrap();
        assert_eq!(format!("{key:?}"), "SigningKey([secret key elided])");
    }

    #[test]
    fn generated_keys_differ_and_read_back() {
        let (a, b) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        assert_ne!(a.public_key(), b.public_key());
        let again = SigningKey::from_text(&a.to_base64url()).unwrap();
        assert_eq!(again.public_key(), a.public_key());
    }
}
