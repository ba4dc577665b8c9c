//! Whoever distributes the program: a key to sign with, and a place with the newest version.

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex},
};

use anyhow::{Context as _, Result, ensure};
use entente_tests::Authority;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::TcpListener,
    process::Command,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};

const MANIFEST: &str = "/latest.json";
const PACKAGE: &str = "/package";

/// A place for newer versions, over TLS.
pub struct Publisher {
    address: SocketAddr,
    served: Arc<Mutex<Served>>,
}

#[derive(Default)]
struct Served {
    files: BTreeMap<&'static str, Arc<Vec<u8>>>,
    /// Each request's lines, without the empty one.
    requests: Vec<Vec<String>>,
}

/// A key to sign with.
pub struct Signer {
    key: PathBuf,
}

impl Publisher {
    pub async fn start(authority: &Authority) -> Result<Self> {
        let files = &authority.server;
        let chain = vec![CertificateDer::from_pem_file(&files.certificate)?];
        let key = PrivateKeyDer::from_pem_file(&files.key)?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let served = Arc::new(Mutex::new(Served::default()));
        let answering = served.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, served) = (acceptor.clone(), answering.clone());
                tokio::spawn(async move {
                    // Who does not trust the certificate asks for nothing.
                    let Ok(stream) = acceptor.accept(stream).await else { return Ok(()) };
                    answer(stream, &served).await
                });
            }
        });
        Ok(Self { address, served })
    }

    /// What the program's configuration gets of it.
    pub fn place(&self, signer: &Signer) -> Result<Value> {
        let endpoint = format!("https://{}{MANIFEST}", self.address);
        let pubkey = signer.public()?;
        Ok(json!({"endpoints": [endpoint], "pubkey": pubkey, "requireSignedVersion": true}))
    }

    /// Publishes a version for one kind of package.
    pub fn publish(&self, version: &str, kind: &str, package: &[u8], signature: &str) {
        let url = format!("https://{}{PACKAGE}", self.address);
        let platform = format!("linux-{}{kind}", std::env::consts::ARCH);
        let platforms = json!({platform: {"url": url, "signature": signature}});
        let manifest = json!({"version": version, "platforms": platforms}).to_string();
        let mut served = self.served();
        served.files.insert(MANIFEST, Arc::new(manifest.into_bytes()));
        served.files.insert(PACKAGE, Arc::new(package.to_vec()));
    }

    /// What was asked for, by its path.
    pub fn asked(&self) -> Vec<String> {
        let served = self.served();
        let paths = served.requests.iter().filter_map(|lines| lines.first()?.split(' ').nth(1));
        paths.map(str::to_owned).collect()
    }

    /// The names of all headers that were sent, and what the program called itself.
    pub fn told(&self) -> (Vec<String>, Vec<String>) {
        let served = self.served();
        let headers = served.requests.iter().flat_map(|lines| lines.iter().skip(1));
        let headers = headers.filter_map(|line| line.split_once(": "));
        let (mut names, mut agents) = (Vec::new(), Vec::new());
        for (name, value) in headers {
            let name = name.to_ascii_lowercase();
            if name == "user-agent" {
                agents.push(value.to_owned());
            }
            names.push(name);
        }
        for list in [&mut names, &mut agents] {
            list.sort_unstable();
            list.dedup();
        }
        (names, agents)
    }

    fn served(&self) -> std::sync::MutexGuard<'_, Served> {
        self.served.lock().expect("nobody panicked")
    }
}

async fn answer(stream: impl AsyncRead + AsyncWrite + Unpin, served: &Mutex<Served>) -> Result<()> {
    let mut stream = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        ensure!(stream.read_line(&mut line).await? > 0, "a request that ends early");
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let path = lines.first().and_then(|line| line.split(' ').nth(1)).context("a path")?.to_owned();
    let file = {
        let mut served = served.lock().expect("nobody panicked");
        served.requests.push(lines);
        served.files.get(path.as_str()).cloned()
    };
    let (status, body) = match &file {
        Some(body) => ("200 OK", body.as_slice()),
        None => ("404 Not Found", b"".as_slice()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    Ok(stream.shutdown().await?)
}

impl Signer {
    /// Makes a pair of keys in a directory.
    pub async fn new(directory: &Path, name: &str) -> Result<Self> {
        let key = directory.join(name);
        let path = key.to_string_lossy();
        tauri(&["generate", "--ci", "--password", "", "--write-keys", &path]).await?;
        Ok(Self { key })
    }

    fn public(&self) -> Result<String> {
        Ok(fs::read_to_string(self.key.with_extension("pub"))?)
    }

    /// Signs a package of a version; gives the signature.
    pub async fn sign(&self, package: &Path, version: &str) -> Result<String> {
        let (key, path) = (self.key.to_string_lossy(), package.to_string_lossy());
        let key = ["--private-key-path", &key, "--password", "", "--app-version", version];
        tauri(&[&["sign"], &key[..], &[&path]].concat()).await?;
        let signature = format!("{path}.sig");
        let text = fs::read_to_string(&signature)?;
        fs::remove_file(signature)?;
        Ok(text)
    }
}

/// Tauri's own signer, with which packages are signed, too.
async fn tauri(arguments: &[&str]) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut signer = Command::new("node");
    signer.arg(root.join("ui/node_modules/@tauri-apps/cli/tauri.js")).arg("signer");
    let signed = signer.args(arguments).stdin(Stdio::null()).output().await?;
    ensure!(signed.status.success(), "{}", String::from_utf8_lossy(&signed.stderr));
    Ok(())
}
