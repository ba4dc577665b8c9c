//! A typed client of the partnership API over reqwest: addresses, requests, conditional and
//! idempotent writes, the change feed and its event stream; and signing in through a browser.
//!
//! It tells apart what can go wrong and never decides what to do about it: `sync` does. May import
//! `domain`, `wire` and reqwest; imported by `sync` and by whoever connects for the first time.

#![deny(missing_docs)]

mod address;
mod certificates;
mod client;
mod credentials;
mod error;
mod events;
mod loopback;
mod resources;
mod sessions;
mod sign_in;
mod transport;

pub use address::{AddressError, ServerAddress};
pub use certificates::{CertificateError, ExtraCertificates};
pub use client::{Client, ClientOptions};
pub use credentials::{Credentials, SessionTokens};
pub use error::{ApiError, Outcome};
pub use events::{EventStream, FeedEvent};
pub use resources::{Device, WriteCall};
pub use sessions::Sessions;
pub use sign_in::{LastPage, SignIn, SignInError};
