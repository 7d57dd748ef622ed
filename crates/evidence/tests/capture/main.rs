//! What captures and taps say, through the public API.

mod flow;
mod hostile;
mod mqtt;
mod names;
mod support;
mod tap;
mod tls;
mod websocket;
