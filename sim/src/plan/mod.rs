//! Random worlds. A plan is small: a seed, how much of everything, and which
//! classes of faults. Each class, and each client, draws from a sequence of
//! its own, so leaving one out leaves the others as they are.

mod clients;
mod faults;

pub(crate) use clients::overrun;

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use crate::rng::Rng;
use crate::setup::{ClientSpec, Setup};
use crate::time::Time;

/// What a random world is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Decides everything the other fields leave open.
    pub seed: u64,
    /// How many clients.
    pub clients: usize,
    /// How long things go wrong.
    pub duration: Duration,
    /// What goes wrong.
    pub classes: BTreeSet<Class>,
    /// Hours with little traffic, and not minutes with much.
    pub is_long: bool,
    /// Clients have stores, and processes end.
    pub is_durable: bool,
}

macro_rules! classes {
    ($($(#[$meta:meta])* $name:ident,)*) => {
        /// What can go wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Class {
            $($(#[$meta])* $name,)*
        }

        impl Class {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }
    };
}

classes! {
    /// Connections break at any byte.
    Cut,
    /// Connections die without a word, in one direction or both.
    HalfOpen,
    /// Connections stand still for a while.
    Hold,
    /// Paths get slow and far.
    Path,
    /// Processes are not run for a while.
    Stall,
    /// Machines sleep.
    Sleep,
    /// Clocks drift.
    Drift,
    /// The server cannot be reached.
    Unreachable,
    /// The broker restarts and keeps its sessions.
    Restart,
    /// The broker restarts and has forgotten everything.
    Amnesia,
    /// Another instance uses the same client identifier.
    TakeOver,
    /// PINGRESP is lost, late or duplicated.
    Pings,
    /// Acknowledgements are late or duplicated.
    Acks,
    /// CONNACK is lost, late, or the last packet of its connection.
    ConnAck,
    /// CONNECT is refused.
    Refuse,
    /// The broker sends DISCONNECT.
    Disconnect,
    /// The broker falls silent.
    Silence,
    /// The broker cuts the connection at some message.
    Poison,
    /// Applications are slow, and acknowledge late.
    SlowApp,
    /// Applications change their subscriptions.
    Churn,
    /// Applications probe and reconnect, old inputs come again.
    Meddle,
    /// Applications shut down at any time.
    Stop,
    /// Messages expire.
    Expiry,
    /// The server's limits are tight and change.
    Offer,
    /// Processes are killed at any step.
    Kill,
    /// The power goes at any step.
    PowerCut,
    /// Processes are shut down, and others begin.
    Leave,
    /// Disks are full.
    FullDisk,
    /// Disks fail.
    FailingDisk,
    /// Disks hang.
    HangingDisk,
    /// The broker sends more than clients announced that they take.
    Overrun,
}

impl Class {
    /// Whether it leaves connections alone.
    const fn is_harmless(self) -> bool {
        matches!(
            self,
            Self::Drift
                | Self::Acks
                | Self::SlowApp
                | Self::Churn
                | Self::Meddle
                | Self::Stop
                | Self::Expiry
                | Self::Overrun
        )
    }

    /// Whether any world may have it, drawn with the others.
    const fn is_of_every_world(self) -> bool {
        !self.is_of_stores() && !matches!(self, Self::Overrun)
    }

    /// Whether it is about stores and processes.
    const fn is_of_stores(self) -> bool {
        matches!(
            self,
            Self::Kill
                | Self::PowerCut
                | Self::Leave
                | Self::FullDisk
                | Self::FailingDisk
                | Self::HangingDisk
        )
    }
}

impl Plan {
    /// The random plan of a seed.
    pub fn of(seed: u64) -> Self {
        let mut rng = Rng::new(seed).fork("plan", 0);
        let is_long = rng.one_in(8);
        let clients = if is_long { rng.range(1, 3) } else { rng.pick(&[1, 2, 2, 3, 3, 4, 6]) };
        let duration = if is_long {
            rng.span(Duration::from_secs(3_600), Duration::from_secs(12 * 3_600))
        } else {
            rng.span(Duration::from_secs(60), Duration::from_secs(600))
        };
        // A storm of everything, a few things, or nothing but load.
        let one_in = rng.pick(&[2, 4, 4, 8, 8, 16]);
        let mut classes: BTreeSet<Class> = classes(Class::is_of_every_world).collect();
        classes.retain(|_class| rng.one_in(one_in));
        if rng.one_in(10) {
            classes.retain(|class| class.is_harmless());
        }
        // Drawn apart: the other draws of a seed stay as they are.
        if Rng::new(seed).fork("overrun", 0).one_in(3) {
            classes.insert(Class::Overrun);
        }
        let clients = clients as usize;
        Self { seed, clients, duration, classes, is_long, is_durable: false }
    }

    /// The random plan of a seed in which clients have stores.
    pub fn durable(seed: u64) -> Self {
        let mut plan = Self::of(seed);
        let mut rng = Rng::new(seed).fork("durable", 0);
        // Of two instances with one store the second is refused; with two
        // stores they are no longer one client.
        plan.classes.remove(&Class::TakeOver);
        for class in classes(Class::is_of_stores) {
            if rng.one_in(3) {
                plan.classes.insert(class);
            }
        }
        plan.classes.insert(rng.pick(&[Class::Kill, Class::PowerCut]));
        plan.is_durable = true;
        plan
    }

    /// True if a class of faults is at work.
    pub fn has(&self, class: Class) -> bool {
        self.classes.contains(&class)
    }

    /// The world.
    pub fn setup(&self) -> Setup {
        let rng = Rng::new(self.seed);
        let clients: Vec<ClientSpec> =
            (0..self.clients).map(|index| clients::client(self, index, &rng)).collect();
        let calm = Time::after(self.duration);
        let mut faults = faults::all(self, &clients, &rng);
        faults.retain(|(at, _)| *at < calm);
        faults.sort_by_key(|(at, _)| *at);
        Setup {
            seed: self.seed,
            broker: clients::broker(self, &rng),
            clients,
            faults,
            calm,
            expects_calm: true,
            keep: 4_000,
        }
    }
}

fn classes(which: impl Fn(Class) -> bool) -> impl Iterator<Item = Class> {
    Class::ALL.iter().copied().filter(move |class| which(*class))
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.classes.iter().map(|class| class.name()).collect();
        let names = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
        write!(f, "{} clients, {:?}, faults: {names}", self.clients, self.duration)
    }
}
