//! What can be seen on a display, and since when.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash as _, Hasher as _},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use x11rb::{
    connection::Connection as _,
    protocol::xproto::{ConnectionExt as _, ImageFormat},
    rust_connection::RustConnection,
};

/// The side of a square of the screen that is compared as a whole.
const SIDE: usize = 16;
/// What has not changed for so long is what there is to see.
const SETTLED: Duration = Duration::from_millis(2500);
const PATIENCE: Duration = Duration::from_secs(120);
/// So many squares that are not plain are something to see.
const SOMETHING: usize = 20;
/// How much of what is not plain must look as in the end. Clocks, spinners and states of a connection
/// are less than the rest.
const PART: f64 = 0.97;

/// A display that is looked at.
pub struct Screen {
    connection: RustConnection,
    root: u32,
    width: u16,
    height: u16,
}

/// Its squares: what each looks like, and whether it is of one colour.
#[derive(Clone, PartialEq)]
struct Look(Vec<(u64, bool)>);

impl Screen {
    pub fn open(display: &str) -> Result<Self> {
        let (connection, number) = x11rb::connect(Some(display)).context("no display")?;
        let screen = connection.setup().roots.get(number).context("no screen")?;
        let (root, width, height) = (screen.root, screen.width_in_pixels, screen.height_in_pixels);
        Ok(Self { connection, root, width, height })
    }

    fn look(&self) -> Result<Look> {
        let all = u32::MAX;
        let (width, height) = (self.width, self.height);
        let image = self
            .connection
            .get_image(ImageFormat::Z_PIXMAP, self.root, 0, 0, width, height, all)?
            .reply()?;
        let row = usize::from(width) * 4;
        let mut squares = Vec::new();
        for top in (0..usize::from(height)).step_by(SIDE) {
            for left in (0..row).step_by(SIDE * 4) {
                let mut hasher = DefaultHasher::new();
                let first =
                    image.data.get(top * row + left..).and_then(|rest| rest.first_chunk::<4>());
                let mut is_plain = true;
                for line in (top..usize::from(height)).take(SIDE) {
                    let from = line * row + left;
                    let until = (from + SIDE * 4).min((line + 1) * row);
                    let Some(pixels) = image.data.get(from..until) else { continue };
                    pixels.hash(&mut hasher);
                    is_plain &=
                        pixels.chunks_exact(4).all(|pixel| first.is_some_and(|it| it == pixel));
                }
                squares.push((hasher.finish(), is_plain));
            }
        }
        Ok(Look(squares))
    }

    /// Waits until something is there and does not change any more; gives how long after a moment it
    /// looked so first.
    pub fn painted(&self, begun: Instant) -> Result<Duration> {
        self.rest(begun, SOMETHING)
    }

    /// Waits until nothing changes any more, whether something is there or not.
    pub fn rests(&self) -> Result<()> {
        self.rest(Instant::now(), 0).map(drop)
    }

    fn rest(&self, begun: Instant, least: usize) -> Result<Duration> {
        let mut seen: Vec<(Duration, Look)> = Vec::new();
        loop {
            let at = begun.elapsed();
            let look = self.look()?;
            if seen.last().is_none_or(|(_, last)| *last != look) {
                seen.push((at, look));
            }
            let (last, end) = seen.last().context("nothing was seen")?;
            let is_there = end.0.iter().filter(|(_, is_plain)| !is_plain).count() >= least;
            if is_there && at.saturating_sub(*last) > SETTLED {
                let first = seen.iter().find(|(_, look)| look.is_like(end));
                return Ok(first.map_or(*last, |(at, _)| *at));
            }
            if at > PATIENCE {
                bail!("the screen does not come to rest");
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Look {
    /// Whether what is not plain in the end looks so already.
    fn is_like(&self, end: &Self) -> bool {
        let told = || self.0.iter().zip(&end.0).filter(|(_, (_, is_plain))| !is_plain);
        let same = told().filter(|((now, _), (then, _))| now == then).count();
        same as f64 >= told().count() as f64 * PART
    }
}
