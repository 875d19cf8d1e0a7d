//! The report for CI, in the XML format of JUnit.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use crate::interrupt;
use crate::testing::report::{Report, Tested, TestedCase};
use crate::text::escaped;

/// The file of a report in the format of JUnit.
#[derive(Debug)]
pub(crate) struct Junit {
    path: PathBuf,
}

/// How such a file begins.
const START: &[u8] = b"<?xml ";

type Xml = Writer<Vec<u8>>;

impl Junit {
    /// Removes the report of an earlier test, so that it cannot pass for that of one that fails. A file of another kind
    /// is not removed.
    pub(crate) fn prepare(path: &Path) -> Result<Self> {
        let prepare = || -> Result<()> {
            match fs::symlink_metadata(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                found => ensure!(found?.is_file(), "it is not a regular file"),
            }
            let mut start = Vec::new();
            File::open(path)?.take(START.len() as u64).read_to_end(&mut start)?;
            if !start.is_empty() && start != START {
                bail!("it exists, and is not a report");
            }
            Ok(fs::remove_file(path)?)
        };
        prepare().with_context(|| format!("cannot write the report `{}`", path.display()))?;
        Ok(Self { path: path.to_owned() })
    }

    /// Writes a report. The file is replaced at once.
    pub(crate) fn write(&self, report: &Report) -> Result<()> {
        let write = || -> Result<()> {
            let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            // The permissions of a new file, from which the process's mask is taken.
            let permissions = fs::Permissions::from_mode(0o666);
            let mut draft = tempfile::Builder::new().permissions(permissions).tempfile_in(folder)?;
            draft.write_all(&xml(report)?)?;
            draft.persist(&self.path).map_err(io::Error::from)?;
            Ok(())
        };
        let written = interrupt::with_files(write);
        written.with_context(|| format!("cannot write the report `{}`", self.path.display()))
    }
}

fn xml(report: &Report) -> io::Result<Vec<u8>> {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let [tests, failures] = [report.counts.passed + report.counts.failed, report.counts.failed];
    let suites = writer.create_element("testsuites").with_attributes([
        ("name", "guardhouse test"),
        ("tests", &*(tests + report.not_tested).to_string()),
        ("failures", &failures.to_string()),
        ("errors", &report.not_tested.to_string()),
    ]);
    suites.write_inner_content(|writer| report.targets.iter().try_for_each(|tested| suite(writer, tested)))?;
    let mut bytes = writer.into_inner();
    bytes.push(b'\n');
    Ok(bytes)
}

fn suite(writer: &mut Xml, tested: &Tested) -> io::Result<()> {
    let errors = usize::from(tested.error.is_some());
    let name = one_line(&tested.name);
    let elapsed = tested.cases.iter().map(|case| case.elapsed_us).sum();
    let suite = writer.create_element("testsuite").with_attributes([
        ("name", &*name),
        ("tests", &(tested.cases.len() + errors).to_string()),
        ("failures", &tested.counts.failed.to_string()),
        ("errors", &errors.to_string()),
        ("time", &seconds(elapsed)),
    ]);
    suite.write_inner_content(|writer| {
        properties(writer, tested)?;
        tested.cases.iter().try_for_each(|case| self::case(writer, &name, &one_line(&tested.file), case))?;
        let Some(error) = &tested.error else { return Ok(()) };
        let case =
            writer.create_element("testcase").with_attributes([("classname", &*name), ("name", "the test itself")]);
        case.write_inner_content(|writer| {
            let message = one_line(error.lines().next().unwrap_or_default());
            let element = writer.create_element("error").with_attribute(("message", &*message));
            element.write_text_content(BytesText::new(&lines(error))).map(drop)
        })?;
        Ok(())
    })?;
    Ok(())
}

fn properties(writer: &mut Xml, tested: &Tested) -> io::Result<()> {
    let Some(component) = &tested.component else { return Ok(()) };
    let digest = component.digest.to_string();
    let all = [
        ("build", component.build),
        ("component", Some(&*component.path)),
        ("compiler", Some(component.compiler)),
        ("digest", Some(&*digest)),
    ];
    writer.create_element("properties").write_inner_content(|writer| {
        for (name, value) in all.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            let value = one_line(value);
            let property = writer.create_element("property");
            property.with_attributes([("name", name), ("value", &*value)]).write_empty()?;
        }
        Ok(())
    })?;
    Ok(())
}

fn case(writer: &mut Xml, class: &str, file: &str, case: &TestedCase) -> io::Result<()> {
    let (name, line, time) = (one_line(&case.name), case.line.to_string(), seconds(case.elapsed_us));
    let element = writer.create_element("testcase").with_attributes([
        ("classname", class),
        ("name", &*name),
        ("file", file),
        ("line", &line),
        ("time", &time),
    ]);
    let Some(first) = case.differences.first() else { return element.write_empty().map(drop) };
    element.write_inner_content(|writer| {
        let all: Vec<String> = case.differences.iter().map(ToString::to_string).collect();
        let text = format!("{}\n\n{}", all.join("\n"), case.explanation_text);
        let message = one_line(&all.join("; "));
        let failure = writer.create_element("failure");
        let failure = failure.with_attributes([("message", &*message), ("type", first.member)]);
        failure.write_text_content(BytesText::new(&lines(&text))).map(drop)
    })?;
    Ok(())
}

/// A time as JUnit writes it.
fn seconds(microseconds: u64) -> String {
    format!("{}.{:06}", microseconds / 1_000_000, microseconds % 1_000_000)
}

/// A text for an attribute: XML cannot have most control characters, and joins the lines of an attribute.
fn one_line(text: &str) -> String {
    escaped(&without_noncharacters(text))
}

/// A text of several lines.
fn lines(text: &str) -> String {
    text.split('\n').map(one_line).collect::<Vec<_>>().join("\n")
}

/// XML has no form for two noncharacters, not even an escaped one.
fn without_noncharacters(text: &str) -> String {
    text.replace('\u{fffe}', "\\u{fffe}").replace('\u{ffff}', "\\u{ffff}")
}

#[cfg(test)]
mod tests;
