//! Watches over folders (inotify), which say soon that something may have changed.
//!
//! A watch is only a hint: network file systems have none, and the kernel limits their number. The periodic check finds
//! every change that no watch reported.

use std::collections::{BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::io::{self, PipeReader, PipeWriter};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;
use tokio::sync::Notify;

use crate::lock::lock;
use crate::source::Change;
use crate::tenant_name::TenantName;

/// Everything that can change the content of a file: reading it is not part of it, so a check causes no events.
const CHANGES: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);

/// The events that are noted at a time.
const MAX_EVENTS: usize = 1_000;

/// The subject of a watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Subject {
    /// The folder of all tenants.
    Root,
    /// The folder in which the root is a link of this name.
    Parent(OsString),
    /// A folder of this tenant.
    Tenant(TenantName),
}

/// Watches over folders. A thread, `guardhouse-watch`, notes their events until the watches are dropped.
#[derive(Debug)]
pub(super) struct Watches {
    shared: Arc<Shared>,
    /// Closing it ends the thread.
    _open: PipeWriter,
}

#[derive(Debug)]
struct Shared {
    fd: OwnedFd,
    state: Mutex<State>,
    has_changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    subjects: HashMap<i32, Subject>,
    /// What may have changed since it was last taken.
    changed: Option<Change>,
    /// Whether a folder could not be watched.
    is_partial: bool,
}

impl Watches {
    pub(super) fn new() -> io::Result<Self> {
        let fd = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        let shared = Arc::new(Shared { fd, state: Mutex::default(), has_changed: Notify::new() });
        let (closed, open) = io::pipe()?;
        let of_thread = Arc::clone(&shared);
        std::thread::Builder::new().name("guardhouse-watch".to_owned()).spawn(move || of_thread.note_until(&closed))?;
        Ok(Self { shared, _open: open })
    }

    /// Watches a folder; one that is watched already stays so. Add it before it is read, so that no change is between.
    pub(super) fn add(&self, folder: &Path, subject: &Subject) {
        // The events of a watch are read under the lock too, so none is read before its subject is known.
        let mut state = lock(&self.shared.state);
        match inotify::add_watch(&self.shared.fd, folder, CHANGES) {
            Ok(watch) => drop(state.subjects.insert(watch, subject.clone())),
            Err(Errno::NOSPC | Errno::NOMEM) => {
                if !std::mem::replace(&mut state.is_partial, true) {
                    tracing::warn!(
                        target: "guardhouse::activation",
                        "not all folders can be watched, so some changes are only found by the periodic check; raise \
                         the sysctl `fs.inotify.max_user_watches`"
                    );
                }
            }
            // It does not exist, or is no folder: whoever reads it finds out.
            Err(_) => {}
        }
    }

    /// Waits until something may have changed. It stays noted until it is [taken](Self::take).
    pub(super) async fn changed(&self) {
        while lock(&self.shared.state).changed.is_none() {
            self.shared.has_changed.notified().await;
        }
    }

    /// Takes what may have changed so far.
    pub(super) fn take(&self) -> Option<Change> {
        lock(&self.shared.state).changed.take()
    }
}

impl Shared {
    /// Notes events until `closed` is closed.
    fn note_until(&self, closed: &PipeReader) {
        loop {
            let mut ready = [PollFd::new(&self.fd, PollFlags::IN), PollFd::new(closed, PollFlags::IN)];
            match poll(&mut ready, None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(_) => return,
            }
            let [events, closed] = ready;
            if !closed.revents().is_empty() {
                return;
            }
            if !events.revents().is_empty() {
                self.note();
                self.has_changed.notify_one();
            }
        }
    }

    /// Notes events, but not so many that others wait long for the lock.
    fn note(&self) {
        let mut buffer = [MaybeUninit::uninit(); 16 << 10];
        let mut reader = Reader::new(&self.fd, &mut buffer);
        let mut state = lock(&self.state);
        for _ in 0..MAX_EVENTS {
            match reader.next() {
                Ok(event) => {
                    let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
                    state.note(event.wd(), event.events(), name);
                }
                Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }
}

impl State {
    fn note(&mut self, watch: i32, events: ReadFlags, name: Option<&OsStr>) {
        if events.contains(ReadFlags::QUEUE_OVERFLOW) {
            self.changed = Some(Change::All);
            return;
        }
        let subject = if events.contains(ReadFlags::IGNORED) {
            self.subjects.remove(&watch)
        } else {
            self.subjects.get(&watch).cloned()
        };
        match subject {
            Some(Subject::Tenant(tenant)) => match &mut self.changed {
                Some(Change::All) => {}
                Some(Change::Tenants(tenants)) => drop(tenants.insert(tenant)),
                None => self.changed = Some(Change::Tenants(BTreeSet::from([tenant]))),
            },
            Some(Subject::Parent(link)) if name != Some(&link) => {}
            Some(Subject::Root | Subject::Parent(_)) => self.changed = Some(Change::All),
            None => {}
        }
    }
}
