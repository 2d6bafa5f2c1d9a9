//! The program as its users run it: exact output, exact errors, exact exit codes.

mod broker;
mod bundles;
mod clients;
mod examples;
mod help;
mod keys;
mod places;
mod render;
mod requests;
mod sdk;
mod tool;
