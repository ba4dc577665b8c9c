//! How often a key may ask, and how often an address may fail to say who it is.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{extract::FromRequestParts, http::request::Parts};
use entente_wire::ErrorCode;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock as _};

use crate::{
    Limits,
    app::App,
    error::{ApiError, ApiResult},
    origin,
};

/// How often what is of no use any more is forgotten.
const INTERVAL: Duration = Duration::from_secs(60);
/// How long a key that was taken is spared from what others at its address did.
const SPARED: Duration = Duration::from_secs(600);

/// Who asked how often, as long as it matters. A limit that is none holds nobody up.
#[derive(Debug)]
pub(crate) struct Rates {
    keys: Option<DefaultKeyedRateLimiter<String>>,
    failures: Option<DefaultKeyedRateLimiter<IpAddr>>,
    /// Until when an address that failed too often is refused.
    refused: Mutex<HashMap<IpAddr, Instant>>,
    /// When a key was last taken, by its hash.
    taken: Mutex<HashMap<String, Instant>>,
}

impl Rates {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            keys: limits.key.map(|rate| {
                RateLimiter::keyed(Quota::per_minute(rate.a_minute).allow_burst(rate.burst))
            }),
            failures: limits.failures.map(|rate| RateLimiter::keyed(Quota::per_minute(rate))),
            refused: Mutex::default(),
            taken: Mutex::default(),
        }
    }

    /// Refuses, before anything is looked up, an address that failed too often just now. A key that
    /// was taken lately is spared: others behind the same address must not lock its user out.
    pub(crate) fn may_try(&self, address: Option<IpAddr>, hash: Option<&str>) -> ApiResult<()> {
        let Some(address) = address.filter(|_| self.failures.is_some()).map(network) else {
            return Ok(());
        };
        let until = held(&self.refused).get(&address).copied();
        let wait = until.and_then(|until| until.checked_duration_since(Instant::now()));
        match wait {
            Some(wait) if !hash.is_some_and(|hash| held(&self.taken).contains_key(hash)) => {
                Err(too_many("Too many attempts from your address were refused.", wait))
            }
            _ => Ok(()),
        }
    }

    /// Counts a request that did not say who asks, or said it wrong.
    pub(crate) fn failed(&self, address: Option<IpAddr>) {
        let (Some(failures), Some(address)) = (&self.failures, address.map(network)) else {
            return;
        };
        if let Err(until) = failures.check_key(&address) {
            let wait = until.wait_time_from(failures.clock().now());
            held(&self.refused).insert(address, Instant::now() + wait);
        }
    }

    /// Counts a request with a key that is taken; refuses it if there were too many.
    pub(crate) fn taken(&self, hash: &str) -> ApiResult<()> {
        if self.failures.is_some() {
            held(&self.taken).insert(hash.to_owned(), Instant::now());
        }
        let Some(keys) = &self.keys else { return Ok(()) };
        keys.check_key(&hash.to_owned()).map_err(|until| {
            too_many("This API key asks too often.", until.wait_time_from(keys.clock().now()))
        })
    }

    fn forget(&self) {
        if let Some(keys) = &self.keys {
            keys.retain_recent();
            keys.shrink_to_fit();
        }
        if let Some(failures) = &self.failures {
            failures.retain_recent();
            failures.shrink_to_fit();
        }
        let now = Instant::now();
        held(&self.refused).retain(|_, until| *until > now);
        held(&self.taken).retain(|_, at| now.saturating_duration_since(*at) < SPARED);
    }
}

/// Forgets now and then until the server stops, so that memory is bounded by who asked lately.
pub(crate) async fn run(app: Arc<App>) {
    let mut stopping = app.stopping.subscribe();
    loop {
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            _ = stopping.wait_for(|stopping| *stopping) => return,
        }
        app.rates.forget();
        app.probes.retain_recent();
        app.probes.shrink_to_fit();
    }
}

/// For an endpoint that needs no key: counts the request with the failed ones of its address.
pub(crate) struct Anybody;

