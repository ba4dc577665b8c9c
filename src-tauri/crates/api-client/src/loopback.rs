//! Listens on loopback for the one redirect that ends a sign-in (RFC 8252, 7.3).

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
};
use url::Url;

use crate::LastPage;

/// The most bytes of a request that are read.
const MOST: usize = 16 * 1024;
/// The most time for one request: browsers also connect without asking for anything.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the browser brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Redirect {
    /// The provider's code.
    Code(String),
    /// The provider's reason, a code of RFC 6749, 4.1.2.1.
    Refused(String),
    /// An answer of another issuer.
    Mixed,
}

/// What is waited for, and what it is answered with.
#[derive(Debug)]
pub(crate) struct Awaited {
    pub(crate) path: &'static str,
    pub(crate) state: String,
    pub(crate) issuer: String,
    pub(crate) page: LastPage,
}

/// The redirect with the right `state`. Whatever else asks is told that there is nothing here and
/// does not end the waiting.
pub(crate) async fn first_redirect(listener: TcpListener, awaited: Awaited) -> Redirect {
    let awaited = Arc::new(awaited);
    let (told, mut hear) = mpsc::channel(1);
    // All of them end with this future.
    let mut visitors = JoinSet::new();
    loop {
        tokio::select! {
            Some(redirect) = hear.recv() => return redirect,
            Ok((stream, _)) = listener.accept() => {
                let (told, awaited) = (told.clone(), awaited.clone());
                visitors.spawn(async move {
                    let visit = visit(stream, &awaited);
                    if let Ok(Some(redirect)) = tokio::time::timeout(PATIENCE, visit).await {
                        let _ = told.send(redirect).await;
                    }
                });
            }
            Some(_) = visitors.join_next() => {}
        }
    }
}

/// Answers one request; what it brought, if it is the one that is waited for.
async fn visit(mut stream: TcpStream, awaited: &Awaited) -> Option<Redirect> {
    let Awaited { path, state, issuer, page } = awaited;
    let head = head(&mut stream).await?;
    let redirect = read(&head, path, state, issuer);
    let (status, language, text) = match &redirect {
        Some(Redirect::Code(_)) => ("200 OK", page.language.as_str(), page.signed_in.as_str()),
        Some(_) => ("200 OK", page.language.as_str(), page.not_signed_in.as_str()),
        None => ("404 Not Found", "en", "There is nothing here."),
    };
    let page = format!(
        "<!doctype html>\n<html lang=\"{language}\">\n<meta charset=\"utf-8\">\n<title>Entente</title>\n\
         <p>{text}</p>\n</html>\n"
    );
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
         Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n\
         Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n{page}",
        page.len()
    );
    // Who sees the page is told; who went away has the answer all the same.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
    redirect
}

/// The bytes up to the empty line.
async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut buffer = [0; 2048];
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        let read = stream.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
        head.extend_from_slice(buffer.get(..read)?);
        if head.len() > MOST {
            return None;
        }
    }
    String::from_utf8(head).ok()
}

/// Reads the request that is waited for; none for any other.
fn read(head: &str, path: &str, state: &str, issuer: &str) -> Option<Redirect> {
    let mut line = head.lines().next()?.split(' ');
    let (method, target) = (line.next()?, line.next()?);
    let url = Url::parse("http://127.0.0.1").ok()?.join(target).ok()?;
    if method != "GET" || url.path() != path {
        return None;
    }
    let mut query = HashMap::new();
    for (name, value) in url.query_pairs() {
        // Nothing is said twice (RFC 6749, 3.1).
        if query.insert(name, value).is_some() {
            return None;
        }
    }
    if query.get("state").map(AsRef::as_ref) != Some(state) {
        return None;
    }
    if query.get("iss").is_some_and(|said| said != issuer) {
        return Some(Redirect::Mixed);
    }
    match (query.remove("code"), query.remove("error")) {
        (Some(code), None) if !code.is_empty() => Some(Redirect::Code(code.into_owned())),
        (None, Some(error)) => Some(Redirect::Refused(plain(&error))),
        _ => None,
    }
}

/// A code that can be shown as it is.
fn plain(code: &str) -> String {
    let is_code = (1..=40).contains(&code.len())
        && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_code { code.to_owned() } else { "unknown".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATE: &str = "state-1";
    const ISSUER: &str = "https://login.example";

    fn read_target(target: &str) -> Option<Redirect> {
        let head = format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
        read(&head, "/callback", STATE, ISSUER)
    }

    #[test]
    fn only_the_answer_that_is_waited_for_is_read() {
        let code = |code: &str| Some(Redirect::Code(code.into()));
        assert_eq!(read_target("/callback?code=a%2Fb&state=state-1"), code("a/b"));
        let named = "/callback?code=c&state=state-1&iss=https%3A%2F%2Flogin.example";
        assert_eq!(read_target(named), code("c"));
        let other = "/callback?code=c&state=state-1&iss=https%3A%2F%2Fevil.example";
        assert_eq!(read_target(other), Some(Redirect::Mixed));
        let refused = "/callback?error=access_denied&error_description=No&state=state-1";
        assert_eq!(read_target(refused), Some(Redirect::Refused("access_denied".into())));
        let odd = "/callback?error=%3Cscript%3E&state=state-1";
        assert_eq!(read_target(odd), Some(Redirect::Refused("unknown".into())));
        for target in [
            "/",
            "/favicon.ico",
            "/callback",
            "/callback?code=c",
            "/callback?code=c&state=other",
            "/callback?code=c&state=",
            "/callback?code=&state=state-1",
            "/callback?state=state-1",
            "/callback?code=c&code=d&state=state-1",
            "/callback?code=c&error=e&state=state-1",
            "/callback/more?code=c&state=state-1",
            "//evil.example/callback2?code=c&state=state-1",
        ] {
            assert_eq!(read_target(target), None, "{target}");
        }
        let post = "POST /callback?code=c&state=state-1 HTTP/1.1\r\n\r\n";
        assert_eq!(read(post, "/callback", STATE, ISSUER), None);
        assert_eq!(read("", "/callback", STATE, ISSUER), None);
    }

    fn awaited() -> Awaited {
        Awaited {
            path: "/callback",
            state: STATE.into(),
            issuer: ISSUER.into(),
            page: LastPage {
                language: "de".into(),
                signed_in: "Schließe diesen Tab.".into(),
                not_signed_in: "Versuche es noch einmal.".into(),
            },
        }
    }

    async fn ask(address: std::net::SocketAddr, target: &str) -> String {
        let mut stream = TcpStream::connect(address).await.expect("connected");
        let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("asked");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("answered");
        answer
    }

    #[tokio::test]
    async fn strangers_and_silent_connections_do_not_end_the_waiting() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let waiting = tokio::spawn(first_redirect(listener, awaited()));
        let _silent = TcpStream::connect(address).await.expect("connected");
        for target in ["/favicon.ico", "/callback?code=forged&state=guess"] {
            let answer = ask(address, target).await;
            assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
        }
        let mut flood = TcpStream::connect(address).await.expect("connected");
        let _ = flood.write_all(&vec![b'x'; 2 * MOST]).await;
        assert!(!waiting.is_finished());
        let page = ask(address, "/callback?code=right&state=state-1").await;
        assert!(page.contains("<html lang=\"de\">"), "{page}");
        assert!(page.contains("Schließe diesen Tab."), "{page}");
        assert!(page.contains("default-src 'none'"), "{page}");
        assert_eq!(waiting.await.expect("done"), Redirect::Code("right".into()));
        assert!(TcpStream::connect(address).await.is_err(), "one redirect, and nobody listens");
    }
}
