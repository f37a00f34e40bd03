//! The only HTTP client, also for gRPC, and letters by SMTP. Where it may connect is a policy: by default no private address, checked after names are
//! resolved, and the connection goes to the address that was checked. Answers, time and repetitions are limited.

mod address;
mod client;
mod error;
mod grpc;
mod mail;
mod percent;
mod policy;
mod trace;

pub use address::is_public;
pub use client::{Answer, Body, Call, Client, Method};
pub use error::Error;
pub use grpc::{GrpcAnswer, GrpcClient};
pub use mail::{Letter, MailSecurity, MailServer, check_mail_address, send_mail};
pub use percent::percent_decoded;
pub use policy::Policy;
