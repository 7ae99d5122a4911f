//! Whose turn it is to change IIS: one at a time of all that know the name.
//!
//! Neighbours: `commit` waits for its turn. Programs that do not know the name are told apart by conflicts.

use std::marker::PhantomData;

use windows_sys::Win32::Foundation::{WAIT_ABANDONED, WAIT_OBJECT_0};
use windows_sys::Win32::System::Threading::{ReleaseMutex, WaitForSingleObject};

use super::super::mutex::{self, Mutex};
use crate::host::Error;

/// Seen by every session of this server.
const NAME: &str = r"Global\Muster-IIS";
/// A commit takes a second; whoever holds the turn for minutes hangs. Stories do not wait for one that they hold themselves.
const LONGEST_MS: u32 = if cfg!(test) { 200 } else { 120_000 };

/// The turn, given back with this value; it belongs to the thread that took it.
pub(super) struct Turn(Mutex, PhantomData<*const ()>);

impl Turn {
    pub(super) fn take() -> Result<Self, Error> {
        Self::take_within(LONGEST_MS)
    }

    fn take_within(limit_ms: u32) -> Result<Self, Error> {
        let unreachable = |message| Error::Unreachable { what: "IIS", message };
        let (mutex, _) = Mutex::open(NAME).map_err(|error| unreachable(mutex::words(NAME, &error)))?;
        // SAFETY: the mutex is open.
        match unsafe { WaitForSingleObject(mutex.handle(), limit_ms) } {
            // One that was left by a thread that ended is as good: what it had changed was committed or is gone.
            WAIT_OBJECT_0 | WAIT_ABANDONED => Ok(Self(mutex, PhantomData)),
            _ => Err(unreachable(format!("another agent has held {NAME} for {limit_ms} ms"))),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // SAFETY: the mutex is open, and this thread holds it.
        let released = unsafe { ReleaseMutex(self.0.handle()) };
        debug_assert!(released != 0, "a mutex was not given back");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::{mem, thread};

    use muster_model::certificate::CertificateStore;

    use super::super::story::Story;
    use super::*;
    use crate::host::{AppPools, HttpSys, KeyOf, PoolSetting};

    /// Longer than a machine that is busy takes to get to it.
    const LONG_MS: u32 = 60_000;
    const ENDPOINT: &str = "0.0.0.0:1025";
    const CERTIFICATE: KeyOf<'_> =
        KeyOf { store: CertificateStore::My, thumbprint: "0123456789ABCDEF0123456789ABCDEF01234567" };

    /// Does that while another thread has the turn.
    fn out_of_turn<T>(deed: impl FnOnce() -> T) -> T {
        let ((took, taken), (leave, left)) = (mpsc::channel(), mpsc::channel::<()>());
        let holder = thread::spawn(move || {
            let turn = Turn::take_within(LONG_MS).unwrap();
            took.send(()).unwrap();
            // Until the other end goes, also by a panic.
            left.recv().unwrap_err();
            drop(turn);
        });
        taken.recv().unwrap();
        let told = deed();
        drop(leave);
        holder.join().unwrap();
        told
    }

    #[test]
    #[ignore = "nobody else may take the turn: tests/windows/run runs it alone"]
    fn a_turn_that_another_has_is_waited_for_until_it_is_given_back() {
        let (asks, asked) = mpsc::channel();
        let second = out_of_turn(|| {
            let told = Turn::take_within(0).map(drop).unwrap_err().to_string();
            assert!(told.contains(r"another agent has held Global\Muster-IIS for 0 ms"), "{told}");
            let second = thread::spawn(move || {
                asks.send(()).unwrap();
                Turn::take_within(LONG_MS).map(drop)
            });
            asked.recv().unwrap();
            second
        });
        second.join().unwrap().unwrap();
        Turn::take_within(0).unwrap();
    }

    #[test]
    #[ignore = "nobody else may take the turn: tests/windows/run runs it alone"]
    fn a_turn_whose_thread_ended_with_it_is_taken_over_and_given_back() {
        thread::spawn(|| mem::forget(Turn::take_within(LONG_MS).unwrap())).join().unwrap();
        drop(Turn::take_within(LONG_MS).unwrap());
        out_of_turn(|| assert!(Turn::take_within(0).is_err()));
    }

    #[test]
    #[ignore = "needs the IIS and the HTTP.SYS that tests/windows/run installs"]
    fn nothing_is_changed_out_of_turn_and_everything_may_be_looked_at() {
        let story = Story::begin();
        let host = story.host();
        let pool = || AppPools::set(&host, "DefaultAppPool", &[PoolSetting::IdleTimeoutMinutes(5)]);
        host.set_record(ENDPOINT, CERTIFICATE).unwrap();
        let (config, records) = (story.text(), story.records_now());
        out_of_turn(|| {
            for told in [pool(), host.set_record("0.0.0.0:1026", CERTIFICATE), host.remove_record(ENDPOINT)] {
                let told = told.unwrap_err().to_string();
                assert!(told.contains(r"another agent has held Global\Muster-IIS"), "{told}");
            }
            assert!(host.record(ENDPOINT).unwrap().is_some());
            assert!(AppPools::get(&host, "DefaultAppPool").unwrap().is_some());
        });
        assert_eq!((story.text(), story.records_now(), story.done()), (config, records, vec![]));
        pool().unwrap();
        host.remove_record(ENDPOINT).unwrap();
        assert_eq!((story.done(), story.records_now()), (vec!["commit".to_owned()], String::new()));
    }
}
