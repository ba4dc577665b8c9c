//! The desktop lab: a display, a session bus, a notification service, a keyring and a tray host of
//! its own for each test, all real, and ways to read and press what a person would.
//!
//! A dev-dependency only; knows nothing of what the program is about. Linux only.

#![cfg(target_os = "linux")]

mod banners;
mod children;
mod lab;
mod tray;
mod wait;
mod window;

pub use banners::{Banner, Banners};
pub use lab::Lab;
pub use tray::{MenuEntry, Tray};
pub use wait::until;
pub use window::Window;
