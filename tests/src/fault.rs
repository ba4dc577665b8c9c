use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::Instant,
};

use crate::World;

/// What is wrong between a client and its server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Nobody listens.
    Refused,
    /// The connection is accepted and nothing ever comes.
    Silent,
    /// Answers come, a few bytes at a time with long pauses.
    Slow,
    /// The connection is reset when so many bytes of an answer are missing.
    Reset(usize),
    /// The connection is closed in good order when so many bytes of an answer are missing.
    Cut(usize),
    /// Every connection is cut after so long, whatever flows.
    After(Duration),
    /// What comes of an answer is kept back until the answer is whole, as some proxies do.
    Kept,
    /// Somebody else answers, with these bytes.
    Answer(String),
}

impl Fault {
    /// An answer of somebody who is not the server.
    #[must_use]
    pub fn answer(status: &str, headers: &str, body: &str) -> Self {
        let length = body.len();
        Self::Answer(format!(
            "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        ))
    }
}

/// Stands between a client and a server, and lets things go wrong. One request a connection.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    fault: watch::Sender<Fault>,
    asked: Arc<Mutex<Vec<Instant>>>,
}

impl FaultProxy {
    /// In front of a world's server.
    pub async fn start(world: &World) -> Result<Self> {
        let server = world.server.as_ref().context("it runs")?.address();
        Self::before(server).await
    }

    /// In front of whoever listens there.
    pub async fn before(server: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (fault, _) = watch::channel(Fault::None);
        let asked = Arc::<Mutex<Vec<Instant>>>::default();
        tokio::spawn(listen(listener, server, fault.subscribe(), asked.clone()));
        Ok(Self { address, fault, asked })
    }

    /// Its origin.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on this is wrong, also with the connections that there are.
    pub fn set(&self, fault: Fault) {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.fault.send_replace(fault);
    }

    /// When requests came since the last fault began.
    #[must_use]
    pub fn asked(&self) -> Vec<Instant> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn listen(
    listener: TcpListener,
    server: SocketAddr,
    mut fault: watch::Receiver<Fault>,
    asked: Arc<Mutex<Vec<Instant>>>,
) -> Result<()> {
    let address = listener.local_addr()?;
    let mut listener = Some(listener);
    loop {
        if *fault.borrow_and_update() == Fault::Refused {
            listener = None;
        } else if listener.is_none() {
            listener = Some(TcpListener::bind(address).await?);
        }
        let Some(open) = &listener else {
            fault.changed().await?;
            continue;
        };
        tokio::select! {
            changed = fault.changed() => changed?,
            accepted = open.accept() => {
                let (client, _) = accepted?;
                let mut fault = fault.clone();
                let now = fault.borrow_and_update().clone();
                let asked = asked.clone();
                tokio::spawn(async move {
                    tokio::select! {
                        _ = pass(client, server, now, &asked) => {}
                        // What is open when a fault begins or ends does not outlive it.
                        _ = fault.changed() => {}
                    }
                });
            }
        }
    }
}

async fn pass(
    mut client: TcpStream,
    server: SocketAddr,
    fault: Fault,
    asked: &Mutex<Vec<Instant>>,
) -> Result<()> {
    let request = request(&mut client).await?;
    asked.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
    match fault {
        Fault::Silent | Fault::Refused => std::future::pending().await,
        Fault::Answer(answer) => {
            client.write_all(answer.as_bytes()).await?;
            Ok(client.shutdown().await?)
        }
        Fault::None => {
            let mut upstream = ask(server, &request).await?;
            tokio::io::copy(&mut upstream, &mut client).await?;
            Ok(())
        }
        Fault::After(long) => {
            let mut upstream = ask(server, &request).await?;
            let copy = tokio::io::copy(&mut upstream, &mut client);
            let _ = tokio::time::timeout(long, copy).await;
            Ok(client.shutdown().await?)
        }
        Fault::Kept => {
            let mut answer = Vec::new();
            let mut upstream = ask(server, &request).await?;
            // The head at once: it is accepted.
            while !answer.ends_with(b"\r\n\r\n") {
                answer.push(upstream.read_u8().await?);
            }
            client.write_all(&std::mem::take(&mut answer)).await?;
            upstream.read_to_end(&mut answer).await?;
            Ok(client.write_all(&answer).await?)
        }
        Fault::Slow => {
            let mut upstream = ask(server, &request).await?;
            let mut some = [0; 16];
            loop {
                let read = upstream.read(&mut some).await?;
                if read == 0 {
                    return Ok(());
                }
                client.write_all(some.get(..read).unwrap_or_default()).await?;
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
        Fault::Reset(missing) | Fault::Cut(missing) => {
            let mut answer = Vec::new();
            ask(server, &request).await?.read_to_end(&mut answer).await?;
            answer.truncate(answer.len().saturating_sub(missing));
            client.write_all(&answer).await?;
            if matches!(fault, Fault::Reset(_)) {
                client.set_zero_linger()?;
            }
            Ok(())
        }
    }
}

/// Sends a request on, as the only one of its connection.
async fn ask(server: SocketAddr, request: &[u8]) -> Result<TcpStream> {
    let line = request.windows(2).position(|two| two == b"\r\n").context("a request line")?;
    let (first, rest) = request.split_at(line);
    let mut upstream = TcpStream::connect(server).await?;
    upstream.write_all(&[first, b"\r\nConnection: close", rest].concat()).await?;
    Ok(upstream)
}

/// A whole request.
async fn request(client: &mut TcpStream) -> Result<Vec<u8>> {
    let mut request = Vec::new();
    loop {
        let head = request.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(head) = head {
            let text = String::from_utf8_lossy(&request[..head]).to_lowercase();
            let length: usize = text
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(Ok(0), str::parse)?;
            if request.len() >= head + 4 + length {
                return Ok(request);
            }
        }
        let mut buffer = [0; 4_096];
        let read = client.read(&mut buffer).await?;
        anyhow::ensure!(read > 0, "the client went away");
        request.extend_from_slice(&buffer[..read]);
    }
}
