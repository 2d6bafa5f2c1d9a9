//! The shipped schemas are those of the types, and judge as the readers do.

mod asked;
mod authored;
mod complete;
mod invalid;
mod judge;
mod mutation;
mod shipped;
#[allow(dead_code, reason = "the tests of the commands use the rest")]
#[path = "../cli/tool.rs"]
mod tool;
mod valid;
