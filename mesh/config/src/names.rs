//! The syntax of names, as schemas for fields that hold plain text: `#[schemars(with = "DnsLabel")]`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// Defines a schema of text with a pattern.
macro_rules! text {
    ($(#[$documentation:meta])* $name:ident, $title:literal, $pattern:literal, $least:literal..=$most:literal) => {
        $(#[$documentation])*
        pub(crate) struct $name;

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "string",
                    "title": $title,
                    "pattern": $pattern,
                    "minLength": $least,
                    "maxLength": $most,
                })
            }
        }
    };
}

text! {
    /// RFC 1123 label: the name of a namespace, or of a rule.
    DnsLabel, "a name of lower-case letters, digits and `-`, at most 63 characters",
    "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", 1..=63
}

text! {
    /// RFC 1123 subdomain: the name of a resource.
    DnsSubdomain, "a name of lower-case letters, digits, `-` and `.`",
    r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", 1..=253
}

text! {
    /// A host name, or all names below one. Source: Gateway API, `Hostname`.
    HostnamePattern, "a host name such as `shop.test`, or `*.` and then one; without a port",
    r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", 1..=253
}

text! {
    /// One host name. Source: Gateway API, `PreciseHostname`.
    PreciseHostname, "a host name such as `shop.test`, without a port",
    r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", 1..=253
}

text! {
    /// Addresses with the same first bits (RFC 4632).
    IpBlock, "an address, `/` and the number of bits that count, such as `0.0.0.0/0`",
    r"^[0-9a-fA-F.:]+/[0-9]{1,3}$", 1..=256
}

text! {
    /// RFC 9110 token: the name of a header or, in Gateway API, of a query parameter.
    HeaderName, "a name of letters, digits and `-`, such as `x-canary`",
    "^[A-Za-z0-9!#$%&'*+\\-.^_`|~]+$", 1..=256
}

text! {
    /// A header's value: printable, with single blanks or tabs inside (RFC 9110, section 5.5).
    HeaderValue, "printable ASCII text without blanks at its ends",
    "^[!-~]+([\\t ]+[!-~]+)*$", 1..=4096
}

text! {
    /// A condition on a text, see [`StringMatch`](crate::string_match::StringMatch).
    TextCondition, "a text such as `abc`, with `*` at its beginning or its end at most",
    r"^(\*|\*?[^*]+|[^*]+\*)$", 1..=1024
}

text! {
    /// The same, on a method.
    MethodCondition, "a method in upper case such as `GET`, with `*` at its beginning or its end at most",
    r"^(\*|\*?[A-Z-]+|[A-Z-]+\*)$", 1..=1024
}

text! {
    /// The same, on a path.
    PathCondition, "a path such as `/admin`, with `*` at its beginning (`*.css`) or its end (`/admin/*`) at most",
    r"^(\*[^*]*|/[^*]*\*?)$", 1..=1024
}

text! {
    /// What stands before something in a header's value: printable, or nothing.
    HeaderPrefix, "printable ASCII text such as `Bearer `, with a blank at its end if there is one",
    r"^([!-~]+ ?)?$", 0..=256
}
