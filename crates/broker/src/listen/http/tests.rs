//! Requests of every kind on a pipe.

use super::head::{HEAD_MAX, HEADERS_MAX};
use super::*;

/// What the server sends to these bytes: it answers with method, path and length of the body.
async fn exchange(bytes: &[u8]) -> String {
    let (mut client, server) = tokio::io::duplex(1024 * 1024);
    let served = tokio::spawn(async move {
        let mut requests = Requests::new(server);
        if let Some(head) = requests.first().await.unwrap() {
            let answer = async |request: HttpRequest| {
                let body =
                    format!("<{} {} {}>", request.method, request.path(), request.body.len());
                Some(HttpResponse { status: 200, headers: Vec::new(), body: body.into() })
            };
            // A body that is cut short is an error of the stream.
            let _ = requests.serve(head, answer).await;
        }
    });
    client.write_all(bytes).await.unwrap();
    client.shutdown().await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    served.await.unwrap();
    answer
}

fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or_default()
}

#[tokio::test]
async fn requests_follow_each_other_until_one_is_the_last() {
    let two = "POST /a?b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc\
               GET /b HTTP/1.1\r\nConnection: close\r\n\r\nGET /c HTTP/1.1\r\n\r\n";
    let answer = exchange(two.as_bytes()).await;
    assert!(
        answer.contains("connection: keep-alive\r\n\r\n<POST /a 3>HTTP/1.1 200 OK"),
        "{answer}"
    );
    assert!(answer.ends_with("connection: close\r\n\r\n<GET /b 0>"), "{answer}");

    let old = exchange(b"GET / HTTP/1.0\r\n\r\nGET / HTTP/1.1\r\n\r\n").await;
    assert!(old.ends_with("connection: close\r\n\r\n<GET / 0>"), "{old}");
    let head = exchange(b"HEAD / HTTP/1.1\r\n\r\n").await;
    assert!(head.contains("content-length: 10\r\n") && head.ends_with("\r\n\r\n"), "{head}");
}

#[tokio::test]
async fn what_is_no_request_is_refused() {
    let filler = |length: usize| format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(length));
    let headers = |count| format!("GET / HTTP/1.1\r\n{}\r\n", "A: 1\r\n".repeat(count));
    let most = HEAD_MAX - filler(0).len();
    let cases = [
        (filler(most), "200"),
        (filler(most + 1), "431"),
        (headers(HEADERS_MAX), "200"),
        (headers(HEADERS_MAX + 1), "431"),
        ("\u{10}\u{c}\0\u{4}MQTT\r\n\r\n".into(), "400"),
        ("GET / HTTP/2.0\r\n\r\n".into(), "505"),
        ("GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n".into(), "400"),
        ("GET / HTTP/1.1\r\nContent-Length: \r\n\r\n".into(), "400"),
        ("GET / HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 1\r\n\r\nx".into(), "400"),
        ("GET / HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n".into(), "200"),
        ("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".into(), "411"),
    ];
    for (request, expected) in cases {
        let answer = exchange(request.as_bytes()).await;
        let shown: String = request.chars().take(80).collect();
        assert_eq!(status(&answer), expected, "{shown}: {answer}");
        assert!(expected == "200" || answer.contains("\"message\""), "{answer}");
    }
    assert_eq!(exchange(b"GET / HTTP/1.1\r\nA: \xff\r\n\r\n").await.get(9..12), Some("400"));
    assert_eq!(exchange(b"").await, "");
    assert_eq!(exchange(b"GET / HT").await, "");
    assert_eq!(exchange(b"GET / HTTP/1.1\r\nContent-Length: 2\r\n\r\n1").await, "");
}

#[tokio::test]
async fn of_a_body_that_is_too_long_the_beginning_is_read() {
    for (length, seen, last) in [
        (HttpRequest::BODY_MAX, HttpRequest::BODY_MAX, "keep-alive"),
        (HttpRequest::BODY_MAX + 1, HttpRequest::BODY_MAX + 1, "close"),
        (HttpRequest::BODY_MAX + 9, HttpRequest::BODY_MAX + 1, "close"),
    ] {
        let mut request =
            format!("PUT / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n").into_bytes();
        request.resize(request.len() + length, b'x');
        let answer = exchange(&request).await;
        let expected = format!("connection: {last}\r\n\r\n<PUT / {seen}>");
        assert!(answer.ends_with(&expected), "{length}: {answer}");
    }
}

#[tokio::test]
async fn a_client_that_waits_is_told_to_go_on() {
    let (mut client, server) = tokio::io::duplex(4096);
    tokio::spawn(async move {
        let mut requests = Requests::new(server);
        let head = requests.first().await.unwrap().unwrap();
        requests.serve(head, async |_| Some(HttpResponse::empty(200))).await
    });
    let head = b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n";
    client.write_all(head).await.unwrap();
    let mut word = [0; 25];
    client.read_exact(&mut word).await.unwrap();
    assert_eq!(&word, b"HTTP/1.1 100 Continue\r\n\r\n");
    client.write_all(b"x").await.unwrap();
    let mut status = [0; 12];
    client.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 200");
}

#[test]
fn an_answer_has_no_line_breaks_in_its_headers() {
    let headers = vec![("x", "a\r\nb: c".to_owned())];
    let bytes = encode(&HttpResponse { status: 200, headers, body: Vec::new() }, true, false);
    assert!(bytes.starts_with(b"HTTP/1.1 200 OK\r\nx: ab: c\r\n"), "{bytes:?}");
}
