pub(crate) mod adapter;
pub(crate) mod broker;
pub(crate) mod bundle;
pub(crate) mod demo;
pub(crate) mod envoy;
pub(crate) mod gen_key;
pub(crate) mod issue;
pub(crate) mod issuer;
pub(crate) mod schema;
pub(crate) mod sign;
mod stack;
pub(crate) mod up;
pub(crate) mod verifier;
pub(crate) mod verify;

use crate::args::Command;
use crate::exit::{Fault, Verdict};
use crate::output::Output;

pub(crate) fn run(command: Command, output: Output) -> Result<Verdict, Fault> {
    match command {
        Command::GenKey(command) => command.run(output),
        Command::Issue(command) => command.run(output),
        Command::Sign(command) => command.run(output),
        Command::Verify(command) => command.run(output),
        Command::Issuer(command) => command.run(output),
        Command::Verifier(command) => command.run(output),
        Command::Broker(command) => command.run(output),
        Command::Adapter(command) => command.run(),
        Command::Bundle(command) => command.run(output),
        Command::Envoy(command) => command.run(output),
        Command::Schema(command) => command.run(output),
        Command::Up(command) => command.run(output),
        Command::Demo(command) => command.run(output),
    }
}
