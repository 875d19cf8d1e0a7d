use anyhow::Result;

use crate::building::read;
use crate::project::Project;
use crate::tool::Tool;

/// What the project's Makefile makes.
const MODULE: &str = "build/core.wasm";

pub(crate) fn build(project: &Project) -> Result<Vec<u8>> {
    Tool::new("make", project.folder(), "apt-get install make").arguments(["--quiet", MODULE]).run()?;
    read(&project.folder().join(MODULE))
}
