//! The built program, from outside: against a broker in this process, and
//! beside mosquitto's tools if they are installed.

mod advisor;
#[cfg(unix)]
mod authorizer;
mod broker;
mod certainty;
mod certificates;
mod clouds;
mod demo;
mod doctor;
mod emulator;
#[cfg(unix)]
mod emulator_kill;
mod events;
mod exit_codes;
mod first_words;
mod formats;
mod kill;
#[cfg(unix)]
mod metrics;
mod mistakes;
mod mosquitto;
mod names;
mod pki;
mod profile;
mod provision;
mod publish;
mod queue;
mod registrar;
mod request;
mod restart;
mod retry;
mod selection;
mod sentence;
mod signals;
mod signed;
mod soak;
mod store;
mod support;
#[cfg(unix)]
mod terminal;
mod texts;
mod torture;
mod transports;
mod wrong_port;
