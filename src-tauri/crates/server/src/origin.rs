use std::net::SocketAddr;

use axum::{extract::ConnectInfo, http::request::Parts};
use entente_store::Origin;

/// The most characters of what a client tells of itself that are kept.
const MOST: usize = 100;

/// What a client tells of itself: its address, and the headers `X-Entente-OS` and
/// `X-Entente-Device`.
pub(crate) fn of(parts: &Parts) -> Origin {
    let header = |name: &str| {
        let text = parts.headers.get(name)?.to_str().ok()?.trim();
        let text: String = text.chars().filter(|c| !c.is_control()).take(MOST).collect();
        (!text.is_empty()).then_some(text)
    };
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    Origin {
        location: peer.map(|ConnectInfo(peer)| peer.ip().to_string()),
        os: header("x-entente-os"),
        device: header("x-entente-device"),
    }
}
