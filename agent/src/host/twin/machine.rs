//! The modelled computer itself: its starts.
//!
//! Neighbours: `store` takes it down, with every process that lives on it. Whoever started the agent starts it again, as
//! Windows' service manager would.

use super::Twin;
use super::fault::Operation;
use crate::host::{Error, Machine};

impl Machine for Twin {
    fn boot(&self) -> Result<String, Error> {
        let name = self.store.lock()?.state().host_name.to_string();
        self.operate(Operation::MachineGet, &name, |section, _| {
            Ok(format!("start {}", section.state().boots))
        })
    }

    fn reboot(&self, _why: &str) -> Result<(), Error> {
        let name = self.store.lock()?.state().host_name.to_string();
        self.operate(Operation::MachineReboot, &name, |_, _| Ok(()))?;
        Err(self.store.reboot()?.into())
    }
}
