//! What every door needs: who is calling, and how an error is answered when upstream has no form of its own.

mod base;
mod caller;
mod fault;
mod routes;

pub use base::Base;
pub use caller::{Caller, Denied};
pub use fault::{Answer, code, status};
pub use routes::{Door, Routes};
