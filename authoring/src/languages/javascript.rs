use anyhow::{Result, ensure};

use crate::building::drive;
use crate::project::Project;
use crate::tool::Tool;

/// The driver that comes with the SDK.
const DRIVER: &str = "node_modules/guardhouse-sdk/build.mjs";

pub(crate) fn build(project: &Project) -> Result<Vec<u8>> {
    let folder = project.folder();
    ensure!(folder.join(DRIVER).is_file(), "`{DRIVER}` is missing; this installs it: npm ci --ignore-scripts");
    drive(Tool::new("node", folder, "see https://nodejs.org, version 20 or newer").arguments([DRIVER]))
}
