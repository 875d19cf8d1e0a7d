//! Work in the background: images and optimized code, on one thread; reloads of evicted code, code that is compiled again
//! and standby instances, on several. The threads end when the queue is empty.
//!
//! The jobs of a tenant are done in their order, and those of several tenants in turns: the tenant is next whose jobs took
//! the least time by weight. A full queue loses the newest job of the tenant that has the most.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::tenant::Tenant;
use crate::tenant::share::{Resource, Share};
use crate::tuning::{BACKGROUND_DEBT, BACKGROUND_JOBS};
use crate::turns::fair_queue::{FairQueue, Served, Standing};
use crate::turns::virtual_time::{Alignment, VirtualTime};
use crate::util::lock::lock;
use crate::util::microseconds::nanoseconds;
use crate::util::panic::catch;

/// A queue of jobs, and the threads that do them.
pub(crate) struct Background {
    name: &'static str,
    resource: Resource,
    max_workers: usize,
    max_jobs: usize,
    time: Arc<VirtualTime>,
    /// The part of all work without a tenant.
    no_tenant: Arc<Share>,
    queue: Arc<Mutex<Queue>>,
}

struct Queue {
    jobs: FairQueue<Job>,
    workers: usize,
    /// The mean time of a job, in nanoseconds.
    mean: u64,
}

/// A job: either of its parts is called once.
struct Job {
    run: Box<dyn FnOnce() + Send>,
    refuse: Box<dyn FnOnce() + Send>,
}

impl Background {
    /// An empty queue, for at most `max_workers` threads of this name. Without threads it refuses all jobs.
    pub(super) fn new(name: &'static str, resource: Resource, max_workers: usize) -> Self {
        Self::of(name, resource, max_workers, BACKGROUND_JOBS)
    }

    fn of(name: &'static str, resource: Resource, max_workers: usize, max_jobs: usize) -> Self {
        let alignment = Alignment { credit: 0, debt: nanoseconds(BACKGROUND_DEBT), parallel: max_workers };
        let time = Arc::new(VirtualTime::new(alignment));
        let no_tenant = Arc::new(Share::new(time.lane(), false));
        let queue = Queue { jobs: FairQueue::new(Arc::clone(&time)), workers: 0, mean: 1 };
        Self { name, resource, max_workers, max_jobs, time, no_tenant, queue: Arc::new(Mutex::new(queue)) }
    }

    /// Queues the job `run` of a tenant. Instead of it, `refuse` is called if there is no thread for it, or the queue is
    /// full, now or later: callers try again.
    pub(crate) fn add(
        &self,
        tenant: Option<&Tenant>,
        run: impl FnOnce() + Send + 'static,
        refuse: impl FnOnce() + Send + 'static,
    ) {
        let job = Job { run: Box::new(run), refuse: Box::new(refuse) };
        // It is called after the lock is released, because it may do anything.
        if let Some(refused) = self.enqueue(tenant, job) {
            let _ = catch(refused.refuse);
        }
    }

    /// Queues a job. Returns the one that has no room.
    fn enqueue(&self, tenant: Option<&Tenant>, job: Job) -> Option<Job> {
        let share = tenant.filter(|tenant| tenant.is_named());
        let share = share.and_then(|tenant| tenant.share(self.resource, || Share::new(self.time.lane(), true)));
        let mut queue = lock(&self.queue);
        if !self.has_worker(&mut queue) {
            return Some(job);
        }
        let estimate = queue.mean;
        queue.jobs.add(&share.unwrap_or(&self.no_tenant).lane, job, estimate, Standing::Arrival);
        if queue.jobs.arrivals() > self.max_jobs { queue.jobs.remove_newest_of_greediest() } else { None }
    }

    /// Whether a thread works, after one more is started if there may be more.
    fn has_worker(&self, queue: &mut Queue) -> bool {
        if queue.workers < self.max_workers {
            let worker = Arc::clone(&self.queue);
            let thread = std::thread::Builder::new().name(self.name.to_owned());
            if thread.spawn(move || work(&worker)).is_ok() {
                queue.workers += 1;
            }
        }
        queue.workers > 0
    }
}

impl Queue {
    /// The next job. Without one, the thread ends.
    fn next(&mut self) -> Option<Served<Job>> {
        let served = self.jobs.serve();
        if served.is_none() {
            self.workers -= 1;
        }
        served
    }

