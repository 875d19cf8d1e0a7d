use anyhow::{Context, Result, ensure};

use crate::building::drive;
use crate::project::{Project, value};
use crate::tool::{INSTALL_FROM_PIP, Tool, venv};

pub(crate) fn build(project: &Project) -> Result<Vec<u8>> {
    let folder = project.folder();
    let sdk = value(&project.read("pyproject.toml")?, "sdk = ")
        .context("`pyproject.toml` does not say where the SDK is: `sdk = …` under `[tool.guardhouse]`")?;
    let sdk = folder.join(sdk);
    ensure!(sdk.join("guardhouse_sdk").is_dir(), "there is no SDK in `{}`", sdk.display());
    let python = Tool::new(venv(folder).join("python"), folder, INSTALL_FROM_PIP);
    drive(python.variable("PYTHONPATH", &sdk).arguments(["-m", "guardhouse_sdk.build"]))
}
