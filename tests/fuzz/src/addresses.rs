use entente_api_client::ServerAddress;

/// A server's address as it is typed or found in a file: refused, or an origin that reads the same
/// and that no key is sent to in the clear over a network.
pub fn addresses(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let Ok(address) = text.parse::<ServerAddress>() else { return };
    let printed = address.to_string();
    assert_eq!(printed.parse(), Ok(address), "{printed}");
    assert!(!printed.contains('@'), "it keeps a user: {printed}");
    if let Some(host) = printed.strip_prefix("http://") {
        let host = host.rsplit_once(':').map_or(host, |(host, port)| {
            if port.bytes().all(|byte| byte.is_ascii_digit()) { host } else { printed.as_str() }
        });
        let host = host.strip_prefix("http://").unwrap_or(host);
        let is_near = host == "localhost"
            || host.ends_with(".localhost")
            || host.starts_with("127.")
            || host == "[::1]";
        assert!(is_near, "in the clear: {printed}");
    }
}
