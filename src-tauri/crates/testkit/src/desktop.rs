//! A display, a session bus, a notification service, a keyring and a tray host of its own for each
//! test, all real, and ways to read and press what a person would. Linux only.

mod banners;
mod children;
mod lab;
mod tray;
mod window;

pub use banners::{Banner, Banners};
pub use lab::Lab;
pub use tray::{MenuEntry, Tray};
pub use window::Window;
