//! The bearer token of an `Authorization` header (RFC 6750 section 2.1).

use super::TokenRefusal;

/// The longest token, in bytes.
pub(super) const MAX_TOKEN_BYTES: usize = 16 << 10;

/// The token in the value of the header; none if the scheme is not `Bearer`.
///
/// # Errors
/// What follows the scheme is not a token.
pub(super) fn bearer(authorization: &[u8]) -> Result<Option<&str>, TokenRefusal> {
    let end = authorization.iter().position(|byte| *byte == b' ').unwrap_or(authorization.len());
    let Some((scheme, rest)) = authorization.split_at_checked(end) else { return Ok(None) };
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Ok(None);
    }
    let token = rest.trim_ascii();
    if token.is_empty() {
        return Err(TokenRefusal::Invalid("the header has no token"));
    }
    if token.len() > MAX_TOKEN_BYTES {
        return Err(TokenRefusal::Invalid("the token is too long"));
    }
    let text = token.strip_suffix(b"==").or_else(|| token.strip_suffix(b"=")).unwrap_or(token);
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte);
    let token = std::str::from_utf8(token).ok().filter(|_| !text.is_empty() && text.iter().all(is_token));
    token.map(Some).ok_or(TokenRefusal::Invalid("the token has characters that no token has"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_scheme_bearer_has_a_token() {
        for (header, token) in [
            (&b"Bearer abc"[..], Some("abc")),
            (b"bEARER   a.b-c_d~e+f/g==  ", Some("a.b-c_d~e+f/g==")),
            (b"Basic abc", None),
            (b"", None),
            (b"Bearerabc", None),
            (b" Bearer abc", None),
        ] {
            assert_eq!(bearer(header).unwrap(), token, "{header:?}");
        }
        let long = [b"Bearer ", &[b'a'; MAX_TOKEN_BYTES + 1][..]].concat();
        for header in [&b"Bearer"[..], b"Bearer ", b"Bearer a b", b"Bearer a,b", b"Bearer =", b"Bearer a\xff", &long] {
            assert!(matches!(bearer(header), Err(TokenRefusal::Invalid(_))), "{header:?}");
        }
    }
}
