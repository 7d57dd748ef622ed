//! Properties that hold for all packets and all bytes.

mod bytes_in;
mod packets;
mod round_trip;
mod strings;
mod topic_match;
