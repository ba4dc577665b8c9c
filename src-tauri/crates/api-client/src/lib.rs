//! A typed client of the partnership API over reqwest: addresses, requests, conditional and
//! idempotent writes, the change feed and its event stream.
//!
//! It tells apart what can go wrong and never decides what to do about it: `sync` does. May import
//! `domain`, `wire` and reqwest; imported by `sync` and by whoever connects for the first time.

#![deny(missing_docs)]

mod address;
mod client;
mod error;
mod events;
mod resources;

pub use address::{AddressError, ServerAddress};
pub use client::{Client, ClientOptions};
pub use error::{ApiError, Outcome};
pub use events::{EventStream, FeedEvent};
pub use resources::{Device, WriteCall};
