//! IP addresses as numbers of 128 bits. That of an IPv4 address is the one that it has in IPv6.

use std::net::IpAddr;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Network {
    start: u128,
    /// The number of bits after the prefix.
    rest: u32,
}

impl Network {
    pub fn contains(&self, address: u128) -> bool {
        // All 128 bits cannot be shifted out.
        let prefix = |address: u128| address.checked_shr(self.rest).unwrap_or_default();
        prefix(address) == prefix(self.start)
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parse = || {
            let (start, length) = text.split_once('/')?;
            let bits: u32 = if start.contains(':') { 128 } else { 32 };
            let rest = bits.checked_sub(length.parse().ok()?)?;
            Some(Self { start: parse_address(start)?, rest })
        };
        parse().ok_or_else(|| format!("`{text}` is not a network"))
    }
}

/// The number of an address; `None` if the text is not an address.
pub fn parse_address(text: &str) -> Option<u128> {
    Some(match text.parse().ok()? {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    })
}
