//! Development builds of Python projects: the author's modules are imported into a runtime that was made before.
//!
//! `guardhouse_sdk._guest.prepared` is the other side.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::driver::{run_driver_with, run_plan};
use super::python_driver::driver;
use crate::build_environment::{BuildEnvironment, Documents};
use crate::contract;
use crate::merge::merge;
use crate::runtimes::Runtime;
use crate::version::VERSION;

/// The driver's plan of a development build.
#[derive(Deserialize)]
struct Plan {
    /// The reason why no runtime can be used.
    unsupported: Option<String>,
    /// Everything that the runtime is made from, as text.
    #[serde(default)]
    runtime: String,
    /// The document of the request that prepares the runtime.
    attributes: Option<Box<RawValue>>,
}

/// The message with which a runtime denies, if it could not import the modules.
#[derive(Deserialize)]
struct Refusal {
    /// An operation that only another build can do.
    missing: Option<String>,
    /// The lines of a traceback that are the author's.
    error: Option<String>,
}

/// Builds the project in a folder. Returns none if it must be built as for a server.
pub(super) fn develop(folder: &Path, environment: &BuildEnvironment<'_>) -> Result<Option<Vec<u8>>> {
    let plan = run_plan(driver(folder)?)?;
    let plan: Plan = serde_json::from_slice(&plan).context("cannot read the plan of the build")?;
    let other = |reason: &str| {
        (environment.note)(&format!("this build takes longer, because no prepared runtime can be used: {reason}"));
        Ok(None)
    };
    let attributes = match (plan.attributes, plan.unsupported) {
        (Some(attributes), None) => attributes,
        (_, reason) => return other(&reason.unwrap_or_default()),
    };
    let recipe = format!("guardhouse {VERSION} {} {}", contract::digest(), plan.runtime);
    let runtime = match Runtime::find(&environment.runtimes, &recipe) {
        Some(runtime) => runtime,
        None => make(folder, environment, &recipe)?,
    };
    let documents = Documents { library: &runtime.library, project: attributes.get().as_bytes() };
    let refusal = match (environment.prepare)(&runtime.component, &documents) {
        Ok(Ok(component)) => return Ok(Some(component)),
        Ok(Err(refusal)) => refusal,
        Err(error) => return other(&format!("{error:#}")),
    };
    let Refusal { missing, error } = serde_json::from_str(&refusal).context("cannot read the answer of the runtime")?;
    match (missing, error) {
        (Some(missing), _) => other(&format!("the modules use {missing} while they are imported")),
        (None, Some(error)) => {
            (environment.show)(&format!("the plugin cannot be imported:\n{error}"));
            bail!("its modules raise an exception while they are imported")
        }
        (None, None) => bail!("the runtime did not say why it cannot import the plugin"),
    }
}

