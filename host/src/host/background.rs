//! Background work: images and optimized code on one thread; reloading evicted code, and standby instances, on several.
//! The threads run the jobs in order, and end when the queue is empty.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use crate::tuning::BACKGROUND_JOBS;
use crate::util::lock::lock;
use crate::util::panic::catch;

type Job = Box<dyn FnOnce() + Send>;

/// A queue of jobs, and the threads that do them.
pub(crate) struct Background {
    name: &'static str,
    max_workers: usize,
    queue: Arc<Mutex<Queue>>,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    workers: usize,
}

impl Background {
    /// An empty queue, for at most `max_workers` threads of this name. Without threads it takes no jobs.
    pub(super) fn new(name: &'static str, max_workers: usize) -> Self {
        Self { name, max_workers, queue: Arc::default() }
    }

    /// Queues `job`. If the queue is full, or no thread works and none can be spawned, it drops the job and returns
    /// `false`; callers try again later.
    pub(crate) fn add(&self, job: impl FnOnce() + Send + 'static) -> bool {
        if self.max_workers == 0 {
            return false;
        }
        let mut queue = lock(&self.queue);
        if queue.jobs.len() >= BACKGROUND_JOBS {
            return false;
        }
        if queue.workers < self.max_workers {
            let worker = Arc::clone(&self.queue);
            let thread = std::thread::Builder::new().name(self.name.to_owned());
            match thread.spawn(move || work(&worker)) {
                Ok(_) => queue.workers += 1,
                Err(_) if queue.workers == 0 => return false,
                // The other threads do the job.
                Err(_) => {}
            }
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
            if job.is_none() {
                queue.workers -= 1;
            }
            job
        };
        let Some(job) = job else { return };
        // A job that panics is lost; the others still run.
        let _ = catch(job);
    }
}
