//! The limiter of one instance: its memories and tables, counted and capped.

use wasmtime::ResourceLimiter;

use crate::fault::{Cause, Fault};
use crate::limits::Limits;
use crate::tenant::holdings::Tenancy;

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

    /// Sets the size of the memory. The error is a fault if the tenant has no more memory in its budget.
    fn set_memory(&mut self, bytes: usize) -> Result<(), Fault> {
        self.tenancy.as_mut().map_or(Ok(()), |tenancy| tenancy.set_memory(bytes))?;
        self.memory_bytes = bytes;
        Ok(())
    }

    fn check_memory(&self, bytes: usize) -> Result<(), Fault> {
        if bytes <= self.memory_cap {
            return Ok(());
        }
        let detail = format!("asked for {bytes} bytes of memory, over the cap of {} bytes", self.memory_cap);
        Err(Fault::new(Cause::MemoryLimit, detail))
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let growth = desired.saturating_sub(current);
        let total = self.memory_bytes.saturating_add(growth);
        match self.check_memory(total).and_then(|()| self.set_memory(total)) {
            Ok(()) => {
                self.last_growth = growth;
                Ok(true)
            }
            Err(fault) => {
                self.refused = Some(fault);
                self.last_growth = 0;
                Ok(false)
            }
        }
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        let growth = std::mem::take(&mut self.last_growth);
        // Less memory is never over a budget.
        let _ = self.set_memory(self.memory_bytes.saturating_sub(growth));
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
