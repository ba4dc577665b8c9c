//! Accounts, and a partnership that is at work: what was shared with whom over the last months.

use std::time::Duration;

use entente_domain::{
    AccessRequest, AccessRequestId, Account, AccountRole, GuestRole, Message, Partnership,
    RequestState,
};
use entente_store::{Connection, Origin, UserRow, admins_of, grants_on, shares_of};
use rand::{RngExt as _, SeedableRng as _, distr::Alphanumeric, rngs::Xoshiro256PlusPlus};
use secrecy::SecretString;
use uuid::Uuid;

use super::samples::ACCOUNTS;
use crate::{
    NewAccount, Running, SetUpError,
    access::{self, Doing},
    add_account,
};

/// People by the first part of their address.
pub(super) struct People<'a>(pub(super) &'a [UserRow]);

impl People<'_> {
    pub(super) fn get(&self, first: &str) -> Result<&UserRow, SetUpError> {
        let is = |user: &&UserRow| user.email.split('@').next() == Some(first);
        self.0.iter().find(is).ok_or_else(|| SetUpError::Sample(format!("it lacks {first}")))
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long ago all of them began to work with this.
pub(super) const BEGAN: Duration = DAY.saturating_mul(130);

/// Adds the host's accounts with their credentials and Owners.
pub(super) async fn accounts(
    server: &Running,
    people: &People<'_>,
    seed: u64,
) -> Result<Vec<Account>, SetUpError> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let at = server.now().before(BEGAN);
    let mut accounts = Vec::new();
    for [owner, application, label, url, user_name] in ACCOUNTS {
        let password: String = (0..20).map(|_| char::from(rng.sample(Alphanumeric))).collect();
        let secrets = [
            ("username", SecretString::from(*user_name)),
            ("password", SecretString::from(password)),
        ];
        let owner = people.get(owner)?;
        let new = NewAccount { owner, application, label, url, secrets: &secrets };
        accounts.push(add_account(server.store(), server.vault(), new, at).await?);
    }
    Ok(accounts)
}

