//! What the programs do.

use super::*;

pub(super) async fn bytes_arrive_in_order_both_ways(ground: Ground) -> Observations {
    let (mut client, mut server) = pair(&ground).await;
    for letter in ["hit", "h", "er"] {
        client
            .write_all(letter.as_bytes())
            .await
            .expect("an open connection");
    }
    server.write_all(b"there").await.expect("an open connection");
    let read = exactly(&mut client, 5).await;
    vec![
        format!("client read: {read}"),
        format!("server read: {}", exactly(&mut server, 6).await),
    ]
}

pub(super) async fn addresses_of_both_ends_agree(ground: Ground) -> Observations {
    let mut listener = listen(&ground).await;
    let address = listener.local_address().expect("an open port");
    let client = dial(&ground, address).await.expect("somebody listens");
    let (server, peer) = listener.accept().await;
    let local = client.local_address().expect("an open connection");
    vec![
        format!(
            "server's peer is the client: {}",
            peer == local && server.peer_address().is_ok_and(|peer| peer == local)
        ),
        format!(
            "client's peer is the listener: {}",
            client.peer_address().is_ok_and(|peer| peer == address)
        ),
        format!(
            "server's local address is the listener's: {}",
            server.local_address().is_ok_and(|local| local == address)
        ),
        format!("client has a port: {}", local.port() != 0),
    ]
}

pub(super) async fn nobody_listens(ground: Ground) -> Observations {
    let unused = address_of(listen(&ground).await);
    vec![format!(
        "connect: {}",
        outcome(dial(&ground, unused).await.map(drop))
    )]
}

pub(super) async fn a_dropped_listener_refuses(ground: Ground) -> Observations {
    let mut listener = listen(&ground).await;
    let address = listener.local_address().expect("an open port");
    let _client = dial(&ground, address).await.expect("somebody listens");
    let _server = listener.accept().await;
    drop(listener);
    vec![format!(
        "connect: {}",
        outcome(dial(&ground, address).await.map(drop))
    )]
}

pub(super) async fn a_dropped_listener_resets_those_it_has_not_accepted(ground: Ground) -> Observations {
    let listener = listen(&ground).await;
    let address = listener.local_address().expect("an open port");
    let mut client = dial(&ground, address).await.expect("somebody listens");
    pass(&ground).await;
    drop(listener);
    vec![format!("read: {}", read(&mut client).await)]
}

pub(super) async fn a_dropped_listener_keeps_those_it_has_accepted(ground: Ground) -> Observations {
    let (mut client, mut server) = pair(&ground).await;
    server.write_all(b"still here").await.expect("an open connection");
    vec![format!("read: {}", read(&mut client).await)]
}

pub(super) async fn an_address_is_taken_once(ground: Ground) -> Observations {
    let listener = listen(&ground).await;
    let address = listener.local_address().expect("an open port");
    let second = outcome(ground.server.listen(address).await.map(drop));
    drop(listener);
    let third = outcome(ground.server.listen(address).await.map(drop));
    vec![
        format!("second: {second}"),
        format!("after the first is gone: {third}"),
    ]
}

pub(super) async fn an_address_is_free_while_its_connections_live(ground: Ground) -> Observations {
    let mut listener = listen(&ground).await;
    let address = listener.local_address().expect("an open port");
    let mut client = dial(&ground, address).await.expect("somebody listens");
    let (mut server, _) = listener.accept().await;
    drop(listener);
    let again = ground.server.listen(address).await;
    server.write_all(b"hello").await.expect("an open connection");
    vec![
        format!("listen: {}", outcome(again.map(drop))),
        format!("old connection read: {}", read(&mut client).await),
    ]
}

pub(super) async fn port_0_takes_different_ports(ground: Ground) -> Observations {
    let (one, other) = (listen(&ground).await, listen(&ground).await);
    let (one, other) = (address_of(one), address_of(other));
    vec![
        format!("not 0: {}", one.port() != 0 && other.port() != 0),
        format!("different: {}", one != other),
    ]
}

pub(super) async fn a_foreign_address_is_not_available(ground: Ground) -> Observations {
    let documentation = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 0));
    let listened = ground.server.listen(documentation).await;
    vec![format!("listen: {}", outcome(listened.map(drop)))]
}

pub(super) async fn a_connection_is_established_before_it_is_accepted(ground: Ground) -> Observations {
    let mut listener = listen(&ground).await;
    let address = listener.local_address().expect("an open port");
    let mut client = dial(&ground, address).await.expect("the kernel accepts");
    client.write_all(b"early").await.expect("the kernel buffers");
    pass(&ground).await;
    let (mut server, _) = listener.accept().await;
    vec![format!("read: {}", read(&mut server).await)]
}

