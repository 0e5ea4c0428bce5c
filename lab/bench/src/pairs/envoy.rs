//! Envoy as a sidecar. Source: <https://www.envoyproxy.io/docs/envoy/latest/api-v3/api>.

use serde_json::{Value, json};

use super::{Sidecars, Site, free_port, write};
use crate::child::{Child, Program};
use crate::error::BenchError;
use crate::parts::splice::Files;

/// What the two speak with each other.
#[derive(Clone, Copy, Debug)]
pub(super) enum Between {
    Http1,
    Http2,
}

const CONNECTION_MANAGER: &str = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.\
                                  HttpConnectionManager";
const ROUTER: &str = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";
const FILE_ACCESS_LOG: &str = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog";
const DOWNSTREAM_TLS: &str =
    "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";
const UPSTREAM_TLS: &str = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";
const HTTP_OPTIONS: &str = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

pub(super) fn start(site: &Site<'_>, between: Between) -> Result<Sidecars, BenchError> {
    let (entry, middle) = (free_port()?, free_port()?);
    let inbound = run(site, "inbound", &inbound(site, middle))?;
    let outbound = run(site, "outbound", &outbound(site, between, entry, middle))?;
    Ok(Sidecars {
        entry: ([127, 0, 0, 1], entry).into(),
        measured: vec![inbound, outbound],
        beside: Vec::new(),
    })
}

fn run(site: &Site<'_>, name: &str, resources: &Value) -> Result<Child, BenchError> {
    let bootstrap = json!({ "node": { "id": name, "cluster": "bench" }, "static_resources": resources });
    let path = write(site.directory, &format!("{name}.json"), &bootstrap.to_string())?;
    let program = Program {
        name: name.to_owned(),
        command: vec![
            site.workshop.tools.envoy()?.into(),
            "-c".into(),
            path.into(),
            "--concurrency".into(),
            "1".into(),
            "--disable-hot-restart".into(),
            "-l".into(),
            "error".into(),
        ],
    };
    let workshop = site.workshop;
    workshop
        .starter
        .start(&program, workshop.cores.proxies, site.directory)
}

fn outbound(site: &Site<'_>, between: Between, entry: u16, middle: u16) -> Value {
    let credentials = &site.workshop.credentials;
    let retry_policy = json!({
        "retry_on": "connect-failure,refused-stream,retriable-status-codes",
        "retriable_status_codes": [503],
        "num_retries": 2,
        "retry_back_off": { "base_interval": "0.025s" },
    });
    let routes: Vec<Value> = site
        .setup
        .prefixes()
        .map(|prefix| {
            json!({
                "match": { "path_separated_prefix": prefix },
                "route": { "cluster": "peer", "timeout": "15s", "retry_policy": retry_policy },
            })
        })
        .collect();
    let endpoints: Vec<Value> = site
        .setup
        .addresses()
        .map(|address| endpoint(&address.to_string(), middle))
        .collect();
    let (protocol, alpn) = match between {
        Between::Http1 => ("http_protocol_options", "http/1.1"),
        Between::Http2 => ("http2_protocol_options", "h2"),
    };
    let tls = json!({
        "name": "tls",
        "typed_config": {
            "@type": UPSTREAM_TLS,
            "sni": credentials.inbound.name,
            "max_session_keys": 0,
            "common_tls_context": tls(&credentials.outbound.files, &credentials.inbound.identity, &[alpn]),
        },
    });
    json!({
        "listeners": [listener(site, "application", "127.0.0.1", entry, &routes, None)],
        "clusters": [{
            "name": "peer",
            "type": "STATIC",
            "lb_policy": "LEAST_REQUEST",
            "connect_timeout": "5s",
            "load_assignment": { "cluster_name": "peer", "endpoints": [{ "lb_endpoints": endpoints }] },
            "transport_socket": tls,
            "typed_extension_protocol_options": { "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": HTTP_OPTIONS, "explicit_http_config": { protocol: {} },
            } },
        }],
    })
}

fn inbound(site: &Site<'_>, middle: u16) -> Value {
    let credentials = &site.workshop.credentials;
    let routes =
        [json!({ "match": { "prefix": "/" }, "route": { "cluster": "application", "timeout": "15s" } })];
    let tls = json!({
        "name": "tls",
        "typed_config": {
            "@type": DOWNSTREAM_TLS,
            "require_client_certificate": true,
            "disable_stateless_session_resumption": true,
            "common_tls_context":
                tls(&credentials.inbound.files, &credentials.outbound.identity, &["h2", "http/1.1"]),
        },
    });
    let application = site.application;
    json!({
        "listeners": [listener(site, "peers", "0.0.0.0", middle, &routes, Some(&tls))],
        "clusters": [{
            "name": "application",
            "type": "STATIC",
            "connect_timeout": "5s",
            "load_assignment": { "cluster_name": "application", "endpoints": [{
                "lb_endpoints": [endpoint(&application.ip().to_string(), application.port())],
            }] },
        }],
    })
}

fn listener(
    site: &Site<'_>,
    name: &str,
    address: &str,
    port: u16,
    routes: &[Value],
    tls: Option<&Value>,
) -> Value {
    let access_log = match site.setup.access_log {
        true => json!([{ "name": "file", "typed_config": {
            "@type": FILE_ACCESS_LOG,
            "path": site.directory.join(format!("{name}.access.log")),
        } }]),
        false => json!([]),
    };
    let manager = json!({
        "@type": CONNECTION_MANAGER,
        "stat_prefix": name,
        "codec_type": "AUTO",
        "preserve_external_request_id": true,
        "access_log": access_log,
        "route_config": { "name": name, "virtual_hosts": [{ "name": name, "domains": ["*"], "routes": routes }] },
        "http_filters": [{ "name": "router", "typed_config": { "@type": ROUTER } }],
    });
    let mut chain = json!({
        "filters": [{ "name": "envoy.filters.network.http_connection_manager", "typed_config": manager }],
    });
    if let Some(tls) = tls {
        chain["transport_socket"] = tls.clone();
    }
    json!({
        "name": name,
        "address": { "socket_address": { "address": address, "port_value": port } },
        "filter_chains": [chain],
    })
}

/// Mutual TLS 1.3 with a peer of that identity. BoringSSL lets nobody choose among the suites of TLS 1.3; it takes `TLS_AES_128_GCM_SHA256` by
/// itself on processors with AES instructions.
fn tls(files: &Files, peer: &str, alpn: &[&str]) -> Value {
    json!({
        "tls_params": { "tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3" },
        "alpn_protocols": alpn,
        "tls_certificates": [{
            "certificate_chain": { "filename": files.certificate },
            "private_key": { "filename": files.key },
        }],
        "validation_context": {
            "trusted_ca": { "filename": files.authority },
            "match_typed_subject_alt_names": [{ "san_type": "URI", "matcher": { "exact": peer } }],
        },
    })
}

fn endpoint(address: &str, port: u16) -> Value {
    json!({ "endpoint": { "address": { "socket_address": { "address": address, "port_value": port } } } })
}
