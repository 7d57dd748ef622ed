//! Unsubscribing.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;

use evenkeel_codec::{Property, ReasonCode};

use super::draft::{self, Draft};
use crate::arguments::{IntoFilter, IntoFilters};
use crate::error::SubscribeError;
use crate::shared::Shared;

/// An unsubscribe to be made; await it to have it confirmed.
///
/// Awaiting gives one reason code per filter, in order. Streams that used the
/// filters stay open and give no further messages. Dropping the future before
/// it is ready does not take the unsubscribe back.
#[must_use = "an unsubscribe does nothing until it is awaited"]
pub struct UnsubscribeRequest {
    draft: Draft<()>,
}

impl UnsubscribeRequest {
    pub(crate) fn new(shared: Arc<Shared>, filters: impl IntoFilters) -> Self {
        Self { draft: Draft::new(shared, filters) }
    }

    /// Another filter to end with the same packet.
    pub fn filter(mut self, filter: impl IntoFilter) -> Self {
        self.draft.add(filter, ());
        self
    }

    /// A name and value of the application's (MQTT 5).
    pub fn user_property(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.draft.user_property(name, value);
        self
    }

    /// Any property of UNSUBSCRIBE (MQTT 5). One that has no place there fails
    /// the unsubscribe with [`PublishLimit::Encode`](crate::PublishLimit::Encode).
    pub fn property(mut self, property: Property) -> Self {
        self.draft.properties.push(property);
        self
    }

    async fn run(self) -> Result<Vec<ReasonCode>, SubscribeError> {
        let Draft { shared, filters, properties, .. } = self.draft.checked()?;
        let filters = filters.into_iter().map(|(filter, ())| filter).collect();
        let now = shared.clock.now();
        let (token, begun) = shared.command(|inner| {
            let token = inner.operations.begin();
            (token, inner.core.unsubscribe(now, filters, properties, token))
        });
        draft::codes(&shared, token, begun).await
    }
}

impl std::fmt::Debug for UnsubscribeRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UnsubscribeRequest")
            .field("filters", &self.draft.names())
            .field("properties", &self.draft.properties)
            .finish_non_exhaustive()
    }
}

impl IntoFuture for UnsubscribeRequest {
    type Output = Result<Vec<ReasonCode>, SubscribeError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}
