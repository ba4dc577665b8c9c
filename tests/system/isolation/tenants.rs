//! Two tenants: one that asks, and one whose things it asks for.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use entente_domain::{TermsFacts, WorkspaceRole};
use entente_server::{Config, NewScimToken, Running, Server, WebhookConfig, add_scim_token};
use entente_tests::{
    Ground,
    dump::Tables,
    scene::{Office, Scene, Situation},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use uuid::Uuid;

/// What all texts of the other tenant have in them.
pub const MARK: &str = "qzxanadu";

/// Who asks: everybody of the one tenant who can.
const ASKING: &[Office] = &[
    Office::HostAdmin,
    Office::HostUser,
    Office::HostGuestUser,
    Office::Both,
    Office::PartnershipOwner,
    Office::AccountOwner,
    Office::GuestAdmin,
    Office::GuestUser,
    Office::Manager,
    Office::Collaborator,
    Office::Stranger,
];

pub struct Tenants {
    pub server: Running,
    pub http: reqwest::Client,
    /// The one that asks.
    pub own: Scene,
    /// The one whose things are asked for.
    pub theirs: Scene,
    /// The tokens of an identity provider of either.
    pub own_scim: SecretString,
    pub their_scim: SecretString,
    /// A webhook of the other one.
    pub webhook: String,
}

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub kind: String,
    pub etag: String,
    pub text: String,
}

impl Answer {
    fn body(&self) -> Result<Value> {
        serde_json::from_str(&self.text).with_context(|| self.text.clone())
    }
}

impl Tenants {
    pub async fn make(ground: &Ground) -> Result<Self> {
        let webhooks =
            WebhookConfig { allow_http: true, allow_private: true, ..WebhookConfig::default() };
        let server = Server::start(Config { webhooks, ..ground.config() }).await?;
        let terms = TermsFacts { version: "1".into(), hash: "1".into() };
        let requested = Situation::ALL.iter().find(|one| one.name == "access requested");
        let situation = *requested.context("a situation")?;
        let own = Scene::build(&server, &terms, situation).await?;
        let theirs = Scene::build(&server, &terms, situation).await?;
        let mut tokens = Vec::new();
        for scene in [&own, &theirs] {
            let (workspace, highest_role) = (scene.host.id, WorkspaceRole::Admin);
            let new = NewScimToken { workspace, name: "Okta", highest_role, expires_at: None };
            let made = add_scim_token(server.store(), server.secret(), new, server.now()).await?;
            tokens.push(made.1);
        }
        let (their_scim, own_scim) =
            (tokens.pop().context("a token")?, tokens.pop().context("a token")?);
        let http = reqwest::Client::new();
        let webhook = String::new();
        let mut tenants = Self { server, http, own, theirs, own_scim, their_scim, webhook };
        tenants.mark().await?;
        for scene in [&tenants.own, &tenants.theirs] {
            let admin = scene.someone(Office::HostAdmin).key.expose_secret();
            let body = json!({"url": format!("http://127.0.0.1:9/{}", scene.host.slug)});
            let added = tenants.send("POST", "/webhooks", admin, Some(&body)).await?;
            ensure!(added.status == 201, "{added:?}");
            tenants.webhook = added.body()?["data"]["id"].as_str().context("an id")?.to_owned();
        }
        // Something for either to be told of.
        for scene in [&tenants.own, &tenants.theirs] {
            let owner = scene.someone(Office::AccountOwner).key.expose_secret();
            let path = format!("/access-requests/{}/decline", scene.request);
            let declined = tenants.send("POST", &path, owner, Some(&json!({}))).await?;
            ensure!(declined.status == 200, "{declined:?}");
        }
        Ok(tenants)
    }

