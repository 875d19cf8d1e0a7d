//! The contract as Rust types, generated from `wit/`. Host and plugins have nothing else in common.

wasmtime::component::bindgen!({
    path: "wit",
    inline: "
        package guardhouse:host;

        /// All interfaces of the contract.
        world host {
            include guardhouse:auth/configurable-step-up-auth-check@0.1.0;
            include guardhouse:auth/with-raw-token@0.1.0;
        }
    ",
    world: "guardhouse:host/host",
    ownership: Borrowing { duplicate_if_necessary: false },
    imports: { default: trappable },
    exports: { default: async },
});
