//! `muster-agent`: see [`muster_agent::cli`].

use std::process::ExitCode;

#[expect(
    clippy::print_stderr,
    reason = "the one place where an error reaches the person who typed the command"
)]
fn main() -> ExitCode {
    muster_agent::log::begin();
    match muster_agent::cli::run(std::env::args_os(), &mut std::io::stdout()) {
        // Windows takes all 32 bits of an installer's code; elsewhere the lowest eight are left.
        Ok(code) => std::process::exit(code),
        Err(error) => {
            eprintln!("muster-agent: {error:#}");
            ExitCode::FAILURE
        }
    }
}
