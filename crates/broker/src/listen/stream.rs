//! What every transport is to the broker.

use tokio::io::{AsyncRead, AsyncWrite};

/// Bytes both ways, whatever they travel in.
pub(crate) trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> ByteStream for T {}
