//! Work that nobody waits for: images, and better machine code. One thread does it, one piece after the other, and ends
//! when there is none.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use crate::lock::lock;

type Job = Box<dyn FnOnce() + Send>;

/// What is still to be done.
#[derive(Default)]
pub(crate) struct Backlog(Arc<Mutex<Jobs>>);

#[derive(Default)]
struct Jobs {
    waiting: VecDeque<Job>,
    is_worked_on: bool,
}

/// Work that may wait; more is not taken on.
const MAX_JOBS: usize = 10_000;

impl Backlog {
    /// Takes work on. It is not, and the answer is no, if there is too much of it or no thread for it: whoever asked
    /// asks again another time.
    pub(crate) fn add(&self, job: impl FnOnce() + Send + 'static) -> bool {
        let mut jobs = lock(&self.0);
        if jobs.waiting.len() >= MAX_JOBS {
            return false;
        }
        if !jobs.is_worked_on {
            let worker = Arc::clone(&self.0);
            let thread = std::thread::Builder::new().name("guardhouse-background".to_owned());
            if thread.spawn(move || work(&worker)).is_err() {
                return false;
            }
            jobs.is_worked_on = true;
        }
        jobs.waiting.push_back(Box::new(job));
        true
    }
}

fn work(jobs: &Mutex<Jobs>) {
    loop {
        let job = {
            let mut jobs = lock(jobs);
            let job = jobs.waiting.pop_front();
            jobs.is_worked_on = job.is_some();
            job
        };
        let Some(job) = job else { return };
        // What fell is not done; the rest still is.
        let _ = catch_unwind(AssertUnwindSafe(job));
    }
}
