//! The `muster` binary: the console, the clock's zone and the arguments handed to the library, nothing else.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut output = muster::output::Output::console();
    let exit = muster::run(std::env::args_os(), &mut output).await;
    ExitCode::from(exit.code())
}
