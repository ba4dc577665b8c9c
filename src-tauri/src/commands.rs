//! What the window can ask for. Each command decodes, asks the controller, and maps the error.

pub mod access;
pub mod app;
pub mod partnerships;
pub mod profiles;
pub mod settings;

use crate::view::CommandError;

/// What every command answers.
type Answer<T> = Result<T, CommandError>;
