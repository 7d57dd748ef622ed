//! Logs of clients and brokers: one file for each format.
