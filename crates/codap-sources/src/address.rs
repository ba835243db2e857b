//! The guard against private addresses: what is connected to is what was checked.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// The address that was refused.
#[derive(Debug)]
pub(crate) struct Private(IpAddr);

impl fmt::Display for Private {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "leads to {}, which is not a public address; such are refused here", self.0)
    }
}

impl std::error::Error for Private {}

/// Refuses a URL that names its address by number; the resolver never sees those.
pub(crate) fn check(url: &Url) -> Result<(), Private> {
    let address = match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address),
        Some(Host::Ipv6(address)) => IpAddr::V6(address),
        Some(Host::Domain(_)) | None => return Ok(()),
    };
    if is_public(address) { Ok(()) } else { Err(Private(address)) }
}

/// Resolves names to their public addresses. The client connects to what this yields, and does not
/// resolve again: a name that changes its mind meanwhile changes nothing.
#[derive(Debug)]
pub(crate) struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(Box::new(public(found)?.into_iter()) as Addrs)
        })
    }
}

/// The public ones among the addresses of a name. One private among them refuses them all: whoever
/// mixes them means no good.
fn public(found: impl Iterator<Item = SocketAddr>) -> Result<Vec<SocketAddr>, Private> {
    found.map(|at| if is_public(at.ip()) { Ok(at) } else { Err(Private(at.ip())) }).collect()
}

/// Whether the address is one of the public Internet, by the registries of special-purpose
/// addresses (RFC 6890 and its successors).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    !(v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_broadcast()
        || v4.is_documentation()
        || v4.is_multicast()
        || a == 0
        || a >= 240
        // Carrier-grade NAT, protocol assignments, benchmarking.
        || (a == 100 && (64..128).contains(&b))
        || (a, b, c) == (192, 0, 0)
        || (a == 198 && (b == 18 || b == 19)))
}

fn is_public_v6(v6: Ipv6Addr) -> bool {
    let [a, b, c, ..] = v6.segments();
    let last = |v6: Ipv6Addr| {
        let [.., x, y] = v6.segments();
        Ipv4Addr::from((u32::from(x) << 16) | u32::from(y))
    };
    // Addresses that carry one of version 4: mapped, compatible, translated (NAT64), 6to4.
    let is_zero = |segments: &[u16]| segments.iter().all(|&it| it == 0);
    let segments = v6.segments();
    if is_zero(&segments[..5]) && (segments[5] == 0xffff || segments[5] == 0) {
        return segments[5] == 0xffff && is_public_v4(last(v6));
    }
    if (a, b) == (0x64, 0xff9b) {
        return is_zero(&segments[2..6]) && is_public_v4(last(v6));
    }
    if a == 0x2002 {
        return is_public_v4(Ipv4Addr::from((u32::from(b) << 16) | u32::from(c)));
    }
    // Global unicast is 2000::/3; of it documentation, Teredo and the like are taken out.
    (0x2000..0x4000).contains(&a)
        && !(a == 0x2001 && (b == 0xdb8 || b < 0x200))
        && !(a == 0x3fff && b < 0x1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_refused_in_every_spelling() {
        for url in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://017700000001/",
            "http://0/",
            "http://10.1.2.3/",
            "http://100.64.0.1/",
            "http://169.254.169.254/latest/meta-data/",
            "http://172.31.255.255/",
            "http://192.168.0.1/",
            "http://198.18.0.1/",
            "http://224.0.0.1/",
            "http://255.255.255.255/",
            "http://[::]/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:a9fe:a9fe]/",
            "http://[::127.0.0.1]/",
            "http://[64:ff9b::7f00:1]/",
            "http://[2002:7f00:1::]/",
            "http://[2001:db8::1]/",
            "http://[fe80::1]/",
            "http://[fd00:ec2::254]/",
            "http://[ff02::1]/",
        ] {
            assert!(check(&url.parse().unwrap()).is_err(), "{url}");
        }
    }

    #[test]
    fn public_addresses_and_names_pass() {
        for url in [
            "http://93.184.216.34/",
            "http://172.32.0.1/",
            "http://[2606:2800:220:1::1]/",
            "http://[::ffff:93.184.216.34]/",
            "http://example.org/",
        ] {
            assert!(check(&url.parse().unwrap()).is_ok(), "{url}");
        }
    }

    #[test]
    fn a_name_with_one_private_address_among_public_ones_is_refused() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let mixed = [at("93.184.216.34:0"), at("127.0.0.1:0")];
        assert!(public(mixed.into_iter()).is_err());
        assert_eq!(public(mixed[..1].iter().copied()).unwrap(), &mixed[..1]);
    }
}