pub(super) async fn half_close(ground: Ground) -> Observations {
    let (mut client, mut server) = pair(&ground).await;
    client.write_all(b"request").await.expect("an open connection");
    client.shutdown().await.expect("an open connection");
    let mut seen = vec![
        format!("server read: {}", read(&mut server).await),
        format!("server read: {}", read(&mut server).await),
    ];
    server
        .write_all(b"answer")
        .await
        .expect("half of the connection is open");
    seen.push(format!("client read: {}", read(&mut client).await));
    drop(server);
    seen.push(format!("client read: {}", read(&mut client).await));
    seen
}

pub(super) async fn writing_after_shutdown(ground: Ground) -> Observations {
    let (mut client, _server) = pair(&ground).await;
    vec![
        format!("shutdown: {}", outcome(client.shutdown().await)),
        format!("write: {}", outcome(client.write(b"more").await.map(drop))),
        format!("shutdown again: {}", outcome(client.shutdown().await)),
    ]
}

pub(super) async fn a_close_ends_the_stream(ground: Ground) -> Observations {
    let (mut client, mut server) = pair(&ground).await;
    server.write_all(b"last words").await.expect("an open connection");
    drop(server);
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(format!("read: {}", read(&mut client).await));
    }
    seen
}

pub(super) async fn a_close_with_unread_data_resets(ground: Ground) -> Observations {
    let (mut client, server) = pair(&ground).await;
    client.write_all(b"never read").await.expect("an open connection");
    pass(&ground).await;
    drop(server);
    vec![
        format!("read: {}", read(&mut client).await),
        format!("write: {}", outcome(client.write(b"more").await.map(drop))),
        format!("read: {}", read(&mut client).await),
    ]
}

pub(super) async fn a_reset_is_told_once_to_the_first_who_asks(ground: Ground) -> Observations {
    let (mut client, server) = pair(&ground).await;
    server.reset_on_close().expect("an open connection");
    drop(server);
    pass(&ground).await;
    vec![
        format!("write: {}", outcome(client.write(b"more").await.map(drop))),
        format!("read: {}", read(&mut client).await),
        format!("write: {}", outcome(client.write(b"more").await.map(drop))),
        format!("shutdown: {}", outcome(client.shutdown().await)),
    ]
}

pub(super) async fn what_arrived_before_a_reset_can_be_read(ground: Ground) -> Observations {
    let (mut client, mut server) = pair(&ground).await;
    server.write_all(b"last words").await.expect("an open connection");
    client.write_all(b"never read").await.expect("an open connection");
    pass(&ground).await;
    drop(server);
    pass(&ground).await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(format!("read: {}", read(&mut client).await));
    }
    seen
}

pub(super) async fn reset_on_close(ground: Ground) -> Observations {
    let (mut client, server) = pair(&ground).await;
    server.reset_on_close().expect("an open connection");
    drop(server);
    vec![format!("read: {}", read(&mut client).await)]
}

pub(super) async fn data_to_a_closed_end_is_answered_with_a_reset(ground: Ground) -> Observations {
    let (mut client, server) = pair(&ground).await;
    drop(server);
    pass(&ground).await;
    let first = outcome(client.write(b"one").await.map(drop));
    pass(&ground).await;
    let later = outcome(client.write(b"two").await.map(drop));
    vec![
        format!("first write: {first}"),
        format!("later write: {later}"),
        format!("read: {}", read(&mut client).await),
    ]
}

pub(super) async fn keep_alive_close_race(ground: Ground) -> Observations {
    let (mut client, mut server) = pair(&ground).await;
    client
        .write_all(b"first request")
        .await
        .expect("an open connection");
    exactly(&mut server, 13).await;
    server
        .write_all(b"first answer")
        .await
        .expect("an open connection");
    exactly(&mut client, 12).await;
    drop(server);
    pass(&ground).await;
    let written = outcome(client.write_all(b"second request").await);
    vec![
        format!("write: {written}"),
        format!("read: {}", read(&mut client).await),
    ]
}

pub(super) async fn a_writer_waits_for_its_reader(ground: Ground) -> Observations {
    let (mut client, mut server) = pair(&ground).await;
    let mut written = 0;
    let chunk = vec![7; 64 * 1024];
    while written < LARGE * 4 {
        match tokio::time::timeout(Duration::from_millis(200), client.write(&chunk)).await {
            Ok(length) => written += length.expect("an open connection"),
            Err(_) => break,
        }
    }
    let stopped = written < LARGE * 4;
    drop(client);
    let mut all = Vec::new();
    server.read_to_end(&mut all).await.expect("an orderly close");
    vec![
        format!("stopped before the end: {stopped}"),
        format!("all arrived: {}", all.len() == written),
    ]
}

pub(super) async fn large_writes_arrive_whole(ground: Ground) -> Observations {
    let (mut client, mut server) = pair(&ground).await;
    let sent = pattern(LARGE);
    let write = async {
        client.write_all(&sent).await.expect("an open connection");
        client.shutdown().await.expect("an open connection");
    };
    let mut received = Vec::new();
    let (end, ()) = tokio::join!(server.read_to_end(&mut received), write);
    vec![
        format!("same bytes: {}", received == sent),
        format!("end: {}", end.is_ok()),
    ]
}

