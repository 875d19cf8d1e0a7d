use anyhow::Result;

use crate::building::read;
use crate::project::Project;
use crate::tool::{INSTALL_FROM_PIP, Tool, venv};

pub(crate) fn build(project: &Project) -> Result<Vec<u8>> {
    let folder = project.folder();
    Tool::new(venv(folder).join("python"), folder, INSTALL_FROM_PIP).arguments(["-m", "ziglang", "build"]).run()?;
    read(&folder.join("zig-out/bin/plugin.wasm"))
}