    /// Puts the mark into every text of the other tenant.
    async fn mark(&self) -> Result<()> {
        let Scene { host, guest, elsewhere, .. } = &self.theirs;
        let these = format!("('{}', '{}', '{}')", host.id, guest.id, elsewhere.id);
        let statements = [
            format!(
                "UPDATE workspaces SET name = '{MARK} ' || name, \
                 folded_name = '{MARK} ' || folded_name WHERE id IN {these}"
            ),
            format!(
                "UPDATE users SET name = '{MARK} ' || name, folded_name = '{MARK} ' || folded_name \
                 WHERE workspace_id IN {these}"
            ),
            format!(
                "UPDATE partnerships SET reason = '{MARK} reason', \
                 partner_email = '{MARK}@b.example', folded_email = '{MARK}@b.example' \
                 WHERE host_id IN {these}"
            ),
            format!(
                "UPDATE accounts SET application = '{MARK} app', label = '{MARK} ' || label, \
                 folded_application = '{MARK} app', folded_label = '{MARK} ' || folded_label, \
                 url = 'https://{MARK}.example/login' WHERE workspace_id IN {these}"
            ),
            format!("UPDATE access_requests SET message = '{MARK} why' WHERE host_id IN {these}"),
        ];
        let mut write = self.server.store().write().await?;
        for statement in statements {
            let statement = sqlx::AssertSqlSafe(statement);
            let marked = sqlx::query(statement).execute(write.connection()).await?;
            ensure!(marked.rows_affected() > 0, "nothing was marked");
        }
        Ok(write.commit().await?)
    }

    pub fn own_keys(&self) -> impl Iterator<Item = &str> {
        ASKING.iter().map(|office| self.own.someone(*office).key.expose_secret())
    }

    pub fn is_own_address(&self, address: &str) -> bool {
        [&self.own.host, &self.own.guest, &self.own.elsewhere]
            .iter()
            .any(|workspace| address.ends_with(&format!("@{}.example", workspace.slug)))
    }

    /// Where each of those who ask is in the change feed.
    pub async fn own_cursors(&self) -> Result<Vec<(String, String)>> {
        let mut cursors = Vec::new();
        for key in self.own_keys() {
            cursors.push((key.to_owned(), self.cursor(key).await?));
        }
        Ok(cursors)
    }

    async fn cursor(&self, key: &str) -> Result<String> {
        let mut path = "/changes?page[size]=100".to_owned();
        loop {
            let page = self.get(key, &path).await?.body()?;
            match page["links"]["next"].as_str() {
                Some(next) => path = next.trim_start_matches("/api/v1").to_owned(),
                None => return Ok(page["meta"]["cursor"].as_str().context("a cursor")?.to_owned()),
            }
        }
    }

    /// Places in the other tenant's lists and feed, as its own people were told them.
    pub async fn their_cursors(&self) -> Result<Vec<String>> {
        let key = self.theirs.someone(Office::HostAdmin).key.expose_secret();
        let users = self.get(key, "/users?page[size]=1").await?.body()?;
        let next = users["links"]["next"].as_str().context("a second page")?;
        let after = reqwest::Url::parse(&format!("http://x{next}"))?;
        let after = after.query_pairs().find(|(name, _)| name == "page[after]");
        Ok(vec![self.cursor(key).await?, after.context("a cursor")?.1.into_owned()])
    }

    /// The other tenant's people see the mark by every way in which the one tenant is not to see it.
    pub async fn theirs_show_themselves(&self, foreign: &Foreign) -> Result<()> {
        for (office, path) in [
            (Office::HostAdmin, "/partnerships"),
            (Office::AccountOwner, "/accounts"),
            (Office::HostAdmin, "/users"),
            (Office::HostAdmin, "/changes"),
            (Office::AccountOwner, "/access-requests"),
            (Office::HostAdmin, "/me"),
        ] {
            let key = self.theirs.someone(office).key.expose_secret();
            let answer = self.get(key, path).await?;
            ensure!(foreign.is_not_in(&answer.text).is_err(), "{path} shows nothing: {answer:?}");
        }
        let members = self.scim("GET", "/Users", &self.their_scim, None).await?;
        ensure!(foreign.is_not_in(&members.text).is_err(), "SCIM shows nothing: {members:?}");
        Ok(())
    }

    /// Something that is told by every way there is.
    pub async fn they_go_on(&self, number: u64) -> Result<()> {
        let owner = self.theirs.someone(Office::AccountOwner).key.expose_secret();
        let path = format!("/accounts/{}/users", self.theirs.account);
        let user = self.theirs.user(Office::HostUser);
        let done = if number.is_multiple_of(2) {
            let body = json!({"userId": user, "role": "account_collaborator"});
            self.send("POST", &path, owner, Some(&body)).await?
        } else {
            self.send("DELETE", &format!("{path}/{user}"), owner, None).await?
        };
        ensure!(done.status < 300, "{done:?}");
        Ok(())
    }