pub(super) async fn both_write_much_at_once(ground: Ground) -> Observations {
    let (client, server) = pair(&ground).await;
    let sent = pattern(LARGE / 4);
    let exchange = async |stream: Stream| {
        let (mut reading, mut writing) = tokio::io::split(stream);
        let mut received = vec![0; sent.len()];
        let (read, written) = tokio::join!(reading.read_exact(&mut received), writing.write_all(&sent));
        read.is_ok() && written.is_ok() && received == sent
    };
    let (client, server) = tokio::join!(exchange(client), exchange(server));
    vec![
        format!("client got all: {client}"),
        format!("server got all: {server}"),
    ]
}

pub(super) async fn a_cancelled_read_loses_nothing(ground: Ground) -> Observations {
    let (mut client, mut server) = pair(&ground).await;
    let waits = is_pending(read(&mut client));
    server.write_all(b"late").await.expect("an open connection");
    pass(&ground).await;
    vec![
        format!("first read waits: {waits}"),
        format!("read: {}", read(&mut client).await),
    ]
}

pub(super) async fn a_cancelled_connect_leaves_nothing(ground: Ground) -> Observations {
    let mut listener = listen(&ground).await;
    let address = listener.local_address().expect("an open port");
    // On a loopback device the first may be established at once; then it shows up, already closed.
    let cancelled = is_pending(dial(&ground, address));
    pass(&ground).await;
    let next = dial(&ground, address).await.expect("somebody listens");
    let expected = next.local_address().expect("an open connection");
    loop {
        let (mut server, peer) = listener.accept().await;
        if peer == expected {
            return vec![format!("next accepted is the next one: {cancelled}")];
        }
        assert_ne!(read(&mut server).await, "data", "nobody wrote to it");
    }
}

pub(super) async fn a_cancelled_accept_loses_nothing(ground: Ground) -> Observations {
    let mut listener = listen(&ground).await;
    let address = listener.local_address().expect("an open port");
    let waits = is_pending(listener.accept());
    let mut client = dial(&ground, address).await.expect("somebody listens");
    client.write_all(b"hello").await.expect("an open connection");
    let (mut server, _) = listener.accept().await;
    vec![
        format!("first accept waits: {waits}"),
        format!("read: {}", read(&mut server).await),
    ]
}

pub(super) async fn an_empty_write_and_an_empty_read(ground: Ground) -> Observations {
    let (mut client, mut server) = pair(&ground).await;
    let written = client.write(&[]).await.expect("an open connection");
    let waits = is_pending(client.read(&mut []));
    server.write_all(b"data").await.expect("an open connection");
    pass(&ground).await;
    vec![
        format!("write: {written}"),
        format!("read waits: {waits}"),
        format!(
            "read with data: {}",
            client.read(&mut []).await.expect("an open connection")
        ),
        format!("read: {}", read(&mut client).await),
    ]
}

pub(super) async fn vectored_writes(ground: Ground) -> Observations {
    use tokio::io::AsyncWrite;
    let (mut client, mut server) = pair(&ground).await;
    let vectored = client.is_write_vectored();
    let slices = [b"one".as_slice(), b"two", b"three"].map(io::IoSlice::new);
    let written = client.write_vectored(&slices).await.expect("an open connection");
    let read = exactly(&mut server, written).await;
    vec![format!("vectored: {vectored}"), format!("read: {read}")]
}

pub(super) async fn many_connections_to_one_listener(ground: Ground) -> Observations {
    let mut listener = listen(&ground).await;
    let address = listener.local_address().expect("an open port");
    ground.server.spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await;
            let number = stream.read_u8().await.expect("the client's number");
            stream.write_u8(number).await.expect("an open connection");
        }
    });
    let mut served = true;
    for number in 0..100 {
        let mut stream = dial(&ground, address).await.expect("somebody listens");
        stream.write_u8(number).await.expect("an open connection");
        served &= stream.read_u8().await.is_ok_and(|echo| echo == number);
    }
    vec![format!("all served: {served}")]
}

pub(super) async fn a_reader_is_woken_by_a_reset(ground: Ground) -> Observations {
    let (mut client, server) = pair(&ground).await;
    let reset = async {
        pass(&ground).await;
        server.reset_on_close().expect("an open connection");
        drop(server);
    };
    let (read, ()) = tokio::join!(read(&mut client), reset);
    vec![format!("read: {read}")]
}

pub(super) async fn a_blocked_writer_is_woken_by_a_reset(ground: Ground) -> Observations {
    let (mut client, server) = pair(&ground).await;
    let chunk = vec![7; LARGE];
    let reset = async {
        pass(&ground).await;
        drop(server);
    };
    let (written, ()) = tokio::join!(client.write_all(&chunk), reset);
    vec![format!("write: {}", outcome(written))]
}
