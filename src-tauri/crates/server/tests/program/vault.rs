//! Accounts, and the keys that seal their credentials.

use std::{
    fs,
    io::Write as _,
    process::{Command, Output, Stdio},
};

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::{PROGRAM, lines, once, site::Site};

/// Runs the program on a site with something to read on its standard input.
fn typed(site: &Site, arguments: &[&str], text: &str) -> Output {
    let mut child = Command::new(PROGRAM)
        .args(arguments)
        .arg("--data")
        .arg(site.path("data"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    child.stdin.take().expect("its input").write_all(text.as_bytes()).expect("written");
    child.wait_with_output().expect("it ends")
}

async fn get(address: std::net::SocketAddr, key: &str, path: &str) -> (StatusCode, Value) {
    let request = Client::new().get(format!("http://{address}/api/v1{path}")).bearer_auth(key);
    let answer = request.send().await.expect("an answer");
    (answer.status(), answer.json().await.expect("JSON"))
}

/// An account with a credential, and its id.
fn account(site: &Site, password: &str) -> String {
    let create = [
        ["account", "create", "--workspace", &site.workspace, "--owner", "ana@globex.example"],
        ["--application", "Mailchimp", "--label", "EMEA", "--url", "https://mailchimp.example"],
    ];
    let created = typed(site, &create.concat(), &format!("ana\n{password}\n"));
    lines(&created).concat()
}

async fn password(address: std::net::SocketAddr, site: &Site, account: &str) -> Option<String> {
    let path = format!("/accounts/{account}/secrets?filter[secretType]=password");
    let (_, found) = get(address, &site.key, &path).await;
    Some(found["data"][0]["attributes"]["value"].as_str()?.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_changed_while_a_server_opens_and_seals() {
    let site = Site::new();
    let first = account(&site, "hunter2");
    let (server, address) = site.serve(&["--key-rate", "0"]);
    assert_eq!(password(address, &site, &first).await.as_deref(), Some("hunter2"));
    // An answer that shows a key once is kept sealed too, for who asks again.
    let make_key = async || {
        let request = Client::new().post(format!("http://{address}/api/v1/api-keys"));
        let request = request.bearer_auth(&site.key).header("Idempotency-Key", "once");
        let body = json!({"name": "Another", "scopes": ["partnerships:read"]});
        let answer = request.json(&body).send().await.expect("an answer");
        answer.json::<Value>().await.expect("JSON")
    };
    let made = make_key().await;
    let before = fs::read_to_string(site.path("data/vault.keys")).expect("keys");
    let rotate = ["vault", "rotate", "--wait-seconds", "0"];
    assert!(lines(&once(&rotate, &site.path("data"))).join("\n").contains("3 sealed again"));
    assert_eq!(make_key().await, made);
    let after = fs::read_to_string(site.path("data/vault.keys")).expect("keys");
    assert_eq!(after.lines().count(), 1);
    assert_ne!(before, after);
    assert_eq!(password(address, &site, &first).await.as_deref(), Some("hunter2"));
    let set = ["account", "set-secret", "--account", &first, "--type", "password"];
    assert!(typed(&site, &set, "correct horse\n").status.success());
    assert_eq!(password(address, &site, &first).await.as_deref(), Some("correct horse"));
    let status = lines(&once(&["vault", "status"], &site.path("data")));
    assert_eq!(status.len(), 1);
    assert!(status[0].contains("seals and opens; has sealed 3"), "{status:?}");
    assert_eq!(server.terminate().0, Some(0));
}

#[test]
fn a_key_is_brought_to_every_machine_before_it_seals() {
    let site = Site::new();
    account(&site, "hunter2");
    let data = site.path("data");
    let keys = || fs::read_to_string(data.join("vault.keys")).expect("keys").lines().count();
    assert!(once(&["vault", "prepare"], &data).status.success());
    assert!(once(&["vault", "prepare"], &data).status.success());
    assert_eq!(keys(), 2, "one is prepared, however often it is asked for");
    let kept = lines(&once(&["vault", "rotate", "--keep-old"], &data)).join("\n");
    assert!(kept.contains("2 sealed again"), "{kept}");
    assert_eq!(keys(), 2);
    let rest = lines(&once(&["vault", "reseal", "--wait-seconds", "0"], &data)).join("\n");
    assert!(rest.contains("0 sealed again"), "{rest}");
    assert_eq!(keys(), 1);
}

#[test]
fn no_key_is_dropped_while_something_cannot_be_opened() {
    let site = Site::new();
    let id = account(&site, "hunter2");
    let data = site.path("data");
    let lost = fs::read_to_string(data.join("vault.keys")).expect("keys");
    fs::remove_file(data.join("vault.keys")).expect("removed");
    let rotate = ["vault", "rotate", "--wait-seconds", "0"];
    let refused = once(&rotate, &data);
    assert!(!refused.status.success());
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains(&format!("secret/{id}")) && told.contains("is missing"), "{told}");
    let status = once(&["vault", "status"], &data);
    assert!(!status.status.success());
    assert!(String::from_utf8_lossy(&status.stdout).contains("cannot be opened without it"));
    // With the lost key put back all can go on.
    let mut keys = fs::read_to_string(data.join("vault.keys")).expect("keys");
    keys.insert_str(0, &lost);
    fs::write(data.join("vault.keys"), keys).expect("written");
    assert!(once(&rotate, &data).status.success());
    assert!(once(&["vault", "status"], &data).status.success());
}

#[test]
fn credentials_come_from_files_or_standard_input_and_nothing_else() {
    let site = Site::new();
    let file = |name: &str, text: &str| {
        fs::write(site.path(name), text).expect("written");
        site.path(name).to_string_lossy().into_owned()
    };
    let (user, secret) = (file("user", "ana\n"), file("secret", "hunter2\n"));
    let create = |url: &str, owner: &str, text: &str, files: &[&str]| {
        let begin = [
            ["account", "create", "--workspace", &site.workspace, "--owner", owner],
            ["--application", "Mailchimp", "--label", "EMEA", "--url", url],
        ];
        typed(&site, &[&begin.concat()[..], files].concat(), text)
    };
    let (url, owner) = ("https://mailchimp.example", "ana@globex.example");
    let files = ["--username-file", &user, "--password-file", &secret];
    assert!(create(url, owner, "", &files).status.success());
    for (url, owner, text, files, said) in [
        ("http://mailchimp.example", owner, "a\nb\n", &[][..], "must begin with https://"),
        (url, "eva@globex.example", "a\nb\n", &[], "no user with the address"),
        (url, owner, "a\n", &[], "the password is empty"),
        (url, owner, "", &["--username-file", &user], "--password-file"),
        (url, owner, "", &["--password", "hunter2"], "unexpected argument"),
    ] {
        let refused = create(url, owner, text, files);
        assert!(!refused.status.success());
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(told.contains(said), "{said}: {told}");
    }
}

#[tokio::test]
async fn a_workspace_can_narrow_who_sends_requests() {
    let site = Site::new();
    let data = site.path("data");
    let user = ["user", "create", "--workspace", &site.workspace, "--email", "eva@globex.example"];
    let user = [&user[..], &["--name", "Eva Berg", "--role", "login_only"]].concat();
    assert!(once(&user, &data).status.success());
    let key = lines(&once(&["key", "create", "--user", "eva@globex.example"], &data)).remove(1);
    let (server, address) = site.serve(&[]);
    let may_send = async || {
        let (_, me) = get(address, &key, "/me").await;
        let actions = me["data"]["meta"]["allowedActions"].as_array().expect("actions").clone();
        actions.contains(&"send_request".into())
    };
    assert!(may_send().await);
    let set = ["workspace", "set", "--workspace", &site.workspace, "--send-policy"];
    assert!(once(&[&set[..], &["users_and_above"]].concat(), &data).status.success());
    assert!(!may_send().await);
    assert!(once(&[&set[..], &["any_role"]].concat(), &data).status.success());
    assert!(may_send().await);
    let unknown = ["workspace", "set", "--workspace", "01990000-0000-7000-8000-000000000000"];
    let unknown = once(&[&unknown[..], &["--send-policy", "any_role"]].concat(), &data);
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("there is no workspace"));
    assert_eq!(server.terminate().0, Some(0));
}
