//! The costs of Guardhouse, measured in one run on one machine. `cargo xtask bench` builds the measured plugins and
//! programs, and runs this program.

mod compile;
mod counts;
mod door;
mod doors;
mod held;
mod http;
mod images;
mod isolation;
mod languages;
mod latency;
mod meter;
mod neighbor;
mod parts;
mod peers;
mod process;
mod raw;
mod requests;
mod scale;
mod server;
mod slot;
mod storm;
mod table;
mod threads;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::meter::Effort;
use crate::table::{Row, Table};

/// The argument with which this program is a compiler process.
const COMPILER: &str = "compile";

/// The command line: what to measure, and where to write the results.
#[derive(Debug, Default)]
struct Options {
    json: Option<PathBuf>,
    /// Measures for a short time, to test that everything works.
    is_quick: bool,
    /// Measures only the groups with these names.
    only: Vec<String>,
    /// Plugins and programs that were built for the benchmarks.
    regexes: Option<PathBuf>,
    javascript: Option<PathBuf>,
    peers: Option<PathBuf>,
    /// The command `guardhouse`, whose daemon is measured.
    guardhouse: Option<PathBuf>,
    /// The server of the peer Cerbos.
    cerbos: Option<PathBuf>,
    envoy: Option<PathBuf>,
    /// A folder with the same check in every language.
    languages: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        [COMPILER] => return guardhouse::CompilerProcess::serve(),
        ["decide", count] => count.parse().map_err(Into::into).and_then(|count| counts::decide(count, None)),
        ["decide", count, plugin, cache] => {
            let plugin = Some((plugin.as_ref(), cache.as_ref()));
            count.parse().map_err(Into::into).and_then(|count| counts::decide(count, plugin))
        }
        ["hold", folder, file] => held::run(folder.as_ref(), held::File::Compare(file.as_ref())),
        ["hold", "--write", folder, file] => held::run(folder.as_ref(), held::File::Write(file.as_ref())),
        [isolation::ISOLATION, guardhouse] => isolation::run(guardhouse.as_ref()),
        [doors::ANSWER, address] => doors::answer(address),
        [doors::ANSWER_GRPC, address] => doors::answer_grpc(address),
        [doors::ANSWER_ALLOWED, address] => doors::answer_allowed(address),
        [scale::MAKE_IMAGES, count, folder] => scale::make_images(count, folder),
        options => parse(options).and_then(|options| run(&options)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: &[&str]) -> Result<Options> {
    let mut options = Options::default();
    let mut arguments = arguments.iter();
    while let Some(option) = arguments.next() {
        let mut value = || arguments.next().copied().with_context(|| format!("`{option}` needs a value"));
        match *option {
            "--quick" => options.is_quick = true,
            "--json" => options.json = Some(value()?.into()),
            "--only" => options.only.push(value()?.to_owned()),
            "--regexes" => options.regexes = Some(value()?.into()),
            "--javascript" => options.javascript = Some(value()?.into()),
            "--languages" => options.languages = Some(value()?.into()),
            "--guardhouse" => options.guardhouse = Some(value()?.into()),
            "--cerbos" => options.cerbos = Some(value()?.into()),
            "--envoy" => options.envoy = Some(value()?.into()),
            "--peers" => options.peers = Some(value()?.into()),
            other => bail!("unknown option `{other}`"),
        }
    }
    Ok(options)
}

/// A named part of the measurements, which can be run alone.
type Group<'a> = (&'static str, Box<dyn Fn() -> Result<Vec<Row>> + 'a>);

fn run(options: &Options) -> Result<()> {
    let regexes = || {
        let path = options
            .regexes
            .as_ref()
            .context("`--regexes FILE` is missing: a plugin that compiles regular expressions")?;
        std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))
    };
    let effort = |rounds, milliseconds| match options.is_quick {
        true => Effort { rounds: 1, slice: Duration::from_millis(5) },
        false => Effort { rounds, slice: Duration::from_millis(milliseconds) },
    };
    let span = match options.is_quick {
        true => doors::Span { rounds: 1, slice: Duration::from_millis(100) },
        false => doors::Span { rounds: 5, slice: Duration::from_secs(1) },
    };
    let groups: [Group<'_>; 13] = [
        ("decisions", Box::new(|| latency::decisions(effort(15, 40)))),
        ("settings", Box::new(|| latency::settings(&regexes()?, effort(11, 40)))),
        ("door", Box::new(|| door::run(effort(15, 40)))),
        ("counts", Box::new(counts::run)),
        ("threads", Box::new(threads::run)),
        ("neighbor", Box::new(neighbor::run)),
        ("storm", Box::new(storm::run)),
        ("compile", Box::new(|| compile::run(&compile::subjects(regexes()?, options.javascript.as_deref())?))),
        ("scale", Box::new(|| scale::run(effort(11, 100)))),
        (
            "languages",
            Box::new(|| match &options.languages {
                Some(folder) => languages::run(folder, options.is_quick.then_some(2)),
                None => Ok(Vec::new()),
            }),
        ),
        (
            "images",
            Box::new(|| {
                let (languages, regexes) = (options.languages.as_deref(), options.regexes.as_ref());
                images::run(languages, regexes, effort(11, 100), options.is_quick)
            }),
        ),
        (
            "doors",
            Box::new(|| match &options.guardhouse {
                Some(program) => {
                    let others = doors::Others { cerbos: options.cerbos.as_deref(), envoy: options.envoy.as_deref() };
                    doors::run(program, others, span)
                }
                None => Ok(Vec::new()),
            }),
        ),
        (
            "peers",
            Box::new(|| match &options.peers {
                Some(program) => peers::run(program),
                None => Ok(Vec::new()),
            }),
        ),
    ];
    if let Some(unknown) = options.only.iter().find(|name| !groups.iter().any(|(known, _)| known == name)) {
        bail!("unknown group `{unknown}`; the groups are {}", groups.map(|(name, _)| name).join(", "));
    }
    let mut table = Table::default();
    for (name, measure) in groups {
        if !options.only.is_empty() && !options.only.iter().any(|only| only == name) {
            continue;
        }
        eprintln!("measuring: {name}");
        let from = table.len();
        table.extend(measure().with_context(|| format!("cannot measure `{name}`"))?);
        table.print(from);
    }
    if let Some(path) = &options.json {
        std::fs::write(path, table.to_json()?).with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    Ok(())
}