/// Makes a runtime, and keeps it for the next build.
fn make(folder: &Path, environment: &BuildEnvironment<'_>, recipe: &str) -> Result<Runtime> {
    (environment.note)("the runtime of development builds is made, once for this version of the SDK");
    let (component, library) = run_driver_with(driver(folder)?, "--library")?;
    let runtime = Runtime { component: merge(&component)?, library };
    if let Err(error) = runtime.keep(&environment.runtimes, recipe) {
        (environment.note)(&format!("it is made again for the next build: {error:#}"));
    }
    Ok(runtime)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// Stands for the interpreter: it notes its arguments, and writes what each option asks for.
    const PYTHON: &str = "#!/bin/sh\necho \"$*\" >> calls\nwhile [ $# -gt 0 ]; do case \"$1\" in\n\
        --plan) cp plan.json \"$2\";; --out) printf '\\0asm\\r\\0\\1\\0' > \"$2\";; --library) echo '[1]' > \"$2\";; esac\n\
        shift; done\n";

    /// The answer of the sandbox.
    type Answer<'a> = &'a dyn Fn() -> Result<Result<Vec<u8>, String>>;

    struct Author(tempfile::TempDir);

    impl Author {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let python = folder.path().join(".venv/bin/python");
            fs::create_dir_all(python.parent().unwrap()).unwrap();
            fs::write(&python, PYTHON).unwrap();
            fs::set_permissions(&python, Permissions::from_mode(0o755)).unwrap();
            fs::write(folder.path().join("pyproject.toml"), "[project]\nname = \"my-check\"\n").unwrap();
            Self(folder)
        }

        /// Builds with a plan. Returns the result, the notes, and the number of runtimes that were made.
        fn develop(&self, plan: &str, answer: Answer<'_>) -> (Result<Option<Vec<u8>>>, Vec<String>, usize) {
            let folder = self.0.path();
            fs::write(folder.join("plan.json"), plan).unwrap();
            fs::write(folder.join("calls"), "").unwrap();
            let notes = RefCell::new(Vec::new());
            let prepare = |component: &[u8], documents: &Documents<'_>| {
                assert_eq!(component, b"\0asm\r\0\x01\0");
                assert_eq!((documents.library, documents.project), (&b"[1]\n"[..], &b"{\"a\": 1}"[..]));
                answer()
            };
            let note = |text: &str| notes.borrow_mut().push(text.to_owned());
            let runtimes = folder.join("cache/runtimes");
            let built = develop(folder, &BuildEnvironment { runtimes, prepare: &prepare, note: &note, show: &note });
            let calls = fs::read_to_string(folder.join("calls")).unwrap();
            (built, notes.into_inner(), calls.lines().filter(|call| call.contains("--library")).count())
        }
    }

    fn plan(runtime: &str) -> String {
        format!("{{\"runtime\": \"{runtime}\", \"attributes\": {{\"a\": 1}}}}")
    }

    #[test]
    fn a_runtime_is_made_once_for_everything_that_it_is_made_from() {
        let author = Author::new();
        let answer = || Ok(Ok(b"built".to_vec()));
        for (runtime, made) in [("one", 1), ("one", 0), ("two", 1), ("one", 0), ("two", 0)] {
            let (built, notes, found) = author.develop(&plan(runtime), &answer);
            assert_eq!(built.unwrap(), Some(b"built".to_vec()));
            assert_eq!((notes.len(), found), (made, made), "{notes:?}");
        }
    }

    #[test]
    fn what_a_runtime_cannot_do_is_built_as_for_a_server_with_a_note() {
        let author = Author::new();
        let missing = "{\"missing\": \"`urandom`\", \"error\": \"Traceback\"}";
        let unsupported = "{\"unsupported\": \"there is no environment\"}".to_owned();
        let cases: [(String, Answer<'_>, &str); 4] = [
            (plan("one"), &|| Ok(Err(missing.into())), "the modules use `urandom` while they are imported"),
            (plan("one"), &|| bail!("the call failed: trap"), "the call failed: trap"),
            (unsupported, &|| bail!("not called"), "there is no environment"),
            ("{}".into(), &|| bail!("not called"), "no prepared runtime can be used"),
        ];
        for (plan, answer, reason) in cases {
            let (built, notes, _) = author.develop(&plan, answer);
            assert_eq!(built.unwrap(), None, "{reason}");
            assert!(notes.last().unwrap().contains(reason), "{notes:?}");
        }
    }

    #[test]
    fn an_error_of_the_modules_is_the_error_of_the_build() {
        let author = Author::new();
        let refusal = "{\"missing\": null, \"error\": \"  File \\\"check.py\\\", line 2\\nValueError: x\"}";
        let (built, notes, _) = author.develop(&plan("one"), &|| Ok(Err(refusal.into())));
        assert!(built.is_err());
        let [_, shown] = notes.as_slice() else { panic!("{notes:?}") };
        assert_eq!(shown, "the plugin cannot be imported:\n  File \"check.py\", line 2\nValueError: x");
        for invalid in ["", "{}", "[]", "text"] {
            let (built, ..) = author.develop(&plan("one"), &|| Ok(Err(invalid.into())));
            assert!(built.is_err(), "{invalid}");
        }
        let (built, ..) = author.develop("text", &|| bail!("not called"));
        assert!(built.is_err());
    }
}
