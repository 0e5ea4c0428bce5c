//! A proxy, as far as the control plane is concerned.

use std::net::SocketAddr;

use bytes::BytesMut;
use hallway_host::Host;
use hallway_identity::{Bundle, KeyPair, Svid, SvidStore, Versions, client_config, server_name};
use hallway_model::SpiffeId;
use hallway_model::discovery::{Acknowledgement, JoinRequest, RenewRequest, SvidResponse, Update, Version};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use serde::Serialize;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::support::{PATIENCE, handshake};

/// The sidecar's side of the protocol.
pub(crate) struct Proxy {
    pub(crate) host: Host,
    pub(crate) name: String,
    pub(crate) control_plane: (SocketAddr, SpiffeId),
    pub(crate) store: SvidStore,
}

impl Proxy {
    pub(crate) async fn join(&self, token: &str) -> StatusCode {
        let key = KeyPair::generate();
        let request = JoinRequest {
            token: token.to_owned(),
            csr: key.signing_request(),
        };
        let response = self.send(Method::POST, "/v1/join", &request).await;
        self.adopt(response, &key).await
    }

    pub(crate) async fn renew(&self) -> StatusCode {
        let key = KeyPair::generate();
        let request = RenewRequest {
            csr: key.signing_request(),
        };
        let response = self.send(Method::POST, "/v1/svid", &request).await;
        self.adopt(response, &key).await
    }

    pub(crate) fn svid(&self) -> Svid {
        self.store.svid().expect("it has joined")
    }

    /// Joins, and returns what the control plane says to it.
    pub(crate) async fn join_raw(&self, token: &str) -> SvidResponse {
        let request = JoinRequest {
            token: token.to_owned(),
            csr: KeyPair::generate().signing_request(),
        };
        let response = self.send(Method::POST, "/v1/join", &request).await;
        let body = response.into_body().collect().await.expect("a whole answer");
        serde_json::from_slice(&body.to_bytes()).expect("a certificate")
    }

    pub(crate) async fn discover(&self) -> Result<Updates, StatusCode> {
        let path = format!("/v1/discovery?proxy={}", self.name);
        let response = self.send(Method::GET, &path, ()).await;
        if response.status() != StatusCode::OK {
            return Err(response.status());
        }
        Ok(Updates {
            body: response.into_body(),
            buffered: BytesMut::new(),
        })
    }

    pub(crate) async fn answer(&self, version: Version, refused: Option<&str>) -> StatusCode {
        let answer = Acknowledgement {
            proxy: self.name.clone(),
            version,
            refused: refused.map(str::to_owned),
        };
        let path = "/v1/discovery/acknowledgements";
        self.send(Method::POST, path, answer).await.status()
    }

    /// Opens a stream, where even the connection may be refused.
    pub(crate) async fn try_discover(&self) -> Result<(), String> {
        let path = format!("/v1/discovery?proxy={}", self.name);
        self.try_send(Method::GET, &path, ()).await.map(drop)
    }

    async fn send(&self, method: Method, path: &str, body: impl Serialize) -> http::Response<Incoming> {
        self.try_send(method, path, body).await.expect("an answer")
    }

    async fn try_send(
        &self,
        method: Method,
        path: &str,
        body: impl Serialize,
    ) -> Result<http::Response<Incoming>, String> {
        let (address, identity) = self.control_plane.clone();
        let stream = self.host.connect(address).await.expect("it listens");
        let config = client_config(&self.host, &self.store, identity, Versions::Http1);
        let stream = TlsConnector::from(config)
            .connect(server_name(), stream)
            .await
            .expect("it is the control plane");
        let mut sender = handshake(&self.host, stream).await;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "control-plane")
            .header("content-type", "application/json")
            .body(Full::from(serde_json::to_vec(&body).expect("plain data")))
            .expect("a request");
        timeout(PATIENCE, sender.send_request(request))
            .await
            .expect("something happens in time")
            .map_err(|error| error.to_string())
    }

    async fn adopt(&self, response: http::Response<Incoming>, key: &KeyPair) -> StatusCode {
        let status = response.status();
        if status == StatusCode::OK {
            let body = response
                .into_body()
                .collect()
                .await
                .expect("a whole answer")
                .to_bytes();
            let issued: SvidResponse = serde_json::from_slice(&body).expect("a certificate");
            let svid = Svid::new(&issued.chain, key).expect("a certificate for this key");
            let bundle = Bundle::from_pem(&issued.bundle).expect("roots");
            self.store.rotate(svid, &bundle);
        }
        status
    }
}

/// An open discovery stream.
pub(crate) struct Updates {
    body: Incoming,
    buffered: BytesMut,
}

impl Updates {
    /// The next update.
    pub(crate) async fn next(&mut self) -> Update {
        self.next_or_end().await.expect("the stream goes on")
    }

    /// The next update; `None` when the stream ends in good order.
    pub(crate) async fn next_or_end(&mut self) -> Option<Update> {
        timeout(PATIENCE, self.read())
            .await
            .expect("something happens on the stream")
    }

    async fn read(&mut self) -> Option<Update> {
        loop {
            if let Some(end) = self.buffered.iter().position(|byte| *byte == b'\n') {
                let line = self.buffered.split_to(end + 1);
                return Some(serde_json::from_slice(&line).expect("an update"));
            }
            let frame = self.body.frame().await?.expect("the stream is intact");
            self.buffered.extend_from_slice(&frame.into_data().expect("data"));
        }
    }
}
