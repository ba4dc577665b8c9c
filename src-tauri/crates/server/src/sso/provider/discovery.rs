use std::net::IpAddr;

use serde::Deserialize;
use url::{Host, Url};

use super::ProviderError;

/// What a provider tells of itself (OpenID Connect Discovery 1.0, 3).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Discovery {
    pub(super) issuer: String,
    /// Where the system's browser goes.
    pub authorization_endpoint: String,
    pub(super) token_endpoint: String,
    pub(super) jwks_uri: String,
    pub(super) userinfo_endpoint: Option<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
    code_challenge_methods_supported: Option<Vec<String>>,
}

impl Discovery {
    /// Refuses what is not the issuer's, and what cannot be used safely.
    pub(super) fn check(&self, issuer: &str, is_loopback: bool) -> Result<(), ProviderError> {
        if self.issuer != issuer {
            return Err(ProviderError::Unusable("it calls itself by another issuer"));
        }
        let endpoints = [
            Some(&self.authorization_endpoint),
            Some(&self.token_endpoint),
            Some(&self.jwks_uri),
            self.userinfo_endpoint.as_ref(),
        ];
        if !endpoints.into_iter().flatten().all(|url| is_protected(url, is_loopback)) {
            return Err(ProviderError::Unusable("one of its endpoints is not https://"));
        }
        let challenges = &self.code_challenge_methods_supported;
        if challenges.as_ref().is_some_and(|all| !all.iter().any(|method| method == "S256")) {
            return Err(ProviderError::Unusable("it does not know PKCE with S256"));
        }
        Ok(())
    }

    /// Whether the client's secret goes into the header, as it does where nothing is said.
    pub(super) fn takes_secret_in_header(&self) -> bool {
        let methods = &self.token_endpoint_auth_methods_supported;
        methods.is_empty() || methods.iter().any(|method| method == "client_secret_basic")
    }
}

/// Checks an issuer's address; whether it is on this computer.
pub(super) fn check_issuer(issuer: &str) -> Result<bool, ProviderError> {
    let url = Url::parse(issuer).map_err(|_| ProviderError::Issuer)?;
    let is_plain = url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    let loopback = is_loopback(&url);
    if !is_plain || !is_protected(issuer, loopback) {
        return Err(ProviderError::Issuer);
    }
    Ok(loopback)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => IpAddr::from(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::from(ip).is_loopback(),
        None => false,
    }
}

/// https, or http on this computer where that is allowed.
fn is_protected(address: &str, loopback: bool) -> bool {
    Url::parse(address).is_ok_and(|url| match url.scheme() {
        "https" => true,
        "http" => loopback && is_loopback(&url),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_an_https_address_or_on_this_computer() {
        for (issuer, loopback) in [
            ("https://login.example", Some(false)),
            ("https://login.example/tenant/v2.0", Some(false)),
            ("https://127.0.0.1:9", Some(true)),
            ("http://localhost:9", Some(true)),
            ("http://[::1]:9", Some(true)),
            ("http://login.example", None),
            ("http://127.0.0.1.login.example", None),
            ("https://login.example?tenant=1", None),
            ("https://login.example#1", None),
            ("https://ana@login.example", None),
            ("file:///etc/passwd", None),
            ("login.example", None),
            ("", None),
        ] {
            assert_eq!(check_issuer(issuer).ok(), loopback, "{issuer}");
        }
    }
}
