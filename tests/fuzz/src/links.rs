use entente_attention::{SCHEME, read_link};

/// A link from a mail, or from whoever else makes the desktop open one: none, or exactly one item.
pub fn deep_links(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let Some(item) = read_link(text) else { return };
    let link = format!("{SCHEME}://{item}");
    assert_eq!(read_link(&link).as_ref(), Some(&item), "{link}");
    let given = text.strip_suffix('/').unwrap_or(text);
    assert!(given.eq_ignore_ascii_case(&link), "{text} was read as {link}");
}
