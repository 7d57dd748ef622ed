//! Packets of a network, from a capture or a tap.
