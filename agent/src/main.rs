//! `muster-agent`: see [`muster_agent::cli`].

use std::io::IsTerminal as _;
use std::process::ExitCode;

#[expect(
    clippy::print_stderr,
    reason = "the one place where an error reaches the person who typed the command"
)]
fn main() -> ExitCode {
    // Colours are for a terminal; in a file they are noise.
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_ansi(colours).with_writer(std::io::stderr).init();
    match muster_agent::cli::run(std::env::args_os(), &mut std::io::stdout()) {
        // Windows takes all 32 bits of an installer's code; elsewhere the lowest eight are left.
        Ok(code) => std::process::exit(code),
        Err(error) => {
            eprintln!("muster-agent: {error:#}");
            ExitCode::FAILURE
        }
    }
}
