//! The client through its public API, at a server that does what the test says.

mod support;

mod publish;
