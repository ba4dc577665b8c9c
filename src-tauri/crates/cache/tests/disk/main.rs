//! The client's files: what is kept in them, how, and what is done when they cannot be used.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;
mod encrypted;
mod files;
mod lists;
mod resources;
