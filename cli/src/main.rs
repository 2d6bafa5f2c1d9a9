use std::process::ExitCode;

fn main() -> ExitCode {
    trustplane::main()
}
