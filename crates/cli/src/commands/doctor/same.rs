//! Whether two names are one file.

use std::fs::Metadata;
use std::path::Path;

/// Whether both paths lead to one file, links followed. Stdin is `-`.
pub(super) fn same_file(one: &Path, other: &Path) -> bool {
    let read = |path: &Path| {
        let path = if path.as_os_str() == "-" { Path::new("/dev/stdin") } else { path };
        std::fs::metadata(path).ok()
    };
    let named = || Some(one.canonicalize().ok()? == other.canonicalize().ok()?);
    match (read(one), read(other)) {
        // A terminal or a pipe may be both.
        (Some(one), Some(other)) if one.is_file() && other.is_file() => {
            if cfg!(unix) {
                same(&one, &other)
            } else {
                named().unwrap_or(false)
            }
        }
        _ => false,
    }
}

#[cfg(unix)]
pub(super) fn same(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Elsewhere a file that is shorter is another one, and that is all that can be told.
#[cfg(not(unix))]
pub(super) fn same(one: &Metadata, other: &Metadata) -> bool {
    other.len() >= one.len()
}
