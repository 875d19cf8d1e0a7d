//! regorus: the policy language Rego, interpreted, and compiled for regorus's virtual machine.

use std::sync::Arc;

use anyhow::Result;
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::program::Program;
use regorus::rvm::vm::RegoVM;
use regorus::{Engine, Value};

use crate::meter::Meter;

const RULE: &str = "data.peers.allow";
const POLICY: &str = r#"
package peers

default allow := false

allow if {
    "read" in input.token.scopes
    "scope-17" in input.token.scopes
}
"#;

pub(crate) fn measure(meter: &Meter) -> Result<()> {
    interpreter(meter)?;
    virtual_machine(meter)
}

fn interpreter(meter: &Meter) -> Result<()> {
    let mut engine = engine()?;
    meter.measure("regorus_json", to_json, |json| {
        engine.set_input_json(json)?;
        allows(&mut engine)
    })?;
    meter.measure("regorus_prebuilt", to_value, |value| {
        engine.set_input(value.clone());
        allows(&mut engine)
    })?;
    // The cloned engine has evaluated before, so the clones do not analyze the policy again.
    meter.measure("regorus_json_new", to_json, |json| {
        let mut engine = engine.clone();
        engine.set_input_json(json)?;
        allows(&mut engine)
    })?;
    meter.measure("regorus_prebuilt_new", to_value, |value| {
        let mut engine = engine.clone();
        engine.set_input(value.clone());
        allows(&mut engine)
    })
}

fn virtual_machine(meter: &Meter) -> Result<()> {
    let policy = engine()?.compile_with_entrypoint(&RULE.into())?;
    let program = Compiler::compile_from_policy(&policy, &[RULE])?;
    let mut machine = machine(&program)?;
    meter.measure("regorus_compiled", to_value, |value| {
        machine.set_input(value.clone());
        Ok(*machine.execute()?.as_bool()?)
    })?;
    meter.measure("regorus_compiled_new", to_value, |value| {
        let mut machine = self::machine(&program)?;
        machine.set_input(value.clone());
        Ok(*machine.execute()?.as_bool()?)
    })
}

fn engine() -> Result<Engine> {
    let mut engine = Engine::new();
    engine.add_policy("peers.rego".to_owned(), POLICY.to_owned())?;
    Ok(engine)
}

fn machine(program: &Arc<Program>) -> Result<RegoVM> {
    let mut machine = RegoVM::new();
    machine.load_program(program.clone());
    machine.set_data(Value::new_object())?;
    Ok(machine)
}

fn allows(engine: &mut Engine) -> Result<bool> {
    Ok(*engine.eval_rule(RULE.to_owned())?.as_bool()?)
}

fn to_json(context: &serde_json::Value) -> Result<String> {
    Ok(context.to_string())
}

fn to_value(context: &serde_json::Value) -> Result<Value> {
    Value::from_json_str(&context.to_string())
}
