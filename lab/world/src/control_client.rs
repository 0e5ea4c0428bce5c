//! Speaks to the control plane's admin API.

use std::net::SocketAddr;

use bytes::Bytes;
use hallway_control::api::{
    Failure, KnownWorkload, PutRules, RegisterWorkload, Registered, RuleFile, RulesAccepted, RulesRefused,
    Status, WorkloadEndpoint,
};
use hallway_evidence::PushOutcome;
use hallway_host::Host;
use hallway_model::bootstrap::Token;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::WorldError;
use crate::http_client::HttpClient;
use crate::mesh::AdminAddress;

/// A client of one control plane.
pub struct ControlClient {
    client: HttpClient,
    admin: AdminAddress,
}

impl ControlClient {
    /// A client that reaches the admin API at `admin` from `host`, with its bearer token.
    pub fn new(host: Host, admin: SocketAddr, token: Token) -> Self {
        Self {
            client: HttpClient::new(host),
            admin: AdminAddress {
                address: admin,
                token,
            },
        }
    }

    /// The admin API.
    pub(crate) fn admin(&self) -> &AdminAddress {
        &self.admin
    }

    /// Makes a workload known, and gets what its sidecar joins with.
    pub async fn register(&self, workload: &RegisterWorkload) -> Result<Registered, WorldError> {
        let what = format!("register {}", workload.name);
        let response = self.send(&what, Method::POST, "/v1/workloads", workload).await?;
        read(&what, &response)
    }

    /// Says where a workload is.
    pub async fn put_endpoint(&self, name: &str, endpoint: &WorkloadEndpoint) -> Result<(), WorldError> {
        let what = format!("take the endpoint of {name}");
        let path = format!("/v1/workloads/{name}/endpoint");
        let response = self.send(&what, Method::PUT, &path, endpoint).await?;
        succeeded(&what, &response)
    }

    /// Says what workloads there are and where, all at once.
    pub async fn restore(&self, workloads: Vec<KnownWorkload>) -> Result<(), WorldError> {
        let what = "take the registry";
        let response = self.send(what, Method::PUT, "/v1/workloads", &workloads).await?;
        succeeded(what, &response)
    }

    /// Pushes one rule file, which replaces all rules.
    pub async fn put_rules(&self, name: &str, text: String) -> Result<PushOutcome, WorldError> {
        let name = name.to_owned();
        self.put_rule_files(vec![RuleFile { name, text }]).await
    }

    /// Puts the rules of all `files` together in place of those before.
    ///
    /// # Errors
    /// When the control plane cannot be asked.
    pub async fn put_rule_files(&self, files: Vec<RuleFile>) -> Result<PushOutcome, WorldError> {
        let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
        let what = format!("take the rules {}", names.join(", "));
        let rules = PutRules {
            files,
            admission: None,
        };
        let response = self.send(&what, Method::PUT, "/v1/rules", &rules).await?;
        if response.status() == StatusCode::UNPROCESSABLE_ENTITY {
            let refused: RulesRefused = parse(&what, &response)?;
            return Ok(PushOutcome::Refused {
                problems: refused.problems,
            });
        }
        let accepted: RulesAccepted = read(&what, &response)?;
        Ok(PushOutcome::Accepted {
            generation: accepted.generation,
        })
    }

    /// How the mesh is.
    pub async fn status(&self) -> Result<Status, WorldError> {
        let what = "say how the mesh is";
        let response = self
            .exchange(what, Method::GET, "/v1/status", Bytes::new())
            .await?;
        read(what, &response)
    }

    async fn send(
        &self,
        what: &str,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Response<Bytes>, WorldError> {
        let body = serde_json::to_vec(body).expect("messages are plain data");
        self.exchange(what, method, path, body.into()).await
    }

    async fn exchange(
        &self,
        what: &str,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Response<Bytes>, WorldError> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, self.admin.address.to_string())
            .header(header::AUTHORIZATION, format!("Bearer {}", self.admin.token.0))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| failed(what, error))?;
        self.client
            .send(self.admin.address, request, &mut None)
            .await
            .map_err(|error| failed(what, error))
    }
}

fn read<T: DeserializeOwned>(what: &str, response: &Response<Bytes>) -> Result<T, WorldError> {
    succeeded(what, response)?;
    parse(what, response)
}

fn succeeded(what: &str, response: &Response<Bytes>) -> Result<(), WorldError> {
    if response.status().is_success() {
        return Ok(());
    }
    let reason = match serde_json::from_slice::<Failure>(response.body()) {
        Ok(failure) => failure.error,
        Err(_) => String::from_utf8_lossy(response.body()).into_owned(),
    };
    Err(failed(
        what,
        format!("it answered {}: {reason}", response.status()),
    ))
}

fn parse<T: DeserializeOwned>(what: &str, response: &Response<Bytes>) -> Result<T, WorldError> {
    serde_json::from_slice(response.body())
        .map_err(|error| failed(what, format!("its answer cannot be read: {error}")))
}

fn failed(what: &str, reason: impl ToString) -> WorldError {
    WorldError::ControlPlane {
        what: what.to_owned(),
        reason: reason.to_string(),
    }
}
