//! One life of a simulated program, from its start to its end.

use std::time::Duration;

use hallway_simulator::Process;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::child::{Exit, Order};

/// How a program ended by itself: by its own result, or with an error of the channel when it was killed.
type End = Result<Result<(), String>, oneshot::error::RecvError>;

/// A program that runs.
pub(super) struct Life {
    pub(super) process: Process,
    /// Where the program says how it ended.
    pub(super) end: oneshot::Receiver<Result<(), String>>,
    /// Where the program hears the order to stop.
    pub(super) told: CancellationToken,
}

enum Ended {
    AsOrdered(End),
    ByItself(End),
    /// Killed because it did not stop.
    TooLate,
    /// Killed on purpose.
    Crashed,
}

impl Life {
    /// Sees the program to its end; `report` gets what should not have happened.
    pub(super) async fn supervise(
        mut self,
        stop: CancellationToken,
        orders: mpsc::UnboundedReceiver<Order>,
        grace: Duration,
        report: impl Fn(String),
    ) -> Exit {
        let ended = self.live(stop, orders, grace).await;
        // What a program leaves running ends with its process, and so do its sockets.
        self.process.kill();
        let (status, said) = match &ended {
            Ended::AsOrdered(end) | Ended::ByItself(end) => told(end),
            Ended::TooLate | Ended::Crashed => ("killed", String::new()),
        };
        match ended {
            Ended::AsOrdered(Ok(Ok(()))) | Ended::Crashed => {}
            Ended::AsOrdered(_) => report(format!("failed when it was ordered to stop: {said}")),
            Ended::ByItself(_) => report(format!("ended by itself ({status}): {said}")),
            Ended::TooLate => report(format!(
                "did not end within {} s of the order to stop, and was killed",
                grace.as_secs()
            )),
        }
        Exit {
            status: status.to_owned(),
            said,
        }
    }

    async fn live(
        &mut self,
        stop: CancellationToken,
        mut orders: mpsc::UnboundedReceiver<Order>,
        grace: Duration,
    ) -> Ended {
        loop {
            let order = tokio::select! {
                end = &mut self.end => return Ended::ByItself(end),
                () = stop.cancelled() => break,
                Some(order) = orders.recv() => order,
            };
            match order {
                Order::Pause => self.process.pause(),
                Order::Resume => self.process.resume(),
                Order::Crash => return Ended::Crashed,
            }
        }
        // Whoever is paused does not hear it.
        self.process.resume();
        self.told.cancel();
        match tokio::time::timeout(grace, &mut self.end).await {
            Ok(end) => Ended::AsOrdered(end),
            Err(_) => Ended::TooLate,
        }
    }
}

fn told(end: &End) -> (&'static str, String) {
    match end {
        Ok(Ok(())) => ("success", "it left no message".to_owned()),
        Ok(Err(problem)) => ("failure", problem.clone()),
        Err(_) => ("killed", "it left no message".to_owned()),
    }
}
