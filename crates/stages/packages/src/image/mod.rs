//! Container images (OCI image layout 1.0, image-spec 1.1) without a container daemon: the libraries of this system that the
//! program needs, the program, the package; each a layer of its own, so that a new model pushes its own layer alone. The same
//! inputs give the same digests.

mod elf;
mod layer;
mod layout;
mod libraries;
mod push;
mod python;

pub use layout::{Built, Platform, With, build, loose};
pub use push::{Reference, push};
