//! What was measured.

use std::fmt;

use guardhouse::Digest;
use serde::{Deserialize, Serialize};

use crate::object::{object, objects};
use crate::text::{Fields, byte_count, escaped, grouped};

/// The costs of a plugin. Times are whole microseconds.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Costs {
    /// The version of the command that measured.
    pub(crate) guardhouse: String,
    /// The plugin as it was written on the command line.
    pub(crate) plugin: String,
    pub(crate) digest: Digest,
    pub(crate) size: usize,
    pub(crate) code: Code,
    #[serde(deserialize_with = "object")]
    pub(crate) load: Load,
    /// The ways in which instances start, of which the first is that every instance configures itself.
    #[serde(deserialize_with = "objects")]
    pub(crate) starts: Vec<Start>,
    /// The reason why no instance starts from an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) no_image: Option<String>,
}

/// The machine code that was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Code {
    /// What a large plugin has first: it is compiled quickly.
    Baseline,
    Optimized,
}

/// The times to load the plugin, as everything before the first check.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Load {
    /// With an empty cache: the plugin is compiled.
    pub(crate) cold_us: u64,
    /// With its machine code in the cache.
    pub(crate) cached_us: u64,
}

/// The costs of evaluations whose instances start in one way.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Start {
    pub(crate) start: StartKind,
    /// The number of evaluations whose time was taken.
    pub(crate) runs: usize,
    pub(crate) p50_us: u64,
    pub(crate) p99_us: u64,
    #[serde(deserialize_with = "objects")]
    pub(crate) requests: Vec<Counts>,
}

/// The start of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StartKind {
    /// A fresh instance that configures itself.
    Configure,
    /// A fresh instance from the image of a configured one.
    Image,
}

/// What one evaluation of a request takes on any machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Counts {
    /// The name of the request.
    pub(crate) name: String,
    /// The instructions, roughly.
    pub(crate) fuel: u64,
    /// The largest linear memory.
    pub(crate) memory_bytes: u64,
}

impl Costs {
    /// The costs of one start.
    pub(crate) fn start(&self, kind: StartKind) -> Option<&Start> {
        self.starts.iter().find(|start| start.start == kind)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Baseline => "baseline",
            Self::Optimized => "optimized",
        })
    }
}

impl fmt::Display for StartKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Configure => "configures itself",
            Self::Image => "from an image",
        })
    }
}

/// The text form.
impl fmt::Display for Costs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = Fields::indented(0);
        fields.add("plugin", &self.plugin);
        fields.add("digest", &self.digest.to_string());
        fields.add("size", &byte_count(self.size));
        fields.add("code", &self.code.to_string());
        let load = [self.load.cold_us, self.load.cached_us].map(time);
        fields.add("load", &format!("{} cold, {} cached", load[0], load[1]));
        f.write_str(&fields.into_text())?;
        for start in &self.starts {
            write!(f, "\nfresh instance: {}\n{start}", start.start)?;
        }
        match &self.no_image {
            None => Ok(()),
            Some(reason) => write!(f, "\nno image: {}\n", escaped(reason)),
        }
    }
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = Fields::indented(2);
        fields.add(
            "time",
            &format!("{} p50, {} p99, of {} runs", time(self.p50_us), time(self.p99_us), grouped(self.runs)),
        );
        let most = |count: fn(&Counts) -> u64| self.requests.iter().max_by_key(|request| count(request));
        let of = |request: &Counts| match self.requests.len() {
            1 => String::new(),
            count => format!(", the most of {} requests: `{}`", grouped(count), escaped(&request.name)),
        };
        if let Some(request) = most(|request| request.fuel) {
            fields.add("fuel", &format!("{}{}", grouped(request.fuel), of(request)));
        }
        if let Some(request) = most(|request| request.memory_bytes) {
            fields.add("memory", &format!("{} bytes{}", grouped(request.memory_bytes), of(request)));
        }
        f.write_str(&fields.into_text())
    }
}

/// A time in a unit that suits it.
pub(super) fn time(microseconds: u64) -> String {
    if microseconds < 10_000 {
        return format!("{} µs", grouped(microseconds));
    }
    format!("{} ms", grouped((microseconds + 500) / 1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit_that_suits_it() {
        for (microseconds, text) in [(0, "0 µs"), (9_999, "9,999 µs"), (10_000, "10 ms"), (12_345_600, "12,346 ms")] {
            assert_eq!(time(microseconds), text);
        }
    }
}
