//! A named pipe of Windows before the server: what comes through it goes on to a port of loopback, and back.
//!
//! It plays what SQL Server does beside its port: as many instances as it is given, each message of the pipe as long as it came.
//! Neighbours: the agent's tests make one beside themselves, `src/bin/muster-tds-pipe.rs` one for the stories.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread::{self, JoinHandle};

use tokio::io::{copy, split};
use tokio::net::TcpStream;
use tokio::net::windows::named_pipe::{NamedPipeServer, PipeMode, ServerOptions};
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// A pipe that is there until it is dropped.
pub struct Pipe {
    stop: Option<oneshot::Sender<()>>,
    carries: Option<JoinHandle<()>>,
}

impl Pipe {
    /// Makes `\\.\pipe\NAME` with so many instances; each client is carried to that port.
    ///
    /// # Errors
    /// Where Windows makes no such pipe, as where there is one.
    pub fn open(name: &str, instances: u8, port: u16) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let name = format!(r"\\.\pipe\{name}");
        let instances = {
            let _inside = runtime.enter();
            let make = |first| {
                ServerOptions::new()
                    .pipe_mode(PipeMode::Message)
                    .max_instances(instances.into())
                    .first_pipe_instance(first)
                    .create(&name)
            };
            (0..instances).map(|number| make(number == 0)).collect::<io::Result<Vec<_>>>()?
        };
        let carries = thread::spawn(move || {
            runtime.block_on(async {
                let mut carrying = JoinSet::new();
                for instance in instances {
                    carrying.spawn(carry(instance, (Ipv4Addr::LOCALHOST, port).into()));
                }
                // It is stopped, or whoever had it is gone.
                let _told = stopped.await;
            });
        });
        Ok(Self { stop: Some(stop), carries: Some(carries) })
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(carries) = self.carries.take() {
            // What it came to is of no use to a story that is over.
            let _ended = carries.join();
        }
    }
}

/// One client of an instance after the other.
async fn carry(mut instance: NamedPipeServer, server: SocketAddr) {
    while instance.connect().await.is_ok() {
        if let Ok(mut stream) = TcpStream::connect(server).await {
            let (mut from_client, mut to_client) = split(&mut instance);
            let (mut from_server, mut to_server) = stream.split();
            // A connection that ends on one side ends on both.
            tokio::select! {
                _ended = copy(&mut from_client, &mut to_server) => {}
                _ended = copy(&mut from_server, &mut to_client) => {}
            }
        }
        if instance.disconnect().is_err() {
            return;
        }
    }
}
