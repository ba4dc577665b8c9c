//! Single sign-on as an operator sets it up, and what it leaves behind.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use entente_testkit::OpenIdProvider;
use reqwest::{Client, StatusCode, Url};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{Running, lines, once, site::listening};

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

struct Office {
    directory: tempfile::TempDir,
    workspace: String,
    provider: OpenIdProvider,
}

impl Office {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let named = once(&["workspace", "create", "--name", "Globex"], directory.path());
        let workspace = lines(&named).concat();
        let provider = OpenIdProvider::start().expect("a provider");
        let office = Self { directory, workspace, provider };
        let user = ["user", "create", "--email", "uma@globex.example", "--name", "Uma Castillo"];
        assert!(office.run(&user).is_ok());
        office
    }

    /// Runs a command for the workspace; what it says.
    fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let which = ["--workspace", &self.workspace];
        let output = once(&[arguments, &which].concat(), self.directory.path());
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }

    fn set(&self, issuer: &str, domain: &str) -> Result<String, String> {
        let set = ["sso", "set", "--issuer", issuer, "--client-id", "entente", "--domain", domain];
        self.run(&set)
    }
}

async fn post(url: &str, path: &str, body: &Value) -> (StatusCode, Value) {
    let request = Client::new().post(format!("{url}/api/v1/auth/{path}")).json(body);
    let answer = request.send().await.expect("an answer");
    let status = answer.status();
    (status, answer.json().await.unwrap_or_default())
}

