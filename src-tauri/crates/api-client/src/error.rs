use std::time::Duration;

use entente_wire::{ErrorCode, ErrorObject};
use thiserror::Error;

/// What is known of a write that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The server refused it, or it never got there: nothing was done.
    NotDone,
    /// It may have been done.
    Unknown,
}

/// What can go wrong between here and the server. Its text is a whole sentence for a person.
#[derive(Debug, Clone, Error)]
pub enum ApiError {
    /// No connection: no such host, refused, no network.
    #[error("The server cannot be reached. Check the address and your connection.")]
    Unreachable,
    /// The connection broke before the answer was there.
    #[error("The connection to the server broke off.")]
    Interrupted,
    /// No answer in time.
    #[error("The server takes too long to answer.")]
    TimedOut,
    /// The server's certificate is not trusted, or there is none.
    #[error(
        "The server's certificate is not trusted, so nothing was sent. If your organisation vouches \
         for its servers itself, name the file of its certificate authority in the settings."
    )]
    Untrusted,
    /// It answered, but not as this API does: a web page, a proxy.
    #[error("This address answers, but it is not an Entente server. Check the address.")]
    NotEntente,
    /// It sends the request elsewhere.
    #[error(
        "The server sends requests to another address, {0}. Connect to that one if you trust it."
    )]
    Redirected(String),
    /// The key is not taken.
    #[error("{}", .0.detail)]
    Unauthorized(Box<ErrorObject>),
    /// The request was understood and refused.
    #[error("{}", .0.detail)]
    Refused(Box<ErrorObject>),
    /// Too many requests, or the identity provider does not answer; how long to wait.
    #[error("{}", .0.detail)]
    RateLimited(Box<ErrorObject>, Duration),
    /// The server, or somebody before it, cannot answer just now; how long to wait, if it said so.
    #[error("The server cannot answer just now. Try again in a moment.")]
    Busy(Option<Duration>),
    /// A fault of the server, with the id that finds it in its log, if it is known.
    #[error("The server has a fault{}. Try again later.", in_log(.0))]
    Fault(String),
}

impl ApiError {
    /// A word from a closed list: the API's code, or this client's.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Interrupted => "interrupted",
            Self::TimedOut => "timed_out",
            Self::Untrusted => "untrusted",
            Self::NotEntente => "not_entente",
            Self::Redirected(_) => "redirected",
            Self::Unauthorized(error) | Self::Refused(error) | Self::RateLimited(error, _) => {
                error.code.as_str()
            }
            Self::Busy(_) => "busy",
            Self::Fault(_) => "server_fault",
        }
    }

    /// The one thing that its sentence names, for saying it in another language: another address, the
    /// request's id, or who changed the resource before.
    #[must_use]
    pub fn fact(&self) -> Option<&str> {
        match self {
            Self::Redirected(address) => Some(address),
            Self::Fault(id) => Some(id.as_str()).filter(|id| !id.is_empty()),
            Self::Unauthorized(error) | Self::Refused(error) | Self::RateLimited(error, _) => {
                error.meta.by.as_ref().map(|by| by.name.as_str())
            }
            Self::Unreachable
            | Self::Interrupted
            | Self::TimedOut
            | Self::Untrusted
            | Self::NotEntente
            | Self::Busy(_) => None,
        }
    }

    /// The API's error, where the server said one.
    #[must_use]
    pub fn object(&self) -> Option<&ErrorObject> {
        match self {
            Self::Unauthorized(error) | Self::Refused(error) | Self::RateLimited(error, _) => {
                Some(error)
            }
            Self::Unreachable
            | Self::Interrupted
            | Self::TimedOut
            | Self::Untrusted
            | Self::NotEntente
            | Self::Redirected(_)
            | Self::Busy(_)
            | Self::Fault(_) => None,
        }
    }

    /// Whether trying the same again later can help.
    #[must_use]
    pub fn retryable(&self) -> bool {
        match self {
            Self::Unreachable
            | Self::Interrupted
            | Self::TimedOut
            | Self::RateLimited(..)
            | Self::NotEntente
            | Self::Untrusted
            | Self::Redirected(_)
            | Self::Busy(_)
            | Self::Fault(_) => true,
            Self::Unauthorized(_) => false,
            Self::Refused(error) => error.code == ErrorCode::RequestInProgress,
        }
    }

    /// How long to wait before trying again, where the server said it.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited(_, wait) => Some(*wait),
            Self::Busy(wait) => *wait,
            Self::Unreachable
            | Self::Interrupted
            | Self::TimedOut
            | Self::Untrusted
            | Self::NotEntente
            | Self::Redirected(_)
            | Self::Unauthorized(_)
            | Self::Refused(_)
            | Self::Fault(_) => None,
        }
    }

    /// What is known of a write that ended so.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Interrupted
            | Self::TimedOut
            | Self::NotEntente
            | Self::Busy(_)
            | Self::Fault(_) => Outcome::Unknown,
            Self::Refused(error) if error.code == ErrorCode::RequestInProgress => Outcome::Unknown,
            Self::Unreachable
            | Self::Untrusted
            | Self::Redirected(_)
            | Self::Unauthorized(_)
            | Self::Refused(_)
            | Self::RateLimited(..) => Outcome::NotDone,
        }
    }
}

fn in_log(request_id: &str) -> String {
    if request_id.is_empty() { String::new() } else { format!(" (request {request_id})") }
}

impl From<reqwest::Error> for ApiError {
    fn from(error: reqwest::Error) -> Self {
        if is_certificate(&error) {
            Self::Untrusted
        } else if error.is_timeout() {
            // A connection that was not made in time carried nothing.
            if error.is_connect() { Self::Unreachable } else { Self::TimedOut }
        } else if error.is_connect() || error.is_builder() {
            Self::Unreachable
        } else {
            // Also a body that ends before it is whole: what is in one is read elsewhere.
            Self::Interrupted
        }
    }
}

/// reqwest does not tell a refused certificate from a refused connection; its cause does.
fn is_certificate(error: &reqwest::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let text = error.to_string();
        if text.contains("certificate") || text.contains("CertificateError") {
            return true;
        }
        cause = error.source();
    }
    false
}
