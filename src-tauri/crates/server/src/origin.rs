use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::ConnectInfo,
    http::{HeaderMap, request::Parts},
};
use entente_store::Origin;
use ipnet::IpNet;

/// The most characters of what a client tells of itself that are kept.
const MOST: usize = 100;

/// The proxies that are trusted to tell for whom they ask, and the header in which they do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxies {
    /// Where they ask from.
    pub trusted: Vec<IpNet>,
    /// Which header they write. A proxy passes on the other one as its client sent it.
    pub header: ForwardedHeader,
}

/// A header in which a proxy tells for whom it asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`: addresses, each proxy's client at the end.
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

impl Default for Proxies {
    fn default() -> Self {
        Self { trusted: Vec::new(), header: ForwardedHeader::XForwardedFor }
    }
}

/// What a client tells of itself: its address, and the headers `X-Entente-OS` and
/// `X-Entente-Device`.
pub(crate) fn of(parts: &Parts, proxies: &Proxies) -> Origin {
    let header = |name: &str| {
        let text = parts.headers.get(name)?.to_str().ok()?.trim();
        let text: String = text.chars().filter(|c| !c.is_control()).take(MOST).collect();
        (!text.is_empty()).then_some(text)
    };
    Origin {
        location: address(parts, proxies).map(|address| address.to_string()),
        os: header("x-entente-os"),
        device: header("x-entente-device"),
    }
}

/// Where a request comes from: the last address that no trusted proxy stands for.
pub(crate) fn address(parts: &Parts, proxies: &Proxies) -> Option<IpAddr> {
    let ConnectInfo(peer) = parts.extensions.get::<ConnectInfo<SocketAddr>>()?;
    Some(behind(proxies, peer.ip().to_canonical(), &parts.headers))
}

fn behind(proxies: &Proxies, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let name = match proxies.header {
        ForwardedHeader::XForwardedFor => "x-forwarded-for",
        ForwardedHeader::Forwarded => "forwarded",
    };
    let lines = headers.get_all(name).iter().map(|line| line.to_str().unwrap_or_default());
    let lines: Vec<&str> = lines.collect();
    let hops = lines.iter().rev().flat_map(|line| line.rsplit(','));
    let mut address = peer;
    for hop in hops {
        if !proxies.trusted.iter().any(|network| network.contains(&address)) {
            break;
        }
        let told = match proxies.header {
            ForwardedHeader::XForwardedFor => node(hop),
            ForwardedHeader::Forwarded => hop.split(';').find_map(|pair| {
                let (name, value) = pair.split_once('=')?;
                name.trim().eq_ignore_ascii_case("for").then(|| node(value))?
            }),
        };
        // A proxy that hides its client, or writes nonsense, is as far as it is known.
        let Some(told) = told else { break };
        address = told;
    }
    address
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `"[2001:db8::1]:4711"`.
fn node(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    let address = text
        .parse()
        .or_else(|_| text.parse().map(|address: SocketAddr| address.ip()))
        .or_else(|_| text.trim_start_matches('[').trim_end_matches(']').parse());
    address.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn told(header: ForwardedHeader, peer: &str, lines: &[(&str, &str)]) -> String {
        let trusted = ["10.0.0.0/8", "::1/128"].map(|net| net.parse().expect("a network"));
        let proxies = Proxies { trusted: trusted.to_vec(), header };
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let name: HeaderName = name.parse().expect("a name");
            headers.append(name, HeaderValue::from_str(value).expect("a value"));
        }
        behind(&proxies, peer.parse().expect("an address"), &headers).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_tells_for_whom_it_asks() {
        use ForwardedHeader::{Forwarded, XForwardedFor};
        let x = "x-forwarded-for";
        for (header, peer, lines, address) in [
            (XForwardedFor, "192.0.2.9", &[(x, "198.51.100.1")][..], "192.0.2.9"),
            (XForwardedFor, "10.0.0.1", &[(x, "198.51.100.1")], "198.51.100.1"),
            (XForwardedFor, "10.0.0.1", &[], "10.0.0.1"),
            // What the client made up is left of what the proxy saw.
            (XForwardedFor, "10.0.0.1", &[(x, "203.0.113.5, 198.51.100.1")], "198.51.100.1"),
            (XForwardedFor, "10.0.0.1", &[(x, "203.0.113.5"), (x, "198.51.100.1")], "198.51.100.1"),
            (XForwardedFor, "10.0.0.1", &[(x, "198.51.100.1, 10.2.0.1")], "198.51.100.1"),
            (XForwardedFor, "10.0.0.1", &[(x, "198.51.100.1:4711")], "198.51.100.1"),
            (XForwardedFor, "10.0.0.1", &[(x, "[2001:db8::1]:4711")], "2001:db8::1"),
            (XForwardedFor, "10.0.0.1", &[(x, "2001:db8::1")], "2001:db8::1"),
            (XForwardedFor, "10.0.0.1", &[(x, "::ffff:198.51.100.1")], "198.51.100.1"),
            (XForwardedFor, "10.0.0.1", &[(x, "198.51.100.1, nonsense")], "10.0.0.1"),
            (XForwardedFor, "10.0.0.1", &[("forwarded", "for=198.51.100.1")], "10.0.0.1"),
            (
                Forwarded,
                "10.0.0.1",
                &[("forwarded", "for=198.51.100.1;proto=https")],
                "198.51.100.1",
            ),
            (
                Forwarded,
                "::1",
                &[("forwarded", "proto=https; For=\"[2001:db8::1]:47\"")],
                "2001:db8::1",
            ),
            (Forwarded, "10.0.0.1", &[("forwarded", "for=\"x, for=198.51.100.1")], "198.51.100.1"),
            (Forwarded, "10.0.0.1", &[("forwarded", "for=_hidden")], "10.0.0.1"),
            (Forwarded, "10.0.0.1", &[(x, "198.51.100.1")], "10.0.0.1"),
        ] {
            assert_eq!(told(header, peer, lines), address, "{header:?} {peer} {lines:?}");
        }
    }
}
