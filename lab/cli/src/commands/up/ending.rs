//! When a topology that is up is to end.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// Returns at an interrupt or a termination (`cancel`), when the terminal is closed (SIGHUP), or when standard input ends.
pub(super) async fn ended(cancel: CancellationToken) {
    let mut hangups =
        signal(SignalKind::hangup()).expect("a runtime with a driver can listen for this signal");
    tokio::select! {
        () = cancel.cancelled() => {}
        _ = hangups.recv() => {}
        () = input_ended() => {}
    }
}

/// Returns when standard input ends, if somebody holds its other end: a pipe or a socket, which is closed on purpose or because its owner is gone. It means
/// nothing that a file has an end, or that a shell gives `/dev/null` to what it runs in the background.
async fn input_ended() {
    if !is_held(&io::stdin()) {
        return std::future::pending().await;
    }
    let (sender, ended) = oneshot::channel();
    // A thread of the runtime would have to be waited for.
    let reading = std::thread::Builder::new().spawn(move || {
        // Unreadable is as good as ended.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        let _ = sender.send(());
    });
    // Without a thread, signals are left.
    match reading {
        Ok(_) => ended.await.expect("the thread sends, whatever it reads"),
        Err(_) => std::future::pending().await,
    }
}

/// Whether somebody holds the other end.
fn is_held(input: &impl AsFd) -> bool {
    let file = input.as_fd().try_clone_to_owned().map(File::from);
    let kind = file.and_then(|file| Ok(file.metadata()?.file_type()));
    kind.is_ok_and(|kind| kind.is_fifo() || kind.is_socket())
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io;
    use std::os::unix::net::UnixStream;

    use super::is_held;

    #[test]
    fn only_pipes_and_sockets_have_somebody_at_their_other_end() {
        let (reader, _writer) = io::pipe().unwrap();
        assert!(is_held(&reader));
        let (one, _other) = UnixStream::pair().unwrap();
        assert!(is_held(&one));
        assert!(!is_held(&File::open("/dev/null").unwrap()));
        assert!(!is_held(&tempfile::tempfile().unwrap()));
    }
}
