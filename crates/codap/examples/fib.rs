//! smoke
use std::time::Instant;
fn main() {
    let rt = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    for n in [10u64, 1000, 100_000] {
        let rounds = (300_000 / n).clamp(5, 3000);
        for spawned in [true, false] {
            let mut best = [f64::MAX; 3];
            let mut sum = [0.0; 3];
            for _ in 0..rounds {
                let f = async move {
                    let t = Instant::now();
                    let kv = codap::Kv::<u64, u64>::new();
                    for i in 0..n {
                        kv.put(i, async move { i });
                    }
                    let mut s = 0;
                    for i in 0..n {
                        s += kv.get(&i).await.unwrap();
                    }
                    assert_eq!(s, n * (n - 1) / 2);
                    drop(kv);
                    let a = t.elapsed();
                    let t = Instant::now();
                    let mut m = std::collections::HashMap::new();
                    for i in 0..n {
                        m.insert(i, tokio::spawn(async move { i }));
                    }
                    let mut s = 0;
                    for i in 0..n {
                        s += m.remove(&i).unwrap().await.unwrap();
                    }
                    assert_eq!(s, n * (n - 1) / 2);
                    drop(m);
                    let b = t.elapsed();
                    let t = Instant::now();
                    let kv = codap::Kv::<u64, u64>::builder().limit(64).build();
                    for i in 0..n {
                        kv.put(i, async move { i });
                    }
                    let mut s = 0;
                    for i in 0..n {
                        s += kv.get(&i).await.unwrap();
                    }
                    assert_eq!(s, n * (n - 1) / 2);
                    drop(kv);
                    let c = t.elapsed();
                    [a, b, c]
                };
                let r = if spawned {
                    rt.block_on(async { tokio::spawn(f).await.unwrap() })
                } else {
                    rt.block_on(f)
                };
                for i in 0..3 {
                    let x = r[i].as_nanos() as f64 / n as f64;
                    best[i] = best[i].min(x);
                    sum[i] += x;
                }
            }
            println!(
                "n={n} spawned={spawned} codap {:.0} map {:.0} ratio {:.2} limit64 {:.0} (mean {:.2})",
                best[0],
                best[1],
                best[0] / best[1],
                best[2],
                sum[0] / sum[1]
            );
        }
    }
}
