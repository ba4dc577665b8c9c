//! Connections: TLS, limits, and how a server ends.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use reqwest::{Certificate, ClientBuilder, StatusCode, tls};
use serde_json::json;

use crate::{
    once,
    site::{Site, listening},
};

fn trusting(certificate: &str) -> ClientBuilder {
    let root = Certificate::from_pem(certificate.as_bytes()).expect("a certificate");
    reqwest::Client::builder().tls_certs_only([root])
}

/// A request whose body has not ended yet.
fn half_a_request(address: SocketAddr, key: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("a connection");
    let head = format!(
        "POST /api/v1/api-keys HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{{",
        REST.len() + 1,
    );
    stream.write_all(head.as_bytes()).expect("sent");
    stream
}

const REST: &str = r#""name": "Another", "scopes": ["partnerships:read"]}"#;

fn head_of(stream: &TcpStream) -> String {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).expect("an answer");
    line.trim_end().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_spoken_with_the_own_certificate_in_each_version() {
    let site = Site::new();
    let certificate = site.certify();
    let (server, url) = site.serve_tls(&[]);
    let me = format!("{url}/api/v1/me");
    let ask = async |client: ClientBuilder| {
        let request = client.build().expect("a client").get(&me).bearer_auth(&site.key);
        request.send().await
    };
    let answer = ask(trusting(&certificate)).await.expect("an answer");
    assert_eq!((answer.status(), answer.version()), (StatusCode::OK, reqwest::Version::HTTP_2));
    let answer = ask(trusting(&certificate).http1_only()).await.expect("an answer");
    assert_eq!((answer.status(), answer.version()), (StatusCode::OK, reqwest::Version::HTTP_11));
    let old = trusting(&certificate).tls_version_max(tls::Version::TLS_1_2);
    assert_eq!(ask(old).await.expect("an answer").status(), StatusCode::OK);
    assert!(ask(reqwest::Client::builder()).await.is_err(), "nobody else vouches for it");
    assert_eq!(server.terminate().0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_are_told_to_run_keep_and_frame_nothing() {
    let site = Site::new();
    let certificate = site.certify();
    let (server, url) = site.serve_tls(&[]);
    let client = trusting(&certificate).build().expect("a client");
    // An answer, a refusal, what is not there, and what needs no key.
    for path in ["/api/v1/me", "/api/v1/partnerships?x=1", "/nothing", "/healthz", "/scim/v2/Users"]
    {
        let answer = client.get(format!("{url}{path}")).bearer_auth(&site.key).send().await;
        let answer = answer.expect("an answer");
        let header = |name: &str| answer.headers().get(name).and_then(|it| it.to_str().ok());
        assert_eq!(header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(header("referrer-policy"), Some("no-referrer"), "{path}");
        let nothing = "default-src 'none'; frame-ancestors 'none'";
        assert_eq!(header("content-security-policy"), Some(nothing), "{path}");
        let year = "max-age=31536000; includeSubDomains";
        assert_eq!(header("strict-transport-security"), Some(year), "{path}");
        assert_eq!(header("access-control-allow-origin"), None, "{path}");
        assert_eq!(header("set-cookie"), None, "{path}");
    }
    assert_eq!(server.terminate().0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_and_broken_handshakes_hold_up_nobody() {
    let site = Site::new();
    let certificate = site.certify();
    let (server, url) = site.serve_tls(&[]);
    let address = listening(&server, "listening");
    let silent: Vec<TcpStream> =
        (0..50).map(|_| TcpStream::connect(address).expect("a connection")).collect();
    let mut broken = TcpStream::connect(address).expect("a connection");
    broken.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("sent");
    let mut rest = Vec::new();
    let _ = broken.read_to_end(&mut rest);
    assert!(!rest.starts_with(b"HTTP"), "nothing is answered in the clear");
    let client = trusting(&certificate).build().expect("a client");
    let begun = Instant::now();
    let answer = client.get(format!("{url}/healthz")).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(begun.elapsed() < Duration::from_secs(5));
    let begun = Instant::now();
    assert_eq!(server.terminate().0, Some(0));
    assert!(begun.elapsed() < Duration::from_secs(5), "it does not wait for them either");
    drop(silent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_taken_without_a_restart() {
    let site = Site::new();
    let first = site.certify();
    let (server, url) = site.serve_tls(&[]);
    let ready = format!("{url}/readyz");
    let trusts = async |certificate: &str| {
        let client = trusting(certificate).build().expect("a client");
        client.get(&ready).send().await.is_ok()
    };
    assert!(trusts(&first).await);
    let second = site.certify();
    server.signal("HUP");
    let begun = Instant::now();
    while !trusts(&second).await {
        assert!(begun.elapsed() < Duration::from_secs(20), "{}", server.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!trusts(&first).await);
    // What cannot be used changes nothing.
    std::fs::write(site.path("cert.pem"), "nonsense").expect("written");
    server.signal("HUP");
    let begun = Instant::now();
    while !server.log().contains("the certificate stays as it was") {
        assert!(begun.elapsed() < Duration::from_secs(20), "{}", server.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(trusts(&second).await);
    // Without a signal too, when the files change.
    let third = site.certify();
    let begun = Instant::now();
    while !trusts(&third).await {
        assert!(begun.elapsed() < Duration::from_secs(30), "{}", server.log());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(server.terminate().0, Some(0));
}

#[test]
fn a_certificate_that_cannot_be_used_is_refused_at_the_start() {
    let site = Site::new();
    site.certify();
    let serve = |cert: &Path, key: &Path| {
        let (cert, key) = (cert.to_string_lossy(), key.to_string_lossy());
        let arguments =
            ["serve", "--listen", "127.0.0.1:0", "--tls-cert", &cert, "--tls-key", &key];
        let output = once(&arguments, &site.path("data"));
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let (cert, key) = (site.path("cert.pem"), site.path("key.pem"));
    assert!(serve(&site.path("none.pem"), &key).contains("none.pem cannot be read"));
    assert!(serve(&key, &key).contains("key.pem holds no certificate in PEM"));
    assert!(serve(&cert, &cert).contains("cert.pem holds no private key in PEM"));
    let other = site.path("other.pem");
    std::fs::copy(&cert, &other).expect("copied");
    site.certify();
    assert!(serve(&other, &key).contains("do not go together"));
    let one = once(&["serve", "--tls-cert", &cert.to_string_lossy()], &site.path("data"));
    assert!(String::from_utf8_lossy(&one.stderr).contains("tls-cert is set without tls-key"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_finishes_what_is_being_answered_and_ends_streams() {
    let site = Site::new();
    let certificate = site.certify();
    let (server, url) = site.serve_tls(&[]);
    let http1 = trusting(&certificate).http1_only().build().expect("a client");
    let http2 = trusting(&certificate).build().expect("a client");
    let mut streams = Vec::new();
    for client in [&http1, &http2] {
        let events = client.get(format!("{url}/api/v1/events")).bearer_auth(&site.key);
        streams.push(events.send().await.expect("a stream"));
    }
    let (body, rest) = tokio::sync::mpsc::channel(1);
    let slow = futures_util::stream::unfold(rest, async |mut rest| {
        rest.recv().await.map(|part: String| (Ok::<_, std::convert::Infallible>(part), rest))
    });
    let request = http2
        .post(format!("{url}/api/v1/api-keys"))
        .bearer_auth(&site.key)
        .header("Content-Type", "application/json")
        .body(reqwest::Body::wrap_stream(slow));
    let answer = tokio::spawn(request.send());
    body.send("{".into()).await.expect("sent");
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.signal("TERM");
    for stream in streams {
        stream.text().await.expect("it ends as a stream ends");
    }
    assert!(!answer.is_finished());
    body.send(REST.into()).await.expect("sent");
    drop(body);
    let answer = answer.await.expect("sent").expect("an answer");
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(server.wait().0, Some(0));
}

#[test]
fn told_a_second_time_it_ends_at_once() {
    let site = Site::new();
    let (server, address) = site.serve(&[]);
    let _held = half_a_request(address, &site.key);
    thread::sleep(Duration::from_millis(300));
    server.signal("TERM");
    let begun = Instant::now();
    while !server.log().contains("stopping") {
        assert!(begun.elapsed() < Duration::from_secs(5), "{}", server.log());
        thread::sleep(Duration::from_millis(10));
    }
    thread::sleep(Duration::from_millis(300));
    let begun = Instant::now();
    assert_eq!(server.terminate().0, Some(1));
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_too_long_is_told_and_streams_go_on() {
    let site = Site::new();
    let (server, address) = site.serve(&["--request-timeout", "1"]);
    let url = format!("http://{address}/api/v1");
    let http = reqwest::Client::new();
    let events = http.get(format!("{url}/events")).bearer_auth(&site.key).send().await;
    let mut events = events.expect("a stream");
    let first = events.chunk().await.expect("it goes on").expect("a first word");
    assert!(first.starts_with(b":"), "a comment, at once: {first:?}");
    let stream = half_a_request(address, &site.key);
    assert_eq!(head_of(&stream), "HTTP/1.1 503 Service Unavailable");
    let created = http
        .post(format!("{url}/api-keys"))
        .bearer_auth(&site.key)
        .json(&json!({"name": "Another", "scopes": ["partnerships:read"]}))
        .send()
        .await;
    assert_eq!(created.expect("an answer").status(), StatusCode::CREATED);
    let more = tokio::time::timeout(Duration::from_secs(2), events.chunk()).await;
    assert!(more.is_err(), "open, and nothing to tell yet: {more:?}");
    assert_eq!(server.terminate().0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_has_a_largest_size() {
    let site = Site::new();
    let (server, address) = site.serve(&[]);
    let http = reqwest::Client::new();
    let ask = async |length: usize| {
        let path = "x".repeat(length);
        http.get(format!("http://{address}/{path}")).send().await.expect("an answer").status()
    };
    assert_eq!(ask(8_000).await, StatusCode::NOT_FOUND);
    assert_eq!(ask(40_000).await, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert_eq!(server.terminate().0, Some(0));
}

#[test]
fn more_connections_than_allowed_wait_to_be_taken() {
    let site = Site::new();
    let (server, address) = site.serve(&["--max-connections", "2"]);
    let first = TcpStream::connect(address).expect("a connection");
    let _second = TcpStream::connect(address).expect("a connection");
    let mut third = TcpStream::connect(address).expect("the system takes it");
    third.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("sent");
    third.set_read_timeout(Some(Duration::from_millis(500))).expect("set");
    assert!(third.read(&mut [0; 1]).is_err(), "nobody answers yet");
    drop(first);
    third.set_read_timeout(Some(Duration::from_secs(10))).expect("set");
    assert_eq!(head_of(&third), "HTTP/1.1 200 OK");
    assert_eq!(server.terminate().0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_for_those_on_the_machine_or_at_their_own_address() {
    let site = Site::new();
    let http = reqwest::Client::new();
    let status = async |address: SocketAddr, path: &str, header: Option<&str>| {
        let mut request = http.get(format!("http://{address}{path}"));
        if let Some(header) = header {
            request = request.header(header, "127.0.0.1");
        }
        request.send().await.expect("an answer").status()
    };
    let (server, address) = site.serve(&[]);
    assert_eq!(status(address, "/metrics", None).await, StatusCode::OK);
    // A proxy on the same machine asks for somebody else.
    for header in ["Forwarded", "X-Forwarded-For"] {
        assert_eq!(status(address, "/metrics", Some(header)).await, StatusCode::NOT_FOUND);
    }
    assert_eq!(server.terminate().0, Some(0));

    let (server, address) = site.serve(&["--metrics-listen", "127.0.0.1:0"]);
    let apart = listening(&server, "listening for those who read the metrics");
    assert_eq!(status(address, "/metrics", None).await, StatusCode::NOT_FOUND);
    assert_eq!(status(apart, "/metrics", None).await, StatusCode::OK);
    assert_eq!(status(apart, "/readyz", None).await, StatusCode::OK);
    assert_eq!(status(apart, "/api/v1/me", None).await, StatusCode::NOT_FOUND);
    assert_eq!(server.terminate().0, Some(0));
}
