//! What is in the database, read past the server.

use std::{collections::BTreeSet, fmt::Display, str::FromStr};

use anyhow::{Context as _, Result, anyhow, ensure};
use entente_domain::WorkspaceId;
use entente_store::{Connection, Engine, Store};
use sqlx::{Executor as _, Row as _, any::AnyRow};

use crate::operation::SECRET;
use crate::reference::{
    Account, DECISION, Entry, Grant, Moment, Partnership, Reference, Request, Share, Transition,
    User,
};

/// Everything of some workspaces at one moment; of the audit and the mails, what was added since
/// things stood as `before`. Entries of the audit that are among `known` are not told again.
pub async fn read(
    store: &Store,
    workspaces: &[WorkspaceId],
    before: &Reference,
    known: &mut BTreeSet<String>,
) -> Result<Reference> {
    let mut connection = store.read().await?;
    let begin = match store.engine() {
        Engine::Sqlite => "BEGIN",
        Engine::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ",
    };
    connection.execute(begin).await?;
    let read = Reading { workspaces: list(workspaces) };
    let found = read.all(&mut connection, before, known).await;
    connection.execute("ROLLBACK").await?;
    found
}

fn list(workspaces: &[WorkspaceId]) -> String {
    let quoted: Vec<String> = workspaces.iter().map(|id| format!("'{id}'")).collect();
    quoted.join(", ")
}

struct Reading {
    /// The ids for `IN (...)`.
    workspaces: String,
}

fn text<T: FromStr<Err: Display>>(row: &AnyRow, column: &str) -> Result<T> {
    let text: String = row.try_get(column)?;
    text.parse().map_err(|why| anyhow!("{column}: {text:?}: {why}"))
}

fn some<T: FromStr<Err: Display>>(row: &AnyRow, column: &str) -> Result<Option<T>> {
    let text: Option<String> = row.try_get(column)?;
    text.map(|text| text.parse().map_err(|why| anyhow!("{column}: {text:?}: {why}"))).transpose()
}

impl Reading {
    async fn rows(&self, connection: &mut Connection, query: &str) -> Result<Vec<AnyRow>> {
        let query = query.replace("{these}", &self.workspaces);
        let rows = sqlx::raw_sql(sqlx::AssertSqlSafe(query.clone())).fetch_all(connection).await;
        rows.with_context(|| query)
    }

    async fn all(
        &self,
        connection: &mut Connection,
        before: &Reference,
        known: &mut BTreeSet<String>,
    ) -> Result<Reference> {
        let mut found = Reference::new(before.now);
        self.people(connection, &mut found).await?;
        self.partnerships(connection, &mut found).await?;
        self.access(connection, &mut found).await?;
        self.audit(connection, &mut found, known).await?;
        self.mails(connection, &mut found, before).await?;
        Ok(found)
    }

    async fn people(&self, connection: &mut Connection, found: &mut Reference) -> Result<()> {
        let users = "SELECT id, workspace_id, email, role, status, version FROM users \
                     WHERE workspace_id IN ({these})";
        for row in self.rows(connection, users).await? {
            let user = User {
                workspace: text(&row, "workspace_id")?,
                email: row.try_get("email")?,
                role: text(&row, "role")?,
                status: text(&row, "status")?,
                version: row.try_get("version")?,
            };
            found.users.insert(text(&row, "id")?, user);
        }
        Ok(())
    }

    async fn partnerships(&self, connection: &mut Connection, found: &mut Reference) -> Result<()> {
        let partnerships = "SELECT id, host_id, guest_id, reason, requested_by, state, \
             awaiting_since, expires_at, awaited, approved_by, approved_at, \
             approved_automatically, consent_by, consent_at, reminders_sent, last_reminder_at, \
             predecessor_id, created_at, updated_at, version FROM partnerships \
             WHERE host_id IN ({these}) OR guest_id IN ({these})";
        for row in self.rows(connection, partnerships).await? {
            let since: Option<Moment> = row.try_get("awaiting_since")?;
            let expires: Option<Moment> = row.try_get("expires_at")?;
            ensure!(expires == since.map(|since| since + DECISION), "a deadline is wrong");
            let approved_at: Option<Moment> = row.try_get("approved_at")?;
            let automatic = row.try_get::<i64, _>("approved_automatically")? != 0;
            let consent_at: Option<Moment> = row.try_get("consent_at")?;
            let reminders: i64 = row.try_get("reminders_sent")?;
            let partnership = Partnership {
                host: text(&row, "host_id")?,
                guest: text(&row, "guest_id")?,
                reason: row.try_get("reason")?,
                sender: text(&row, "requested_by")?,
                owners: BTreeSet::new(),
                state: text(&row, "state")?,
                since,
                awaited: some(&row, "awaited")?,
                approval: some(&row, "approved_by")?
                    .zip(approved_at)
                    .map(|(by, at)| (by, at, automatic)),
                consent: some(&row, "consent_by")?.zip(consent_at),
                reminders: u32::try_from(reminders)?,
                reminded_at: row.try_get("last_reminder_at")?,
                predecessor: some(&row, "predecessor_id")?,
                created_at: row.try_get("created_at")?,
                updated_at: row.try_get("updated_at")?,
                version: row.try_get("version")?,
                history: Vec::new(),
            };
            found.partnerships.insert(text(&row, "id")?, partnership);
        }
        let owners = "SELECT partnership_id, user_id FROM partnership_owners WHERE partnership_id \
             IN (SELECT id FROM partnerships WHERE host_id IN ({these}))";
        for row in self.rows(connection, owners).await? {
            let of = found.partnerships.get_mut(&text(&row, "partnership_id")?);
            of.context("an owner of nothing")?.owners.insert(text(&row, "user_id")?);
        }
        let transitions = "SELECT partnership_id, from_state, to_state, actor_id, at, note \
             FROM transitions WHERE partnership_id \
             IN (SELECT id FROM partnerships WHERE host_id IN ({these})) \
             ORDER BY partnership_id, position";
        for row in self.rows(connection, transitions).await? {
            let of = found.partnerships.get_mut(&text(&row, "partnership_id")?);
            of.context("a transition of nothing")?.history.push(Transition {
                from: some(&row, "from_state")?,
                to: text(&row, "to_state")?,
                by: some(&row, "actor_id")?,
                at: row.try_get("at")?,
                note: row.try_get("note")?,
            });
        }
        Ok(())
    }

