//! Trace parents (W3C Trace Context, section 3.2).

use guardhouse_server::observe::trace_parent::{SpanId, TraceParent};
use proptest::prelude::*;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

#[test]
fn only_a_valid_traceparent_is_read() {
    let valid = format!("00-{TRACE}-{PARENT}");
    let zeros = "0".repeat(32);
    let table: &[(String, Option<bool>)] = &[
        (format!("{valid}-01"), Some(true)),
        (format!("{valid}-00"), Some(false)),
        (format!("{valid}-03"), Some(true)),
        (format!("{valid}-fe"), Some(false)),
        // A later version may have more parts, which begin with a hyphen.
        (format!("01-{TRACE}-{PARENT}-01"), Some(true)),
        (format!("cc-{TRACE}-{PARENT}-01-what-the-future-brings"), Some(true)),
        (format!("01-{TRACE}-{PARENT}-01-"), Some(true)),
        (format!("01-{TRACE}-{PARENT}-01x"), None),
        (format!("01-{TRACE}-{PARENT}-0"), None),
        (format!("{valid}-01-more"), None),
        (format!("{valid}-01-"), None),
        (format!("ff-{TRACE}-{PARENT}-01"), None),
        (format!("00-{zeros}-{PARENT}-01"), None),
        (format!("00-{TRACE}-{}-01", &zeros[..16]), None),
        (format!("00-{}-{PARENT}-01", TRACE.to_uppercase()), None),
        (format!("00-{TRACE}-{}-01", PARENT.to_uppercase()), None),
        (format!("{valid}-0A"), None),
        (format!("{valid}-1"), None),
        (format!("{valid}-001"), None),
        (valid.clone(), None),
        (format!("{valid}-"), None),
        (format!("0-{TRACE}-{PARENT}-01"), None),
        (format!("000-{TRACE}-{PARENT}-01"), None),
        (format!("00-{}-{PARENT}-01", &TRACE[1..]), None),
        (format!("00-+{}-{PARENT}-01", &TRACE[1..]), None),
        (format!("00-{TRACE}a-{PARENT}-01"), None),
        (format!("00-{TRACE}-{}-01", &PARENT[1..]), None),
        (format!(" {valid}-01"), None),
        (format!("{valid}-01 "), None),
        (format!("{valid}-01, {valid}-01"), None),
        (format!("00_{TRACE}-{PARENT}-01"), None),
        (format!("00-{TRACE}-{PARENT}-ä"), None),
        (String::new(), None),
        ("-".repeat(55), None),
    ];
    for (value, sampled) in table {
        let read = value.parse::<TraceParent>();
        assert_eq!(read.as_ref().ok().map(|parent| parent.is_sampled()), *sampled, "{value:?}");
        if let Ok(parent) = read {
            assert_eq!((&*parent.trace().to_string(), &*parent.parent().to_string()), (TRACE, PARENT));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_rejected(text in any::<String>()) {
        let _ = text.parse::<TraceParent>();
    }

    #[test]
    fn what_is_read_is_written_as_it_was(trace in 1..=u128::MAX, parent in 1..=u64::MAX, flags in any::<u8>()) {
        let text = format!("00-{trace:032x}-{parent:016x}-{flags:02x}");
        prop_assert_eq!(text.parse::<TraceParent>().unwrap().to_string(), text);
    }

    #[test]
    fn one_changed_byte_is_never_read_as_another_length(at in 0..55_usize, byte in 0..128_u8) {
        let mut text = format!("00-{TRACE}-{PARENT}-01").into_bytes();
        text[at] = byte;
        if let Ok(parent) = String::from_utf8(text.clone()).unwrap().parse::<TraceParent>() {
            let written = parent.to_string();
            prop_assert_eq!(&written.as_bytes()[2..], &text[2..]);
        }
    }
}

#[test]
fn the_ids_of_spans_differ() {
    assert_ne!(SpanId::random(), SpanId::random());
}
