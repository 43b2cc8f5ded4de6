//! The crate as its users see it. One binary, so that it links once.

mod circuits;
mod common;
mod hostile_keys;
mod protocol;
