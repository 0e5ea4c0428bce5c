//! HAProxy as a sidecar. Source: <https://docs.haproxy.org/2.6/configuration.html>.

use std::fmt::Write as _;

use super::{Sidecars, Site, free_port, write};
use crate::child::{Child, Program};
use crate::error::BenchError;

/// What the two speak with each other.
#[derive(Clone, Copy, Debug)]
pub(super) enum Between {
    Http1,
    Http2,
}

pub(super) fn start(site: &Site<'_>, between: Between) -> Result<Sidecars, BenchError> {
    let (entry, middle) = (free_port()?, free_port()?);
    let inbound = run(site, "inbound", &inbound(site, between, middle))?;
    let mut map = String::new();
    for prefix in site.setup.prefixes() {
        let _ = writeln!(map, "{prefix}/ peer");
    }
    let map = write(site.directory, "routes.map", &map)?;
    let outbound = run(site, "outbound", &outbound(site, between, entry, middle, &map))?;
    Ok(Sidecars {
        entry: ([127, 0, 0, 1], entry).into(),
        measured: vec![inbound, outbound],
        beside: Vec::new(),
    })
}

fn run(site: &Site<'_>, name: &str, configuration: &str) -> Result<Child, BenchError> {
    let path = write(site.directory, &format!("{name}.cfg"), configuration)?;
    let program = Program {
        name: name.to_owned(),
        // In the foreground, as one process.
        command: vec![
            site.workshop.tools.haproxy()?.into(),
            "-db".into(),
            "-f".into(),
            path.into(),
        ],
    };
    let workshop = site.workshop;
    workshop
        .starter
        .start(&program, workshop.cores.proxies, site.directory)
}

/// What both have in common. Their output is a file.
fn common(site: &Site<'_>) -> String {
    let log = match site.setup.access_log {
        true => "    log stdout format raw local0 info\n",
        false => "",
    };
    let options = match site.setup.access_log {
        true => "    log global\n    option httplog\n",
        false => "",
    };
    format!(
        "global\n    nbthread 1\n    maxconn 8000\n{log}\
         defaults\n    mode http\n    timeout connect 5s\n    timeout client 60s\n    timeout server 15s\n    \
         timeout http-request 15s\n    retries 2\n    retry-on conn-failure empty-response 503\n    \
         http-reuse always\n{options}"
    )
}

fn outbound(site: &Site<'_>, between: Between, entry: u16, middle: u16, map: &str) -> String {
    let credentials = &site.workshop.credentials;
    let (own, peer) = (&credentials.outbound, &credentials.inbound.name);
    let mut text = common(site);
    let _ = write!(
        text,
        "frontend application\n    bind 127.0.0.1:{entry}\n    \
         http-request set-header x-request-id %[uuid()] unless {{ req.hdr(x-request-id) -m found }}\n    \
         use_backend %[path,map_beg({map})]\n\
         backend peer\n    balance random(2)\n    \
         default-server ssl verify required ca-file {authority} crt {own} verifyhost {peer} sni str({peer}) \
         ssl-min-ver TLSv1.3 ciphersuites TLS_AES_128_GCM_SHA256 no-ssl-reuse alpn {alpn}\n",
        authority = own.files.authority.display(),
        own = own.combined.display(),
        alpn = alpn(between),
    );
    for (number, address) in (1..).zip(site.setup.addresses()) {
        let _ = writeln!(text, "    server peer-{number} {address}:{middle}");
    }
    text
}

fn inbound(site: &Site<'_>, between: Between, middle: u16) -> String {
    let own = &site.workshop.credentials.inbound;
    format!(
        "{common}frontend peers\n    bind 0.0.0.0:{middle} ssl crt {own} ca-file {authority} verify required \
         ssl-min-ver TLSv1.3 ciphersuites TLS_AES_128_GCM_SHA256 no-tls-tickets alpn {alpn}\n    \
         default_backend application\n\
         backend application\n    server application {application}\n",
        common = common(site),
        own = own.combined.display(),
        authority = own.files.authority.display(),
        alpn = alpn(between),
        application = site.application,
    )
}

fn alpn(between: Between) -> &'static str {
    match between {
        Between::Http1 => "http/1.1",
        Between::Http2 => "h2",
    }
}
