//! A display, a session bus, a notification service, a keyring and a tray host of its own for each
//! test, all real, and ways to read and press what a person would. Linux only.

mod appearance;
mod banners;
mod browser;
mod children;
mod disk;
mod lab;
mod report;
mod tray;
mod window;

pub use appearance::Appearance;
pub use banners::{Banner, Banners};
pub use disk::Disk;
pub use lab::{Lab, Lack};
pub use thirtyfour::Key;
pub use tray::{MenuEntry, Tray};
pub use window::Window;
