//! Small meshes to test in.

use std::net::SocketAddr;
use std::time::Duration;

use hallway_host::{Host, Output};
use hallway_model::bootstrap::ProxyBootstrap;
use hallway_model::{Endpoint, Inbound, MtlsMode, Rule};

use super::application::{Application, behind};
use super::client::{Answer, get};
use super::control::Control;
use super::sidecar::{Sidecar, bootstrap};
use super::snapshots::{inbound, outbound, rule};

/// How long SVIDs live where it does not matter.
pub(crate) const LONG: Duration = Duration::from_secs(3600);

/// The machine of the test itself.
pub(crate) fn host() -> Host {
    Host::real(1, Output::discard())
}

/// One sidecar, `orders-1`, which reaches its upstreams in the clear.
pub(crate) struct Alone {
    pub(crate) host: Host,
    pub(crate) control: Control,
    pub(crate) orders: Sidecar,
}

/// Two sidecars: `orders-1` calls `payments-1`, behind which is an application.
pub(crate) struct Pair {
    pub(crate) host: Host,
    pub(crate) control: Control,
    pub(crate) orders: Sidecar,
    pub(crate) payments: Sidecar,
    pub(crate) application: Application,
}

impl Alone {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut ProxyBootstrap)) -> Self {
        let host = host();
        let control = Control::start(&host, LONG).await;
        let mut told = bootstrap(&control, "orders-1", "orders");
        change(&mut told);
        let orders = Sidecar::start(told).await;
        Self {
            host,
            control,
            orders,
        }
    }

    /// Routes the service `payments`, whose cluster has `endpoints`, by `rules`.
    pub(crate) async fn route(&self, rules: Vec<Rule>, endpoints: Vec<Endpoint>) {
        let snapshot = outbound("payments", rules, endpoints);
        self.control.put_in_force("orders-1", snapshot).await;
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        get(
            &self.host,
            self.orders.outbound,
            &format!("http://payments{path}"),
            &[],
        )
        .await
    }
}

impl Pair {
    /// Starts both, with one rule from everything to `payments`.
    pub(crate) async fn start(host: Host, application: Application) -> Self {
        Self::start_with(host, application, LONG, |_| {}).await
    }

    pub(crate) async fn start_with(
        host: Host,
        application: Application,
        svid_lifetime: Duration,
        change_payments: impl FnOnce(&mut ProxyBootstrap),
    ) -> Self {
        let control = Control::start(&host, svid_lifetime).await;
        let mut told = bootstrap(&control, "payments-1", "payments");
        change_payments(&mut told);
        let payments = Sidecar::start(told).await;
        let orders = Sidecar::start(bootstrap(&control, "orders-1", "orders")).await;
        let pair = Self {
            host,
            control,
            orders,
            payments,
            application,
        };
        pair.accept(MtlsMode::Strict).await;
        pair.route(
            vec![rule("shop/payments", "/", "payments")],
            pair.payments.inbound,
        )
        .await;
        pair
    }

    /// Changes what the inbound side of `payments-1` accepts.
    pub(crate) async fn accept(&self, mode: MtlsMode) {
        self.accept_with(mode, |_| {}).await;
    }

    /// The same, with more said of that side.
    pub(crate) async fn accept_with(&self, mode: MtlsMode, change: impl FnOnce(&mut Inbound)) {
        let mut snapshot = inbound(mode, self.application.address);
        if let Some(inbound) = &mut snapshot.inbound {
            change(inbound);
        }
        self.control.put_in_force("payments-1", snapshot).await;
    }

    /// Routes by `rules` to the sidecar at `address`.
    pub(crate) async fn route(&self, rules: Vec<Rule>, address: SocketAddr) {
        let endpoints = vec![behind("payments-1", address, "payments")];
        let snapshot = outbound("payments", rules, endpoints);
        self.control.put_in_force("orders-1", snapshot).await;
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        get(
            &self.host,
            self.orders.outbound,
            &format!("http://payments{path}"),
            &[],
        )
        .await
    }
}
