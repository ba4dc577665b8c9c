//! Keeps a cache in step with a server, and carries decisions there and back.
//!
//! [`machine`] is sans-I/O: what happened goes in, what to do comes out. [`Session`] is its tokio
//! driver over `api-client` and `cache`. The machine may import `domain` only.

#![deny(missing_docs)]

mod act;
mod convert;
mod decide;
mod driver;
mod look;
pub mod machine;
mod settle;
mod snapshot;

pub use act::Act;
pub use decide::{DecideError, Decision};
pub use driver::{Applying, Event, Session, SessionConfig};
pub use look::SaveError;
pub use machine::{Connectivity, Problem};
