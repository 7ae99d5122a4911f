//! What plays a vendor's service in a self-test on a Windows server: it is up until it is asked to stop, and does nothing.
//!
//! Neighbours: the props of `host::windows` make a service that starts this, `cli` has its hidden verb.

use anyhow::Context as _;

use crate::os;

/// The verb of the command line that the service manager starts; by it a self-test knows its own services again.
pub const VERB: &str = "selftest-stand-in";

/// Is the service until it has stopped.
///
/// # Errors
/// Where the service manager did not start this process.
pub fn serve() -> anyhow::Result<()> {
    // Of the one service of a process the service manager does not ask the name.
    os::service::run("muster-selftest", |mut lifeline| {
        (lifeline.up)()?;
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        runtime.block_on(lifeline.stop.wait_for(|stop| *stop))?;
        Ok(())
    })
    .context("only the service manager starts this, during a self-test")
}
