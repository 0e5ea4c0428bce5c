//! The lab's own runtime, which an interrupt stops in an orderly way.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;

/// Runs `work` to its end. SIGINT and SIGTERM cancel the token that it is given; a second one ends the program at once,
/// and the children with it, since their standard input closes.
pub(crate) fn run<T>(work: impl AsyncFnOnce(CancellationToken) -> T) -> Result<T, Failure> {
    run_beside(|say| say(), work)
}

/// The same beside something on the terminal: `aside` lets a function write without disturbing that.
pub(crate) fn run_beside<T>(
    aside: impl Fn(fn()) + Send + 'static,
    work: impl AsyncFnOnce(CancellationToken) -> T,
) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::lab(format_args!("cannot start the runtime: {error}")))?;
    let cancel = CancellationToken::new();
    let watch = watch_signals(cancel.clone(), aside);
    let guard = runtime.enter();
    let watcher = hallway_host::Task::start(watch).abort_on_drop();
    drop(guard);
    let result = runtime.block_on(work(cancel));
    drop(watcher);
    Ok(result)
}

async fn watch_signals(cancel: CancellationToken, aside: impl Fn(fn())) {
    let mut interrupts =
        signal(SignalKind::interrupt()).expect("a runtime with a driver can listen for this signal");
    let mut terminations =
        signal(SignalKind::terminate()).expect("a runtime with a driver can listen for this signal");
    let mut next = async || {
        tokio::select! {
            _ = interrupts.recv() => {}
            _ = terminations.recv() => {}
        }
    };
    next().await;
    aside(|| eprintln!("stopping; once more to stop at once"));
    cancel.cancel();
    next().await;
    std::process::exit(3);
}
