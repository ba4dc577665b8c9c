//! A host, a guest, a partnership between them in some state, an account, and everybody who could
//! want something of it: built through the store in one transaction, so that what is there is known
//! without asking the server.

mod facts;
mod people;
mod situation;

use std::time::Duration;

use anyhow::{Context as _, Result};
use entente_domain::{
    AccessRequest, AccessRequestId, Account, AccountId, AccountLabel, AccountRole, Action, Actor,
    Agreement, ApiKeyId, ApplicationName, Deadlines, EmailAddress, Grant, GrantId, GuestRole,
    NewRequest, Partnership, PartnershipId, Reason, RequestState, SendPolicy, SharedAccount,
    SharedAccountId, StateName, Step, TermsFacts, Timestamp, TransitionError, UserId, WorkspaceId,
};
use entente_server::Running;
use entente_store::{
    Connection, Event, NewActivity, Origin, SealedSecret, StoreError, WorkspaceRow,
    insert_access_request, insert_account, insert_grant, insert_partnership, insert_shared,
    insert_workspace, put_secret, record_activity, save_step,
};
use secrecy::SecretString;
use uuid::Uuid;

pub use facts::{Facts, Told};
pub use people::{Office, Someone};
pub use situation::Situation;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The credentials of every account.
pub const CREDENTIALS: [(&str, &str); 2] =
    [("username", "uma@globex.example"), ("password", "correct horse battery staple")];

/// A scene as it was built.
#[derive(Debug)]
pub struct Scene {
    /// What it was built to be.
    pub situation: Situation,
    /// The moment at which everything in it happens.
    pub at: Timestamp,
    /// The terms that are current.
    pub terms: TermsFacts,
    /// The host workspace.
    pub host: WorkspaceRow,
    /// The guest workspace.
    pub guest: WorkspaceRow,
    /// A third workspace.
    pub elsewhere: WorkspaceRow,
    /// Everybody.
    pub people: Vec<Someone>,
    /// The partnership.
    pub partnership: PartnershipId,
    /// The account that is shared, or not.
    pub account: AccountId,
    /// Another account of the same host, which [`Office::Both`] alone owns.
    pub other_account: AccountId,
    /// The access request; of none that is there, if there was none.
    pub request: AccessRequestId,
    /// A second API key of [`Office::Both`].
    pub spare_key: ApiKeyId,
    /// Everything that the policy needs to know, as it was written.
    pub facts: Facts,
}

impl Scene {
    /// Builds one in the server's database, with everybody; again, where others write at the same time.
    pub async fn build(server: &Running, terms: &TermsFacts, situation: Situation) -> Result<Self> {
        Self::build_with(server, terms, situation, Office::ALL).await
    }

    /// Builds one for somebody to do something in: with them and those whom it can be done to.
    pub async fn build_for(
        server: &Running,
        terms: &TermsFacts,
        situation: Situation,
        office: Office,
    ) -> Result<Self> {
        let there = Office::ALL.iter().copied().filter(|one| one.matters() || *one == office);
        Self::build_with(server, terms, situation, &there.collect::<Vec<_>>()).await
    }

    async fn build_with(
        server: &Running,
        terms: &TermsFacts,
        situation: Situation,
        there: &[Office],
    ) -> Result<Self> {
        loop {
            match Self::try_build(server, terms, situation, there).await {
                Err(error) if error.downcast_ref().is_some_and(StoreError::is_conflict) => {}
                built => return built,
            }
        }
    }

    async fn try_build(
        server: &Running,
        terms: &TermsFacts,
        situation: Situation,
        there: &[Office],
    ) -> Result<Self> {
        let at = server.now();
        let [host, guest, elsewhere] =
            ["Host", "Guest", "Elsewhere"].map(|name| situation.workspace(name));
        let mut write = server.store().write().await?;
        let connection = write.connection();
        for row in [&host, &guest, &elsewhere] {
            insert_workspace(connection, row, at).await?;
        }
        let workspaces = [&host, &guest, &elsewhere];
        let people = people::insert(connection, server, there, workspaces, at).await?;
        let mut scene = Self {
            situation,
            at,
            terms: terms.clone(),
            host,
            guest,
            elsewhere,
            people,
            partnership: PartnershipId::new(Uuid::now_v7()),
            account: AccountId::new(Uuid::now_v7()),
            other_account: AccountId::new(Uuid::now_v7()),
            request: AccessRequestId::new(Uuid::now_v7()),
            spare_key: ApiKeyId::new(Uuid::now_v7()),
            facts: Facts::default(),
        };
        for one in &scene.people {
            scene.facts.users.push(one.user.clone());
            scene.facts.keys.push(one.key_row.clone());
        }
        let both = scene.someone(Office::Both).user.clone();
        let spare = people::key(connection, server, &both, scene.spare_key, at).await?;
        scene.facts.keys.push(spare.0);
        scene.add_partnership(connection).await?;
        scene.add_account(connection, server, scene.account, "EMEA").await?;
        scene.add_account(connection, server, scene.other_account, "APAC").await?;
        for (office, role) in scene.host_roles() {
            scene.grant(connection, scene.account, office, role).await?;
        }
        scene.grant(connection, scene.other_account, Office::Both, AccountRole::Owner).await?;
        if situation.shared {
            scene.share(connection).await?;
        }
        if let Some(state) = situation.request {
            scene.ask(connection, state).await?;
        }
        write.commit().await?;
        Ok(scene)
    }

