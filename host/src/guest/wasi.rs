//! A WASI without access to anything. Language runtimes import WASI; a check does not need it.

use chacha20::ChaCha20Rng;
use rand::{RngExt, SeedableRng};
use sha2::{Digest as _, Sha256};
use wasmtime_wasi::WasiCtx;

use crate::guest::clock::Clock;
use crate::guest::log::{Log, Stream};
use crate::guest::request::Seed;

/// The maximum number of random bytes per call.
const MAX_RANDOM_BYTES: u64 = 64 << 10;

/// A WASI without arguments, environment, files, sockets and name resolution, with an empty stdin. Its clocks are
/// `clock`, its random numbers come from `seed`, and its output goes to `log`.
pub(super) fn context(seed: &Seed, log: &Log, clock: &Clock) -> WasiCtx {
    let seed = Sha256::new().chain_update(seed.decision.to_bytes()).chain_update(seed.check.as_bytes()).finalize();
    let mut secure = ChaCha20Rng::from_seed(seed.into());
    let insecure = ChaCha20Rng::from_rng(&mut secure);
    let hash_seed = secure.random();
    WasiCtx::builder()
        .stdout(Stream { log: log.clone(), source: "stdout" })
        .stderr(Stream { log: log.clone(), source: "stderr" })
        .wall_clock(clock.clone())
        .monotonic_clock(clock.clone())
        .secure_random(secure)
        .insecure_random(insecure)
        .insecure_random_seed(hash_seed)
        .max_random_size(MAX_RANDOM_BYTES)
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .build()
}
