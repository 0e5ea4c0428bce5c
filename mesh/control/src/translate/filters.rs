//! Filters of rules: changes of headers, redirects and rewrites.

use hallway_config::http_filter::{
    HttpHeader, HttpHeaderFilter, HttpPathModifier, HttpRequestRedirect, HttpUrlRewrite,
};
use hallway_model::route::{HeaderChanges, PathChange, Redirect, Rewrite};

pub(super) fn header_changes(written: &HttpHeaderFilter) -> HeaderChanges {
    let pairs = |headers: &[HttpHeader]| {
        headers
            .iter()
            .map(|header| (header.name.to_ascii_lowercase(), header.value.clone()))
            .collect()
    };
    HeaderChanges {
        set: pairs(&written.set),
        add: pairs(&written.add),
        remove: written
            .remove
            .iter()
            .map(|name| name.to_ascii_lowercase())
            .collect(),
    }
}

pub(super) fn redirect(written: &HttpRequestRedirect) -> Redirect {
    Redirect {
        scheme: written.scheme.map(|scheme| scheme.as_str().to_owned()),
        hostname: written.hostname.clone(),
        path: written.path.as_ref().map(path_change),
        port: written.port,
        status: written.status_code,
    }
}

pub(super) fn rewrite(written: &HttpUrlRewrite) -> Rewrite {
    Rewrite {
        hostname: written.hostname.clone(),
        path: written.path.as_ref().map(path_change),
    }
}

fn path_change(written: &HttpPathModifier) -> PathChange {
    match written {
        HttpPathModifier::ReplaceFullPath { value } => PathChange::ReplaceFullPath(value.clone()),
        HttpPathModifier::ReplacePrefixMatch { value } => PathChange::ReplacePrefixMatch(value.clone()),
    }
}
