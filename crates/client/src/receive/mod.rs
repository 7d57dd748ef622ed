//! Receiving: the subscription, its stream of messages, and their acknowledgement.

mod batches;
mod draft;
mod message;
mod messages;
mod subscribe;
mod unsubscribe;

pub use message::Message;
pub use messages::Messages;
pub use subscribe::SubscribeRequest;
pub use unsubscribe::UnsubscribeRequest;
