//! The binary of the controller; everything is in the library.

fn main() -> std::process::ExitCode {
    muster_controller::command_line::run(std::env::args_os())
}
