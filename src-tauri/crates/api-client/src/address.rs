use std::{fmt, net::IpAddr, str::FromStr};

use thiserror::Error;
use url::{Host, Url};

/// A server's origin, as a person types it: `entente.example.com`, `https://entente.example.com/`,
/// `127.0.0.1:8080`.
///
/// Without a scheme, loopback means http and everything else https. A path is dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAddress(Url);

/// Why a text is not a server's address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AddressError {
    /// Nothing was typed.
    #[error("Enter the server's address, for example entente.example.com.")]
    Empty,
    /// It cannot be read.
    #[error("This is not a server's address. Enter one such as entente.example.com.")]
    Unreadable,
    /// Neither http nor https.
    #[error("The address must begin with https:// (or http:// for this computer).")]
    Scheme,
    /// Without encryption over a network, anybody on the way could read the key.
    #[error(
        "Use https:// for a server that is not on this computer, so that nobody can read the key."
    )]
    Insecure,
}

impl AddressError {
    /// A word from a closed list.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "address_empty",
            Self::Unreadable => "address_unreadable",
            Self::Scheme => "address_scheme",
            Self::Insecure => "address_insecure",
        }
    }
}

impl ServerAddress {
    /// An address below the server's origin.
    pub(crate) fn join(&self, path: &str) -> Result<Url, url::ParseError> {
        self.0.join(path)
    }

    /// Whether another address has the same scheme, host and port.
    pub(crate) fn is_origin_of(&self, other: &Url) -> bool {
        self.0.origin() == other.origin()
    }
}

impl FromStr for ServerAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        let with_scheme =
            if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let mut url = Url::parse(&with_scheme).map_err(|_| AddressError::Unreadable)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(AddressError::Scheme);
        }
        let loopback = match url.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(ip)) => IpAddr::from(ip).is_loopback(),
            Some(Host::Ipv6(ip)) => IpAddr::from(ip).is_loopback(),
            None => return Err(AddressError::Unreadable),
        };
        if !loopback && url.scheme() == "http" {
            if text.contains("://") {
                return Err(AddressError::Insecure);
            }
            url.set_scheme("https").map_err(|()| AddressError::Unreadable)?;
        }
        url.set_username("").map_err(|()| AddressError::Unreadable)?;
        url.set_password(None).map_err(|()| AddressError::Unreadable)?;
        url.set_path("/");
        url.set_query(None);
        url.set_fragment(None);
        Ok(Self(url))
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_becomes_an_origin() {
        for (typed, origin) in [
            ("entente.example.com", "https://entente.example.com"),
            (" https://entente.example.com/partners?x=1#y ", "https://entente.example.com"),
            ("entente.example.com:8443/api/v1", "https://entente.example.com:8443"),
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://localhost:8080/", "http://localhost:8080"),
            ("https://user:pass@e.example", "https://e.example"),
            ("[::1]:8080", "http://[::1]:8080"),
        ] {
            assert_eq!(typed.parse::<ServerAddress>().expect(typed).to_string(), origin);
        }
    }

    #[test]
    fn what_is_no_address_is_told_apart() {
        for (typed, error) in [
            ("", AddressError::Empty),
            ("ftp://example.com", AddressError::Scheme),
            ("http://example.com", AddressError::Insecure),
            ("http://", AddressError::Unreadable),
            ("what is this", AddressError::Unreadable),
        ] {
            assert_eq!(typed.parse::<ServerAddress>().err(), Some(error), "{typed}");
        }
    }
}
