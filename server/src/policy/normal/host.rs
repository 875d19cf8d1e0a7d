//! Hosts: one spelling of each name and of each address.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The normal form of a host. In a template, variables may stand for whole labels of it.
pub(super) fn normal(host: &str, is_template: bool) -> Result<String, &'static str> {
    if host.is_empty() {
        return Err("it has no host");
    }
    if !host.is_ascii() || host.contains('%') {
        return Err("its host is not ASCII: write it as `xn--…`");
    }
    if host.ends_with('.') {
        return Err("its host ends in `.`");
    }
    if let Some(address) = host.strip_prefix('[') {
        return address.strip_suffix(']').ok_or(NOT_IPV6).and_then(ipv6);
    }
    if host.contains(':') {
        return Err("its host has a `:`, but is not an address in brackets");
    }
    let mut labels = Vec::new();
    for label in host.split('.') {
        // The names of variables have upper and lower case.
        if is_template && is_variable(label) {
            labels.push(label.to_owned());
        } else if !label.is_empty() && label.bytes().all(is_of_label) {
            labels.push(label.to_ascii_lowercase());
        } else {
            return Err("its host is not labels of letters, digits, `-` and `_` with a `.` between them");
        }
    }
    let is_address = labels.last().is_some_and(|last| is_number(last));
    let host = labels.join(".");
    if is_address && !host.parse::<Ipv4Addr>().is_ok_and(|address| address.to_string() == host) {
        return Err("its host is an IPv4 address in another form than four numbers: `192.0.2.1`");
    }
    Ok(host)
}

/// Whether a text is a variable of a template that stands for one text: `{name}`.
pub(super) fn is_variable(text: &str) -> bool {
    let name = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    name.is_some_and(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
}

const NOT_IPV6: &str = "its host is an IPv6 address in another form than the shortest: `[2001:db8::1]`";

fn ipv6(address: &str) -> Result<String, &'static str> {
    let address = address.to_ascii_lowercase();
    match address.parse::<Ipv6Addr>() {
        Ok(parsed) if parsed.to_ipv4_mapped().is_some() => Err("its host is an IPv4 address in an IPv6 address"),
        Ok(parsed) if parsed.to_string() == address => Ok(format!("[{address}]")),
        _ => Err(NOT_IPV6),
    }
}

fn is_of_label(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// Whether a host that ends in this label is an address (URL Standard, "ends in a number").
fn is_number(label: &str) -> bool {
    let is_hexadecimal =
        label.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
    is_hexadecimal || label.bytes().all(|digit| digit.is_ascii_digit())
}
