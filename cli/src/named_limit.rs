//! Limits that are given by their names, which are those of the fields of `Limits` and `HostLimits`.

use std::fmt::Write;

use anyhow::{Result, ensure};
use clap::builder::StringValueParser;
use clap::builder::TypedValueParser;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// A limit and its value, as `NAME=VALUE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedLimit {
    pub(crate) name: String,
    value: Value,
}

impl NamedLimit {
    /// The parser of an argument for a limit of `T`. Those of `more_than_zero` may not be zero.
    pub(crate) fn parser<T>(more_than_zero: &'static [&'static str]) -> impl TypedValueParser<Value = Self>
    where
        T: Default + Serialize + DeserializeOwned + Clone + Send + Sync + 'static,
    {
        StringValueParser::new().try_map(|text| Self::parse::<T>(&text, more_than_zero))
    }

    fn parse<T: Default + Serialize + DeserializeOwned>(text: &str, more_than_zero: &[&str]) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("write NAME=VALUE, for example `instances=8`")?;
        // Options have hyphens and fields have underscores.
        let name = name.replace('-', "_");
        let all = fields(&T::default());
        if !all.contains_key(&name) {
            let names: Vec<String> = all.keys().map(|name| format!("`{name}`")).collect();
            return Err(format!("unknown limit `{name}`: use one of {}", names.join(", ")));
        }
        let value = match (value, value.parse::<u64>()) {
            ("none", _) => Value::Null,
            (_, Ok(number)) => number.into(),
            (text, Err(_)) => text.into(),
        };
        let only = Value::Object(Map::from_iter([(name.clone(), value.clone())]));
        let limits = serde_json::from_value::<T>(only)
            .map_err(|error| format!("`{name}`: {}", expected(&all, &name, &error)))?;
        let is_zero =
            fields(&limits).get(&name).is_some_and(|value| [json!(0), json!("0s"), json!("0B")].contains(value));
        if is_zero && more_than_zero.contains(&&*name) {
            let is_time = name.ends_with("deadline") || name.ends_with("cpu_time");
            let range = if is_time { "from `1ms` to `1h`" } else { "more than zero" };
            return Err(format!("`{name}` must be {range}"));
        }
        Ok(Self { name, value })
    }

    /// The help of an option for limits of `T`: `purpose`, and each name with its default.
    pub(crate) fn help<T: Default + Serialize>(purpose: &str) -> String {
        let mut help = format!(
            "{purpose}. The crate's documentation explains each; `none` stands for no limit. Names and defaults:\n"
        );
        for (name, value) in fields(&T::default()) {
            let value = match value {
                Value::Null => "none".to_owned(),
                Value::String(text) => text,
                other => other.to_string(),
            };
            // Writing to a string does not fail.
            let _ = write!(help, "\n{name}={value}");
        }
        help
    }
}

/// `limits` with the values of the `option`.
pub(crate) fn with_changes<T: Serialize + DeserializeOwned>(
    limits: &T,
    changes: &[NamedLimit],
    option: &str,
) -> Result<T> {
    let mut all = fields(limits);
    let mut seen: Vec<&str> = Vec::new();
    for NamedLimit { name, value } in changes {
        ensure!(!seen.contains(&&**name), "`{option} {name}=…` is given twice");
        seen.push(name);
        all.insert(name.clone(), value.clone());
    }
    Ok(serde_json::from_value(Value::Object(all))?)
}

/// The error of a value, with the form that is expected.
fn expected(all: &Map<String, Value>, name: &str, error: &serde_json::Error) -> String {
    match all.get(name) {
        Some(Value::Number(_)) => "write a whole number, for example `64`".to_owned(),
        Some(Value::String(example)) if error.is_data() && !error.to_string().contains("whole number") => {
            format!("write a whole number and a unit, for example `{example}`")
        }
        _ => error.to_string(),
    }
}

fn fields<T: Serialize>(limits: &T) -> Map<String, Value> {
    match serde_json::to_value(limits) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use guardhouse::{HostLimits, Limits};

    use super::*;

    fn limit(text: &str) -> Result<NamedLimit, String> {
        NamedLimit::parse::<Limits>(text, &["deadline", "fuel"])
    }

    #[test]
    fn every_limit_can_be_set_to_its_default() {
        fn all<T: Default + Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>() -> usize {
            let all = fields(&T::default());
            for (name, value) in &all {
                let text = value.as_str().map_or_else(|| value.to_string().replace("null", "none"), str::to_owned);
                let limit = NamedLimit::parse::<T>(&format!("{}={text}", name.replace('_', "-")), &[]).unwrap();
                assert_eq!(with_changes(&T::default(), &[limit], "--limit").unwrap(), T::default(), "{name}");
                assert!(NamedLimit::help::<T>("").contains(&format!("\n{name}={text}")), "{name}");
            }
            all.len()
        }
        assert!(all::<Limits>() >= 10);
        assert!(all::<HostLimits>() >= 30);
    }

    #[test]
    fn a_limit_has_the_form_of_its_kind() {
        let changes = ["deadline=5s", "handles=7", "context-bytes=2MiB", "standby=3", "fuel=none"]
            .map(|text| limit(text).unwrap());
        let limits = with_changes(&Limits::default(), &changes, "--limit").unwrap();
        assert_eq!((limits.deadline, limits.handles), (Duration::from_secs(5), 7));
        assert_eq!((limits.context_bytes, limits.standby, limits.fuel), (2 << 20, Some(3), None));
        for (text, error) in [
            ("handles", "write NAME=VALUE"),
            ("hands=7", "unknown limit `hands`: use one of `"),
            ("handles=many", "`handles`: write a whole number, for example `64`"),
            ("handles=-1", "`handles`: write a whole number, for example `64`"),
            ("deadline=5", "`deadline`: write a whole number and a unit, for example `"),
            ("deadline=5 s", "`deadline`: `5 s` is not a duration: write a whole number and a unit"),
            ("context_bytes=2MB", "`context_bytes`: `2MB` is not a size: write a whole number and a unit"),
            ("deadline=0ms", "`deadline` must be from `1ms` to `1h`"),
            ("fuel=0", "`fuel` must be more than zero"),
        ] {
            let found = limit(text).unwrap_err();
            assert!(found.starts_with(error), "{text}: {found}");
        }
        let twice = [limit("handles=1").unwrap(), limit("handles=2").unwrap()];
        let error = with_changes(&Limits::default(), &twice, "--limit").unwrap_err().to_string();
        assert_eq!(error, "`--limit handles=…` is given twice");
    }
}
