//! A client with a store: nothing is promised before it is committed (D3),
//! and the next process goes on where the last one stopped.

mod commit;
mod failure;
mod recover;
