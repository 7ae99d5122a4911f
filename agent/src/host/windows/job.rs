//! Jobs: what ends when something else ends, and who is in one.
//!
//! Neighbours: `process` keeps a started and not yet released program in one, and asks which job the agent itself is in;
//! `left_behind` listens to who comes.
//! Never limits anything but a life, and never that of a released program.

use std::io;
use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle};
use std::process::Child;
use std::ptr;

use windows_sys::Win32::Foundation::{ERROR_MORE_DATA, INVALID_HANDLE_VALUE};
use windows_sys::Win32::System::IO::{
    CreateIoCompletionPort, GetQueuedCompletionStatus, PostQueuedCompletionStatus,
};
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, IsProcessInJob, JOB_OBJECT_LIMIT,
    JOB_OBJECT_LIMIT_BREAKAWAY_OK, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE, JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK,
    JOBOBJECT_ASSOCIATE_COMPLETION_PORT, JOBOBJECT_EXTENDED_LIMIT_INFORMATION, JOBOBJECTINFOCLASS,
    JobObjectAssociateCompletionPortInformation, JobObjectBasicProcessIdList,
    JobObjectExtendedLimitInformation, QueryInformationJobObject, SetInformationJobObject,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, INFINITE};

use super::process::size_of_u32;

/// `JOBOBJECT_BASIC_PROCESS_ID_LIST` with room for more than one process.
#[derive(Default)]
#[repr(C)]
struct Members {
    assigned: u32,
    inside: u32,
    ids: [usize; 32],
}

/// A job of this process's own.
#[derive(Debug)]
pub(super) struct Job(OwnedHandle);

impl Job {
    /// One whose processes end when this value, or the process that holds it, does.
    pub(super) fn that_ends_with_its_owner() -> io::Result<Self> {
        // SAFETY: neither security attributes nor a name are passed; the handle is not inherited.
        let handle = unsafe { CreateJobObjectW(ptr::null(), ptr::null()) };
        if handle.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the handle is open and nobody else's.
        let job = Self(unsafe { OwnedHandle::from_raw_handle(handle) });
        job.limit(JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE)?;
        Ok(job)
    }

