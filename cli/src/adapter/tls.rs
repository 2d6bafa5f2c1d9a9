use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A certificate and its private key in files, PEM.
pub struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    acceptor: RwLock<TlsAcceptor>,
}

/// Why a certificate or its key cannot be used.
#[derive(Debug)]
pub struct CertificateError {
    path: PathBuf,
    problem: String,
}

impl Certificate {
    /// Reads both.
    pub fn open(chain: &Path, key: &Path) -> Result<Self, CertificateError> {
        let acceptor = RwLock::new(read(chain, key)?);
        Ok(Self { chain: chain.to_owned(), key: key.to_owned(), acceptor })
    }

    /// Reads both again, for the connections from now on; what cannot be used leaves the old ones.
    pub fn reload(&self) -> Result<(), CertificateError> {
        let acceptor = read(&self.chain, &self.key)?;
        *self.acceptor.write().unwrap_or_else(PoisonError::into_inner) = acceptor;
        Ok(())
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn read(chain: &Path, key: &Path) -> Result<TlsAcceptor, CertificateError> {
    let fault = |path: &Path, problem: &dyn fmt::Display| CertificateError {
        path: path.to_owned(),
        problem: problem.to_string(),
    };
    let certificates = CertificateDer::pem_file_iter(chain).map_err(|err| fault(chain, &err))?;
    let certificates = certificates.collect::<Result<Vec<_>, _>>().map_err(|err| fault(chain, &err))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|err| fault(key, &err))?;
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|err| fault(chain, &err))?;
    let config = builder.with_no_client_auth().with_single_cert(certificates, private);
    let mut config = config.map_err(|err| fault(chain, &err))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("chain", &self.chain).finish_non_exhaustive()
    }
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.problem)
    }
}

impl std::error::Error for CertificateError {}
