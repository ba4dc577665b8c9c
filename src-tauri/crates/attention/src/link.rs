use crate::Item;

/// What links begin with.
pub const SCHEME: &str = "entente";
/// `entente://access-requests/` and an id; everything longer is something else.
const LONGEST: usize = 80;

/// The item that a link names: `entente://partnerships/` and an id. A link only ever opens; anything
/// that is not exactly the link that a mail has is none.
#[must_use]
pub fn read_link(text: &str) -> Option<Item> {
    if text.len() > LONGEST {
        return None;
    }
    let (scheme, rest) = text.split_once("://")?;
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return None;
    }
    // Browsers and desktops may add a slash.
    rest.strip_suffix('/').unwrap_or(rest).parse().ok()
}
