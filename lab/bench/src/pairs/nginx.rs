//! nginx as a sidecar. Source: <https://nginx.org/en/docs/http/ngx_http_proxy_module.html>.

use std::fmt::Write as _;

use super::{Sidecars, Site, free_port, write};
use crate::child::{Child, Program};
use crate::error::BenchError;

pub(super) fn start(site: &Site<'_>) -> Result<Sidecars, BenchError> {
    let (entry, middle) = (free_port()?, free_port()?);
    let inbound = run(site, "inbound", &inbound(site, middle))?;
    let outbound = run(site, "outbound", &outbound(site, entry, middle))?;
    Ok(Sidecars {
        entry: ([127, 0, 0, 1], entry).into(),
        measured: vec![inbound, outbound],
        beside: Vec::new(),
    })
}

fn run(site: &Site<'_>, name: &str, http: &str) -> Result<Child, BenchError> {
    let directory = site.directory.join(name);
    std::fs::create_dir(&directory).map_err(BenchError::write(directory.clone()))?;
    let access_log = match site.setup.access_log {
        true => format!("{}/access.log", directory.display()),
        false => "off".to_owned(),
    };
    let mut temporary = String::new();
    for module in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        let _ = writeln!(temporary, "    {module}_temp_path {};", directory.display());
    }
    // In the foreground, as one process.
    let configuration = format!(
        "daemon off;\nmaster_process off;\nworker_processes 1;\nerror_log stderr;\npid {directory}/pid;\n\
         events {{ worker_connections 8000; }}\nhttp {{\n    access_log {access_log};\n{temporary}    \
         keepalive_timeout 60s;\n    keepalive_requests 1000000000;\n    client_max_body_size 0;\n    \
         proxy_http_version 1.1;\n    proxy_set_header Connection \"\";\n    proxy_request_buffering off;\n    \
         proxy_max_temp_file_size 0;\n    proxy_connect_timeout 5s;\n    proxy_read_timeout 15s;\n    \
         proxy_next_upstream error timeout http_503;\n    proxy_next_upstream_tries 3;\n{http}}}\n",
        directory = directory.display(),
    );
    let path = write(site.directory, &format!("{name}.conf"), &configuration)?;
    let program = Program {
        name: name.to_owned(),
        command: vec![
            site.workshop.tools.nginx()?.into(),
            "-p".into(),
            directory.into(),
            "-e".into(),
            "stderr".into(),
            "-c".into(),
            path.into(),
        ],
    };
    let workshop = site.workshop;
    workshop
        .starter
        .start(&program, workshop.cores.proxies, site.directory)
}

fn outbound(site: &Site<'_>, entry: u16, middle: u16) -> String {
    let credentials = &site.workshop.credentials;
    let (own, peer) = (&credentials.outbound.files, &credentials.inbound.name);
    let mut text = String::from("    upstream peer {\n        random two least_conn;\n");
    for address in site.setup.addresses() {
        let _ = writeln!(text, "        server {address}:{middle};");
    }
    let _ = write!(
        text,
        "        {KEEPALIVE}\n    }}\n    server {{\n        listen 127.0.0.1:{entry};\n        \
         proxy_ssl_protocols TLSv1.3;\n        proxy_ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;\n        \
         proxy_ssl_session_reuse off;\n        proxy_ssl_verify on;\n        proxy_ssl_name {peer};\n        \
         proxy_ssl_trusted_certificate {authority};\n        proxy_ssl_certificate {certificate};\n        \
         proxy_ssl_certificate_key {key};\n        proxy_set_header Host $http_host;\n        \
         proxy_set_header Connection \"\";\n        proxy_set_header X-Request-ID $request_id;\n",
        authority = own.authority.display(),
        certificate = own.certificate.display(),
        key = own.key.display(),
    );
    for prefix in site.setup.prefixes() {
        let _ = writeln!(text, "        location {prefix}/ {{ proxy_pass https://peer; }}");
    }
    text + "    }\n"
}

fn inbound(site: &Site<'_>, middle: u16) -> String {
    let own = &site.workshop.credentials.inbound.files;
    format!(
        "    upstream application {{\n        server {application};\n        {KEEPALIVE}\n    }}\n    server {{\n        \
         listen 0.0.0.0:{middle} ssl;\n        ssl_protocols TLSv1.3;\n        \
         ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;\n        ssl_session_tickets off;\n        \
         ssl_session_cache none;\n        ssl_verify_client on;\n        ssl_client_certificate {authority};\n        \
         ssl_certificate {certificate};\n        ssl_certificate_key {key};\n        \
         location / {{ proxy_pass http://application; proxy_set_header Host $http_host; \
         proxy_set_header Connection \"\"; }}\n    }}\n",
        application = site.application,
        authority = own.authority.display(),
        certificate = own.certificate.display(),
        key = own.key.display(),
    )
}

/// Connections that wait for the next request, as many as are needed.
const KEEPALIVE: &str =
    "keepalive 2048; keepalive_requests 1000000000; keepalive_time 1h; keepalive_timeout 60s;";
