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
    let is_web = url.starts_with("https://")
        || url.starts_with("http://127.0.0.1")
        || url.starts_with("http://localhost");
    if !is_web || url.chars().any(char::is_control) {
        return Err(BrowserError::NotWeb);
    }
    let opened = tokio::task::spawn_blocking(move || open::that_detached(url)).await;
    match opened {
        Ok(done) => Ok(done?),
        Err(error) => Err(std::io::Error::other(error.to_string()).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_web_addresses_are_opened() {
        for url in
            ["file:///etc/passwd", "javascript:alert(1)", "http://example.com", "https://a\nb", ""]
        {
            let opened = open_in_browser(url.into()).await;
            assert!(matches!(opened, Err(BrowserError::NotWeb)), "{url:?}");
        }
    }
}
