//! The program as its users run it: exact output, exact errors, exact exit codes.

mod broker;
mod bundles;
mod clients;
mod edits;
mod examples;
mod help;
mod keys;
mod render;
mod requests;
mod sdk;
mod tool;
