//! HTTP requests on a twin: nothing leaves the machine.
//!
//! Neighbours: `state` says what answers where, and which services must run for it (G3).

use super::Twin;
use super::fault::{Operation, Strike};
use super::state::find;
use crate::host::clock::SystemClock;
use crate::host::{Clock, Error, Http, ServiceState};

impl Http for Twin {
    fn get(&self, url: &str) -> Result<u16, Error> {
        self.operate(Operation::HttpGet, url, |section, strike| {
            if let Some(Strike::Answer(status)) = strike {
                return Ok(status);
            }
            let (state, now) = (section.state(), SystemClock.now());
            let runs = |name: &String| {
                find(&state.services, name).is_some_and(|service| service.at(now) == ServiceState::Running)
            };
            match find(&state.http, url) {
                Some(answer) if answer.while_running.iter().all(runs) => Ok(answer.status),
                Some(_) | None => Err(Error::Unreachable {
                    what: "the web address",
                    message: format!("{url}: error 10061: the connection was refused"),
                }),
            }
        })
    }
}
