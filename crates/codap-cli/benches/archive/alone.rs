//! The two halves of the work by themselves.

use std::path::Path;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use codap_sources::{Sources, Uri};
use libdeflater::{CompressionLvl, Compressor};

use crate::{AT_ONCE, Outcome};

/// Fetches everything on the list as the tool does, and drops it.
pub(crate) fn fetch(list: &Path) -> Outcome<()> {
    let uris: Vec<String> = std::fs::read_to_string(list)?.lines().map(str::to_owned).collect();
    let sources = Sources::new();
    let work =
        uris.into_iter().map(move |uri| {
            let sources = sources.clone();
            async move {
                Ok::<_, codap_sources::Error>(sources.fetch(&uri.parse::<Uri>()?).await?.len())
            }
        });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut replies = pin!(codap::drain(work).limit(AT_ONCE));
        while let Some((_, reply)) =
            std::future::poll_fn(|cx| futures_core::Stream::poll_next(replies.as_mut(), cx)).await
        {
            reply?;
        }
        Ok(())
    })
}

/// Compresses every file of a folder in memory, by the archive's codec and on as many threads, and
/// prints how many seconds that took, without the reading.
pub(crate) fn compress(folder: &Path) -> Outcome<()> {
    let mut bodies = Vec::new();
    for part in std::fs::read_dir(folder)? {
        for file in std::fs::read_dir(part?.path())? {
            bodies.push(std::fs::read(file?.path())?);
        }
    }
    let (next, began) = (AtomicUsize::new(0), Instant::now());
    let work = || {
        let mut compressor = Compressor::new(CompressionLvl::default());
        let mut compressed = Vec::new();
        while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
            compressed.resize(compressor.deflate_compress_bound(body.len()), 0);
            let length = compressor.deflate_compress(body, &mut compressed);
            std::hint::black_box(length.expect("there is room"));
        }
    };
    let threads = std::thread::available_parallelism()?.get();
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    println!("{}", began.elapsed().as_secs_f64());
    Ok(())
}
