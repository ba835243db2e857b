//! Coded bodies decode to what they were, and zeros to more of them than anybody wants.

use std::io::{Read, Write};

use codap_fault::{Body, Coding, Framing, Reply};
use flate2::read::GzDecoder;

use crate::peer::{Peer, always, get};

const ALL: [Coding; 3] = [Coding::Gzip, Coding::Zstd, Coding::Br];

fn decoded(coding: Coding, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut decoded = Vec::new();
    match coding {
        Coding::Gzip => GzDecoder::new(bytes).read_to_end(&mut decoded)?,
        Coding::Zstd => ruzstd::decoding::StreamingDecoder::new(bytes)
            .map_err(std::io::Error::other)?
            .read_to_end(&mut decoded)?,
        Coding::Br => {
            let mut writer = brotli_decompressor::DecompressorWriter::new(&mut decoded, 4096);
            writer.write_all(bytes)?;
            writer.close()?;
            0
        }
        other => panic!("no decoder for {other:?}"),
    };
    Ok(decoded)
}

#[test]
fn bodies_decode_to_what_they_were() {
    const MIB: u64 = 1 << 20;
    for coding in ALL {
        for size in [0, 1, 65_535, 65_536, 65_537, 131_072, 131_073, MIB, MIB + 1, 2 * MIB + 70_000]
        {
            for zeros in [true, false] {
                let body =
                    if zeros { Body::Zeros(size) } else { Body::Generated { size, seed: 3 } };
                let got = get(&always(Reply::ok(body).coding(coding)), "/");
                let name = match coding {
                    Coding::Gzip => "gzip",
                    Coding::Zstd => "zstd",
                    _ => "br",
                };
                assert_eq!(got.header("content-encoding"), Some(name));
                let expected =
                    if zeros { vec![0; size as usize] } else { codap_fault::generated(3, 0..size) };
                let decoded = decoded(coding, &got.body)
                    .unwrap_or_else(|e| panic!("{coding:?} {size} {zeros}: {e}"));
                assert!(decoded == expected, "{coding:?} {size} {zeros}: {} bytes", decoded.len());
            }
        }
    }
}

#[test]
fn a_length_known_beforehand_is_that_of_the_chunks() {
    for coding in ALL {
        let reply = Reply::ok(Body::Zeros(5_000_000)).coding(coding);
        let counted = get(&always(reply.clone()), "/").body;
        let chunked = get(&always(reply.framing(Framing::Chunked)), "/").body;
        assert!(counted == chunked, "{coding:?}");
    }
}

#[test]
fn a_gigabyte_of_zeros_is_small() {
    for (coding, limit) in [(Coding::Gzip, 1_100_000), (Coding::Zstd, 33_000), (Coding::Br, 14_000)]
    {
        let server = always(Reply::ok(Body::Zeros(1 << 30)).coding(coding));
        let got = get(&server, "/");
        assert!(got.body.len() < limit, "{coding:?}: {} bytes", got.body.len());
        assert_eq!(got.header("content-length"), Some(got.body.len().to_string().as_str()));
    }
}

#[test]
fn a_spoilt_checksum_is_one() {
    let reply = Reply::ok("hello").coding(Coding::Gzip);
    let sound = get(&always(reply.clone()), "/").body;
    assert_eq!(decoded(Coding::Gzip, &sound).unwrap(), b"hello");
    let spoilt = get(&always(reply.corrupt(-8)), "/").body;
    assert!(decoded(Coding::Gzip, &spoilt).is_err());
}

#[test]
fn a_coded_body_is_cut_by_its_coded_bytes() {
    let server = always(Reply::ok(Body::Zeros(1 << 30)).coding(Coding::Gzip).cut(100_000));
    let mut peer = Peer::new(&server);
    peer.ask("/");
    peer.head();
    assert_eq!(peer.rest().0.len(), 100_000);
}