    async fn access(&self, connection: &mut Connection, found: &mut Reference) -> Result<()> {
        let accounts = "SELECT id, workspace_id, version, last_login_at FROM accounts \
                        WHERE workspace_id IN ({these})";
        for row in self.rows(connection, accounts).await? {
            let account = Account {
                workspace: text(&row, "workspace_id")?,
                version: row.try_get("version")?,
                last_login: row.try_get("last_login_at")?,
            };
            found.accounts.insert(text(&row, "id")?, account);
        }
        let shared = "SELECT partnership_id, account_id, shared_by, role, shared_at \
             FROM shared_accounts WHERE account_id \
             IN (SELECT id FROM accounts WHERE workspace_id IN ({these}))";
        for row in self.rows(connection, shared).await? {
            let share = Share {
                by: text(&row, "shared_by")?,
                role: text(&row, "role")?,
                at: row.try_get("shared_at")?,
            };
            let place = (text(&row, "partnership_id")?, text(&row, "account_id")?);
            found.shares.insert(place, share);
        }
        let grants = "SELECT account_id, user_id, role, partnership_id, created_at, version \
             FROM grants WHERE host_id IN ({these}) OR workspace_id IN ({these})";
        for row in self.rows(connection, grants).await? {
            let grant = Grant {
                role: text(&row, "role")?,
                through: some(&row, "partnership_id")?,
                since: row.try_get("created_at")?,
                version: row.try_get("version")?,
            };
            found.grants.insert((text(&row, "account_id")?, text(&row, "user_id")?), grant);
        }
        let requests = "SELECT id, partnership_id, account_id, member_id, role, requested_by, \
             message, state, decided_by, decided_at, created_at, version FROM access_requests \
             WHERE host_id IN ({these}) OR guest_id IN ({these})";
        for row in self.rows(connection, requests).await? {
            let request = Request {
                partnership: text(&row, "partnership_id")?,
                account: text(&row, "account_id")?,
                member: text(&row, "member_id")?,
                role: text(&row, "role")?,
                by: text(&row, "requested_by")?,
                message: row.try_get("message")?,
                state: text(&row, "state")?,
                decided_by: some(&row, "decided_by")?,
                decided_at: row.try_get("decided_at")?,
                at: row.try_get("created_at")?,
                version: row.try_get("version")?,
            };
            found.requests.insert(text(&row, "id")?, request);
        }
        Ok(())
    }

    async fn mails(
        &self,
        connection: &mut Connection,
        found: &mut Reference,
        before: &Reference,
    ) -> Result<()> {
        let mut causes = Vec::new();
        for (id, partnership) in &found.partnerships {
            let known = before.partnerships.get(id).map_or(0, |before| before.version);
            causes.extend((known + 1..=partnership.version).map(|one| format!("'{id}/{one}'")));
        }
        if causes.is_empty() {
            return Ok(());
        }
        let query = format!(
            "SELECT cause, recipient, subject, text_body, html_body FROM outbox \
             WHERE cause IN ({})",
            causes.join(", ")
        );
        for row in self.rows(connection, &query).await? {
            let recipient: String = row.try_get("recipient")?;
            let mailing = found.mails.entry(row.try_get("cause")?).or_default();
            for part in ["subject", "text_body", "html_body"] {
                if row.try_get::<String, _>(part)?.contains(SECRET) {
                    mailing.secret.insert(recipient.clone());
                }
            }
            mailing.to.insert(recipient);
        }
        Ok(())
    }

    async fn audit(
        &self,
        connection: &mut Connection,
        found: &mut Reference,
        known: &mut BTreeSet<String>,
    ) -> Result<()> {
        let now = found.now;
        let entries = format!(
            "SELECT id, event, partnership_id, account_id, actor_id, subject_id, guest_sees, \
             detail, at FROM activities \
             WHERE (host_id IN ({{these}}) OR guest_id IN ({{these}})) AND at >= {now}"
        );
        for row in self.rows(connection, &entries).await? {
            if !known.insert(row.try_get("id")?) {
                continue;
            }
            found.audit.push(Entry {
                event: row.try_get("event")?,
                partnership: some(&row, "partnership_id")?,
                account: some(&row, "account_id")?,
                by: some(&row, "actor_id")?,
                to: some(&row, "subject_id")?,
                guest_sees: row.try_get::<i64, _>("guest_sees")? != 0,
                detail: row.try_get("detail")?,
                at: row.try_get("at")?,
            });
        }
        Ok(())
    }
}

/// What was recorded cannot be changed or taken back, whoever tries.
pub async fn audit_is_append_only(store: &Store) -> Result<()> {
    for statement in [
        "UPDATE activities SET detail = 'x'",
        "DELETE FROM activities",
        "UPDATE transitions SET note = 'x'",
        "DELETE FROM transitions",
    ] {
        let mut write = store.write().await?;
        let done = sqlx::query(statement).execute(write.connection()).await;
        ensure!(done.is_err(), "{statement}: it had to be refused");
    }
    Ok(())
}
