//! The stores are in this very process: no proxy of the environment is asked for them.

use std::ffi::OsString;

use crate::stop::Stop;

/// Starts the program anew without proxies, if the environment has some: it is read once, deep
/// below, and a program cannot change its own where other threads may read it.
#[cfg(unix)]
pub(super) fn without_proxies() -> Result<(), Stop> {
    use std::os::unix::process::CommandExt as _;

    let proxies = proxies();
    if proxies.is_empty() {
        return Ok(());
    }
    let refused = |error| Stop::fatal(format!("cannot start without proxies: {error}"));
    let mut anew = std::process::Command::new(std::env::current_exe().map_err(refused)?);
    anew.args(std::env::args_os().skip(1));
    for name in proxies {
        anew.env_remove(name);
    }
    // It returns only if it failed.
    Err(refused(anew.exec()))
}

#[cfg(not(unix))]
pub(super) fn without_proxies() -> Result<(), Stop> {
    if proxies().is_empty() {
        return Ok(());
    }
    Err(Stop::fatal("the demo runs without proxies (unset HTTP_PROXY and ALL_PROXY for it)"))
}

fn proxies() -> Vec<OsString> {
    let names = std::env::vars_os().map(|(name, _)| name);
    names.filter(|name| is_proxy(&name.to_string_lossy())).collect()
}

fn is_proxy(name: &str) -> bool {
    ["http_proxy", "https_proxy", "all_proxy"].iter().any(|it| name.eq_ignore_ascii_case(it))
}
