//! The gate, through its public API.

mod authorizer;
mod connect;
mod policy;
mod policy_errors;
mod rsa;
mod sigv4;
mod sigv4_header;
