//! What tests stand on that is real and not of this project: a desktop (with the feature `desktop`, on
//! Linux), a PostgreSQL, an OpenID provider, and programs from PyPI.
//!
//! For tests and xtask only; knows nothing of what the program is about.

#[cfg(all(feature = "desktop", target_os = "linux"))]
mod desktop;
mod oidc;
mod postgres;
mod python;
mod smtp;
#[cfg(all(feature = "desktop", target_os = "linux"))]
mod wait;

#[cfg(all(feature = "desktop", target_os = "linux"))]
pub use desktop::{Appearance, Banner, Banners, Disk, Key, Lab, Lack, MenuEntry, Tray, Window};
pub use oidc::{OpenIdProvider, install_openid_provider};
pub use postgres::{ADDRESS, Database, Postgres, Session, database};
pub use python::{ENVIRONMENT, python_env};
pub use smtp::SmtpSink;
#[cfg(all(feature = "desktop", target_os = "linux"))]
pub use wait::until;