    pub async fn get(&self, key: &str, path: &str) -> Result<Answer> {
        self.send("GET", path, key, None).await
    }

    pub async fn send(
        &self,
        method: &str,
        path: &str,
        key: &str,
        body: Option<&Value>,
    ) -> Result<Answer> {
        let url = format!("{}/api/v1{path}", self.server.url());
        let request = self.http.request(method.parse()?, url).header("If-Match", "*");
        let request = request.bearer_auth(key);
        answer(match body {
            Some(body) => request.json(body),
            None => request,
        })
        .await
    }

    pub async fn scim(
        &self,
        method: &str,
        path: &str,
        token: &SecretString,
        body: Option<&Value>,
    ) -> Result<Answer> {
        let url = format!("{}/scim/v2{path}", self.server.url());
        let request = self.http.request(method.parse()?, url).bearer_auth(token.expose_secret());
        answer(match body {
            Some(body) => {
                request.header("Content-Type", "application/scim+json").body(body.to_string())
            }
            None => request,
        })
        .await
    }
}

pub async fn answer(request: reqwest::RequestBuilder) -> Result<Answer> {
    let response = request.send().await?;
    let header = |name: &str| {
        let value = response.headers().get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let (status, kind, etag) = (response.status().as_u16(), header("content-type"), header("etag"));
    Ok(Answer { status, kind, etag, text: response.text().await? })
}

/// What is the other tenant's, by what it is, and all by which one would know it.
pub struct Foreign {
    pub partnership: String,
    pub accounts: Vec<String>,
    pub users: Vec<String>,
    pub request: String,
    pub key: String,
    pub webhook: String,
    pub workspaces: Vec<String>,
    pub emails: Vec<String>,
    pub cursors: Vec<String>,
    ids: BTreeSet<String>,
    slugs: Vec<String>,
}

impl Foreign {
    pub async fn of(tenants: &Tenants, tables: &Tables<'_>) -> Result<Self> {
        let theirs = &tenants.theirs;
        let ids = |lines: &[String]| lines.iter().flat_map(|line| ids_in(line)).collect();
        let own: BTreeSet<String> = ids(&tables.of_scene(&tenants.own).await?);
        let mut all: BTreeSet<String> = ids(&tables.of_scene(theirs).await?);
        all.retain(|id| !own.contains(id));
        let workspaces = [&theirs.host, &theirs.guest, &theirs.elsewhere];
        Ok(Self {
            partnership: theirs.partnership.to_string(),
            accounts: vec![theirs.account.to_string(), theirs.other_account.to_string()],
            users: theirs.people.iter().map(|one| one.user.id.to_string()).collect(),
            request: theirs.request.to_string(),
            key: theirs.spare_key.to_string(),
            webhook: tenants.webhook.clone(),
            workspaces: workspaces.map(|one| one.id.to_string()).to_vec(),
            emails: theirs.people.iter().map(|one| one.user.email.clone()).collect(),
            cursors: tenants.their_cursors().await?,
            ids: all,
            slugs: workspaces.map(|one| one.slug.clone()).to_vec(),
        })
    }

    /// An error that says what of the other tenant's a text tells.
    pub fn is_not_in(&self, text: &str) -> Result<()> {
        let known = ids_in(text).find(|id| self.ids.contains(id));
        ensure!(known.is_none(), "it tells of {known:?}: {text}");
        let lower = text.to_lowercase();
        let word = self.slugs.iter().find(|slug| lower.contains(*slug));
        ensure!(word.is_none() && !lower.contains(MARK), "it tells what is theirs: {text}");
        Ok(())
    }
}

/// The ids in a text.
fn ids_in(text: &str) -> impl Iterator<Item = String> + '_ {
    let parts = text.split(|c: char| !c.is_ascii_hexdigit() && c != '-');
    parts.filter(|part| part.len() == 36 && Uuid::try_parse(part).is_ok()).map(str::to_lowercase)
}
