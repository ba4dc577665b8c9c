//! Servers that do not do as the API says: each is told apart, and nothing panics.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{net::SocketAddr, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Response, StatusCode, header},
    routing::{any, get},
};
use entente_api_client::{ApiError, Client, ClientOptions, EventStream, Outcome};
use entente_domain::{Action, PartnershipId};
use secrecy::SecretString;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn client(address: SocketAddr) -> Client {
    let options = ClientOptions {
        connect: Duration::from_secs(2),
        answer: Duration::from_millis(500),
        silence: Duration::from_millis(300),
        ..ClientOptions::default()
    };
    let address = format!("http://{address}").parse().expect("an address");
    Client::new(address, SecretString::from("ent_secret"), options).expect("a client")
}

/// A server that gives every request one answer.
async fn always(status: u16, headers: &'static [(&str, &str)], body: &'static str) -> Client {
    let answer = move || async move {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        response.body(Body::from(body)).expect("a response")
    };
    client(serve(Router::new().fallback(any(answer))).await)
}

const JSON: (&str, &str) = ("content-type", "application/json");
const HTML: (&str, &str) = ("content-type", "text/html; charset=utf-8");

#[tokio::test]
async fn each_misbehaviour_has_its_name() {
    let refusal = r#"{"errors":[{"code":"invalid_credentials","title":"t","detail":"Unknown key.","status":401,"meta":{}}]}"#;
    let limited = r#"{"errors":[{"code":"rate_limited","title":"t","detail":"Slow down.","status":429,"meta":{}}]}"#;
    let later = r#"{"errors":[{"code":"brand_new_code","title":"t","detail":"Something new.","status":409,"meta":{}}]}"#;
    for (status, headers, body, code, outcome) in [
        (200, &[HTML][..], "<html>Sign in to the Wi-Fi</html>", "not_entente", Outcome::Unknown),
        (200, &[JSON][..], "<html>", "not_entente", Outcome::Unknown),
        (200, &[JSON][..], "{\"data\": {\"id\": 7}}", "not_entente", Outcome::Unknown),
        (200, &[JSON][..], "", "not_entente", Outcome::Unknown),
        (200, &[][..], "{}", "not_entente", Outcome::Unknown),
        (404, &[HTML][..], "<html>404</html>", "not_entente", Outcome::Unknown),
        (403, &[JSON][..], "{\"message\": \"WAF\"}", "not_entente", Outcome::Unknown),
        (502, &[HTML][..], "<html>Bad gateway</html>", "server_fault", Outcome::Unknown),
        (500, &[JSON][..], "{\"errors\": []}", "server_fault", Outcome::Unknown),
        (401, &[JSON][..], refusal, "invalid_credentials", Outcome::NotDone),
        (429, &[JSON, ("retry-after", "7")][..], limited, "rate_limited", Outcome::NotDone),
        (429, &[HTML, ("retry-after", "7")][..], "<html>", "busy", Outcome::Unknown),
        (503, &[HTML, ("retry-after", "999999999")][..], "<html>", "busy", Outcome::Unknown),
        (503, &[HTML][..], "<html>", "busy", Outcome::Unknown),
        (302, &[("location", "https://evil.example/")][..], "", "redirected", Outcome::NotDone),
        (409, &[JSON][..], later, "unrecognized", Outcome::NotDone),
    ] {
        let error = always(status, headers, body).await.me().await.expect_err("it misbehaves");
        assert_eq!((error.code(), error.outcome()), (code, outcome), "{status} {body}");
        assert!(error.to_string().ends_with('.'), "a whole sentence: {error}");
        let asked = headers.iter().find(|(name, _)| *name == "retry-after");
        let wait = asked.map(|(_, text)| if text.len() > 3 { 300 } else { 7 });
        assert_eq!(error.retry_after(), wait.map(Duration::from_secs), "{status}");
    }
}

#[tokio::test]
async fn the_key_does_not_follow_a_redirect_nor_a_link() {
    let stranger = Router::new().fallback(any(async |headers: HeaderMap| {
        assert!(!headers.contains_key(header::AUTHORIZATION), "the key was given to a stranger");
        StatusCode::NO_CONTENT
    }));
    let stranger = serve(stranger).await;
    let to = format!("http://{stranger}/api/v1/me");
    let there = to.clone();
    let redirecting = Router::new().fallback(any(move || async move {
        (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, there)])
    }));
    let error = client(serve(redirecting).await).me().await.expect_err("it is not followed");
    assert!(error.to_string().contains(&format!("http://{stranger}")), "{error}");
    let own = always(200, &[JSON], "{}").await;
    let error = own.snapshot(Some(&to)).await.expect_err("it is not followed");
    assert_eq!(error.code(), "not_entente");
}

