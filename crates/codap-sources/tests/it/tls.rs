//! Certificates that are not to be trusted, each told in its own words.

use codap_fault::{Greeting, Nth, On, Reply, Script, Server};
use codap_sources::{Builder, Sources};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair,
    date_time_ymd,
};

use crate::conformance::{failing, fetch};

/// An authority that the sources trust, in a file.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: std::path::PathBuf,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let file = format!("codap-{name}-{}.pem", std::process::id());
        let file = std::env::temp_dir().join(file);
        std::fs::write(&file, issuer.pem()).unwrap();
        Self { issuer, file }
    }

    /// A certificate for `host`, changed by `change`, and its key.
    pub(crate) fn certify(
        &self,
        host: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> (Certificate, KeyPair) {
        let mut params = CertificateParams::new([host.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// A server with such a certificate.
    fn serve(&self, host: &str, change: impl FnOnce(&mut CertificateParams)) -> Server {
        let (certificate, key) = self.certify(host, change);
        let script = Script::new().tls(certificate.pem(), key.serialize_pem());
        script.rule(On::any(), Reply::ok("secret")).start_blocking().unwrap()
    }

    pub(crate) fn trusted(&self) -> Builder {
        Sources::builder().env("SSL_CERT_FILE", self.file.to_str().unwrap())
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}

#[tokio::test]
async fn a_good_certificate_is_trusted_and_bad_ones_are_told_apart() {
    let ours = Authority::new("ours");
    let sources = ours.trusted().build().unwrap();
    let good = ours.serve("127.0.0.1", |_| {});
    assert_eq!(fetch(&sources, &good.url("/")).await.unwrap().text().unwrap(), "secret");

    let strangers = Authority::new("strangers");
    let past = |it: &mut CertificateParams| it.not_after = date_time_ymd(2001, 1, 1);
    let future = |it: &mut CertificateParams| it.not_before = date_time_ymd(2999, 1, 1);
    for (what, server) in [
        ("has expired", ours.serve("127.0.0.1", past)),
        ("is not valid yet", ours.serve("127.0.0.1", future)),
        ("is for another name", ours.serve("example.org", |_| {})),
        ("is signed by nobody known", strangers.serve("127.0.0.1", |_| {})),
    ] {
        let error = failing(&sources, &server.url("/")).await;
        assert!(error.is_connect() && !error.is_transient(), "{error:?}");
        assert!(error.to_string().contains(what), "{error}, not {what}");
        assert_eq!(server.counters().requests, 0, "{what}");
    }
    // Nobody is trusted because another one is.
    let error = failing(&Sources::new(), &good.url("/")).await;
    assert!(error.to_string().contains("signed by nobody known"), "{error}");
}

#[tokio::test]
async fn what_does_not_speak_tls_is_told() {
    let plain = Greeting::Say("HTTP/1.1 400 Bad Request\r\n\r\n".into());
    let plain = Script::new().greet(Nth::from(1..), plain).start_blocking().unwrap();
    let error = failing(&Sources::new(), &plain.url("/").replace("http:", "https:")).await;
    assert!(error.is_connect() && error.to_string().contains("does not speak TLS"), "{error}");

    let gone = Script::new().greet(Nth::from(1..), Greeting::HangUp).start_blocking().unwrap();
    let error = failing(&Sources::new(), &gone.url("/").replace("http:", "https:")).await;
    assert!(error.is_connect() || error.is_incomplete(), "{error:?}");
}

#[tokio::test]
async fn a_file_of_authorities_that_is_not_there_is_named() {
    let sources = Sources::builder().env("SSL_CERT_FILE", "/nowhere.pem").build().unwrap();
    let error = failing(&sources, "https://127.0.0.1:1/").await;
    assert!(error.to_string().contains("SSL_CERT_FILE (/nowhere.pem)"), "{error}");
}
