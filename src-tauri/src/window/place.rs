use std::{fs, io, path::Path};

use serde::{Deserialize, Serialize};

use crate::files::write_whole;

/// How large the window is and where, in logical pixels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Place {
    pub width: f64,
    pub height: f64,
    pub position: Option<(f64, f64)>,
    pub maximized: bool,
}

impl Default for Place {
    fn default() -> Self {
        Self { width: 1180.0, height: 760.0, position: None, maximized: false }
    }
}

/// A part of the desktop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// So much of the window's top edge must be on a screen for a person to get hold of it.
const HOLD: f64 = 120.0;
const MOST: f64 = 20_000.0;

impl Place {
    /// What the file says; none if it says nothing that can be.
    pub fn read(file: &Path, least: (f64, f64)) -> Option<Self> {
        let place: Self = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
        let is_possible = (least.0..MOST).contains(&place.width)
            && (least.1..MOST).contains(&place.height)
            && place.position.is_none_or(|(x, y)| x.is_finite() && y.is_finite());
        is_possible.then_some(place)
    }

    /// Writes the file, whole or not at all.
    pub fn write(&self, file: &Path) -> io::Result<()> {
        write_whole(file, &serde_json::to_vec(self)?)
    }

    /// Its position, if a person could still get hold of it there.
    pub fn position_on(&self, screens: &[Area]) -> Option<(f64, f64)> {
        let (x, y) = self.position?;
        let is_held = |screen: &Area| {
            x + self.width >= screen.x + HOLD
                && x + HOLD <= screen.x + screen.width
                && (screen.y..screen.y + screen.height - HOLD).contains(&y)
        };
        screens.iter().any(is_held).then_some((x, y))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCREEN: Area = Area { x: 0.0, y: 0.0, width: 1280.0, height: 900.0 };
    const LEAST: (f64, f64) = (760.0, 520.0);

    #[test]
    fn a_window_comes_back_only_where_it_can_be_seen() {
        let beside = Area { x: 1280.0, ..SCREEN };
        for (x, y, screens, comes_back) in [
            (10.0, 20.0, &[SCREEN][..], true),
            (1500.0, 20.0, &[SCREEN, beside][..], true),
            (1500.0, 20.0, &[SCREEN][..], false),
            (-900.0, 20.0, &[SCREEN][..], true),
            (-1179.0, 20.0, &[SCREEN][..], false),
            (10.0, -5.0, &[SCREEN][..], false),
            (10.0, 880.0, &[SCREEN][..], false),
            (10.0, 20.0, &[][..], false),
        ] {
            let place = Place { position: Some((x, y)), ..Place::default() };
            let wanted = comes_back.then_some((x, y));
            assert_eq!(place.position_on(screens), wanted, "{x} {y} {screens:?}");
        }
        assert_eq!(Place::default().position_on(&[SCREEN]), None);
    }

    #[test]
    fn a_place_that_cannot_be_is_forgotten() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("deep/window.json");
        assert_eq!(Place::read(&file, LEAST), None);
        let place = Place { position: Some((3.0, 4.0)), maximized: true, ..Place::default() };
        place.write(&file).expect("written");
        assert_eq!(Place::read(&file, LEAST), Some(place));
        for wrong in [
            "{",
            r#"{"width":1,"height":760,"position":null,"maximized":false}"#,
            r#"{"width":1e300,"height":760,"position":null,"maximized":false}"#,
        ] {
            fs::write(&file, wrong).expect("written");
            assert_eq!(Place::read(&file, LEAST), None, "{wrong}");
        }
    }
}
