//! What every door needs: who is calling, access keys that sign requests, and how an error is answered when upstream has
//! no form of its own.

mod base;
mod caller;
mod fault;
mod keys;
mod reader;
mod routes;

pub use base::Base;
pub use caller::{Caller, Denied, reaches};
pub use fault::{Answer, code, status};
pub use keys::{AccessKeys, KeyError, NewKey};
pub use reader::reader;
pub use routes::{Door, Routes};
