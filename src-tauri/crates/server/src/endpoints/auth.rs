//! Single sign-on, for those who have no key yet.

mod revoke;
mod sso;
mod token;

use entente_wire::ErrorCode;
use secrecy::SecretString;

pub(crate) use revoke::*;
pub(crate) use sso::*;
pub(crate) use token::*;

use crate::error::{ApiError, ApiResult};

/// The most bytes of a text that a provider made: a code, a token.
const LONGEST: usize = 4096;

/// A text of the body that is not empty and not too long.
fn text<'a>(name: &str, text: &'a str, most: usize) -> ApiResult<&'a str> {
    let text = text.trim();
    if (1..=most).contains(&text.len()) {
        return Ok(text);
    }
    let detail = format!("It must have 1 to {most} characters.");
    Err(ApiError::in_body(ErrorCode::InvalidValue, name, detail))
}

fn token_in(name: &str, token: &str) -> ApiResult<SecretString> {
    text(name, token, LONGEST).map(SecretString::from)
}
