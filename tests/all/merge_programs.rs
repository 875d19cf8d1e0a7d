//! A merged module has the results of the linked modules, for any program of globals and functions. The cases are the
//! same on every run.

use std::fmt::Write as _;

use guardhouse::{AuthChecks, ImagePolicy, Outcome};
use guardhouse_authoring::merge;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use crate::harness::{Guest, claiming};
use crate::properties::cases;

/// A global of the program: whether it is mutable, and its first value.
type Global = (bool, i32);

/// A step of a function.
#[derive(Debug, Clone)]
enum Step {
    /// Adds a number to a global, if that is mutable.
    Add(usize, i32),
    /// Calls an earlier function, directly or through its place in the table.
    Call(usize, bool),
}

/// Globals, functions, and the functions that are called in order. Some functions are never called, and some globals
/// never written.
#[derive(Debug, Clone)]
struct Program {
    globals: Vec<Global>,
    functions: Vec<Vec<Step>>,
    calls: Vec<usize>,
}

fn program() -> impl Strategy<Value = Program> {
    let step = prop_oneof![
        (any::<usize>(), any::<i32>()).prop_map(|(global, number)| Step::Add(global, number)),
        (any::<usize>(), prop::bool::weighted(0.2)).prop_map(|(function, indirect)| Step::Call(function, indirect)),
    ];
    let globals = vec((any::<bool>(), any::<i32>()), 1..8);
    (globals, vec(vec(step, 0..4), 1..8), vec(any::<usize>(), 0..3)).prop_map(|(globals, functions, calls)| Program {
        globals,
        functions,
        calls,
    })
}

impl Program {
    /// The fields of a module: its globals and functions, and a function `$sum` that combines all globals.
    fn fields(&self) -> String {
        let mut text = String::from("(table $own 8 funcref) (type $procedure (func))\n");
        for (index, (mutable, value)) in self.globals.iter().enumerate() {
            let ty = if *mutable { "(mut i32)" } else { "i32" };
            writeln!(text, "(global $g{index} {ty} (i32.const {value}))").unwrap();
        }
        for (index, steps) in self.functions.iter().enumerate() {
            writeln!(text, "(func $f{index} (type $procedure)").unwrap();
            for step in steps {
                match self.resolved(index, step) {
                    Some(Step::Add(global, number)) => {
                        writeln!(text, "(global.set $g{global} (i32.add (global.get $g{global}) (i32.const {number})))")
                    }
                    Some(Step::Call(function, false)) => writeln!(text, "(call $f{function})"),
                    Some(Step::Call(function, true)) => {
                        writeln!(text, "(call_indirect $own (type $procedure) (i32.const {function}))")
                    }
                    None => Ok(()),
                }
                .unwrap();
            }
            writeln!(text, ")").unwrap();
        }
        for function in self.in_table() {
            writeln!(text, "(elem (table $own) (i32.const {function}) func $f{function})").unwrap();
        }
        text += "(func $sum (result i32) (i32.const 0)\n";
        for global in 0..self.globals.len() {
            writeln!(text, "(i32.add (i32.mul (i32.const 31)) (global.get $g{global}))").unwrap();
        }
        text + ")"
    }

    /// The functions that are called through the table, in any function.
    fn in_table(&self) -> Vec<usize> {
        let steps = self.functions.iter().enumerate().flat_map(|(index, steps)| {
            steps.iter().filter_map(move |step| match self.resolved(index, step) {
                Some(Step::Call(function, true)) => Some(function),
                _ => None,
            })
        });
        let mut functions: Vec<usize> = steps.collect();
        functions.sort_unstable();
        functions.dedup();
        functions
    }

    /// A step of a function, with numbers of globals and functions that exist; none for one that does nothing.
    fn resolved(&self, function: usize, step: &Step) -> Option<Step> {
        match *step {
            Step::Add(global, number) => {
                let global = global % self.globals.len();
                self.globals[global].0.then_some(Step::Add(global, number))
            }
            Step::Call(callee, indirect) => (function > 0).then(|| Step::Call(callee % function, indirect)),
        }
    }

    fn called(&self) -> impl Iterator<Item = usize> {
        self.calls.iter().map(|function| function % self.functions.len())
    }

    /// The result of `$sum` after the calls.
    fn sum(&self) -> i32 {
        let mut values: Vec<i32> = self.globals.iter().map(|(_, value)| *value).collect();
        for function in self.called() {
            self.run(function, &mut values);
        }
        values.iter().fold(0_i32, |sum, value| sum.wrapping_mul(31).wrapping_add(*value))
    }

    fn run(&self, function: usize, values: &mut [i32]) {
        for step in &self.functions[function] {
            match self.resolved(function, step) {
                Some(Step::Add(global, number)) => values[global] = values[global].wrapping_add(number),
                Some(Step::Call(callee, _)) => self.run(callee, values),
                None => {}
            }
        }
    }

    /// A linked plugin that allows if the program has the given result, and traps if not.
    fn plugin(&self, result: i32) -> Vec<u8> {
        let mut late = String::new();
        for function in self.called() {
            writeln!(late, "(call $f{function})").unwrap();
        }
        writeln!(late, "(if (i32.ne (call $sum) (i32.const {result})) (then unreachable))").unwrap();
        Guest::with("linked", &[("fields", &self.fields()), ("late", &late)]).bytes().to_vec()
    }
}

/// The outcome of a plugin, and the instructions that it takes.
fn run(bytes: Vec<u8>) -> (Outcome, u64) {
    let guest = Guest::from_bytes("program", bytes).settings(json!({"a": 1})).image(ImagePolicy::Never);
    let report = AuthChecks::new(&[guest.check()]).explain_blocking(&claiming(json!({"word": "12345"})));
    let evaluation = &report.checks[0].evaluation;
    (evaluation.outcome.clone(), evaluation.usage.fuel)
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn a_merged_program_has_the_result_of_the_linked_one(program in program()) {
        let linked = program.plugin(program.sum());
        let merged = merge(&linked).unwrap();
        let ((outcome, fuel), (of_linked, fuel_of_linked)) = (run(merged), run(linked));
        prop_assert_eq!((outcome, of_linked), (Outcome::Allow, Outcome::Allow));
        // The modules are made with fewer instructions.
        prop_assert!(fuel <= fuel_of_linked, "{fuel} {fuel_of_linked}");
        let other = program.plugin(program.sum().wrapping_add(1));
        prop_assert_ne!(run(merge(&other).unwrap()).0, Outcome::Allow);
    }
}
