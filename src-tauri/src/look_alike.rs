//! Whether a name or a mail domain passes itself off as one that is known: letters of other scripts
//! that look alike, one letter that differs, the same name under another ending. Pure.

use std::collections::BTreeSet;

use serde::Serialize;
use specta::Type;
use unicode_security::{MixedScript as _, skeleton};

/// Shorter names are one letter apart by chance.
const TOO_SHORT: usize = 4;

/// How one text passes itself off as another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum Likeness {
    /// It reads the same, with other letters.
    SameLook,
    /// One letter is another one, is missing, is added, or two are swapped.
    OneLetter,
    /// The same name under another ending.
    OtherEnding,
    /// It mixes letters of several scripts, whatever it resembles.
    MixedScripts,
}

/// How a mail domain resembles another one; none if it is the same or another one altogether.
pub fn domains(suspect: &str, known: &str) -> Option<Likeness> {
    let (suspect, known) = (readable(suspect), readable(known));
    if suspect == known {
        return None;
    }
    if look(&suspect) == look(&known) {
        return Some(Likeness::SameLook);
    }
    let (name, ending) = parted(&suspect);
    let (known_name, known_ending) = parted(&known);
    let is_long = name.chars().count().min(known_name.chars().count()) >= TOO_SHORT;
    if is_long && name == known_name && ending != known_ending {
        return Some(Likeness::OtherEnding);
    }
    (is_long && is_one_letter_off(&suspect, &known)).then_some(Likeness::OneLetter)
}

/// How a workspace's name resembles that of another workspace; names of different workspaces may be
/// the same, which is the strongest likeness.
pub fn names(suspect: &str, known: &str) -> Option<Likeness> {
    let (suspect, known) = (plain(suspect), plain(known));
    if look(&suspect) == look(&known) {
        return Some(Likeness::SameLook);
    }
    let shorter = suspect.chars().count().min(known.chars().count());
    (shorter >= TOO_SHORT && is_one_letter_off(&suspect, &known)).then_some(Likeness::OneLetter)
}

/// Whether a text mixes letters of scripts that no language mixes.
pub fn mixes_scripts(text: &str) -> bool {
    readable(text).split(['.', ' ', '-']).any(|word| !word.is_single_script())
}

/// The domain of a mail address, as people read it.
pub fn domain_of(email: &str) -> Option<String> {
    let (_, domain) = email.trim().rsplit_once('@')?;
    (!domain.is_empty()).then(|| readable(domain))
}

/// Providers where anybody gets an address: such a domain says nothing of who somebody is.
pub fn is_public(domain: &str) -> bool {
    const PUBLIC: [&str; 16] = [
        "aol.com",
        "gmail.com",
        "gmx.de",
        "gmx.net",
        "googlemail.com",
        "hotmail.com",
        "icloud.com",
        "live.com",
        "mail.com",
        "mail.ru",
        "outlook.com",
        "proton.me",
        "qq.com",
        "web.de",
        "yahoo.com",
        "yandex.ru",
    ];
    PUBLIC.contains(&domain)
}

/// Lower case, with the letters that a mail program would show.
fn readable(domain: &str) -> String {
    let (unicode, _) = idna::domain_to_unicode(domain.trim().trim_end_matches('.'));
    unicode.to_lowercase()
}

/// Lower case, with single blanks.
fn plain(name: &str) -> String {
    name.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What the eye sees: one form for all letters that look alike.
fn look(text: &str) -> String {
    let digits = text.chars().map(|c| match c {
        '0' => 'o',
        '1' | '|' => 'l',
        other => other,
    });
    skeleton(&digits.collect::<String>()).collect::<String>().to_lowercase()
}

/// The name and the ending: `("fjord", "example")`.
fn parted(domain: &str) -> (&str, &str) {
    domain.split_once('.').unwrap_or((domain, ""))
}

/// Whether one letter was replaced, added or left out, or two neighbours swapped.
fn is_one_letter_off(one: &str, other: &str) -> bool {
    let one: Vec<char> = one.chars().collect();
    let other: Vec<char> = other.chars().collect();
    let (short, long) = if one.len() <= other.len() { (&one, &other) } else { (&other, &one) };
    if long.len() - short.len() > 1 || one == other {
        return false;
    }
    let same = short.iter().zip(long.iter()).take_while(|(a, b)| a == b).count();
    let rest = |text: &[char], from: usize| text.get(from..).unwrap_or_default().to_vec();
    if short.len() < long.len() {
        return rest(short, same) == rest(long, same + 1);
    }
    let swapped = short.get(same) == long.get(same + 1) && short.get(same + 1) == long.get(same);
    rest(short, same + 1) == rest(long, same + 1)
        || swapped && rest(short, same + 2) == rest(long, same + 2)
}

/// What is known of others: a workspace's name, and a mail domain with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The workspace's name.
    pub name: String,
    /// The domain of the mail address that is known there.
    pub domain: Option<String>,
}

/// Something that passes itself off as something known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Type)]
pub struct Resemblance {
    /// How.
    pub likeness: Likeness,
    /// What is looked at.
    pub suspect: String,
    /// What it resembles; none if its letters alone are suspicious.
    pub known: Option<String>,
    /// The workspace that is known under it.
    pub partner: Option<String>,
}

