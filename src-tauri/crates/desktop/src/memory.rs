//! Memory that nobody needs any more: given back, so that what stays in the tray is small.

use std::{fs, io, path::Path, ptr};

use rustix::{
    mm::{Advice, madvise},
    process::{Pid, Signal, kill_process},
};

/// The beginning of `WebKitNetworkProcess`: as much of a name as Linux keeps.
const NETWORK: &str = "WebKitNetworkPr";

/// Less is not worth it; and what is loaded for a moment only, so that something else could be at its
/// addresses a moment later, is smaller.
const LEAST: usize = 512 * 1024;

/// Ends the process that loads what the window shows, which WebKitGTK keeps when the last window is gone
/// and starts again with the next one: tens of megabytes for nothing.
pub(crate) fn end_network_process() {
    for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(id) = own_child(&process.path(), NETWORK) else { continue };
        match kill_process(id, Signal::TERM) {
            Ok(()) => tracing::debug!(id = id.as_raw_nonzero(), "ended {NETWORK}"),
            Err(error) => tracing::debug!(%error, "{NETWORK} stays"),
        }
    }
}

/// The id of the process of which `/proc` has this directory, if this one started it and it has the name
/// (`proc_pid_stat(5)`: id, name in parentheses, state, parent).
fn own_child(directory: &Path, name: &str) -> Option<Pid> {
    let stat = fs::read_to_string(directory.join("stat")).ok()?;
    let (id, rest) = stat.split_once(" (")?;
    let rest = rest.strip_prefix(name)?.strip_prefix(") ")?;
    let parent: u32 = rest.split(' ').nth(1)?.parse().ok()?;
    (parent == std::process::id()).then(|| Pid::from_raw(id.parse().ok()?)).flatten()
}

/// Lets go of the code that is in memory, most of which only a start or a window needs: what runs comes
/// back from the file, by itself. Gives how many bytes of addresses that were.
pub(crate) fn let_go_of_code() -> io::Result<usize> {
    let maps = fs::read_to_string("/proc/self/smaps")?;
    let mut bytes = 0;
    for Mapping { start, length } in untouched(&maps) {
        // SAFETY: these addresses hold what a file has, as it is there: they may not be written, and none
        // of their pages was. Letting go of them changes nothing that anybody could read; the next one
        // who does gets the file's page again (madvise(2), MADV_DONTNEED). The program and the libraries
        // that are this large stay where they are until it ends.
        #[expect(unsafe_code, reason = "the system's call has no safe form")]
        unsafe {
            madvise(ptr::with_exposed_provenance_mut(start), length, Advice::LinuxDontNeed)?;
        }
        bytes += length;
    }
    Ok(bytes)
}

/// A stretch of addresses.
#[derive(Debug, PartialEq, Eq)]
struct Mapping {
    start: usize,
    length: usize,
}

/// Those mappings that are of a file, may not be written, and of which no page differs from the file
/// (`proc_pid_smaps(5)`: a line as in `maps`, then the facts, of which `Anonymous` counts the pages that
/// are not the file's any more, `Locked` those that must stay).
fn untouched(maps: &str) -> impl Iterator<Item = Mapping> {
    let mut of_file = None;
    let mut is_as_the_file = false;
    maps.lines().filter_map(move |line| {
        let mut words = line.split_ascii_whitespace();
        match (words.next()?, words.next()?) {
            ("Anonymous:", size) => is_as_the_file = size == "0",
            ("Locked:", size) if is_as_the_file && size == "0" => return of_file.take(),
            (range, access) if !range.ends_with(':') => {
                let is_file = words.nth(3).is_some_and(|path| path.starts_with('/'));
                let is_kept = matches!(access, "r-xp" | "r--p");
                let found = (is_file && is_kept).then(|| mapping(range)).flatten();
                of_file = found.filter(|mapping| mapping.length >= LEAST);
                is_as_the_file = false;
            }
            _ => {}
        }
        None
    })
}

/// `start-end`, both hexadecimal.
fn mapping(range: &str) -> Option<Mapping> {
    let (start, end) = range.split_once('-')?;
    let start = usize::from_str_radix(start, 16).ok()?;
    let end = usize::from_str_radix(end, 16).ok()?;
    Some(Mapping { start, length: end.checked_sub(start)? })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_child_is_known_by_its_name() {
        let mut child = Command::new("sleep").arg("60").spawn().expect("a child");
        let directory = format!("/proc/{}", child.id());
        let of = |directory: &str, name| own_child(Path::new(directory), name);
        let id = Pid::from_child(&child);
        // Until it is `sleep`, it has this program's name.
        while of(&directory, "sleep").is_none() && child.try_wait().expect("its state").is_none() {}
        assert_eq!(of(&directory, "sleep"), Some(id));
        assert_eq!(of(&directory, "slee"), None);
        assert_eq!(of("/proc/self", "sleep"), None);
        assert_eq!(of("/proc/nobody", "sleep"), None);
        child.kill().expect("it ends");
        child.wait().expect("it ended");
    }

    #[test]
    fn only_what_is_as_in_its_file_is_let_go() {
        let mapping = |head: &str, anonymous: u32, locked: u32| {
            format!(
                "{head}\nSize:   8 kB\nRss:   8 kB\nAnonymous:   {anonymous} kB\nLocked:   {locked} kB\n\
                 VmFlags: rd ex mr mw me\n"
            )
        };
        let maps = [
            mapping("100000-300000 r-xp 000000 fe:01 17   /usr/lib/libcode.so (deleted)", 0, 0),
            mapping("300000-500000 r--p 200000 fe:01 17   /usr/lib/libcode.so", 4, 0),
            mapping("500000-600000 rw-p 400000 fe:01 17   /usr/lib/libcode.so", 0, 0),
            mapping("600000-700000 r--s 000000 fe:01 18   /usr/share/cache", 0, 0),
            mapping("700000-900000 r-xp 000000 00:00 0    [vdso]", 0, 0),
            mapping("900000-a00000 r-xp 000000 00:00 0 ", 0, 0),
            mapping("a00000-b00000 r-xp 000000 fe:01 19   /usr/lib/libheld.so", 0, 4),
            mapping("b00000-f00000 r--p 000000 fe:01 19   /usr/lib/libdata.so", 0, 0),
            mapping("f00000-f01000 r-xp 000000 fe:01 20   /usr/lib/libsmall.so", 0, 0),
        ]
        .concat();
        let found: Vec<Mapping> = untouched(&maps).collect();
        let at = |start, length| Mapping { start, length };
        assert_eq!(found, [at(0x10_0000, 0x20_0000), at(0xb0_0000, 0x40_0000)]);
        assert_eq!(untouched("no-such thing\nAnonymous:\nLocked: 0 kB").count(), 0);
    }

    #[test]
    fn a_program_goes_on_without_its_code_in_memory() {
        let resident = || {
            let status = fs::read_to_string("/proc/self/status").expect("its status");
            let line = status.lines().find_map(|line| line.strip_prefix("RssFile:"));
            let line = line.expect("what it has of files").trim().trim_end_matches(" kB").trim();
            line.parse::<usize>().expect("a number")
        };
        let before = resident();
        let bytes = let_go_of_code().expect("it is let go");
        let after = resident();
        assert!(bytes > 1024 * 1024, "{bytes}");
        assert!(after < before, "{before} KiB, then {after}");
    }
}
