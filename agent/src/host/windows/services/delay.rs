//! Whether Windows puts an automatic start off until the other automatic ones have been started.
//!
//! Source: Microsoft, `SERVICE_DELAYED_AUTO_START_INFO`. Neighbours: the port above asks, `levels` has the calls. Only of an
//! automatic service: of another one Windows heeds nothing of it.

use std::mem::offset_of;
use std::ptr;

use windows_sys::Win32::System::Services::{
    SERVICE_CONFIG_DELAYED_AUTO_START_INFO, SERVICE_DELAYED_AUTO_START_INFO,
};

use super::super::text::error_text;
use super::levels::{is_unknown_level, number};
use super::manager::Service;
use crate::host::Error;

impl Service<'_> {
    /// Whether its start is put off; a service manager that keeps no such thing puts none off.
    pub(super) fn is_delayed(&self) -> Result<bool, Error> {
        let told = match self.told(SERVICE_CONFIG_DELAYED_AUTO_START_INFO, "whether a start is put off") {
            Err(Error::CannotTell { .. }) => return Ok(false),
            told => told?,
        };
        let at = offset_of!(SERVICE_DELAYED_AUTO_START_INFO, fDelayedAutostart);
        let flag = number(&told.bytes, at);
        Ok(flag.ok_or_else(|| self.refused("its delayed start is not written as documented"))? != 0)
    }

    /// Has its start put off, or not any more: where the service manager keeps no such thing it never was.
    pub(super) fn set_delayed(&self, delayed: bool) -> Result<(), Error> {
        let info = SERVICE_DELAYED_AUTO_START_INFO { fDelayedAutostart: i32::from(delayed) };
        match self.change_2(SERVICE_CONFIG_DELAYED_AUTO_START_INFO, ptr::from_ref(&info).cast()) {
            Err(error) if !delayed && is_unknown_level(&error) => Ok(()),
            changed => changed.map_err(|error| self.refused(error_text(&error))),
        }
    }
}
