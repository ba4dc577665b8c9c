use std::net::IpAddr;

use thiserror::Error;
use url::{Host, Url};

use super::addresses::is_public;
use crate::WebhookConfig;

/// The most bytes of an address.
const LONGEST: usize = 2_000;

/// Why events are not sent to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum TargetError {
    #[error("it is no address such as https://hooks.example.com/entente")]
    NoAddress,
    #[error("it must start with https://")]
    NotHttps,
    #[error("it must not hold a user or a password")]
    Login,
    #[error("it is longer than {LONGEST} characters")]
    TooLong,
    #[error("it is not one that the whole internet reaches")]
    Private,
}

/// Checks where a webhook wants its events sent. A name is looked at again whenever it is resolved.
pub(crate) fn check(text: &str, config: &WebhookConfig) -> Result<Url, TargetError> {
    if text.len() > LONGEST {
        return Err(TargetError::TooLong);
    }
    let url = Url::parse(text.trim()).map_err(|_| TargetError::NoAddress)?;
    match url.scheme() {
        "https" => {}
        "http" if config.allow_http => {}
        _ => return Err(TargetError::NotHttps),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(TargetError::Login);
    }
    let is_public = match url.host() {
        Some(Host::Ipv4(address)) => is_public(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => is_public(IpAddr::V6(address)),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name.contains('.') && !name.ends_with(".localhost")
        }
        None => return Err(TargetError::NoAddress),
    };
    if is_public || config.allow_private { Ok(url) } else { Err(TargetError::Private) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_for_the_world_is_refused() {
        let strict = WebhookConfig::default();
        let open = WebhookConfig { allow_http: true, allow_private: true, ..strict };
        let long = format!("https://example.com/{}", "a".repeat(LONGEST));
        for (text, why, even_open) in [
            ("hooks.example.com", TargetError::NoAddress, true),
            ("", TargetError::NoAddress, true),
            ("http://hooks.example.com/", TargetError::NotHttps, false),
            ("ftp://hooks.example.com/", TargetError::NotHttps, true),
            ("file:///etc/passwd", TargetError::NotHttps, true),
            ("https://ana:secret@hooks.example.com/", TargetError::Login, true),
            (&long, TargetError::TooLong, true),
            ("https://localhost/", TargetError::Private, false),
            ("https://localhost./", TargetError::Private, false),
            ("https://a.localhost/", TargetError::Private, false),
            ("https://intranet/", TargetError::Private, false),
            ("https://127.0.0.1/", TargetError::Private, false),
            // As browsers and resolvers read them.
            ("https://127.1/", TargetError::Private, false),
            ("https://2130706433/", TargetError::Private, false),
            ("https://0x7f000001/", TargetError::Private, false),
            ("https://0177.0.0.1/", TargetError::Private, false),
            ("https://[::1]/", TargetError::Private, false),
            ("https://[::ffff:169.254.169.254]/latest", TargetError::Private, false),
        ] {
            assert_eq!(check(text, &strict), Err(why), "{text}");
            assert_eq!(check(text, &open).is_err(), even_open, "{text}");
        }
        assert!(check(" https://hooks.example.com:8443/entente?x=1 ", &strict).is_ok());
        assert!(check("https://1.1.1.1/", &strict).is_ok());
    }
}