/// All that a name and a mail domain resemble, the strongest first, each once. A domain that is
/// itself known resembles nothing.
pub fn resemblances(name: &str, domain: Option<&str>, known: &[Known]) -> Vec<Resemblance> {
    let mut found = BTreeSet::new();
    let trusted = known.iter().any(|other| domain.is_some() && other.domain.as_deref() == domain);
    for other in known {
        if let Some(likeness) = names(name, &other.name) {
            found.insert(Resemblance {
                likeness,
                suspect: name.into(),
                known: Some(other.name.clone()),
                partner: Some(other.name.clone()),
            });
        }
        if !trusted
            && let (Some(domain), Some(known)) = (domain, &other.domain)
            && !is_public(known)
            && let Some(likeness) = domains(domain, known)
        {
            found.insert(Resemblance {
                likeness,
                suspect: domain.into(),
                known: Some(known.clone()),
                partner: Some(other.name.clone()),
            });
        }
    }
    for text in [Some(name), domain].into_iter().flatten().filter(|text| mixes_scripts(text)) {
        found.insert(Resemblance {
            likeness: Likeness::MixedScripts,
            suspect: text.into(),
            known: None,
            partner: None,
        });
    }
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_resembles_what_reads_nearly_the_same() {
        use Likeness::{OneLetter, OtherEnding, SameLook};
        for (suspect, known, expected) in [
            ("fjord.example", "fjord.example", None),
            ("FJORD.example.", "fjord.example", None),
            ("brightside.example", "fjord.example", None),
            // Cyrillic "о", written out and as it travels.
            ("fj\u{43e}rd.example", "fjord.example", Some(SameLook)),
            ("xn--fjrd-65d.example", "fjord.example", Some(SameLook)),
            ("rnaple.example", "maple.example", Some(SameLook)),
            ("g00gle.example", "google.example", Some(SameLook)),
            ("paypa1.example", "paypal.example", Some(SameLook)),
            ("fjrod.example", "fjord.example", Some(OneLetter)),
            ("fjordd.example", "fjord.example", Some(OneLetter)),
            ("ford.example", "fjord.example", Some(OneLetter)),
            ("fjxrd.example", "fjord.example", Some(OneLetter)),
            ("fjord.co", "fjord.com", Some(OtherEnding)),
            ("fjord.example.net", "fjord.example", Some(OtherEnding)),
            // Short names are one letter apart by chance.
            ("abc.example", "abd.example", None),
            ("fxxrd.example", "fjord.example", None),
            ("", "fjord.example", None),
        ] {
            assert_eq!(domains(suspect, known), expected, "{suspect} and {known}");
        }
    }

    #[test]
    fn a_name_resembles_what_reads_nearly_the_same() {
        for (suspect, known, expected) in [
            ("Fjord Studio", "fjord  studio", Some(Likeness::SameLook)),
            ("Fjord Stud\u{456}o", "Fjord Studio", Some(Likeness::SameLook)),
            ("Fjord Studios", "Fjord Studio", Some(Likeness::OneLetter)),
            ("Kestrel Legal", "Fjord Studio", None),
            ("Abc", "Abd", None),
        ] {
            assert_eq!(names(suspect, known), expected, "{suspect} and {known}");
        }
    }

    #[test]
    fn letters_of_several_scripts_in_one_word_are_told() {
        for (text, expected) in [
            ("fjord.example", false),
            ("фьорд.example", false),
            ("fj\u{43e}rd.example", true),
            ("Студия Fjord", false),
            ("東京タワー.example", false),
        ] {
            assert_eq!(mixes_scripts(text), expected, "{text}");
        }
    }

    #[test]
    fn the_domain_of_an_address_is_what_a_person_reads() {
        for (email, expected) in [
            ("Ana@Fjord.Example", Some("fjord.example")),
            ("a@b@fjord.example", Some("fjord.example")),
            ("ana@xn--fjrd-65d.example", Some("fj\u{43e}rd.example")),
            ("ana@", None),
            ("ana", None),
        ] {
            assert_eq!(domain_of(email).as_deref(), expected, "{email}");
        }
    }

    #[test]
    fn what_is_known_is_not_suspected_and_the_rest_is_told_once() {
        let known =
            |name: &str, domain: &str| Known { name: name.into(), domain: Some(domain.into()) };
        let all = [
            known("Fjord Studio", "fjord.example"),
            known("Fjord Studio", "fjord.example"),
            known("Fjord Legal", "fjord-legal.example"),
            known("Somebody", "gmail.com"),
        ];
        let found = resemblances("Fjord Studi\u{43e}", Some("fjrod.example"), &all);
        let told: Vec<_> = found.iter().map(|one| (one.likeness, one.known.as_deref())).collect();
        assert_eq!(
            told,
            [
                (Likeness::SameLook, Some("Fjord Studio")),
                (Likeness::OneLetter, Some("fjord.example")),
                (Likeness::MixedScripts, None),
            ]
        );
        assert_eq!(resemblances("Northwind", Some("fjord.example"), &all), []);
        assert_eq!(resemblances("Northwind", Some("gmial.com"), &all), []);
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_it(one in ".{0,40}", other in ".{0,40}") {
            let _ = (domains(&one, &other), names(&one, &other), mixes_scripts(&one));
            proptest::prop_assert_eq!(domains(&one, &one), None);
            proptest::prop_assert_eq!(names(&one, &one), Some(Likeness::SameLook));
            let there = is_one_letter_off(&one, &other);
            proptest::prop_assert_eq!(there, is_one_letter_off(&other, &one));
        }
    }
}