/// What somebody does.
#[derive(Debug, Clone, Copy)]
enum Deed {
    /// Shares an account.
    Share(GuestRole),
    /// Takes it out of the partnership.
    Unshare,
    /// Reads its password.
    LogIn,
    /// Gives a colleague a role, or another one.
    Give(&'static str, AccountRole),
    /// Takes somebody's role away.
    Take(&'static str),
    /// Asks for a role for a colleague.
    Ask(&'static str, GuestRole, &'static str),
    /// Says yes to what was asked for somebody, or no.
    Answer(&'static str, bool),
}

use Deed::{Answer, Ask, Give, LogIn, Share, Take, Unshare};

const COLLABORATOR: GuestRole = GuestRole::Collaborator;
const MANAGER: GuestRole = GuestRole::Manager;

/// Days ago, who, on which app, what.
const STORY: &[(u32, &str, &str, Deed)] = &[
    (127, "uma", "Mailchimp", LogIn),
    (125, "uma", "Zoom", Give("adam", AccountRole::Owner)),
    (125, "uma", "Zoom", Give("leo", AccountRole::Collaborator)),
    (124, "leo", "Zoom", LogIn),
    (121, "olivia", "DocuSign", LogIn),
    (120, "adam", "Shopify", LogIn),
    (115, "uma", "Mailchimp", Share(MANAGER)),
    (115, "uma", "Google Ads", Share(COLLABORATOR)),
    (114, "priya", "Mailchimp", LogIn),
    (113, "priya", "Google Ads", LogIn),
    (110, "priya", "Mailchimp", Ask("tomas", COLLABORATOR, "Tomas writes the March issue.")),
    (109, "uma", "Mailchimp", Answer("tomas", true)),
    (108, "tomas", "Mailchimp", LogIn),
    (101, "tomas", "Mailchimp", LogIn),
    (97, "adam", "LinkedIn", LogIn),
    (94, "tomas", "Mailchimp", LogIn),
    (90, "priya", "Google Ads", LogIn),
    (88, "uma", "Google Ads", Give("priya", AccountRole::Manager)),
    (87, "priya", "Google Ads", Ask("sofia", COLLABORATOR, "Sofia places the ads from now on.")),
    (87, "priya", "Google Ads", Ask("kofi", COLLABORATOR, "")),
    (86, "uma", "Google Ads", Answer("sofia", true)),
    (86, "uma", "Google Ads", Answer("kofi", false)),
    (85, "sofia", "Google Ads", LogIn),
    (80, "tomas", "Mailchimp", LogIn),
    (78, "sofia", "Google Ads", LogIn),
    (74, "uma", "YouTube", Share(MANAGER)),
    (73, "priya", "YouTube", LogIn),
    (71, "sofia", "Google Ads", LogIn),
    (66, "tomas", "Mailchimp", LogIn),
    (64, "olivia", "Stripe", LogIn),
    (60, "uma", "Zoom", Share(MANAGER)),
    (59, "priya", "Zoom", Ask("tomas", MANAGER, "He runs the webinars and books the speakers.")),
    (58, "adam", "Zoom", Answer("tomas", true)),
    (57, "tomas", "Zoom", LogIn),
    (52, "tomas", "Mailchimp", LogIn),
    (49, "sofia", "Google Ads", LogIn),
    (44, "uma", "YouTube", Unshare),
    (43, "tomas", "Zoom", LogIn),
    (36, "priya", "Mailchimp", LogIn),
    (35, "tomas", "Zoom", LogIn),
    (30, "uma", "Google Ads", Take("sofia")),
    (24, "tomas", "Mailchimp", LogIn),
    (22, "leo", "Zoom", LogIn),
    (17, "priya", "Google Ads", LogIn),
    (10, "tomas", "Mailchimp", LogIn),
    (8, "tomas", "Zoom", LogIn),
    (3, "tomas", "Mailchimp", LogIn),
    (2, "priya", "Mailchimp", Ask("sofia", COLLABORATOR, "Cover for Tomas in the summer.")),
    (1, "tomas", "Zoom", Ask("kofi", COLLABORATOR, "Kofi hosts the evening sessions.")),
    (1, "priya", "Google Ads", LogIn),
];

/// Tells the story of a partnership, from when it became active.
pub(super) async fn sharing(
    server: &Running,
    people: &People<'_>,
    accounts: &[Account],
    partnership: &Partnership,
) -> Result<(), SetUpError> {
    let now = server.now();
    let mut write = server.store().write().await?;
    let mut stage = Stage { people, partnership, asked: Vec::new() };
    for ((days, who, application, deed), minutes) in STORY.iter().zip(0_u64..) {
        let account = accounts
            .iter()
            .find(|account| account.application.as_str() == *application)
            .ok_or_else(|| SetUpError::Sample(format!("it lacks the account {application}")))?;
        // In the order of the table within a day, at no round hour.
        let at = now.before(DAY * *days).before(Duration::from_secs(60 * (400 - minutes * 7)));
        let user = people.get(who)?;
        let origin = origin(user);
        // Never finished: what was long ago is not mailed.
        let doing = Doing::new(Some(user.id), at, &origin);
        stage.play(write.connection(), user, account, *deed, &doing).await?;
    }
    Ok(write.commit().await?)
}

/// What somebody's computer tells of itself.
fn origin(user: &UserRow) -> Origin {
    let host = user.email.bytes().fold(7_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
    let first = user.name.split(' ').next().unwrap_or_default();
    let [os, device] = match host % 3 {
        0 => ["macOS 15.5", "MacBook Pro"],
        1 => ["Windows 11", "ThinkPad X1"],
        _ => ["Ubuntu 24.04", "Framework 13"],
    };
    Origin {
        location: Some(format!("198.51.100.{host}")),
        os: Some(os.into()),
        device: Some(format!("{first}’s {device}")),
    }
}

struct Stage<'a> {
    people: &'a People<'a>,
    partnership: &'a Partnership,
    asked: Vec<AccessRequest>,
}

impl Stage<'_> {
    async fn play(
        &mut self,
        connection: &mut Connection,
        user: &UserRow,
        account: &Account,
        deed: Deed,
        doing: &Doing<'_>,
    ) -> Result<(), SetUpError> {
        let partnership = self.partnership;
        match deed {
            Share(role) => {
                let admins = admins_of(connection, partnership.guest).await?;
                access::share(connection, partnership, account, role, &admins, user.id, doing)
                    .await?;
            }
            Unshare => {
                for shared in shares_of(connection, [account.id]).await? {
                    access::unshare(connection, partnership, &shared, doing).await?;
                }
            }
            LogIn => {
                let guest = user.workspace == partnership.guest;
                access::log_in(connection, account, guest.then_some(partnership), doing).await?;
            }
            Give(whom, role) => {
                let whom = self.people.get(whom)?;
                let grants = grants_on(connection, [account.id]).await?;
                let through = (whom.workspace == partnership.guest).then_some(partnership);
                match grants.iter().find(|grant| grant.user == whom.id) {
                    Some(has) => {
                        access::change_role(connection, account, through, has, role, doing).await?;
                    }
                    None => {
                        access::grant(connection, account, through, whom, role, doing).await?;
                    }
                }
            }
            Take(whom) => {
                let whom = self.people.get(whom)?;
                let grants = grants_on(connection, [account.id]).await?;
                for grant in grants.iter().filter(|grant| grant.user == whom.id) {
                    access::revoke(connection, grant, doing).await?;
                }
            }
            Ask(whom, role, message) => {
                let member = self.people.get(whom)?;
                let request = AccessRequest {
                    id: AccessRequestId::new(Uuid::now_v7()),
                    partnership: partnership.id,
                    account: account.id,
                    host: partnership.host,
                    guest: partnership.guest,
                    member: member.id,
                    role,
                    requested_by: user.id,
                    message: Message::parse(message).ok(),
                    state: RequestState::Pending,
                    decided_by: None,
                    decided_at: None,
                    created_at: doing.at,
                    version: 1,
                };
                access::ask(connection, &request, doing).await?;
                self.asked.push(request);
            }
            Answer(whom, yes) => {
                let member = self.people.get(whom)?;
                let about = |request: &&AccessRequest| {
                    request.member == member.id && request.account == account.id
                };
                if let Some(request) = self.asked.iter().rfind(about) {
                    access::decide(connection, request, account, partnership, member, yes, doing)
                        .await?;
                }
            }
        }
        Ok(())
    }
}
