//! Schemathesis, which makes up requests from the document that a server gives of itself, against
//! that server: as an Admin of the host, as one of a guest, as a member, as somebody with keys to
//! spare, and as an identity provider.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use entente_domain::WorkspaceRole;
use entente_server::{
    Config, DemoOptions, DemoUser, NewScimToken, Running, Server, WebhookConfig, add_scim_token,
    seed,
};
use entente_testkit::python_env;
use entente_tests::{Ground, on_both_engines, size, tell};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use tokio::task::spawn_blocking;

on_both_engines![what_is_made_up_from_the_document_is_answered_as_it_says];

/// Requests of one caller to some of the operations.
struct Round<'a> {
    name: &'static str,
    key: &'a SecretString,
    /// How operations are chosen.
    which: &'static [&'static str],
    settings: &'static str,
}

const API: &str = include_str!("schemathesis/api.toml");
const SCIM: &str = include_str!("schemathesis/scim.toml");

/// A key of the caller's could be revoked: that is for somebody with keys to spare. Event streams
/// have no end: the tests of the feed read them.
const ALL_BUT_KEYS: &[&str] =
    &["--exclude-tag=SCIM", "--exclude-operation-id=revokeApiKey", "--exclude-operation-id=events"];
const KEYS: &[&str] = &["--include-path-regex=/api-keys"];
const PROVIDERS: &[&str] = &["--include-tag=SCIM"];

async fn what_is_made_up_from_the_document_is_answered_as_it_says(ground: Ground) -> Result<()> {
    // Webhooks are made up too, and nothing is to reach whoever is there.
    let webhooks = WebhookConfig { patience: Duration::from_nanos(1), ..WebhookConfig::default() };
    let server = Server::start(Config { webhooks, ..ground.config() }).await?;
    let options = DemoOptions { story: true, partnerships: 30, seed: 7 };
    let facts = seed(&server, options).await?;
    let host = facts.workspaces.first().context("a host")?.id;
    let of = |is: &dyn Fn(&DemoUser) -> bool| facts.users.iter().find(|user| is(user));
    let admin = |user: &DemoUser| user.role == WorkspaceRole::Admin;
    let host_admin = of(&|user| user.workspace == host && admin(user)).context("an Admin")?;
    let owner = of(&|user| user.role == WorkspaceRole::Owner).context("an Owner")?;
    let member = of(&|user| user.workspace == host && user.role == WorkspaceRole::User)
        .context("a member")?;
    let guest = of(&|user| user.workspace != host && admin(user)).context("a guest's Admin")?;
    // Of a workspace of their own, so that they take nobody's key away.
    let managed = facts.workspaces.last().context("a guest")?.id;
    let highest_role = WorkspaceRole::Admin;
    let new = NewScimToken { workspace: managed, name: "Okta", highest_role, expires_at: None };
    let (_, token) = add_scim_token(server.store(), server.secret(), new, server.now()).await?;

    let round = |name, key, which| Round { name, key, which, settings: API };
    // Whoever may remove others comes last.
    let rounds = [
        Round { settings: SCIM, ..round("identity provider", &token, PROVIDERS) },
        round("Owner with keys to spare", &owner.key, KEYS),
        round("member", &member.key, ALL_BUT_KEYS),
        round("Admin of a guest", &guest.key, ALL_BUT_KEYS),
        round("Admin of the host", &host_admin.key, ALL_BUT_KEYS),
    ];
    let begun = Instant::now();
    // How many requests are made up for each operation and phase, and where chance begins.
    let examples = size("ENTENTE_SCHEMATHESIS_EXAMPLES", 5)?;
    let seed = size("ENTENTE_SEED", 1)?;
    for round in &rounds {
        round.run(&server, ground.path(), examples, seed).await.context(round.name)?;
    }
    let engine = format!("{:?}", server.store().engine()).to_lowercase();
    server.stop().await;
    tell(&json!({
        "check": "R5",
        "engine": engine,
        "seed": seed,
        "callers": rounds.len(),
        "examples for each operation and phase": examples,
        "seconds": begun.elapsed().as_secs_f64().round(),
    }))
}

impl Round<'_> {
    async fn run(
        &self,
        server: &Running,
        directory: &Path,
        examples: u64,
        seed: u64,
    ) -> Result<()> {
        let place = directory.join(self.name.replace(' ', "-"));
        fs::create_dir_all(&place)?;
        let settings = place.join("schemathesis.toml");
        let scenarios = (6 * examples).to_string();
        fs::write(&settings, self.settings.replace("SCENARIOS", &scenarios))?;
        let url = format!("{}/api/v1/openapi.json", server.url());
        let program: PathBuf = python_env()?.join("bin/schemathesis");
        let mut run = Command::new(program);
        run.arg("--config-file").arg(&settings).args(["run", &url]);
        run.arg("--max-examples").arg(examples.to_string());
        run.arg("--seed").arg(seed.to_string()).args(self.which);
        run.current_dir(&place).env("KEY", self.key.expose_secret()).stdin(Stdio::null());
        let output = spawn_blocking(move || run.output()).await?.context("Schemathesis")?;
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        println!("{}:\n{said}{errors}", self.name);
        ensure!(output.status.success(), "as {} something is not as the document says", self.name);
        self.was_let_in(server).await
    }

    /// Whoever is refused all along has tried nothing.
    async fn was_let_in(&self, server: &Running) -> Result<()> {
        let path = if self.which == PROVIDERS { "/scim/v2/Users" } else { "/api/v1/me" };
        let request = reqwest::Client::new().get(format!("{}{path}", server.url()));
        let answer = request.bearer_auth(self.key.expose_secret()).send().await?;
        ensure!(answer.status() == 200, "{} was not let in any more: {answer:?}", self.name);
        Ok(())
    }
}
