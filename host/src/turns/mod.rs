//! Turns: the processor time of plugins, shared fairly between tenants.

#![allow(dead_code, reason = "a part of the queue is used by turns only")]

pub(crate) mod fair_queue;
pub(crate) mod lane;
pub(crate) mod virtual_time;
