//! A certified OpenID provider, on loopback.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// The provider, with accounts that `tests/fixtures/oidc/provider.js` names. It ends when this is
/// dropped, and when the process that started it ends.
#[derive(Debug)]
pub struct OpenIdProvider {
    issuer: String,
    control: String,
    process: Child,
}

impl OpenIdProvider {
    /// Starts it on a free port; installs it before, if nobody has.
    pub fn start() -> Result<Self> {
        let folder = install_openid_provider()?;
        let mut process = Command::new("node")
            .arg("provider.js")
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("node could not be started")?;
        let mut line = String::new();
        let said = process.stdout.take().context("it says nothing")?;
        BufReader::new(said).read_line(&mut line)?;
        let line: Value = serde_json::from_str(&line).context("the provider did not start")?;
        let text = |name: &str| line[name].as_str().map(str::to_owned).context("no address");
        Ok(Self { issuer: text("issuer")?, control: text("control")?, process })
    }

    /// Its issuer identifier, which is also where it listens.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Goes to an address of it as somebody at a browser would, signs in and consents; where it then
    /// sends the browser.
    pub fn sign_in(&self, url: &str, account: &str) -> Result<String> {
        let mut cookies = BTreeMap::new();
        let mut url = url.to_owned();
        for _ in 0..12 {
            let answer = ask("GET", &url, &mut cookies, "")?;
            let answer = if answer.leads_to.is_some() {
                answer
            } else if answer.body.contains("name=\"login\"") {
                let form = format!("prompt=login&login={account}&password=any");
                ask("POST", &url, &mut cookies, &form)?
            } else {
                ask("POST", &url, &mut cookies, "prompt=consent")?
            };
            let next = answer.leads_to.with_context(|| format!("no way on: {}", answer.body))?;
            if next.contains("/callback?") {
                return Ok(next);
            }
            url = if next.starts_with('/') { format!("{}{next}", self.issuer) } else { next };
        }
        bail!("the provider sends the browser in circles")
    }

    /// Lets an account in no more.
    pub fn disable(&self, account: &str) -> Result<()> {
        self.order(&format!("disable/{account}")).map(drop)
    }

    /// Lets an account in again.
    pub fn enable(&self, account: &str) -> Result<()> {
        self.order(&format!("enable/{account}")).map(drop)
    }

    /// Signs with a new key from now on; the old one is gone.
    pub fn rotate_keys(&self) -> Result<()> {
        self.order("rotate-keys").map(drop)
    }

    /// Puts the mail address into ID tokens from now on.
    pub fn put_claims_in_tokens(&self) -> Result<()> {
        self.order("claims-in-tokens").map(drop)
    }

    /// Moves its clock forward.
    pub fn pass(&self, by: Duration) -> Result<()> {
        self.order(&format!("pass/{}", by.as_secs())).map(drop)
    }

    /// Refuses all connections; what it knows stays.
    pub fn go_down(&self) -> Result<()> {
        self.order("down").map(drop)
    }

    /// Answers again.
    pub fn come_up(&self) -> Result<()> {
        self.order("up").map(drop)
    }

    /// How many refresh tokens it has taken.
    pub fn refreshes(&self) -> Result<u64> {
        self.order("refreshes")?.as_u64().context("a number")
    }

    /// All codes and tokens that it has given.
    pub fn given(&self) -> Result<Vec<String>> {
        Ok(serde_json::from_value(self.order("given")?)?)
    }

    fn order(&self, order: &str) -> Result<Value> {
        let url = format!("{}/{order}", self.control);
        let answer = ask("POST", &url, &mut BTreeMap::new(), "")?;
        serde_json::from_str(&answer.body).with_context(|| format!("it did not {order}"))
    }
}

struct Answer {
    leads_to: Option<String>,
    body: String,
}

/// Sends one request over a connection of its own, with cookies.
fn ask(
    method: &str,
    url: &str,
    cookies: &mut BTreeMap<String, String>,
    form: &str,
) -> Result<Answer> {
    let rest = url.strip_prefix("http://").context("a provider on loopback")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let sent: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let request = format!(
        "{method} /{path} HTTP/1.0\r\nHost: {host}\r\nCookie: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        sent.join("; "),
        form.len(),
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("an answer")?;
    let mut leads_to = None;
    for line in head.lines() {
        let Some((name, value)) = line.split_once(": ") else { continue };
        match name.to_ascii_lowercase().as_str() {
            "location" => leads_to = Some(value.to_owned()),
            "set-cookie" => {
                let pair = value.split(';').next().unwrap_or_default();
                let (name, value) = pair.split_once('=').context("a cookie")?;
                cookies.insert(name.to_owned(), value.to_owned());
            }
            _ => {}
        }
    }
    Ok(Answer { leads_to, body: body.to_owned() })
}

impl Drop for OpenIdProvider {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Installs what `tests/fixtures/oidc/package-lock.json` names, unless it is there; the folder.
pub fn install_openid_provider() -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(3).context("the project")?;
    let folder = root.join("tests/fixtures/oidc");
    let wanted = fs::read(folder.join("package-lock.json"))?;
    let stamp = folder.join("node_modules/.entente-installed");
    let is_there = || fs::read(&stamp).is_ok_and(|found| found == wanted);
    if is_there() {
        return Ok(folder);
    }
    // One of the tests' processes installs, the others wait for it.
    let lock = fs::File::options().write(true).open(folder.join("package-lock.json"))?;
    lock.lock()?;
    if !is_there() {
        let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
        let done = Command::new(npm)
            .args(["ci", "--no-audit", "--no-fund", "--loglevel=error"])
            .current_dir(&folder)
            .output()
            .context("npm could not be started; install Node 20 or newer")?;
        if !done.status.success() {
            bail!("the tests' OpenID provider: {}", String::from_utf8_lossy(&done.stderr).trim());
        }
        fs::write(&stamp, &wanted)?;
    }
    Ok(folder)
}
