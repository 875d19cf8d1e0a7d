//! The contract as Rust types, generated from `wit/`: the only thing that host and plugins share.

wasmtime::component::bindgen!({
    path: "../wit",
    inline: "
        package guardhouse:host;

        /// Everything that the contract knows.
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
