//! What most rules use.

pub(crate) use core::time::Duration;

pub(crate) use alloc::format;
pub(crate) use alloc::vec::Vec;

pub(crate) use super::{Hit, Hits, Meta, On, Rule, Severity, Threshold, Vantages, View};
pub(crate) use crate::event::{Moment, PacketSeen, Side, What, Words};
pub(crate) use crate::source::Vantage;
pub(crate) use crate::steady::{alike, median, steady};
pub(crate) use crate::track::{Connection, End, MarkKind, Round};
