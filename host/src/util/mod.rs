//! General tools. They know nothing of Guardhouse and could stand in a crate of their own.

pub(crate) mod block_on;
pub(crate) mod flight;
pub(crate) mod lock;
pub(crate) mod lru;
pub(crate) mod memo;
pub(crate) mod microseconds;
pub(crate) mod panic;
pub(crate) mod processors;
pub(crate) mod recent;
pub(crate) mod resident;
pub(crate) mod text;
pub(crate) mod weak_map;
