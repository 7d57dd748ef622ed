//! Servers, and what an application may name them by.

use crate::transport::Endpoint;
use crate::url::{ServerUrl, UrlError};

/// A server to connect to.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) endpoint: Endpoint,
    /// `None` for an endpoint without a URL.
    pub(crate) url: Option<ServerUrl>,
}

/// Anything that names a server: the text of a URL (also in a type of another
/// crate, such as `url::Url`), a [`ServerUrl`], or an [`Endpoint`].
pub trait IntoServer: sealed::Sealed {
    #[doc(hidden)]
    fn into_server(self) -> Result<Named, UrlError>;
}

/// A server that was named.
#[doc(hidden)]
#[derive(Debug)]
pub struct Named(pub(crate) Server);

impl<T: AsRef<str>> IntoServer for T {
    fn into_server(self) -> Result<Named, UrlError> {
        ServerUrl::parse(self.as_ref())?.into_server()
    }
}

impl IntoServer for ServerUrl {
    fn into_server(self) -> Result<Named, UrlError> {
        Ok(Named(Server { endpoint: Endpoint::from(&self), url: Some(self) }))
    }
}

impl IntoServer for &ServerUrl {
    fn into_server(self) -> Result<Named, UrlError> {
        self.clone().into_server()
    }
}

impl IntoServer for Endpoint {
    fn into_server(self) -> Result<Named, UrlError> {
        Ok(Named(Server { endpoint: self, url: None }))
    }
}

mod sealed {
    use super::{Endpoint, ServerUrl};

    pub trait Sealed {}

    impl<T: AsRef<str>> Sealed for T {}
    impl Sealed for ServerUrl {}
    impl Sealed for &ServerUrl {}
    impl Sealed for Endpoint {}
}
