//! Modules whose function is one long expression.

use super::input::Input;

/// A type of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    I32,
    I64,
    F32,
    F64,
}

use Type::{F32, F64, I32, I64};

/// The instructions by their results, each with its operands.
const INSTRUCTIONS: &[(Type, &str, &[Type])] = &[
    (
        I32,
        "i32.add i32.sub i32.mul i32.div_s i32.rem_u i32.and i32.xor i32.shl i32.shr_s i32.rotl i32.lt_s",
        &[I32, I32],
    ),
    (I32, "i32.clz i32.ctz i32.popcnt i32.eqz i32.extend8_s i32.extend16_s", &[I32]),
    (I32, "i64.eq i64.lt_u i64.ge_s", &[I64, I64]),
    (I32, "f32.eq f32.lt f32.ne", &[F32, F32]),
    (I32, "f64.eq f64.gt f64.le", &[F64, F64]),
    (I32, "i32.wrap_i64", &[I64]),
    (I32, "i32.reinterpret_f32 i32.trunc_sat_f32_s i32.trunc_f32_u", &[F32]),
    (I32, "i32.trunc_sat_f64_u i32.trunc_f64_s", &[F64]),
    (I32, "i32.load8_s i32.load16_u i32.load", &[I32]),
    (I32, "select", &[I32, I32, I32]),
    (I64, "i64.add i64.sub i64.mul i64.div_u i64.rem_s i64.or i64.xor i64.shl i64.shr_u i64.rotr", &[I64, I64]),
    (I64, "i64.clz i64.ctz i64.popcnt i64.extend32_s", &[I64]),
    (I64, "i64.extend_i32_s i64.extend_i32_u", &[I32]),
    (I64, "i64.reinterpret_f64 i64.trunc_sat_f64_s i64.trunc_f64_u", &[F64]),
    (I64, "i64.trunc_sat_f32_u i64.trunc_f32_s", &[F32]),
    (I64, "i64.load i64.load32_s", &[I32]),
    (I64, "select", &[I64, I64, I32]),
    (F32, "f32.add f32.sub f32.mul f32.div f32.min f32.max f32.copysign", &[F32, F32]),
    (F32, "f32.abs f32.neg f32.sqrt f32.ceil f32.floor f32.trunc f32.nearest", &[F32]),
    (F32, "f32.demote_f64", &[F64]),
    (F32, "f32.convert_i32_s f32.convert_i32_u f32.reinterpret_i32", &[I32]),
    (F32, "f32.convert_i64_s f32.convert_i64_u", &[I64]),
    (F32, "f32.load", &[I32]),
    (F32, "select", &[F32, F32, I32]),
    (F64, "f64.add f64.sub f64.mul f64.div f64.min f64.max f64.copysign", &[F64, F64]),
    (F64, "f64.abs f64.neg f64.sqrt f64.ceil f64.floor f64.trunc f64.nearest", &[F64]),
    (F64, "f64.promote_f32", &[F32]),
    (F64, "f64.convert_i32_s f64.convert_i32_u", &[I32]),
    (F64, "f64.convert_i64_s f64.convert_i64_u f64.reinterpret_i64", &[I64]),
    (F64, "f64.load", &[I32]),
    (F64, "select", &[F64, F64, I32]),
];

/// Constants that are likely to reach a special case.
const CONSTANTS: &[(Type, &str)] = &[
    (I32, "0 1 -1 7 31 32 0x7fffffff 0x80000000 65528"),
    (I64, "0 1 -1 63 0x7fffffffffffffff 0x8000000000000000 0x7ff8000000000001"),
    (F32, "0 -0 1 -1.5 0.5 inf -inf nan -nan nan:0x200001 -nan:0x600003 3.4e38 1e-45 2147483648"),
    (F64, "0 -0 1 -2.5 inf -inf nan -nan nan:0x4000000000001 -nan:0xc000000000001 1.7e308 5e-324 9223372036854775808"),
];

/// A core module with the [exports](super::GENERATED_EXPORTS), made from these bytes.
#[must_use]
pub fn expression(bytes: &[u8]) -> Vec<u8> {
    let mut input = Input(bytes);
    let mut text = String::new();
    write(&mut text, &mut input, I64, 24);
    let module = format!(
        "(module (memory (export \"memory\") 1) (data (i32.const 65520) \"\\ff\\f8\\01\\80\\7f\\f0\")
         (func (export \"run\") (param $i32 i32) (param $i64 i64) (param $f32 f32) (param $f64 f64) (result i64)
           (i64.store (i32.const 8) {text})
           (f64.store (i32.const 16) (f64.add (f64.load (i32.const 8)) (local.get $f64)))
           (i64.load (i32.const 16))))"
    );
    wat::parse_str(module).unwrap()
}

/// Writes an expression of a type, with up to `depth` levels.
fn write(text: &mut String, input: &mut Input<'_>, wanted: Type, depth: usize) {
    let name = format!("{wanted:?}").to_lowercase();
    let choice = usize::from(input.byte());
    if depth == 0 || input.is_empty() || choice % 8 == 0 {
        let known = CONSTANTS.iter().find(|(of, _)| *of == wanted).unwrap().1;
        let constants: Vec<&str> = known.split(' ').collect();
        match choice / 8 % (constants.len() + 4) {
            number if number < constants.len() => text.push_str(&format!("({name}.const {})", constants[number])),
            _ => text.push_str(&format!("(local.get ${name})")),
        }
        return;
    }
    let groups: Vec<_> = INSTRUCTIONS.iter().filter(|(result, ..)| *result == wanted).collect();
    let (_, names, operands) = groups[choice % groups.len()];
    let names: Vec<&str> = names.split(' ').collect();
    let name = names[usize::from(input.byte()) % names.len()];
    text.push('(');
    text.push_str(name);
    // Addresses are inside the memory, or just behind its end.
    let is_address = name.contains(".load");
    for operand in *operands {
        text.push(' ');
        if is_address {
            text.push_str("(i32.and (i32.const 0xffff) ");
        }
        write(text, input, *operand, depth - 1);
        if is_address {
            text.push(')');
        }
    }
    text.push(')');
}
