//! What the client does about the limits of a broker's profile (P1, P2).

mod every;
mod rates;
mod strict;
