//! The contract as Rust types, generated from `wit/`: the only thing that host and plugins share.

wasmtime::component::bindgen!({
    path: "../wit",
    world: "configurable-step-up-auth-check",
    ownership: Borrowing { duplicate_if_necessary: false },
    imports: { default: trappable },
    exports: { default: async },
});
