//! What is there twice, and which of the two.

use hallway_yaml::Style;

use crate::{ROUTE, SERVICES, mistakes, refused_files};

#[test]
fn duplicates() {
    let more = SERVICES.trim_end_matches("---\n");
    let files = [("a.yaml", SERVICES), ("b.yaml", more)];
    insta::assert_snapshot!(refused_files(&files).render(Style::Plain), @r"
    error: there are two Services named shop/payments
      ╭▸ b.yaml:3:19
      │
    3 │ metadata: { name: payments, namespace: shop }
      │                   ━━━━━━━━ named again here
      │
      ⸬  a.yaml:3:19
      │
    3 │ metadata: { name: payments, namespace: shop }
      │                   ──────── first named here
      ╰╴
    help: remove or rename one of them
    ");
    let text = format!(
        "{}{ROUTE}    - name: a
      matches: [{{ headers: [{{ name: X, value: '1' }}, {{ name: x, value: '2' }}] }}]
      filters:
        - {{ type: RequestHeaderModifier, requestHeaderModifier: {{ set: [{{ name: y, value: '1' }}], remove: [Y] }} }}
        - {{ type: RequestHeaderModifier, requestHeaderModifier: {{}} }}
      backendRefs: [{{ name: payments, port: 80 }}]
    - {{ name: a, backendRefs: [{{ name: payments, port: 80 }}] }}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{ name: one, namespace: shop }}
spec: {{ host: payments }}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{ name: two, namespace: web }}
spec: {{ host: payments.shop.svc }}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {{ name: one, namespace: shop }}
spec: {{ mtls: {{ mode: STRICT }} }}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {{ name: two, namespace: shop }}
spec: {{ mtls: {{ mode: PERMISSIVE }} }}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {{ name: none, namespace: shop }}
spec: {{ selector: {{ matchLabels: {{}} }} }}
",
        SERVICES.replace("[{ port: 80 }]", "[{ name: a, port: 80 }, { name: a, port: 80 }, { port: 81 }]")
    );
    insta::assert_snapshot!(mistakes(&text), @r"
    error: there are two ports named `a`
      ╭▸ rules.yaml:4:48
      │
    4 │ spec: { ports: [{ name: a, port: 80 }, { name: a, port: 80 }, { port: 81 }] }
      │                         ─ first given here     ━ given again here
      │
      ╰ in Service shop/payments
    help: remove or change one of them

    error: there are two ports `80`
      ╭▸ rules.yaml:4:57
      │
    4 │ spec: { ports: [{ name: a, port: 80 }, { name: a, port: 80 }, { port: 81 }] }
      │                                  ── first given here    ━━ given again here
      │
      ╰ in Service shop/payments
    help: remove or change one of them

    error: a port of several needs a name
      ╭▸ rules.yaml:4:63
      │
    4 │ spec: { ports: [{ name: a, port: 80 }, { name: a, port: 80 }, { port: 81 }] }
      │                                                               ━━━━━━━━━━━━ has no name
      │
      ╰ in Service shop/payments
    help: add `name:`

    error: there are two conditions on `x`
       ╭▸ rules.yaml:13:62
       │
    13 │       matches: [{ headers: [{ name: X, value: '1' }, { name: x, value: '2' }] }]
       │                                     ─ first given here       ━ given again here
       │
       ╰ in HTTPRoute shop/checkout, rule 1 (`a`)
    help: remove or change one of them

    error: there are two changes of header `y`
       ╭▸ rules.yaml:15:108
       │
    15 │         - { type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: y, value: '1' }], remove: [Y] } }
       │                                                                                 ─ first given here         ━ given again here
       │
       ╰ in HTTPRoute shop/checkout, rule 1 (`a`)
    help: remove or change one of them

    error: there are two filters of type `RequestHeaderModifier`
       ╭▸ rules.yaml:16:19
       │
    15 │         - { type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: y, value: '1' }], remove: [Y] } }
       │                   ───────────────────── first given here
    16 │         - { type: RequestHeaderModifier, requestHeaderModifier: {} }
       │                   ━━━━━━━━━━━━━━━━━━━━━ given again here
       │
       ╰ in HTTPRoute shop/checkout, rule 1 (`a`)
    help: remove or change one of them

    error: there are two rules named `a`
       ╭▸ rules.yaml:18:15
       │
    12 │     - name: a
       │             ─ first given here
       ┆
    18 │     - { name: a, backendRefs: [{ name: payments, port: 80 }] }
       │               ━ given again here
       │
       ╰ in HTTPRoute shop/checkout, rule 2 (`a`)
    help: remove or change one of them

    error: two DestinationRules are for Service shop/payments
       ╭▸ rules.yaml:28:15
       │
    23 │ spec: { host: payments }
       │               ──────── the first one
       ┆
    28 │ spec: { host: payments.shop.svc }
       │               ━━━━━━━━━━━━━━━━━ another one
       │
       ╰ in DestinationRule web/two
    help: merge them into one

    error: two PeerAuthentications are for all of namespace `shop`
       ╭▸ rules.yaml:37:19
       │
    32 │ metadata: { name: one, namespace: shop }
       │                   ─── the first one
       ┆
    37 │ metadata: { name: two, namespace: shop }
       │                   ━━━ another one
       │
       ╰ in PeerAuthentication shop/two
    help: keep one of the two, or give one a selector of its own

    error: the selector names no label
       ╭▸ rules.yaml:43:19
       │
    43 │ spec: { selector: { matchLabels: {} } }
       │                   ━━━━━━━━━━━━━━━━━━━ chooses nothing in particular
       │
       ╰ in PeerAuthentication shop/none
    help: name a label, or remove the selector to choose the whole namespace
    ");
}