impl FromRequestParts<Arc<App>> for Anybody {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> ApiResult<Self> {
        count(app, origin::address(parts, &app.proxies)).map(|()| Self)
    }
}

/// Counts a request that needs no key with the failed ones of its address.
pub(crate) fn count(app: &App, address: Option<IpAddr>) -> ApiResult<()> {
    app.rates.may_try(address, None).inspect_err(|_| app.metrics.limited("address"))?;
    app.rates.failed(address);
    Ok(())
}

/// Who holds an address of version 6 holds at least the 64 bits after it.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !0 << 64).into(),
    }
}

fn too_many(what: &str, wait: Duration) -> ApiError {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let detail = format!("{what} Try again in {seconds} s.");
    ApiError::new(ErrorCode::RateLimited, detail)
        .with(|meta| meta.retry_after = Some(seconds.max(1)))
}

fn held<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::KeyRate;

    fn rates(key: u32, failures: u32) -> Rates {
        let key = NonZeroU32::new(key).map(|rate| KeyRate { a_minute: rate, burst: rate });
        Rates::new(&Limits { key, failures: NonZeroU32::new(failures), ..Limits::default() })
    }

    fn at(text: &str) -> Option<IpAddr> {
        Some(text.parse().expect("an address"))
    }

    #[test]
    fn an_address_that_fails_too_often_is_refused_and_others_are_not() {
        let rates = rates(0, 3);
        for _ in 0..3 {
            rates.failed(at("192.0.2.1"));
            assert!(rates.may_try(at("192.0.2.1"), None).is_ok());
        }
        rates.failed(at("192.0.2.1"));
        let refusal = rates.may_try(at("192.0.2.1"), Some("new")).expect_err("refused");
        assert_eq!(refusal.code(), ErrorCode::RateLimited);
        assert!(rates.may_try(at("192.0.2.2"), None).is_ok());
    }

    #[test]
    fn a_key_that_was_taken_lately_is_spared() {
        let rates = rates(0, 1);
        assert!(rates.taken("known").is_ok());
        rates.failed(at("192.0.2.1"));
        rates.failed(at("192.0.2.1"));
        assert!(rates.may_try(at("192.0.2.1"), Some("known")).is_ok());
        assert!(rates.may_try(at("192.0.2.1"), Some("guessed")).is_err());
    }

    #[test]
    fn the_addresses_of_one_network_count_together() {
        let rates = rates(0, 1);
        rates.failed(at("2001:db8:1:2::1"));
        rates.failed(at("2001:db8:1:2:ffff::9"));
        assert!(rates.may_try(at("2001:db8:1:2::7"), None).is_err());
        assert!(rates.may_try(at("2001:db8:1:3::7"), None).is_ok());
    }

    #[test]
    fn each_key_has_its_own_count() {
        let rates = rates(2, 0);
        assert!(rates.taken("a").is_ok() && rates.taken("a").is_ok());
        assert!(rates.taken("a").is_err());
        assert!(rates.taken("b").is_ok());
    }

    #[test]
    fn without_limits_nobody_is_held_up_and_nothing_is_kept() {
        let rates = rates(0, 0);
        for _ in 0..10_000 {
            rates.failed(at("192.0.2.1"));
            assert!(rates.may_try(at("192.0.2.1"), None).is_ok());
            assert!(rates.taken("a").is_ok());
        }
        assert!(held(&rates.refused).is_empty() && held(&rates.taken).is_empty());
    }

    #[test]
    fn what_is_over_is_forgotten() {
        let rates = rates(60_000_000, 60_000_000);
        for number in 0..1_000_u32 {
            rates.failed(Some(IpAddr::from(number.to_be_bytes())));
            assert!(rates.taken(&number.to_string()).is_ok());
        }
        std::thread::sleep(Duration::from_millis(1));
        rates.forget();
        assert_eq!(rates.keys.as_ref().map(|keys| keys.len()), Some(0));
        assert_eq!(rates.failures.as_ref().map(|failures| failures.len()), Some(0));
    }
}
