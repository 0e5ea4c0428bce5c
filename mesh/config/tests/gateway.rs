//! Gateways and their routes that are accepted, and which listeners a route is attached to.

use hallway_config::attachment::{NotAttached, attachments};
use hallway_config::gateway::{FromNamespaces, ListenerProtocol};
use hallway_config::http_filter::{HttpPathModifier, HttpRouteFilter, RedirectScheme};
use hallway_config::{Admission, NamespacedName, Resources, RuleFile, load};

const GATEWAY: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: front, namespace: shop }
spec:
  gatewayClassName: hallway
  listeners:
    - { name: all, port: 80, protocol: HTTP }
    - { name: shop, port: 8080, protocol: HTTP, hostname: '*.shop.test', allowedRoutes: { namespaces: { from: All } } }
    - { name: one, port: 8080, protocol: HTTP, hostname: eu.shop.test, allowedRoutes: { namespaces: { from: Same } } }
---
apiVersion: v1
kind: Service
metadata: { name: payments, namespace: shop }
spec: { ports: [{ port: 80 }] }
";

fn resources(rest: &str) -> Resources {
    let file = RuleFile {
        name: "rules.yaml".to_owned(),
        text: format!("{GATEWAY}{rest}"),
    };
    load(vec![file], Admission::Warn)
        .unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
        .resources
}

/// Where a route in `namespace` with these lines is attached: each listener with the common names.
fn attached(namespace: &str, parent: &str, hostnames: &str) -> Result<Vec<String>, NotAttached> {
    let resources = resources(&format!(
        "---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{ name: checkout, namespace: {namespace} }}
spec: {{ parentRefs: [{parent}], hostnames: [{hostnames}], rules: [{{ backendRefs: [{{ name: payments, port: 80 }}] }}] }}
"
    ));
    let gateway = &resources.gateways[&NamespacedName::new("shop", "front")].value;
    let route = &resources.http_routes[&NamespacedName::new(namespace, "checkout")].value;
    let found = attachments(gateway, route, &route.spec.parent_refs[0])?;
    let words = |attachment: &hallway_config::attachment::Attachment<'_>| {
        let names = attachment.hostnames.iter();
        let names: Vec<&str> = names
            .map(|name| name.as_ref().map_or("any", |name| name.as_str()))
            .collect();
        format!("{}: {}", attachment.listener.name, names.join(" "))
    };
    Ok(found.iter().map(words).collect())
}

#[test]
fn a_gateway_is_read_with_its_defaults() {
    let resources = resources("");
    let gateway = &resources.gateways[&NamespacedName::new("shop", "front")];
    let [all, shop, one] = &gateway.value.spec.listeners[..] else {
        panic!("three listeners")
    };
    assert_eq!((all.port, all.protocol), (80, ListenerProtocol::Http));
    assert_eq!((&all.hostname, &all.tls), (&None, &None));
    let from = [all, shop, one].map(|listener| listener.allowed_routes.namespaces.from);
    assert_eq!(
        from,
        [FromNamespaces::Same, FromNamespaces::All, FromNamespaces::Same]
    );
}

#[test]
fn a_route_is_attached_where_name_port_namespace_and_host_names_fit() {
    let own = |parent: &str, hostnames: &str| attached("shop", parent, hostnames);
    let ok = |listeners: &[&str]| Ok(listeners.iter().map(|listener| (*listener).to_owned()).collect());
    assert_eq!(
        own("{ name: front }", ""),
        ok(&["all: any", "shop: *.shop.test", "one: eu.shop.test"])
    );
    assert_eq!(
        own("{ name: front }", "'*.test', us.shop.test"),
        ok(&[
            "all: *.test us.shop.test",
            "shop: *.shop.test us.shop.test",
            "one: eu.shop.test"
        ])
    );
    assert_eq!(
        own("{ name: front, port: 8080 }", "us.shop.test"),
        ok(&["shop: us.shop.test"])
    );
    assert_eq!(
        own("{ name: front, sectionName: all, port: 80 }", ""),
        ok(&["all: any"])
    );
    assert_eq!(
        own(
            "{ name: front, sectionName: one }",
            "'*.shop.test', '*.test', eu.shop.test"
        ),
        ok(&["one: eu.shop.test"]),
        "a common name is told once"
    );
    assert_eq!(own("{ group: '', kind: Service, name: payments }", ""), ok(&[]));
    assert_eq!(
        attached("bank", "{ name: front, namespace: shop }", ""),
        ok(&["shop: *.shop.test"])
    );

    let lost = |parent: &str, hostnames: &str| own(parent, hostnames).expect_err("attached nowhere");
    assert_eq!(
        lost("{ name: front, sectionName: all, port: 8080 }", ""),
        NotAttached::NoMatchingParent
    );
    assert_eq!(
        lost("{ name: front, port: 8080 }", "shop.test"),
        NotAttached::NoMatchingListenerHostname
    );
    assert_eq!(
        attached("bank", "{ name: front, namespace: shop, port: 80 }", ""),
        Err(NotAttached::NotAllowedByListeners)
    );
}

#[test]
fn redirects_and_rewrites_are_read_with_their_defaults() {
    let resources = resources(
        "---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: checkout, namespace: shop }
spec:
  parentRefs: [{ name: front }]
  rules:
    - filters: [{ type: RequestRedirect, requestRedirect: { scheme: https } }]
    - filters:
        - type: URLRewrite
          urlRewrite: { path: { type: ReplacePrefixMatch, replacePrefixMatch: '' } }
      backendRefs: [{ name: payments, port: 80 }]
",
    );
    let rules = &resources.http_routes[&NamespacedName::new("shop", "checkout")]
        .value
        .spec
        .rules;
    let HttpRouteFilter::RequestRedirect { redirect } = &rules[0].filters[0] else {
        panic!("a redirect")
    };
    assert_eq!(
        (redirect.scheme, redirect.status_code),
        (Some(RedirectScheme::Https), 302)
    );
    assert_eq!(
        (&redirect.hostname, redirect.port, &redirect.path),
        (&None, None, &None)
    );
    let HttpRouteFilter::UrlRewrite { rewrite } = &rules[1].filters[0] else {
        panic!("a rewrite")
    };
    let nothing = HttpPathModifier::ReplacePrefixMatch { value: String::new() };
    assert_eq!((&rewrite.hostname, &rewrite.path), (&None, &Some(nothing)));
}
