use anyhow::Result;

use crate::building::read;
use crate::project::Project;
use crate::tool::{INSTALL_FROM_PIP, Tool, in_venv};

pub(crate) fn build(project: &Project) -> Result<Vec<u8>> {
    let module = project.folder().join("build/core.wasm");
    Tool::new(in_venv(project.folder(), "go"), project.folder(), INSTALL_FROM_PIP)
        .variable("GOOS", "wasip1")
        .variable("GOARCH", "wasm")
        .arguments(["build", "-buildmode=c-shared", "-buildvcs=false", "-trimpath", "-ldflags=-s -w -buildid=", "-o"])
        .arguments([&module])
        .arguments(["."])
        .run()?;
    read(&module)
}
