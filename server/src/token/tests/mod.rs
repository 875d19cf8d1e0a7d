//! Tests of verification, with issuers over HTTP.
