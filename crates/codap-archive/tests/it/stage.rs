//! What tests stand on: archives of given bodies, bounds on waits.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;
use std::time::Duration;

use codap_archive::{Archive, Error, Format, Summary, Written};
use sha2::{Digest, Sha256};

pub(crate) const FORMATS: [Format; 4] = [Format::Zip, Format::Tar, Format::TarGz, Format::TarZst];

/// What is in an archive: name to size and hash.
pub(crate) type Contents = BTreeMap<String, (u64, String)>;

/// Runs on two threads, and fails instead of hanging.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_time().build().unwrap();
    let bound = Duration::from_secs(600);
    runtime.block_on(async { tokio::time::timeout(bound, test).await.expect("it hangs") })
}

pub(crate) fn hash(bytes: &[u8]) -> String {
    hex(Sha256::digest(bytes).into())
}

pub(crate) fn hex(hash: [u8; 32]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A body that compresses, different for each seed.
pub(crate) fn text(seed: u64, size: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    let words: Vec<String> = (0..200).map(|_| random.u32(..).to_string()).collect();
    let mut out = Vec::with_capacity(size + 16);
    while out.len() < size {
        out.extend(random.choice(&words).unwrap().as_bytes());
        out.push(b' ');
    }
    out.truncate(size);
    out
}

/// A body that does not compress.
pub(crate) fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut out = vec![0; size];
    fastrand::Rng::with_seed(seed).fill(&mut out);
    out
}

/// Adds one body, in chunks as a network brings them.
pub(crate) async fn add(
    archive: &Archive,
    index: u64,
    name: &str,
    body: &[u8],
    length: Option<u64>,
) -> Result<Written, Error> {
    let entry = archive.entry(index, "test", name);
    let mut into = entry.begin(length).await?;
    for chunk in body.chunks(16_000) {
        into.write(chunk).await?;
    }
    into.finish().await
}

/// An archive of these bodies in a file; every other length is not known.
pub(crate) async fn archive_of(
    format: Format,
    path: &Path,
    bodies: &[(String, Vec<u8>)],
) -> (Summary, Contents) {
    let mut archive = Archive::builder(format).to_file(path).unwrap();
    let mut contents = Contents::new();
    for (index, (name, body)) in bodies.iter().enumerate() {
        let length = (index % 2 == 0).then_some(body.len() as u64);
        let written = add(&archive, index as u64, name, body, length).await.unwrap();
        assert_eq!(hex(written.sha256), hash(body));
        contents.insert(name.clone(), (body.len() as u64, hash(body)));
    }
    (archive.finish().await.unwrap(), contents)
}

/// Files of a folder by name, hidden ones too.
pub(crate) fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
