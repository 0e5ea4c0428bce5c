//! Where programs say that they listen.

use std::net::SocketAddr;
use std::sync::Arc;

use hallway_model::bootstrap::{ControlPlaneAddress, Listeners, Token};
use hallway_model::telemetry::{ControlRecord, ProxyRecord};
use hallway_service::contract::Record;

use crate::http_client::HttpClient;
use crate::mesh::{AdminAddress, Application, Gateway, Sidecar};

/// The address of the admin endpoint, and of discovery.
pub(crate) fn control_plane(record: &ControlRecord) -> Option<(SocketAddr, ControlPlaneAddress)> {
    let ControlRecord::Listening {
        discovery,
        admin,
        identity,
        bundle,
    } = record
    else {
        return None;
    };
    let address = ControlPlaneAddress {
        address: *discovery,
        identity: identity.clone(),
        bundle: bundle.clone(),
    };
    Some((*admin, address))
}

pub(super) fn sidecar(record: &ProxyRecord, token: &Token, client: &Arc<HttpClient>) -> Option<Sidecar> {
    let ProxyRecord::Listening {
        listeners: Listeners::Sidecar { outbound, inbound },
        admin,
    } = *record
    else {
        return None;
    };
    let admin = AdminAddress {
        address: admin,
        token: token.clone(),
    };
    Some(Sidecar {
        outbound,
        inbound,
        admin,
        client: client.clone(),
    })
}

pub(super) fn gateway(
    record: &ProxyRecord,
    name: &str,
    token: &Token,
    client: &Arc<HttpClient>,
) -> Option<Gateway> {
    let ProxyRecord::Listening {
        listeners: Listeners::Gateway(ports),
        admin,
    } = record
    else {
        return None;
    };
    Some(Gateway {
        name: name.to_owned(),
        ports: ports.clone(),
        admin: AdminAddress {
            address: *admin,
            token: token.clone(),
        },
        client: client.clone(),
    })
}

pub(super) fn application(record: &Record, token: &Token, client: &Arc<HttpClient>) -> Option<Application> {
    let Record::Listening { application, control } = *record else {
        return None;
    };
    let control = AdminAddress {
        address: control,
        token: token.clone(),
    };
    Some(Application {
        address: application,
        control,
        client: client.clone(),
    })
}