    /// Who holds an office.
    #[must_use]
    pub fn someone(&self, office: Office) -> &Someone {
        self.people.iter().find(|one| one.office == office).expect("they are there")
    }

    /// Their id.
    #[must_use]
    pub fn user(&self, office: Office) -> UserId {
        self.someone(office).user.id
    }

    fn actor(&self, office: Office) -> Actor {
        self.someone(office).user.actor()
    }

    async fn add_partnership(&mut self, connection: &mut Connection) -> Result<()> {
        let late = self.situation.state == StateName::Expired;
        let sent = self.at.before(if late { 20 * DAY } else { DAY });
        let new = NewRequest {
            id: self.partnership,
            guest: self.guest.id,
            partner_email: EmailAddress::parse("pat@guest.example").context("an address")?,
            reason: Some(Reason::parse("They film our product launch").context("a reason")?),
            predecessor: None,
        };
        let sender = self.actor(Office::Sender);
        let mut step =
            Partnership::request(new, &sender, SendPolicy::AnyRole, Deadlines::default(), sent)?;
        // Its sender was dismissed as Partnership Owner when others had been named.
        step.partnership.owners = [self.user(Office::PartnershipOwner)].into();
        if !self.situation.last_owners {
            step.partnership.owners.insert(self.user(Office::Both));
        }
        insert_partnership(connection, &step, &Origin::default()).await?;
        self.facts.note(&step);
        for (office, action) in self.situation.history() {
            let by = self.actor(office);
            let next = take(step.partnership.clone(), &by, action, &self.terms, sent)?;
            save_step(connection, &step.partnership, &next, &Origin::default()).await?;
            self.facts.note(&next);
            step = next;
        }
        if let Some(expired) = step.partnership.expire(self.at).filter(|_| late) {
            save_step(connection, &step.partnership, &expired, &Origin::default()).await?;
            self.facts.note(&expired);
            step = expired;
        }
        anyhow::ensure!(step.partnership.state.name() == self.situation.state);
        self.facts.partnerships.push(step.partnership);
        Ok(())
    }

    async fn add_account(
        &mut self,
        connection: &mut Connection,
        server: &Running,
        id: AccountId,
        label: &str,
    ) -> Result<()> {
        let account = Account {
            id,
            workspace: self.host.id,
            application: ApplicationName::parse("Mailchimp").context("a name")?,
            label: AccountLabel::parse(label).context("a label")?,
            url: "https://login.mailchimp.example/".into(),
            created_by: self.user(Office::Both),
            created_at: self.at,
            updated_at: self.at,
            last_login_at: None,
            version: 1,
        };
        insert_account(connection, &account).await?;
        for (secret_type, value) in CREDENTIALS {
            let place = format!("secret/{id}/{secret_type}");
            let sealed = server.vault().seal(&place, &SecretString::from(value))?;
            let secret = SealedSecret {
                account: id,
                secret_type: secret_type.into(),
                key_id: sealed.key_id,
                sealed: sealed.text,
            };
            put_secret(connection, &secret, self.at).await?;
        }
        let added = NewActivity::on(Event::AccessGranted, &account, None, self.at);
        record_activity(connection, &added, &Origin::default()).await?;
        self.facts.told.push(Told { account: Some(id), guest_sees: false });
        self.facts.accounts.push(account);
        Ok(())
    }

    /// The host's roles on the account.
    fn host_roles(&self) -> Vec<(Office, AccountRole)> {
        let mut roles = vec![
            (Office::HostManager, AccountRole::Manager),
            (Office::HostCollaborator, AccountRole::Collaborator),
        ];
        if self.situation.owned {
            roles.push((Office::AccountOwner, AccountRole::Owner));
        }
        if self.situation.owned && !self.situation.last_owners {
            roles.push((Office::Both, AccountRole::Owner));
        }
        roles
    }

