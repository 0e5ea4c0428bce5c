//! An exchange in the words of its records.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hallway_model::SpiffeId;
use hallway_model::telemetry::{self, Access, Judgement, ProxyRecord};
use hallway_traffic::retry::Verdict;
use http::HeaderValue;

use super::{Exchange, Span};
use crate::peer::Peer;
use crate::time::{epoch_micros, micros};

impl Exchange {
    pub(super) fn span_record(&self, span: Span) -> ProxyRecord {
        let wall_clock = self.worker.proxy.host.wall_clock();
        let duration = span.began.elapsed();
        ProxyRecord::Span(Box::new(telemetry::Span {
            proxy: self.worker.proxy.workload().to_owned(),
            direction: self.downstream.direction,
            trace_id: self.trace.trace_id().to_owned(),
            span_id: span.id.as_str().to_owned(),
            parent_span_id: self.trace.parent().map(str::to_owned),
            request_id: text(&self.request_id),
            attempt: self.attempts.max(1),
            start_us: epoch_micros(wall_clock).saturating_sub(micros(duration)),
            duration_us: micros(duration),
            cluster: self.cluster.as_ref().map(|cluster| cluster.name.clone()),
            endpoint: self.workload(),
            upstream_peer: identity(span.peer.as_ref()),
            new_connection: span.new_connection,
            status: span.status.map(|status| status.as_u16()),
            error: span.error,
            judgement: judgement(span.verdict),
        }))
    }

    pub(super) fn access_record(&self, arrived_at: SystemTime, duration: Duration) -> ProxyRecord {
        let rule = self.rule.as_ref().map(|compiled| &compiled.rule);
        let header = |(name, value): &(String, HeaderValue)| (name.clone(), text(value));
        ProxyRecord::Access(Box::new(Access {
            proxy: self.worker.proxy.workload().to_owned(),
            direction: self.downstream.direction,
            start_us: epoch_micros(arrived_at),
            duration_us: micros(duration),
            request_id: text(&self.request_id),
            trace_id: self.trace.trace_id().to_owned(),
            method: self.method.to_string(),
            authority: self
                .authority
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            path: self.path.as_ref().map(ToString::to_string).unwrap_or_default(),
            rule: rule.map(|rule| rule.name.clone()),
            origin: rule.and_then(|rule| rule.origin.clone()),
            cluster: self.cluster.as_ref().map(|cluster| cluster.name.clone()),
            endpoints: self.cluster.as_ref().map_or(0, |cluster| cluster.size()),
            endpoint: self.workload(),
            downstream_peer: identity(self.downstream.peer.as_ref()),
            upstream_peer: identity(self.upstream_peer.as_ref()),
            status: self.status.map(|status| status.as_u16()),
            flags: self.flags.clone(),
            detail: self.detail.clone(),
            denial: self.denial.clone(),
            attempts: self.attempts,
            request_bytes: self.upload.bytes(),
            response_bytes: self.response_bytes,
            headers: self.logged.iter().map(header).collect(),
        }))
    }

    fn workload(&self) -> Option<String> {
        self.endpoint
            .as_ref()
            .map(|endpoint| endpoint.model.workload.clone())
    }
}

fn identity(peer: Option<&Arc<Peer>>) -> Option<SpiffeId> {
    peer.map(|peer| peer.identity.clone())
}

fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

fn judgement(verdict: Option<(Verdict, u32)>) -> Judgement {
    match verdict {
        None => Judgement::Returned { reason: None },
        Some((Verdict::Return { reason }, _)) => Judgement::Returned {
            reason: reason.map(|reason| reason.to_string()),
        },
        Some((Verdict::Retry { after, reason }, limit)) => Judgement::Retried {
            reason: reason.to_string(),
            limit,
            backoff_us: micros(after),
        },
    }
}
