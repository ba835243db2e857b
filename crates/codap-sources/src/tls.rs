//! TLS as every client of this crate has it: certificates checked as the platform does.

use std::sync::{Arc, OnceLock};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{CertificateError, ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

use crate::settings::Environment;

/// A configuration that trusts the authorities in the file `SSL_CERT_FILE`, or else those of the
/// platform. The one of the process is made once: reading the certificates takes milliseconds.
pub(crate) fn config(environment: &Environment) -> Result<Arc<ClientConfig>, String> {
    static OF_THE_PROCESS: OnceLock<Result<Arc<ClientConfig>, String>> = OnceLock::new();
    let file = environment.get(FILE);
    if file == std::env::var(FILE).ok().filter(|it| !it.is_empty()) {
        return OF_THE_PROCESS.get_or_init(|| make(file)).clone();
    }
    make(file)
}

const FILE: &str = "SSL_CERT_FILE";

/// Where there are no authorities at all, every certificate is signed by somebody unknown.
fn make(file: Option<String>) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = || {
        ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())
    };
    let builder = match file {
        Some(file) => builder()?.with_root_certificates(roots(&file)?),
        None => match builder()?.with_platform_verifier() {
            Ok(verified) => verified,
            Err(_) => builder()?.with_root_certificates(RootCertStore::empty()),
        },
    };
    Ok(Arc::new(builder.with_no_client_auth()))
}

fn roots(file: &str) -> Result<RootCertStore, String> {
    let wrong = |error| format!("{FILE} ({file}) cannot be read: {error}");
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(wrong)? {
        // One that makes no sense stands among good ones in many a bundle.
        let _ = roots.add(certificate.map_err(wrong)?);
    }
    Ok(roots)
}

/// Why there is no TLS with `host`, and what to do.
pub(crate) fn explain(error: &rustls::Error, host: &str) -> String {
    let certificate = format!("the certificate of {host}");
    match error {
        rustls::Error::InvalidCertificate(why) => match why {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                format!(
                    "{certificate} has expired; whoever runs it must renew it (or check the clock here)"
                )
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                format!("{certificate} is not valid yet; check the clock here")
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                format!("{certificate} is for another name; check the host in the URI")
            }
            CertificateError::UnknownIssuer => format!(
                "{certificate} is signed by nobody known here; if you trust its CA, name the CA's file in SSL_CERT_FILE"
            ),
            CertificateError::Revoked => format!("{certificate} was revoked"),
            why => format!("{certificate} is not acceptable: {why}"),
        },
        rustls::Error::InvalidMessage(_) => {
            format!("{host} does not speak TLS; is it http:// there?")
        }
        rustls::Error::AlertReceived(alert) => format!("{host} refused TLS: {alert:?}"),
        other => format!("no TLS with {host}: {other}"),
    }
}