    fn end(&mut self, served: &Served<()>, took: Duration) {
        let cost = nanoseconds(took);
        self.jobs.settle(&served.lane, served.paid, cost);
        self.mean = (self.mean - self.mean / 8).saturating_add(cost / 8).max(1);
    }
}

fn work(queue: &Mutex<Queue>) {
    loop {
        let next = lock(queue).next();
        let Some(Served { lane, item, paid, ticket }) = next else { return };
        let began = Instant::now();
        // A job that panics is lost; the others still run.
        let _ = catch(item.run);
        lock(queue).end(&Served { lane, item: (), paid, ticket }, began.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;
    use crate::tenant::registry::Tenants;

    /// A queue whose one thread is busy until the test lets it go on, and what the jobs report.
    struct Bench {
        background: Background,
        tenants: Tenants,
        report: Sender<String>,
        reports: Receiver<String>,
        release: Sender<()>,
    }

    impl Bench {
        fn new(max_jobs: usize) -> Self {
            let background = Background::of("test", Resource::Background, 1, max_jobs);
            let ((report, reports), (release, released)) = (channel(), channel());
            let (begun, begins) = channel();
            background.add(
                None,
                move || {
                    begun.send(()).unwrap();
                    released.recv().unwrap();
                },
                || panic!("refused"),
            );
            begins.recv().unwrap();
            Self { background, tenants: Tenants::with_default_turns(0), report, reports, release }
        }

        fn add(&self, tenant: &str, job: usize) {
            let [run, refuse] = [(); 2].map(|()| (self.report.clone(), format!("{tenant} {job}")));
            let tenant = self.tenants.get(Some(tenant.to_owned()));
            self.background.add(
                Some(&tenant),
                move || run.0.send(run.1).unwrap(),
                move || refuse.0.send(format!("refused {}", refuse.1)).unwrap(),
            );
        }

        /// Lets the thread go on, and returns what the jobs reported.
        fn finish(self) -> Vec<String> {
            let Self { report, reports, release, .. } = self;
            release.send(()).unwrap();
            drop(report);
            reports.into_iter().collect()
        }
    }

    #[test]
    fn ten_thousand_jobs_of_a_tenant_stand_before_nobody() {
        let bench = Bench::new(BACKGROUND_JOBS);
        // The handles are kept, because a tenant without one is forgotten.
        let tenants = ["greedy", "good", "other"].map(|name| bench.tenants.get(Some(name.to_owned())));
        (0..9_000).for_each(|job| bench.add("greedy", job));
        bench.add("good", 0);
        bench.add("other", 0);
        // One job of the greedy tenant may come first: its tag was not larger then.
        let reports = bench.finish();
        assert_eq!(reports.len(), 9_002);
        let at = |job: &str| reports.iter().position(|found| found == job).unwrap();
        assert!(at("good 0") <= 2 && at("other 0") <= 2, "{:?}", &reports[..3]);
        assert!((1..9_000).all(|job| at(&format!("greedy {}", job - 1)) < at(&format!("greedy {job}"))));
        drop(tenants);
    }

    #[test]
    fn a_full_queue_refuses_the_newest_job_of_the_tenant_with_the_most() {
        let bench = Bench::new(4);
        let tenants = ["greedy", "good"].map(|name| bench.tenants.get(Some(name.to_owned())));
        (0..6).for_each(|job| bench.add("greedy", job));
        bench.add("good", 0);
        let refused: Vec<String> = bench.reports.try_iter().collect();
        assert_eq!(refused, ["refused greedy 4", "refused greedy 5", "refused greedy 3"]);
        let mut done = bench.finish();
        done.sort();
        assert_eq!(done, ["good 0", "greedy 0", "greedy 1", "greedy 2"]);
        drop(tenants);
    }

    #[test]
    fn without_threads_every_job_is_refused() {
        let background = Background::new("test", Resource::Background, 0);
        let (refused, refusals) = channel();
        background.add(None, || panic!("done"), move || refused.send(()).unwrap());
        assert_eq!(refusals.into_iter().count(), 1);
    }

    #[test]
    fn a_job_that_panics_is_lost_and_the_others_run() {
        let bench = Bench::new(10);
        bench.background.add(None, || panic!("broken"), || ());
        let tenant = bench.tenants.get(Some("a".to_owned()));
        bench.add("a", 0);
        assert_eq!(bench.finish(), ["a 0"]);
        drop(tenant);
    }
}