#[test]
fn an_operator_is_told_what_is_wrong_with_a_provider() {
    let office = Office::new();
    let issuer = office.provider.issuer();
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let nowhere = format!("http://{}", nowhere.local_addr().expect("an address"));
    for (issuer, domain, said) in [
        ("http://login.globex.example", "globex.example", "https://"),
        ("https://login.globex.example?x=1", "globex.example", "https://"),
        ("login.globex.example", "globex.example", "https://"),
        (nowhere.as_str(), "globex.example", "does not answer"),
        (&format!("{issuer}/"), "globex.example", "another issuer"),
        (issuer, "globex", "is not the domain"),
        (issuer, "a@globex.example", "is not the domain"),
    ] {
        let told = office.set(issuer, domain).expect_err("it cannot be set");
        assert!(told.contains(said), "{issuer} {domain}: {told}");
        assert!(!told.contains("panicked"), "{told}");
    }
    assert!(office.run(&["sso", "show"]).expect_err("there is none").contains("no single sign-on"));
    assert!(office.run(&["sso", "remove"]).expect_err("there is none").contains("no single"));

    office.set(issuer, "Globex.example").expect("set");
    let shown = office.run(&["sso", "show"]).expect("shown");
    assert!(shown.contains(&format!("issuer = {issuer:?}")), "{shown}");
    assert!(shown.contains("domains = [\"globex.example\"]"), "{shown}");
    assert!(shown.contains("client-secret = (none)"), "{shown}");
    let file = office.directory.path().join("client-secret");
    std::fs::write(&file, "hush\n").expect("written");
    let file = file.to_string_lossy();
    let again = ["sso", "set", "--issuer", issuer, "--client-id", "confidential"];
    let again = [&again[..], &["--domain", "globex.example", "--client-secret-file", &file]];
    office.run(&again.concat()).expect("set");
    let shown = office.run(&["sso", "show"]).expect("shown");
    assert!(shown.contains("client-secret = (sealed)") && !shown.contains("hush"), "{shown}");

    let other = once(&["workspace", "create", "--name", "Initech"], office.directory.path());
    let other = lines(&other).concat();
    let set = ["sso", "set", "--issuer", issuer, "--client-id", "entente", "--domain"];
    let other = [&set[..], &["globex.example", "--workspace", &other]].concat();
    let told = once(&other, office.directory.path());
    let told = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(told.contains("served by the provider of another workspace"), "{told}");
    office.run(&["sso", "remove"]).expect("removed");
    assert!(office.run(&["sso", "show"]).is_err());
    assert!(once(&other, office.directory.path()).status.success(), "the domain is free again");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_is_in_the_log_nor_in_the_database() {
    let office = Office::new();
    office.set(office.provider.issuer(), "globex.example").expect("set");
    let data = office.directory.path().to_string_lossy().into_owned();
    let serve = ["serve", "--data", &data, "--listen", "127.0.0.1:0", "--log-format", "json"];
    // All that this program and what it is made of can say.
    let server = Running::start_with(&serve, &[("ENTENTE_LOG", "trace")]);
    let url = format!("http://{}", listening(&server, "listening"));

    let (status, found) = post(&url, "sso", &json!({"address": "uma@globex.example"})).await;
    assert_eq!(status, StatusCode::OK, "{found}");
    let about = &found["data"]["attributes"];
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let mut browse = Url::parse(&text(&about["authorizationEndpoint"])).expect("an address");
    let challenge = BASE64.encode(Sha256::digest(VERIFIER));
    browse.query_pairs_mut().extend_pairs([
        ("response_type", "code"),
        ("client_id", &text(&about["clientId"])),
        ("scope", &text(&about["scope"])),
        ("redirect_uri", "http://127.0.0.1:1/callback"),
        ("state", "a-state"),
        ("nonce", "a-nonce-of-its-own"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
        ("prompt", "consent"),
    ]);
    let mut grant = json!({
        "grantType": "authorization_code",
        "providerId": found["data"]["id"],
        "codeVerifier": VERIFIER,
        "redirectUri": "http://127.0.0.1:1/callback",
        "nonce": "a-nonce-of-its-own",
    });
    let mut secrets = vec![VERIFIER.to_owned(), "a-nonce-of-its-own".into()];
    let mut newest = Value::Null;
    for who in ["olivia", "uma"] {
        let back = office.provider.sign_in(browse.as_str(), who).expect("signed in");
        let back = Url::parse(&back).expect("an address");
        let code = back.query_pairs().find(|(name, _)| name == "code").expect("a code").1;
        grant["code"] = json!(code);
        secrets.push(code.into_owned());
        let (status, answer) = post(&url, "token", &grant).await;
        let told = if who == "uma" { StatusCode::OK } else { StatusCode::FORBIDDEN };
        assert_eq!(status, told, "{answer}");
        newest = answer;
    }
    for _ in 0..2 {
        let tokens = &newest["data"]["attributes"];
        let refresh = text(&tokens["refreshToken"]);
        let access = text(&tokens["accessToken"]);
        let me = Client::new().get(format!("{url}/api/v1/me")).bearer_auth(&access);
        assert_eq!(me.send().await.expect("an answer").status(), StatusCode::OK);
        let body = json!({"grantType": "refresh_token", "refreshToken": refresh});
        let halves = refresh.trim_start_matches("entente_refresh_").to_owned();
        secrets.extend([halves[..43].to_owned(), halves[43..].to_owned()]);
        secrets.push(access.trim_start_matches("entente_access_").to_owned());
        newest = post(&url, "token", &body).await.1;
    }
    // Also what is asked for wrongly stays between the two.
    let wrong = json!({"grantType": "refresh_token", "refreshToken": "entente_refresh_wrong-one"});
    assert_eq!(post(&url, "token", &wrong).await.0, StatusCode::UNAUTHORIZED);
    secrets.push("entente_refresh_wrong-one".into());
    let token = &newest["data"]["attributes"]["refreshToken"];
    secrets.push(text(token));
    assert_eq!(post(&url, "revoke", &json!({"token": token})).await.0, StatusCode::NO_CONTENT);
    let given = office.provider.given().expect("what it gave");
    // A code, and an access, a refresh and an ID token for each sign-in; three for each refresh.
    assert_eq!(given.len(), 2 * 4 + 2 * 3);
    secrets.extend(given);

    let log = server.end();
    assert!(log.contains("signed in") && log.contains("signed out"), "{log}");
    let mut stored = Vec::new();
    for entry in std::fs::read_dir(&data).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.to_string_lossy().contains("entente.db") {
            stored.extend(std::fs::read(path).expect("a file"));
        }
    }
    let stored = String::from_utf8_lossy(&stored);
    assert!(stored.contains("uma@globex.example"), "this is the database");
    for secret in &secrets {
        assert!(!log.contains(secret.as_str()), "{secret} is in the log: {log}");
        assert!(!stored.contains(secret.as_str()), "{secret} is in the database");
    }
    for address in ["uma@globex.example", "olivia@globex.example"] {
        assert!(!log.to_lowercase().contains(address), "{address} is in the log");
    }

    // What came of it can be undone.
    let unbind = ["sso", "unbind", "--user", "uma@globex.example"];
    assert!(once(&unbind, office.directory.path()).status.success());
    let again = once(&unbind, office.directory.path());
    assert!(String::from_utf8_lossy(&again.stderr).contains("has not signed in"));
}