#[tokio::test]
async fn silence_ends_by_itself() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = silent.local_addr().expect("an address");
    let _open = tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((stream, _)) = silent.accept().await {
            kept.push(stream);
        }
    });
    let error = client(address).me().await.expect_err("no answer");
    assert_eq!((error.code(), error.outcome()), ("timed_out", Outcome::Unknown));

    let gone = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = gone.local_addr().expect("an address");
    drop(gone);
    let error = client(address).me().await.expect_err("no server");
    assert_eq!((error.code(), error.outcome()), ("unreachable", Outcome::NotDone));
}

#[tokio::test]
async fn a_write_cut_off_before_its_answer_is_of_unknown_outcome() {
    let cutting = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = cutting.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = cutting.accept().await {
            let mut buffer = [0; 4_096];
            let _ = stream.read(&mut buffer).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n").await;
        }
    });
    let id: PartnershipId = "01990000-0000-7000-8000-000000000001".parse().expect("an id");
    let done = client(address).act(Action::Approve, id, 1, &json!({}), "key").await;
    let error = done.expect_err("it was cut off");
    assert_eq!((error.code(), error.outcome()), ("interrupted", Outcome::Unknown));
}

#[tokio::test]
async fn a_stream_tells_changes_and_ends_with_an_error_on_anything_else() {
    let event = r#"{"op":"delete","type":"partnership","id":"x"}"#;
    let text = format!(
        ": hello\n\nevent: weather\ndata: rain\n\nid: c1\nevent: change\ndata: {event}\n\n\
         id: c2\nevent: change\ndata: nonsense\n\n"
    );
    let stream = Router::new().route(
        "/api/v1/events",
        get(move || async move { ([(header::CONTENT_TYPE, "text/event-stream")], text) }),
    );
    let client = client(serve(stream).await);
    let mut stream = client.events("c0").await.expect("a stream");
    let first = stream.next().await.expect("an event").expect("a change");
    assert_eq!((first.cursor.as_str(), first.change.id.as_str()), ("c1", "x"));
    let second = stream.next().await.expect("an event");
    assert!(matches!(second, Err(ApiError::NotEntente)), "{second:?}");
    assert!(stream.next().await.is_none(), "it is over");

    let page = always(200, &[HTML], "<html>").await;
    assert!(matches!(page.events("c0").await, Err(ApiError::NotEntente)));
}

#[tokio::test]
async fn a_stream_that_falls_silent_is_given_up() {
    let mut stream = silent_after(&[": hello\n\n"]).await.events("c0").await.expect("a stream");
    let told = tokio::time::timeout(Duration::from_secs(5), stream.next()).await;
    assert!(matches!(told, Ok(Some(Err(ApiError::Interrupted)))), "{told:?}");
}

#[tokio::test]
async fn a_stream_that_never_says_a_word_is_none() {
    let client = silent_after(&[]).await;
    let told = tokio::time::timeout(Duration::from_secs(10), client.events("c0")).await;
    let error = told.expect("it is given up").expect_err("no stream");
    assert!(["timed_out", "interrupted"].contains(&error.code()), "{error:?}");
    // Nor is one that ends before it began.
    let ended = always(200, &[("content-type", "text/event-stream")], "").await;
    assert!(matches!(ended.events("c0").await, Err(ApiError::Interrupted)));
}

/// A server whose event stream says some words and then nothing more.
async fn silent_after(words: &'static [&'static str]) -> Client {
    let answer = move || async move {
        let words = words.iter().map(|word| Ok::<_, std::io::Error>((*word).to_owned()));
        let words = futures_util::stream::iter(words);
        let silent = futures_util::StreamExt::chain(words, futures_util::stream::pending());
        ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(silent))
    };
    client(serve(Router::new().route("/api/v1/events", get(answer))).await)
}

#[tokio::test]
async fn what_has_no_end_is_given_up_before_it_fills_the_memory() {
    let endless =
        || futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>("x".repeat(64 * 1024)));
    let answer = move || async move { ([JSON], Body::from_stream(endless())) };
    let address = serve(Router::new().fallback(any(answer))).await;
    let options = ClientOptions { answer: Duration::from_secs(100), ..ClientOptions::default() };
    let address = format!("http://{address}").parse().expect("an address");
    let client = Client::new(address, SecretString::from("ent_secret"), options).expect("a client");
    let error = client.me().await.expect_err("it has no end");
    assert_eq!(error.code(), "not_entente");

    let begun = futures_util::stream::iter([Ok("id: c1\nevent: change\ndata: ".to_owned())]);
    let mut events = EventStream::of_bytes(futures_util::StreamExt::chain(begun, endless()));
    let told = events.next().await;
    assert!(matches!(told, Some(Err(ApiError::Interrupted))), "{told:?}");
}
