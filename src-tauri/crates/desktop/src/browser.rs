use thiserror::Error;

/// Why an address was not opened.
#[derive(Debug, Error)]
pub enum BrowserError {
    /// Only web addresses are opened.
    #[error("only https addresses are opened")]
    NotWeb,
    /// The system has no browser, or it did not start.
    #[error("the browser could not be started: {0}")]
    Failed(#[from] std::io::Error),
}

/// Opens a web address in the system's browser. Does not wait for it.
pub async fn open_in_browser(url: String) -> Result<(), BrowserError> {
    if !is_web(&url) || url.chars().any(char::is_control) {
        return Err(BrowserError::NotWeb);
    }
    let opened = tokio::task::spawn_blocking(move || open::that_detached(url)).await;
    match opened {
        Ok(done) => Ok(done?),
        Err(error) => Err(std::io::Error::other(error.to_string()).into()),
    }
}

/// Encrypted, or on this computer.
fn is_web(url: &str) -> bool {
    if url.starts_with("https://") {
        return true;
    }
    let Some(rest) = url.strip_prefix("http://") else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let name = host.split_once(':').map_or(host, |(name, _)| name);
    !host.contains(['@', '\\']) && matches!(name, "127.0.0.1" | "localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_web_addresses_are_opened() {
        for url in [
            "file:///etc/passwd",
            "javascript:alert(1)",
            "http://example.com",
            "http://127.0.0.1.example.com",
            "http://localhost@example.com",
            "http://localhost:1@example.com",
            "http://localhostile",
            "https://a\nb",
            "",
        ] {
            let opened = open_in_browser(url.into()).await;
            assert!(matches!(opened, Err(BrowserError::NotWeb)), "{url:?}");
        }
    }

    #[test]
    fn addresses_of_this_computer_need_no_encryption() {
        for url in
            ["http://127.0.0.1:8080/x", "http://localhost", "http://localhost?x", "https://a"]
        {
            assert!(is_web(url), "{url}");
        }
    }
}
