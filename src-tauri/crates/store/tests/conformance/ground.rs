use std::{error::Error, time::Duration};

use entente_domain::{
    Account, AccountId, AccountLabel, AccountRole, Actor, ApplicationName, Deadlines, EmailAddress,
    Grant, GrantId, NewRequest, Partnership, PartnershipId, Reason, SendPolicy, Step, Timestamp,
    UserId, UserStatus, WorkspaceId, WorkspaceRole,
};
use entente_store::{
    Connection, Engine, Origin, Store, UserRow, WorkspaceRow, insert_account, insert_grant,
    insert_partnership, insert_user, insert_workspace,
};
use entente_testkit::Database;
use tempfile::TempDir;
use uuid::Uuid;

type Made<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// A database of its own, and ways to put something into it.
pub struct Ground {
    pub store: Store,
    pub url: String,
    _directory: TempDir,
    _database: Option<Database>,
}

pub fn at(seconds: u64) -> Timestamp {
    let begin: Timestamp = "2026-11-24T14:00:00Z".parse().expect("a moment");
    begin.after(Duration::from_secs(seconds))
}

impl Ground {
    pub async fn new(engine: Engine) -> Made<Self> {
        let directory = tempfile::tempdir()?;
        let database = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(entente_testkit::database()?),
        };
        let url = database.as_ref().map_or_else(
            || format!("sqlite://{}", directory.path().join("entente.db").display()),
            Database::url,
        );
        let store = Store::open(&url).await?;
        assert_eq!(store.engine(), engine);
        Ok(Self { store, url, _directory: directory, _database: database })
    }

    pub async fn workspace(&self, name: &str) -> Made<WorkspaceRow> {
        let id = WorkspaceId::new(Uuid::now_v7());
        let send_policy = SendPolicy::UsersAndAbove;
        let row = WorkspaceRow {
            id,
            name: name.into(),
            slug: id.to_string(),
            send_policy,
            managed: true,
        };
        let mut write = self.store.write().await?;
        insert_workspace(write.connection(), &row, at(0)).await?;
        write.commit().await?;
        Ok(row)
    }

    pub async fn user(
        &self,
        workspace: WorkspaceId,
        name: &str,
        role: WorkspaceRole,
    ) -> Made<UserRow> {
        let row = user(workspace, name, role);
        let mut write = self.store.write().await?;
        insert_user(write.connection(), &row).await?;
        write.commit().await?;
        Ok(row)
    }

    /// Two workspaces, an Admin in each.
    pub async fn pair(&self) -> Made<(UserRow, UserRow)> {
        let (host, guest) = (self.workspace("Globex").await?, self.workspace("Fjord").await?);
        let admin = WorkspaceRole::Admin;
        Ok((
            self.user(host.id, "Adam Berg", admin).await?,
            self.user(guest.id, "Marit Solheim", admin).await?,
        ))
    }

    pub async fn request(&self, by: &UserRow, guest: WorkspaceId) -> Made<Partnership> {
        let step = request(&by.actor(), guest, at(10));
        let mut write = self.store.write().await?;
        insert_partnership(write.connection(), &step, &Origin::default()).await?;
        write.commit().await?;
        Ok(step.partnership)
    }

    /// An account that somebody owns.
    pub async fn account(&self, owner: &UserRow, application: &str, label: &str) -> Made<Account> {
        let account = Account {
            id: AccountId::new(Uuid::now_v7()),
            workspace: owner.workspace,
            application: ApplicationName::parse(application)?,
            label: AccountLabel::parse(label)?,
            url: "https://app.example.com/".into(),
            created_by: owner.id,
            created_at: at(0),
            updated_at: at(0),
            last_login_at: None,
            version: 1,
        };
        let mut write = self.store.write().await?;
        insert_account(write.connection(), &account).await?;
        let grant = grant(&account, owner, AccountRole::Owner, None);
        assert!(insert_grant(write.connection(), &grant).await?);
        write.commit().await?;
        Ok(account)
    }
}

pub fn user(workspace: WorkspaceId, name: &str, role: WorkspaceRole) -> UserRow {
    let id = UserId::new(Uuid::now_v7());
    UserRow {
        id,
        workspace,
        email: format!("{}@mail.example", id.uuid().simple()),
        name: name.into(),
        role,
        status: UserStatus::Live,
        created_at: at(0),
        updated_at: at(0),
        view_number: 0,
        version: 1,
    }
}

pub fn request(by: &Actor, guest: WorkspaceId, when: Timestamp) -> Step {
    let new = NewRequest {
        id: PartnershipId::new(Uuid::now_v7()),
        guest,
        partner_email: EmailAddress::parse("Pat@guest.example").expect("an address"),
        reason: Some(Reason::parse("They film our launch").expect("a reason")),
        predecessor: None,
    };
    let deadlines = Deadlines::default();
    Partnership::request(new, by, SendPolicy::AnyRole, deadlines, when).expect("a request")
}

pub fn grant(
    account: &Account,
    user: &UserRow,
    role: AccountRole,
    partnership: Option<PartnershipId>,
) -> Grant {
    Grant {
        id: GrantId::new(Uuid::now_v7()),
        account: account.id,
        host: account.workspace,
        user: user.id,
        workspace: user.workspace,
        role,
        partnership,
        created_at: at(20),
        version: 1,
    }
}

/// What a statement past the store's functions comes to.
pub async fn run(connection: &mut Connection, statement: &'static str) -> Result<u64, sqlx::Error> {
    Ok(sqlx::query(statement).execute(connection).await?.rows_affected())
}
