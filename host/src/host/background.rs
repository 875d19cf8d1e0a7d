//! Background work: images and optimized code. One thread runs the jobs in order, and ends when the queue is empty.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use crate::tuning::BACKGROUND_JOBS;
use crate::util::lock::lock;
use crate::util::panic::catch;

type Job = Box<dyn FnOnce() + Send>;

/// The queue of jobs.
#[derive(Default)]
pub(crate) struct Background {
    queue: Arc<Mutex<Queue>>,
    is_off: bool,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    has_worker: bool,
}

impl Background {
    /// A queue that takes no jobs if it `is_off`.
    pub(crate) fn new(is_off: bool) -> Self {
        Self { is_off, ..Self::default() }
    }

    /// Queues `job`. If the queue is off or full, or the worker thread cannot be spawned, it drops the job and returns
    /// `false`; callers try again later.
    pub(crate) fn add(&self, job: impl FnOnce() + Send + 'static) -> bool {
        if self.is_off {
            return false;
        }
        let mut queue = lock(&self.queue);
        if queue.jobs.len() >= BACKGROUND_JOBS {
            return false;
        }
        if !queue.has_worker {
            let worker = Arc::clone(&self.queue);
            let thread = std::thread::Builder::new().name("guardhouse-background".to_owned());
            if thread.spawn(move || work(&worker)).is_err() {
                return false;
            }
            queue.has_worker = true;
        }
        queue.jobs.push_back(Box::new(job));
        true
    }
}

fn work(queue: &Mutex<Queue>) {
    loop {
        let job = {
            let mut queue = lock(queue);
            let job = queue.jobs.pop_front();
            queue.has_worker = job.is_some();
            job
        };
        let Some(job) = job else { return };
        // A job that panics is lost; the others still run.
        let _ = catch(job);
    }
}
