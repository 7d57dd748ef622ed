//! `sub` checked.

use std::path::PathBuf;
use std::time::Duration;

use evenkeel::{QoS, RetainHandling, TopicFilter};

use super::connection::ConnectionSettings;
use super::{Context, store, time_limit, topic_filter};
use crate::args::{
    EndingFlags, EventsVersion, MetricsAddress, MetricsFlag, OutputFlags, RetainedWhen,
    SelectionFlags, SubscribeArgs, SubscriptionFlags, WatchFlags,
};
use crate::error::Failure;
use crate::format::{Format, Style};

/// What to subscribe to, what to show and when to end.
#[derive(Debug)]
pub(crate) struct SubscribeSettings {
    pub(crate) connection: ConnectionSettings,
    /// May be empty if there is something to unsubscribe from.
    pub(crate) filters: Vec<TopicFilter>,
    pub(crate) unsubscribe: Vec<TopicFilter>,
    pub(crate) options: SubscriptionOptions,
    pub(crate) selection: Selection,
    pub(crate) ending: Ending,
    pub(crate) output: Output,
    pub(crate) watch: Watch,
}

/// How to subscribe, for every filter alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SubscriptionOptions {
    pub(crate) qos: QoS,
    pub(crate) no_local: bool,
    pub(crate) retain_as_published: bool,
    pub(crate) retain_handling: RetainHandling,
}

/// Which messages are shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Selection {
    pub(crate) filter_out: Vec<TopicFilter>,
    pub(crate) no_retained: bool,
    pub(crate) retained_only: bool,
    pub(crate) remove_retained: bool,
    /// Percent; `None` shows all.
    pub(crate) share: Option<f64>,
}

/// When the program ends by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) count: Option<u64>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) after_subscribe: bool,
    pub(crate) keep_trying: bool,
}

/// How messages are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Output {
    pub(crate) style: Style,
    pub(crate) no_eol: bool,
}

/// What is told about the connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Watch {
    /// Time between two state lines.
    pub(crate) status: Option<Duration>,
    /// A file for events; `-` is stderr.
    pub(crate) events: Option<PathBuf>,
    /// How they are written.
    pub(crate) events_version: EventsVersion,
    /// Where metrics are served.
    pub(crate) metrics: Option<MetricsAddress>,
}

impl SubscribeSettings {
    /// Checks the flags.
    pub(crate) fn new(args: &SubscribeArgs, context: Context<'_>) -> Result<Self, Failure> {
        let needs_v5 = needs_v5(&args.options);
        let store = store::collect(&args.store, context)?;
        let mut connection = ConnectionSettings::new(&args.connection, needs_v5, store, context)?;
        let has_others = !args.topic.is_empty() || !args.words.is_empty();
        if has_others && !context.is_mosquitto() {
            connection
                .warn_of_url_topic("the URL has a topic beside others: it is subscribed to, too");
        }
        let given = connection.url_topics.iter().chain(&args.topic).chain(&args.words);
        let filters = given.map(|text| topic_filter(text, "-t")).collect::<Result<Vec<_>, _>>()?;
        let unsubscribe = args
            .unsubscribe
            .iter()
            .map(|text| topic_filter(text, "-U"))
            .collect::<Result<Vec<_>, _>>()?;
        if filters.is_empty() && unsubscribe.is_empty() {
            return Err(Failure::usage("there is no topic filter to subscribe to").hint(
                "give -t FILTER, or the filter as the first word: evenkeel sub 'site/+/level'",
            ));
        }
        Ok(Self {
            connection,
            filters,
            unsubscribe,
            options: options(args.qos, &args.options),
            selection: selection(&args.selection)?,
            ending: ending(&args.ending, context)?,
            output: Output::new(&args.output)?,
            watch: watch(&args.watch, &args.metrics),
        })
    }
}

const fn needs_v5(flags: &SubscriptionFlags) -> Option<&'static str> {
    match flags {
        SubscriptionFlags { retain_as_published: true, .. } => Some("--retain-as-published"),
        SubscriptionFlags { no_local: true, .. } => Some("--no-local"),
        SubscriptionFlags { retain_handling: Some(_), .. } => Some("--retain-handling"),
        _ => None,
    }
}

fn options(qos: Option<QoS>, flags: &SubscriptionFlags) -> SubscriptionOptions {
    SubscriptionOptions {
        qos: qos.unwrap_or(QoS::AtMostOnce),
        no_local: flags.no_local,
        retain_as_published: flags.retain_as_published,
        retain_handling: match flags.retain_handling {
            None | Some(RetainedWhen::Always) => RetainHandling::OnSubscribe,
            Some(RetainedWhen::New) => RetainHandling::OnNewSubscribe,
            Some(RetainedWhen::Never) => RetainHandling::Never,
        },
    }
}

fn selection(flags: &SelectionFlags) -> Result<Selection, Failure> {
    if flags.no_retained && flags.retained_only {
        return Err(Failure::usage("--no-retained and --retained-only contradict each other")
            .why("together they show nothing")
            .hint("leave one of them out"));
    }
    Ok(Selection {
        filter_out: flags
            .filter_out
            .iter()
            .map(|text| topic_filter(text, "-T"))
            .collect::<Result<_, _>>()?,
        no_retained: flags.no_retained,
        retained_only: flags.retained_only,
        remove_retained: flags.remove_retained,
        share: flags.random_filter,
    })
}

fn ending(flags: &EndingFlags, context: Context<'_>) -> Result<Ending, Failure> {
    if flags.exit_after_subscribe && flags.count.is_some() {
        return Err(Failure::usage("--exit-after-subscribe and --count contradict each other")
            .why("-E ends before any message is waited for")
            .hint("leave one of them out"));
    }
    Ok(Ending {
        count: flags.count,
        timeout: time_limit(flags.timeout, context)?,
        after_subscribe: flags.exit_after_subscribe,
        keep_trying: flags.keep_trying,
    })
}

impl Output {
    /// Checks the flags; `-F` wins over `-v`.
    pub(super) fn new(flags: &OutputFlags) -> Result<Self, Failure> {
        let style = match (&flags.format, flags.json) {
            (Some(_), true) => {
                return Err(Failure::usage("--format and --json contradict each other")
                    .hint("leave one of them out; -F '%j' is mosquitto's JSON"));
            }
            (None, true) => Style::JsonLines,
            (Some(format), false) => {
                Style::Custom { format: parse_format(format)?, pretty: flags.pretty }
            }
            (None, false) if flags.verbose => Style::Verbose,
            (None, false) => Style::Payload,
        };
        Ok(Self { style, no_eol: flags.no_eol })
    }
}

fn parse_format(text: &str) -> Result<Format, Failure> {
    Format::parse(text).map_err(|error| {
        Failure::usage(format!("the format '{text}' is not valid")).why(error).hint(error.hint())
    })
}

fn watch(flags: &WatchFlags, metrics: &MetricsFlag) -> Watch {
    let (status, events_version) = (flags.status, flags.events_version);
    let (events, metrics) = (flags.events.clone(), metrics.address.clone());
    Watch { status, events, events_version, metrics }
}
