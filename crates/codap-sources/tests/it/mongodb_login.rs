//! The login of MongoDB, against a server that checks the proof by the rules of RFC 5802 and RFC 7677.

use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bson::spec::BinarySubtype;
use bson::{Binary, Document, doc};
use codap_sources::Sources;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;

use crate::bad_mongodb::{batch, command, document, hello, reply};
use crate::conformance::{failing, fetch};
use crate::peer::{End, Peer, send};
use crate::servers::run;

/// What a URI has to encode is in it.
const PASSWORD: &str = "CANARY7x/@:%";
const ENCODED: &str = "CANARY7x%2F%40%3A%25";

const SALT: &[u8] = b"the salt of ada";
const ROUNDS: u32 = 4096;

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

fn xor(left: &[u8], right: &[u8]) -> Vec<u8> {
    left.iter().zip(right).map(|(l, r)| l ^ r).collect()
}

/// `Hi` of RFC 5802.
fn salted(password: &str) -> Vec<u8> {
    let mut round = mac(password.as_bytes(), &[SALT, &[0, 0, 0, 1]].concat());
    let mut all = round.clone();
    for _ in 1..ROUNDS {
        round = mac(password.as_bytes(), &round);
        all = xor(&all, &round);
    }
    all
}

/// One login: what was said so far, and whether it went well.
#[derive(Default)]
struct Login {
    client_first: String,
    server_first: String,
    is_in: bool,
}

impl Login {
    fn start(&mut self, said: &str) -> String {
        // No binding to a channel, and no other identity.
        self.client_first = said.strip_prefix("n,,").expect("a first message").to_owned();
        assert!(self.client_first.starts_with("n=ada,r="), "{said}");
        let nonce = self.client_first.split_once("r=").expect("a nonce").1;
        self.server_first = format!("r={nonce}server,s={},i={ROUNDS}", STANDARD.encode(SALT));
        self.server_first.clone()
    }

    /// The proof that this server knows the password too, if the other one's proof is right.
    fn finish(&mut self, said: &str) -> Option<String> {
        let (without, proof) = said.split_once(",p=").expect("a proof");
        let all = [&self.client_first, &self.server_first, without].join(",");
        let salted = salted(PASSWORD);
        let stored = Sha256::digest(mac(&salted, b"Client Key"));
        let proof = STANDARD.decode(proof).expect("base64");
        let key = xor(&proof, &mac(&stored, all.as_bytes()));
        self.is_in = Sha256::digest(key) == stored;
        let proof = mac(&mac(&salted, b"Server Key"), all.as_bytes());
        self.is_in.then(|| format!("v={}", STANDARD.encode(proof)))
    }
}

/// A server that lets in who knows the password, and notes in which databases they are looked for.
async fn serve(is_honest: bool) -> (Peer, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let told = asked.clone();
    let peer = Peer::serve(move |stream, _| talk(stream, is_honest, told.clone())).await;
    (peer, asked)
}

async fn talk(mut stream: TcpStream, is_honest: bool, asked: Arc<Mutex<Vec<String>>>) {
    let mut login = Login::default();
    let refused =
        |code: i32, name: &str| doc! {"ok": 0.0, "errmsg": "no", "code": code, "codeName": name};
    let said = |text: String, done: bool| {
        let payload = Binary { subtype: BinarySubtype::Generic, bytes: text.into_bytes() };
        doc! {"conversationId": 1, "done": done, "payload": payload, "ok": 1.0}
    };
    while let Some((request, bytes)) = command(&mut stream).await {
        let command = Document::from_reader(&bytes[..]).expect("BSON");
        let payload = || {
            let payload = command.get_binary_generic("payload").expect("a payload");
            String::from_utf8(payload.clone()).expect("text")
        };
        let answer = match command.keys().next().map_or("", |it| &**it) {
            "hello" | "isMaster" | "ismaster" => {
                let mut hello = hello();
                hello.insert("saslSupportedMechs", vec!["SCRAM-SHA-256"]);
                hello
            }
            "saslStart" => {
                asked.lock().unwrap().push(command.get_str("$db").expect("a database").to_owned());
                said(login.start(&payload()), false)
            }
            "saslContinue" => match login.finish(&payload()) {
                Some(_) if !is_honest => said(format!("v={}", STANDARD.encode([7; 32])), true),
                Some(proof) => said(proof, true),
                None => refused(18, "AuthenticationFailed"),
            },
            "find" if login.is_in => batch(vec![document()]),
            "find" => refused(13, "Unauthorized"),
            _ => doc! {"ok": 1.0},
        };
        if !send(&mut stream, &reply(request, &answer), End::GoOn).await {
            return;
        }
    }
}

#[test]
fn who_knows_the_password_is_let_in() {
    run(async {
        let (peer, asked) = serve(true).await;
        let port = peer.port;
        for (query, database) in [("", "db"), ("?authSource=admin", "admin")] {
            let uri = format!("mongodb://ada:{ENCODED}@127.0.0.1:{port}/db/people/7{query}");
            let fetched = fetch(&Sources::new(), &uri).await.expect("the password is right");
            assert_eq!(fetched.json().unwrap()["name"], "Ada");
            assert_eq!(asked.lock().unwrap().drain(..).next().as_deref(), Some(database));
        }
    });
}

#[test]
fn who_does_not_is_told_what_to_do() {
    run(async {
        let (peer, _) = serve(true).await;
        for user in ["ada:CANARY7xwrong@", ""] {
            let uri = format!("mongodb://{user}127.0.0.1:{}/db/people/7", peer.port);
            let told = failing(&Sources::new(), &uri).await;
            assert!(told.is_unauthorized(), "{told:?}");
            let what = if user.is_empty() { "needs the right" } else { "write user and password" };
            assert!(told.to_string().contains(what), "{told}");
        }
    });
}

/// It could be anybody: what it says is not believed.
#[test]
fn a_server_that_does_not_know_the_password_is_not_believed() {
    run(async {
        let (peer, _) = serve(false).await;
        let uri = format!("mongodb://ada:{ENCODED}@127.0.0.1:{}/db/people/7", peer.port);
        let told = failing(&Sources::new(), &uri).await;
        assert!(told.is_unauthorized(), "{told:?}");
    });
}
