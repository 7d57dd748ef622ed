//! What is measured.

use crate::clients::{Client, is_ours};
use crate::options::Options;

/// Cases that stand in one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Group {
    Publish,
    Receive,
    Large,
    Secure,
    Latency,
    Start,
    Idle,
    Build,
}

impl Group {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Receive => "receive",
            Self::Large => "large",
            Self::Secure => "secure",
            Self::Latency => "latency",
            Self::Start => "start",
            Self::Idle => "idle",
            Self::Build => "build",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp,
    Tls,
    WebSocket,
}

impl Transport {
    pub(crate) const fn scheme(self) -> &'static str {
        match self {
            Self::Tcp => "mqtt",
            Self::Tls => "mqtts",
            Self::WebSocket => "ws",
        }
    }
}

/// What a client does in a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    Publish {
        qos: u8,
        window: u16,
    },
    Receive {
        qos: u8,
        window: u16,
    },
    /// Answers requests that come at this rate.
    Answer {
        rate: u64,
    },
    /// Connects and publishes one message.
    Start,
    Idle {
        connections: usize,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) group: Group,
    pub(crate) name: String,
    pub(crate) work: Work,
    pub(crate) size: usize,
    pub(crate) transport: Transport,
}

impl Case {
    /// In how many rounds it is measured, at most. Idle connections take a
    /// third of a minute each time: only those that a goal is about get all.
    pub(crate) fn rounds(&self, client: &Client) -> usize {
        match self.work {
            Work::Idle { connections } if connections < MANY || !is_ours(&client.name) => 1,
            _ => usize::MAX,
        }
    }

    pub(crate) const fn is_throughput(&self) -> bool {
        matches!(self.work, Work::Publish { .. } | Work::Receive { .. })
    }
}

const KIB: usize = 1024;
/// Idle connections that a goal is about.
const MANY: usize = 10_000;

/// All cases that are asked for.
pub(crate) fn all(options: &Options) -> Vec<Case> {
    let mut cases = Vec::new();
    for (group, receives) in [(Group::Publish, false), (Group::Receive, true)] {
        for size in [64, KIB] {
            for (qos, window) in [(0, 100), (1, 100), (1, 10_000), (2, 100), (2, 10_000)] {
                cases.push(throughput(group, receives, qos, window, size, Transport::Tcp));
            }
        }
    }
    for receives in [false, true] {
        for size in [64 * KIB, KIB * KIB] {
            for qos in [0, 1, 2] {
                cases.push(throughput(Group::Large, receives, qos, 100, size, Transport::Tcp));
            }
        }
        for transport in [Transport::Tls, Transport::WebSocket] {
            for size in [64, 64 * KIB] {
                for qos in [0, 1] {
                    cases.push(throughput(Group::Secure, receives, qos, 100, size, transport));
                }
            }
        }
    }
    for rate in [1_000, 20_000] {
        let name = format!("answer {rate}/s");
        cases.push(other(Group::Latency, name, Work::Answer { rate }));
    }
    cases.push(other(Group::Start, "first publish".into(), Work::Start));
    for connections in [1_000, MANY] {
        let name = format!("{connections} idle");
        cases.push(other(Group::Idle, name, Work::Idle { connections }));
    }
    cases.retain(|case| options.builds(case.group) && case.name.contains(&options.cases));
    cases
}

/// The name of a throughput case, by which results are found again.
pub(crate) fn name(receives: bool, qos: u8, window: u16, size: usize, over: Transport) -> String {
    let work = if receives { "receive" } else { "publish" };
    let bytes = match size {
        64 => "64 B",
        KIB => "1 KiB",
        65_536 => "64 KiB",
        _ => "1 MiB",
    };
    let window = if window > 100 { ", window 10,000" } else { "" };
    let over = match over {
        Transport::Tcp => "",
        Transport::Tls => ", TLS",
        Transport::WebSocket => ", WebSocket",
    };
    format!("{work} {bytes} QoS {qos}{window}{over}")
}

fn throughput(
    group: Group,
    receives: bool,
    qos: u8,
    window: u16,
    size: usize,
    transport: Transport,
) -> Case {
    let work = if receives { Work::Receive { qos, window } } else { Work::Publish { qos, window } };
    let name = name(receives, qos, window, size, transport);
    Case { group, name, work, size, transport }
}

const fn other(group: Group, name: String, work: Work) -> Case {
    Case { group, name, work, size: 64, transport: Transport::Tcp }
}
