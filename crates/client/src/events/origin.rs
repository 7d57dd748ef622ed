//! Which client an event is of.

use std::sync::Arc;

use evenkeel_codec::Text;

use super::Report;
use crate::shared::Shared;

/// Which client an event is of, and which server it speaks to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Origin {
    /// The client identifier as it is known when the event is taken: the configured
    /// one, or the one that the server assigned. Empty if neither is there.
    pub client_id: Text,
    /// The configured server of the attempt, with `***` in place of user name and
    /// password, and of a query;
    /// `None` before the first attempt, and for an endpoint without a URL. A
    /// redirect or an endpoint hook may have led elsewhere.
    pub server_url: Option<String>,
}

/// Those of one reader's events: mostly all are of the same.
#[derive(Default)]
pub(super) struct Origins(Option<(Option<usize>, Arc<Origin>)>);

impl Origins {
    /// Says of an event which client it is of.
    pub(super) fn name(&mut self, report: &mut Report, shared: &Shared) {
        let server = report.situation.server();
        let client_id = shared.lock().core.client_id().clone();
        let known =
            self.0.as_ref().filter(|(of, origin)| *of == server && origin.client_id == client_id);
        let origin = match known {
            Some((_, origin)) => origin.clone(),
            None => {
                let url = server
                    .and_then(|index| shared.identity.connect.servers.get(index)?.url.as_ref());
                let server_url = url.map(ToString::to_string);
                Arc::new(Origin { client_id, server_url })
            }
        };
        report.origin = Some(origin.clone());
        self.0 = Some((server, origin));
    }
}
