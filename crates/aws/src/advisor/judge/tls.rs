//! Cases about TLS.

use super::super::hello::cipher;
use super::super::{Hello, Moment, Side, Verdict, What};
use super::never;

/// TLS 1.2 and 1.3.
const VERSIONS: [u16; 2] = [0x0303, 0x0304];

/// A handshake that is complete.
pub(super) fn secured(moments: &[Moment]) -> Verdict {
    let found = moments.iter().find_map(|moment| match &moment.what {
        What::Secured(with) => Some(Verdict::Pass(with.clone())),
        _ => None,
    });
    found.unwrap_or_else(|| Verdict::Fail(why_not(moments)))
}

/// Why no handshake is complete.
fn why_not(moments: &[Moment]) -> String {
    let last = moments.iter().rev().find_map(|moment| match &moment.what {
        What::Unsecured(why) => Some(why.clone()),
        _ => None,
    });
    last.unwrap_or_else(|| "the client began no handshake of TLS".to_owned())
}

/// Cipher suites that AWS takes, and no others.
pub(super) fn suites(moments: &[Moment]) -> Verdict {
    let Some(hello) = moments.iter().find_map(offered) else {
        return Verdict::Fail(why_not(moments));
    };
    if !hello.versions.iter().any(|version| VERSIONS.contains(version)) {
        return Verdict::Fail(format!("neither TLS 1.2 nor 1.3 is offered: {hello}"));
    }
    let suites = hello.suites.iter().filter(|suite| !cipher::is_signal(**suite));
    let (known, unknown): (Vec<u16>, Vec<u16>) =
        suites.partition(|suite| cipher::aws_name(**suite).is_some());
    let Some(best) = known.first().and_then(|suite| cipher::aws_name(*suite)) else {
        return Verdict::Fail(format!("none of {} suites is one of AWS's", unknown.len()));
    };
    let text = format!("{} of AWS's suites, first {best}", known.len());
    if unknown.is_empty() {
        return Verdict::Pass(text);
    }
    let unknown: Vec<String> = unknown.iter().map(|suite| format!("{suite:#06x}")).collect();
    Verdict::Warn(format!("{text}; {} others: {}", unknown.len(), unknown.join(" ")))
}

fn offered(moment: &Moment) -> Option<&Hello> {
    match &moment.what {
        What::Offered(hello) => Some(hello),
        _ => None,
    }
}

/// A server that must not be trusted: the client closes the connection, and sends
/// nothing before.
pub(super) fn refused(moments: &[Moment]) -> Verdict {
    let trusts = moments.iter().find(|moment| matches!(moment.what, What::Received(_)));
    if let Some(moment) = trusts {
        return Verdict::Fail(format!("the client trusts the server: {}", moment.what));
    }
    let mut begun = moments.iter().filter(|moment| offered(moment).is_some()).peekable();
    if begun.peek().is_none() {
        return Verdict::Fail(why_not(moments));
    }
    for begin in begun {
        let mut on_it = moments.iter().filter(|moment| moment.connection == begin.connection);
        if on_it.any(|moment| moment.what == What::Closed(Side::Client)) {
            return Verdict::Pass(format!("the client closed it: {}", reason(begin, moments)));
        }
    }
    never("the end of the connection by the client")
}

/// How the handshake of a connection ended.
fn reason(begin: &Moment, moments: &[Moment]) -> String {
    let on_it = moments.iter().filter(|moment| moment.connection == begin.connection);
    let mut ends = on_it.filter_map(|moment| match &moment.what {
        What::Unsecured(why) => Some(why.clone()),
        What::Secured(_) => Some("after the handshake, before it sent anything".to_owned()),
        _ => None,
    });
    ends.next_back().unwrap_or_else(|| "during the handshake".to_owned())
}
