//! Turns: the processor time of plugins, shared fairly between tenants.

pub(crate) mod fair_queue;
pub(crate) mod lane;
pub(crate) mod virtual_time;
