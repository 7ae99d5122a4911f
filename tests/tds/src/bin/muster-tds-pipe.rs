//! The named pipe of a SQL Server that is played on Linux, for the stories of the agent for Windows.
//!
//!     muster-tds-pipe NAME INSTANCES PORT CONTROL
//!
//! Makes `\\.\pipe\NAME`, connects to the port CONTROL of loopback to say that it is there, and ends when that connection does.
//! Neighbours: `muster_tds::pipe`. Elsewhere than on Windows it does nothing.

#[cfg(windows)]
fn main() -> std::io::Result<()> {
    use std::io::Read as _;
    use std::net::{Ipv4Addr, TcpStream};

    let words: Vec<String> = std::env::args().skip(1).collect();
    let wrong = |_| std::io::Error::from(std::io::ErrorKind::InvalidInput);
    let [name, instances, port, control] = words.as_slice() else {
        return Err(std::io::ErrorKind::InvalidInput.into());
    };
    let _pipe =
        muster_tds::pipe::Pipe::open(name, instances.parse().map_err(wrong)?, port.parse().map_err(wrong)?)?;
    let mut story = TcpStream::connect((Ipv4Addr::LOCALHOST, control.parse().map_err(wrong)?))?;
    // Nothing is ever said: it ends.
    story.read(&mut [0]).map(|_| ())
}

#[cfg(not(windows))]
fn main() {}
