//! The program as its users run it: exact output, exact errors, exact exit codes.

mod authoring;
mod broker;
mod bundles;
mod clients;
mod diff;
mod edits;
mod effects;
mod examples;
mod explain;
mod forms;
mod help;
mod issuer;
mod keys;
mod lint;
mod places;
mod readme;
mod render;
mod requests;
mod sdk;
mod serving;
mod tiers;
mod tool;
mod verifier;
