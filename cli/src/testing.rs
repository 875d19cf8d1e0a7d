//! Tests: the cases of plugins are run on what was built of them, and reported.

mod junit;
mod report;
mod run;
pub(crate) mod schema;
mod target;
mod text;
mod watch;

pub(crate) use self::junit::Junit;
pub(crate) use self::report::{Counts, Report, Tested, TestedCase};
pub(crate) use self::run::{note_odd_words, run_cases};
pub(crate) use self::target::{Plan, Target, shown};
pub(crate) use self::text::{Order, case_lines};
pub(crate) use self::watch::watch;
