//! Receiving: the subscription, its stream of messages, and their acknowledgement.

mod batches;
mod message;
mod messages;
mod subscribe;

pub use message::Message;
pub use messages::Messages;
pub use subscribe::{SubscribeRequest, UnsubscribeRequest};
