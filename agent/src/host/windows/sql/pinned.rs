//! The one certificate that a SQL Server must show, where the documents name the authority that signed it.
//!
//! `host::sql_certificate` has judged it on a connection of its own. The client compares that of the next connection with
//! it, byte by byte, and reads it from a file for that. The file bears nothing secret; nobody else can write to it or take
//! it away while it is compared. Neighbours: `connection` tells the client of it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::windows::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use muster_model::authority::CertificateAuthority;
use muster_model::limits;
use tokio::net::TcpStream;
use tokio::net::windows::named_pipe::{ClientOptions, NamedPipeClient};
use tokio::runtime::Runtime;
use tokio::time::{sleep, timeout};
use uuid::Uuid;
use windows_sys::Win32::Foundation::ERROR_PIPE_BUSY;
use windows_sys::Win32::Storage::FileSystem::FILE_SHARE_READ;

use super::route::Route;
use crate::host::sql_certificate::{self, judged};

/// A certificate in a file, until it is dropped.
pub(super) struct Pinned {
    path: PathBuf,
    /// Open so that others may read.
    file: Option<File>,
}

impl Pinned {
    /// The certificate that the server on that way shows now, which that authority signed for it.
    pub(super) fn judged(
        runtime: &Runtime,
        route: &Route,
        authority: &CertificateAuthority,
        limit: Duration,
    ) -> Result<Self, sql_certificate::Error> {
        let meeting = async {
            if route.is_pipe {
                judged(pipe(&route.source).await?, &route.host, authority).await
            } else {
                let port = route.port.ok_or_else(|| io::Error::other("its address has no port"))?;
                judged(TcpStream::connect((route.host.as_str(), port)).await?, &route.host, authority).await
            }
        };
        let met = runtime.block_on(async { timeout(limit, meeting).await });
        let certificate = met.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        Ok(Self::of(&certificate)?)
    }

    fn of(certificate: &[u8]) -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("muster-{}.cer", Uuid::new_v4()));
        let mut file =
            OpenOptions::new().write(true).create_new(true).share_mode(FILE_SHARE_READ).open(&path)?;
        file.write_all(certificate)?;
        Ok(Self { path, file: Some(file) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        drop(self.file.take());
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::info!(file = %self.path.display(), %error, "a certificate's copy stays");
        }
    }
}

/// The pipe, once an instance of it is free. Its server learns who this is and can do nothing in its name.
async fn pipe(name: &str) -> io::Result<NamedPipeClient> {
    loop {
        match ClientOptions::new().open(name) {
            Err(error) if error.raw_os_error().map(i32::unsigned_abs) == Some(ERROR_PIPE_BUSY) => {
                sleep(Duration::from_millis(limits::SQL_PIPE_PAUSE_MS)).await;
            }
            opened => return opened,
        }
    }
}
