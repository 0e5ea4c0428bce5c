//! Rules for so many services, of which one says which generation of them is in force.

use std::fmt::Write as _;

/// The header in which requests to `service-1` carry the generation of the rules.
pub(super) const GENERATION_HEADER: &str = "x-rules";

/// What it says begins so, and ends with the number.
const GENERATION: &str = "generation-";

/// What it says of a generation.
pub(super) fn generation_in_words(generation: u16) -> String {
    format!("{GENERATION}{generation}")
}

/// The generation that it says.
pub(super) fn generation_of(words: &str) -> Option<u16> {
    words.strip_prefix(GENERATION)?.parse().ok()
}

/// The services from `service-1` on, and a route to that one.
pub(super) fn rules(services: u32, generation: u16) -> String {
    let mut text = String::new();
    for service in 1..=services {
        let _ = writeln!(
            text,
            "apiVersion: v1\nkind: Service\nmetadata: {{ name: service-{service}, namespace: shop }}\n\
             spec: {{ ports: [{{ name: http, port: 80 }}] }}\n---"
        );
    }
    let words = generation_in_words(generation);
    text + &format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\n\
         metadata: {{ name: route, namespace: shop }}\nspec:\n  \
         parentRefs: [{{ group: \"\", kind: Service, name: service-1 }}]\n  rules:\n    \
         - backendRefs: [{{ name: service-1, port: 80 }}]\n      filters:\n        \
         - type: RequestHeaderModifier\n          \
         requestHeaderModifier: {{ set: [{{ name: {GENERATION_HEADER}, value: {words} }}] }}\n"
    )
}
