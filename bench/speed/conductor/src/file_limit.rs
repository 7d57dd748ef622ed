//! How many sockets a program may have.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Makes room for as many open files in each program that is started from now on.
pub(crate) fn raise(wanted: u64) -> Result<(), String> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    if maximum.is_some_and(|maximum| maximum < wanted) {
        return Err(format!(
            "{wanted} open files are needed and at most {} allowed: raise the hard limit \
             (ulimit -Hn {wanted} as root, or LimitNOFILE= of the service)",
            maximum.unwrap_or_default()
        ));
    }
    setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum })
        .map_err(|error| format!("{wanted} open files are needed: {error}"))
}