    /// Gives somebody a role, if they are there.
    async fn grant(
        &mut self,
        connection: &mut Connection,
        account: AccountId,
        office: Office,
        role: AccountRole,
    ) -> Result<()> {
        let Some(one) = self.people.iter().find(|one| one.office == office) else { return Ok(()) };
        let user = &one.user;
        let grant = Grant {
            id: GrantId::new(Uuid::now_v7()),
            account,
            host: self.host.id,
            user: user.id,
            workspace: user.workspace,
            role,
            partnership: (user.workspace == self.guest.id).then_some(self.partnership),
            created_at: self.at,
            version: 1,
        };
        insert_grant(connection, &grant).await?;
        self.facts.grants.push(grant);
        Ok(())
    }

    /// Shares the account: the guest's Admins have it, and those who got it by a request.
    async fn share(&mut self, connection: &mut Connection) -> Result<()> {
        let shared = SharedAccount {
            id: SharedAccountId::new(Uuid::now_v7()),
            partnership: self.partnership,
            account: self.account,
            shared_by: self.user(Office::AccountOwner),
            role: GuestRole::Manager,
            shared_at: self.at,
        };
        insert_shared(connection, &shared).await?;
        self.facts.shared.push(shared);
        let (manager, collaborator) = (AccountRole::Manager, AccountRole::Collaborator);
        for (office, role) in [
            (Office::GuestAdmin, manager),
            (Office::GuestSuperAdmin, manager),
            (Office::GuestOwner, manager),
            (Office::Manager, manager),
            (Office::Collaborator, collaborator),
            (Office::Demoted, collaborator),
        ] {
            self.grant(connection, self.account, office, role).await?;
        }
        if self.situation.request == Some(RequestState::Accepted) {
            self.grant(connection, self.account, Office::Asked, collaborator).await?;
        }
        let account = self.facts.accounts[0].clone();
        let told = NewActivity {
            guest: Some(self.guest.id),
            guest_sees: true,
            partnership: Some(self.partnership),
            ..NewActivity::on(Event::AccountShared, &account, None, self.at)
        };
        record_activity(connection, &told, &Origin::default()).await?;
        self.facts.told.push(Told { account: Some(self.account), guest_sees: true });
        Ok(())
    }

    /// A Manager asked for somebody; one that was closed is of a Manager who was demoted.
    async fn ask(&mut self, connection: &mut Connection, state: RequestState) -> Result<()> {
        let by = if state == RequestState::Closed { Office::Demoted } else { Office::Manager };
        let pending = AccessRequest {
            id: self.request,
            partnership: self.partnership,
            account: self.account,
            host: self.host.id,
            guest: self.guest.id,
            member: self.user(Office::Asked),
            role: GuestRole::Collaborator,
            requested_by: self.user(by),
            message: None,
            state: RequestState::Pending,
            decided_by: None,
            decided_at: None,
            created_at: self.at,
            version: 1,
        };
        let owner = self.user(Office::AccountOwner);
        let request = match state {
            RequestState::Pending => pending,
            RequestState::Accepted | RequestState::Declined => {
                pending.ended(state, Some(owner), self.at)
            }
            RequestState::Closed => pending.ended(state, None, self.at),
        };
        insert_access_request(connection, &request).await?;
        self.facts.requests.push(request);
        Ok(())
    }
}

/// Takes an action with the right arguments.
pub fn take(
    partnership: Partnership,
    by: &Actor,
    action: Action,
    terms: &TermsFacts,
    at: Timestamp,
) -> Result<Step, TransitionError> {
    let deadlines = Deadlines::default();
    let agreement = Agreement { terms_version: terms.version.clone(), agreed: true };
    match action {
        Action::Approve => partnership.approve(by, deadlines, at),
        Action::Decline => partnership.decline(by, None, at),
        Action::Accept => partnership.accept(by, &agreement, terms, at),
        Action::Withdraw => partnership.withdraw(by, at),
        Action::Remind => partnership.remind(by, deadlines, at),
        Action::Resend => partnership.resend(by, deadlines, at),
        Action::Remove => partnership.remove(by, at),
    }
}

impl Situation {
    fn workspace(&self, name: &str) -> WorkspaceRow {
        WorkspaceRow {
            id: WorkspaceId::new(Uuid::now_v7()),
            name: name.into(),
            slug: Uuid::now_v7().simple().to_string(),
            send_policy: if self.narrowed {
                SendPolicy::UsersAndAbove
            } else {
                SendPolicy::AnyRole
            },
            managed: self.narrowed,
        }
    }
}
