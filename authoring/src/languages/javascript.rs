use anyhow::{Result, ensure};

use crate::building::read;
use crate::contract;
use crate::project::Project;
use crate::tool::Tool;

/// The driver that comes with the SDK.
const DRIVER: &str = "node_modules/guardhouse-sdk/build.mjs";

pub(crate) fn build(project: &Project) -> Result<Vec<u8>> {
    let folder = project.folder();
    ensure!(folder.join(DRIVER).is_file(), "`{DRIVER}` is missing; this installs it: npm ci --ignore-scripts");
    let wit = tempfile::tempdir()?;
    contract::write(wit.path())?;
    let out = wit.path().join("plugin.wasm");
    Tool::new("node", folder, "see https://nodejs.org, version 20 or newer")
        .arguments([DRIVER, "--wit"])
        .arguments([wit.path()])
        .arguments(["--out"])
        .arguments([&out])
        .run()?;
    read(&out)
}
