//! Certificates, good and bad, as a client sees them.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use codap_fault::{On, Reply, Script, Server};
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair, date_time_ymd};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, crypto::ring, pki_types::ServerName,
};

use crate::peer::{PATIENCE, serve};

type Issuer = CertifiedIssuer<'static, KeyPair>;
type Secured = StreamOwned<ClientConnection, TcpStream>;

fn issuer(name: &str) -> Issuer {
    let mut params = CertificateParams::new([]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A server whose certificate is for `name` and ends with `year`.
fn server(issuer: &Issuer, name: &str, year: i32, reply: Reply) -> Server {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.not_before = date_time_ymd(2001, 1, 1);
    params.not_after = date_time_ymd(year, 12, 31);
    let certificate = params.signed_by(&key, issuer).unwrap();
    serve(Script::new().tls(certificate.pem(), key.serialize_pem()).rule(On::any(), reply))
}

fn connect(server: &Server, trusted: &Issuer) -> Secured {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream)
}

fn all(stream: &mut Secured) -> (String, std::io::Result<usize>) {
    let mut text = String::new();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let read = stream.read_to_string(&mut text);
    (text, read)
}

#[test]
fn a_good_certificate_serves() {
    let issuer = issuer("trusted");
    let server = server(&issuer, "localhost", 2999, Reply::ok("hello").close());
    assert!(server.url("/").starts_with("https://127.0.0.1:"));
    let (text, read) = all(&mut connect(&server, &issuer));
    assert!(text.ends_with("\r\n\r\nhello"), "{text}");
    assert!(read.is_ok(), "{read:?}");
    assert_eq!(server.counters().bytes_sent, text.len() as u64);
}

#[test]
fn a_cut_comes_without_a_word_before() {
    let issuer = issuer("trusted");
    let server = server(&issuer, "localhost", 2999, Reply::ok("hello").cut(2));
    let (_, read) = all(&mut connect(&server, &issuer));
    assert_eq!(read.unwrap_err().kind(), ErrorKind::UnexpectedEof);
    assert_eq!(server.counters().cut, 1);
}

#[test]
fn bad_certificates_are_refused_by_the_client() {
    let (trusted, unknown) = (issuer("trusted"), issuer("unknown"));
    for (issuer, name, year, error) in [
        (&trusted, "localhost", 2002, "Expired"),
        (&trusted, "elsewhere.test", 2999, "NotValidForName"),
        (&unknown, "localhost", 2999, "UnknownIssuer"),
    ] {
        let server = server(issuer, name, year, Reply::ok("hello"));
        let told = connect(&server, &trusted).write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap_err();
        assert!(format!("{told:?}").contains(error), "{told:?}");
        let counters = server.wait_for_blocking(|c| c.bad_handshakes == 1 && c.open == 0).unwrap();
        assert_eq!(counters.requests, 0);
    }
}

#[test]
fn what_is_no_certificate_is_told() {
    let error = Script::new().tls("x", "y").start_blocking().unwrap_err().to_string();
    assert!(error.starts_with("tls: "), "{error}");
}
