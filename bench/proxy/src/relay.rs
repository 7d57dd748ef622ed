//! A bare relay, as simple as one can be on the runtime of the proxy.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

pub(crate) fn run(to: SocketAddr) {
    Runtime::new().expect("a runtime").block_on(serve(to));
}

async fn serve(to: SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    eprintln!("listening on {}, for {to}", listener.local_addr().expect("bound"));
    loop {
        let (client, _) = listener.accept().await.expect("a client");
        tokio::spawn(async move {
            let server = TcpStream::connect(to).await.expect("the server");
            client.set_nodelay(true).expect("TCP");
            server.set_nodelay(true).expect("TCP");
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            tokio::join!(one_way(from_client, to_server), one_way(from_server, to_client));
        });
    }
}

async fn one_way(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    let mut chunk = vec![0; 16 * 1024];
    while let Ok(len @ 1..) = from.read(&mut chunk).await {
        if to.write_all(&chunk[..len]).await.is_err() {
            return;
        }
    }
}
