//! The limiter of one instance: its memories and tables, counted and capped.

use wasmtime::ResourceLimiter;

use crate::fault::{Cause, Fault};
use crate::limits::Limits;
use crate::tenant::Tenancy;

/// Counts the memory of an instance, and remembers the last request over a cap: a plugin that gets no memory usually
/// traps, and the trap alone would not say why.
pub(super) struct Limiter {
    memory_cap: usize,
    table_cap: usize,
    instance_cap: usize,
    /// All linear memory of the instance, in bytes.
    pub(super) memory_bytes: usize,
    /// The bytes of the last growth, in case it was allowed and failed all the same.
    last_growth: usize,
    /// The last request over a cap.
    pub(super) refused: Option<Fault>,
    /// The tenant that the instance is counted for.
    pub(super) tenancy: Option<Tenancy>,
}

impl Limiter {
    pub(super) fn new(limits: &Limits, tenancy: Option<Tenancy>) -> Self {
        Self {
            memory_cap: limits.memory_bytes,
            table_cap: limits.table_elements,
            instance_cap: limits.core_instances,
            memory_bytes: 0,
            last_growth: 0,
            refused: None,
            tenancy,
        }
    }

    fn set_memory(&mut self, bytes: usize) {
        self.memory_bytes = bytes;
        if let Some(tenancy) = &mut self.tenancy {
            tenancy.set_memory(bytes);
        }
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let growth = desired.saturating_sub(current);
        let total = self.memory_bytes.saturating_add(growth);
        let fits = total <= self.memory_cap;
        if fits {
            self.set_memory(total);
            self.last_growth = growth;
        } else {
            let detail = format!("asked for {total} bytes of memory, over the cap of {} bytes", self.memory_cap);
            self.refused = Some(Fault::new(Cause::MemoryLimit, detail));
            self.last_growth = 0;
        }
        Ok(fits)
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        let growth = std::mem::take(&mut self.last_growth);
        self.set_memory(self.memory_bytes.saturating_sub(growth));
        Ok(())
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let fits = desired <= self.table_cap;
        if !fits {
            let detail = format!("asked for a table of {desired} elements, over the cap of {}", self.table_cap);
            self.refused = Some(Fault::new(Cause::TableLimit, detail));
        }
        Ok(fits)
    }

    fn instances(&self) -> usize {
        self.instance_cap
    }

    fn tables(&self) -> usize {
        self.instance_cap
    }

    fn memories(&self) -> usize {
        self.instance_cap
    }
}
