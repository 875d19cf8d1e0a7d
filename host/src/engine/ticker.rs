//! The thread that enforces deadlines: it increments the epoch of every engine at each tick.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use wasmtime::{Engine, EngineWeak};

use crate::util::lock::lock;

/// The engines whose epochs tick. The thread ends when the ticker is dropped.
#[derive(Default)]
pub(super) struct Ticker(Mutex<Vec<EngineWeak>>);

impl Ticker {
    /// Starts the thread.
    pub(super) fn start(ticker: &Arc<Self>, tick: Duration) -> std::io::Result<()> {
        let ticker = Arc::downgrade(ticker);
        std::thread::Builder::new().name("guardhouse-tick".to_owned()).spawn(move || {
            while let Some(ticker) = Weak::upgrade(&ticker) {
                ticker.tick();
                drop(ticker);
                std::thread::sleep(tick);
            }
        })?;
        Ok(())
    }

    pub(super) fn add(&self, engine: &Engine) {
        lock(&self.0).push(engine.weak());
    }

    fn tick(&self) {
        for engine in &*lock(&self.0) {
            if let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
            }
        }
    }
}
