//! Streams that the user supplies.

use std::future::Future;
use std::io;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};

/// What a connection can run over: any ordered, reliable byte stream.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// A user-supplied stream, whatever its type.
pub type BoxedStream = Box<dyn ByteStream>;

/// Opens user-supplied streams, one for each connection attempt.
///
/// Every async function that takes nothing and returns an I/O result of a stream is one:
///
/// ```
/// use evenkeel::transport::Endpoint;
///
/// let endpoint = Endpoint::custom(|| tokio::net::TcpStream::connect("127.0.0.1:1883"));
/// ```
pub trait Connector: Send + Sync + 'static {
    /// Opens a stream to the server. The future is dropped when the connect time-out runs out.
    fn connect(&self) -> Pin<Box<dyn Future<Output = io::Result<BoxedStream>> + Send + '_>>;
}

impl<F, Opening, S> Connector for F
where
    F: Fn() -> Opening + Send + Sync + 'static,
    Opening: Future<Output = io::Result<S>> + Send,
    S: ByteStream + 'static,
{
    fn connect(&self) -> Pin<Box<dyn Future<Output = io::Result<BoxedStream>> + Send + '_>> {
        Box::pin(async move { self().await.map(|stream| Box::new(stream) as BoxedStream) })
    }
}