    /// Takes a process in.
    pub(super) fn take_in(&self, child: &Child) -> io::Result<()> {
        // SAFETY: both handles are open.
        let taken = unsafe { AssignProcessToJobObject(self.0.as_raw_handle(), child.as_raw_handle()) };
        if taken == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// The processes that are still in it, as many as [`Members`] has room for.
    pub(super) fn members(&self) -> io::Result<Vec<u32>> {
        let mut list = Members::default();
        // SAFETY: `list` is the structure that this class of information names, with its size and a longer array of ids.
        let told = unsafe {
            QueryInformationJobObject(
                self.0.as_raw_handle(),
                JobObjectBasicProcessIdList,
                ptr::from_mut(&mut list).cast(),
                size_of_u32::<Members>(),
                ptr::null_mut(),
            )
        };
        let error = io::Error::last_os_error();
        // There being more of them than the list has room for is no failure: the first are in it.
        if told == 0 && error.raw_os_error() != Some(ERROR_MORE_DATA.cast_signed()) {
            return Err(error);
        }
        let count = usize::try_from(list.inside).unwrap_or(usize::MAX);
        Ok(list.ids.iter().take(count).filter_map(|id| u32::try_from(*id).ok()).collect())
    }

    /// Has that port told of every process that comes to be in it, from here on.
    pub(super) fn tell(&self, port: &Port) -> io::Result<()> {
        let told = JOBOBJECT_ASSOCIATE_COMPLETION_PORT {
            CompletionKey: ptr::null_mut(),
            CompletionPort: port.0.as_raw_handle(),
        };
        // SAFETY: `told` is the structure that this class of information names.
        unsafe { self.set(JobObjectAssociateCompletionPortInformation, &told) }
    }

    /// From here on its processes end by themselves alone.
    pub(super) fn let_go(&self) -> io::Result<()> {
        self.limit(0)
    }

    fn limit(&self, flags: JOB_OBJECT_LIMIT) -> io::Result<()> {
        let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
        limits.BasicLimitInformation.LimitFlags = flags;
        // SAFETY: `limits` is the structure that this class of information names.
        unsafe { self.set(JobObjectExtendedLimitInformation, &limits) }
    }

    /// # Safety
    /// `T` must be the structure that this class of information names.
    unsafe fn set<T>(&self, class: JOBOBJECTINFOCLASS, information: &T) -> io::Result<()> {
        let at = ptr::from_ref(information).cast();
        // SAFETY: the job is open, and by this function's contract the structure is that of the class; its size is passed.
        let set = unsafe { SetInformationJobObject(self.0.as_raw_handle(), class, at, size_of_u32::<T>()) };
        if set == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

/// `JOB_OBJECT_MSG_NEW_PROCESS`: the id of a process stands in the place of a pointer.
const NEW_PROCESS: u32 = 6;
/// The key of a port's own word that there is an end; a job's is 0.
const END: usize = 1;

/// Where a job tells of its processes.
#[derive(Debug)]
pub(super) struct Port(OwnedHandle);

/// What a port has told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// The process of that id is in the job.
    Process(u32),
    /// Something that is nothing to us.
    Other,
    /// [`Port::end`] was called.
    End,
}

impl Port {
    /// One that nobody tells anything yet.
    pub(super) fn new() -> io::Result<Self> {
        // SAFETY: no file is passed, so that a new port is made; one thread listens.
        let handle = unsafe { CreateIoCompletionPort(INVALID_HANDLE_VALUE, ptr::null_mut(), 0, 1) };
        if handle.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the handle is open and nobody else's.
        Ok(Self(unsafe { OwnedHandle::from_raw_handle(handle) }))
    }

    /// Waits for the next.
    pub(super) fn next(&self) -> io::Result<News> {
        let (mut message, mut key, mut value) = (0, 0, ptr::null_mut());
        // SAFETY: the port is open, and all three answers are this function's own.
        let told = unsafe {
            GetQueuedCompletionStatus(self.0.as_raw_handle(), &mut message, &mut key, &mut value, INFINITE)
        };
        if told == 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(match (key, message) {
            (END, _) => News::End,
            (_, NEW_PROCESS) => u32::try_from(value.addr()).map_or(News::Other, News::Process),
            _ => News::Other,
        })
    }

    /// Whoever listens hears of the end after all that was told before.
    pub(super) fn end(&self) -> io::Result<()> {
        // SAFETY: the port is open, and no memory is passed.
        let posted = unsafe { PostQueuedCompletionStatus(self.0.as_raw_handle(), 0, END, ptr::null()) };
        if posted == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

/// What the job around this process means for what it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Around {
    /// There is none, or it ends nobody, or what is started is not in it.
    Harmless,
    /// It lets processes be started outside.
    MayBeLeft,
    /// It ends all its processes at once and lets none out.
    EndsAllAtOnce,
}

/// Looks at the job around this process.
pub(super) fn around_this_process() -> io::Result<Around> {
    // SAFETY: gives a constant.
    let me = unsafe { GetCurrentProcess() };
    let mut inside = 0;
    // SAFETY: `inside` is this function's own; no job means any job.
    if unsafe { IsProcessInJob(me, ptr::null_mut(), &mut inside) } == 0 {
        return Err(io::Error::last_os_error());
    }
    if inside == 0 {
        return Ok(Around::Harmless);
    }
    let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
    // SAFETY: `limits` is the structure that this class of information names, with its size; no job means this process's.
    let told = unsafe {
        QueryInformationJobObject(
            ptr::null_mut(),
            JobObjectExtendedLimitInformation,
            ptr::from_mut(&mut limits).cast(),
            size_of_u32::<JOBOBJECT_EXTENDED_LIMIT_INFORMATION>(),
            ptr::null_mut(),
        )
    };
    if told == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(meaning(limits.BasicLimitInformation.LimitFlags))
}

fn meaning(flags: JOB_OBJECT_LIMIT) -> Around {
    let has = |flag| flags & flag != 0;
    if has(JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK) {
        Around::Harmless
    } else if has(JOB_OBJECT_LIMIT_BREAKAWAY_OK) {
        Around::MayBeLeft
    } else if has(JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE) {
        Around::EndsAllAtOnce
    } else {
        Around::Harmless
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_ends_all_is_left_where_it_may_be_and_refused_where_not() {
        let kill = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
        assert_eq!(meaning(0), Around::Harmless);
        assert_eq!(meaning(kill), Around::EndsAllAtOnce);
        assert_eq!(meaning(kill | JOB_OBJECT_LIMIT_BREAKAWAY_OK), Around::MayBeLeft);
        assert_eq!(meaning(kill | JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK), Around::Harmless);
    }
}
