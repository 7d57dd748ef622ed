//! What SUBSCRIBE and UNSUBSCRIBE have in common: filters, properties, and codes
//! in answer.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use evenkeel_codec::{Properties, ReasonCode, TopicFilter};
use evenkeel_proto::{Completion, Token};

use crate::arguments::{IntoFilter, IntoFilters};
use crate::error::{OperationError, SubscribeError};
use crate::publish::user_property;
use crate::shared::Shared;

/// A SUBSCRIBE or UNSUBSCRIBE being made; `O` is what a filter has of its own.
pub(super) struct Draft<O> {
    pub(super) shared: Arc<Shared>,
    pub(super) filters: Vec<(TopicFilter, O)>,
    pub(super) properties: Properties,
    /// The first mistake.
    error: Option<SubscribeError>,
}

impl<O: Default> Draft<O> {
    pub(super) fn new(shared: Arc<Shared>, filters: impl IntoFilters) -> Self {
        let (filters, error) = match filters.into_filters() {
            Ok(filters) => (filters, None),
            Err(error) => (Vec::new(), Some(SubscribeError::Filter(error))),
        };
        let filters = filters.into_iter().map(|filter| (filter, O::default())).collect();
        Self { shared, filters, properties: Properties::new(), error }
    }

    pub(super) fn add(&mut self, filter: impl IntoFilter, own: O) {
        match filter.into_filter() {
            Ok(filter) => self.filters.push((filter, own)),
            Err(error) => self.fail(SubscribeError::Filter(error)),
        }
    }

    pub(super) fn user_property(&mut self, name: impl Into<String>, value: impl Into<String>) {
        match user_property(name, value) {
            Ok(property) => self.properties.push(property),
            Err(error) => self.fail(SubscribeError::Property(error)),
        }
    }

    fn fail(&mut self, error: SubscribeError) {
        self.error.get_or_insert(error);
    }

    /// The draft, if there is no mistake in it.
    pub(super) fn checked(mut self) -> Result<Self, SubscribeError> {
        self.error.take().map_or(Ok(self), Err)
    }

    /// The filters alone.
    pub(super) fn names(&self) -> Vec<&TopicFilter> {
        self.filters.iter().map(|(filter, _)| filter).collect()
    }
}

/// Waits for the codes of an operation that the core has begun, or fails at
/// once with the error for which it has not.
pub(super) async fn codes(
    shared: &Arc<Shared>,
    token: Token,
    begun: Result<(), OperationError>,
) -> Result<Vec<ReasonCode>, SubscribeError> {
    let codes = match begun {
        Ok(()) => Operation { shared: shared.clone(), token }.await,
        Err(error) => {
            shared.lock().operations.cancel(token);
            Err(error)
        }
    };
    codes.map_err(|error| failed(shared, error))
}

/// What ends because the client has halted says why it has.
fn failed(shared: &Shared, error: OperationError) -> SubscribeError {
    if error == OperationError::Abandoned
        && let Some(halted) = shared.lock().halted()
    {
        return SubscribeError::Halted(Box::new(halted));
    }
    SubscribeError::Operation(error)
}

/// Waits for the codes of a SUBSCRIBE or UNSUBSCRIBE.
struct Operation {
    shared: Arc<Shared>,
    token: Token,
}

impl Future for Operation {
    type Output = Result<Vec<ReasonCode>, OperationError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut inner = self.shared.lock();
        match inner.operations.poll(self.token, cx.waker()) {
            Some(Completion::Subscribe { result, .. } | Completion::Unsubscribe { result, .. }) => {
                Poll::Ready(result)
            }
            Some(_) => Poll::Ready(Err(OperationError::Abandoned)),
            None if inner.ended => Poll::Ready(Err(OperationError::Abandoned)),
            None => Poll::Pending,
        }
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        self.shared.lock().detach(self.token);
    }
}
