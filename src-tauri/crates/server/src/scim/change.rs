//! What identity providers do to members, each in one transaction with all that follows from it.

use axum::{http::StatusCode, response::Response};
use entente_domain::{Timestamp, UserId, UserStatus, WorkspaceRole};
use entente_store::{
    Connection, Event, NewActivity, Profile, ScimUser, UserRow, admins_of, fold, insert_user,
    record_activity, save_profile, scim_user, scim_user_by_address, update_user,
};
use uuid::Uuid;

use super::{
    auth::Provider,
    error::{ScimError, ScimResult, ScimType},
    resource::{RoleTold, Told, USUAL_ROLE, is_active, role_word},
};
use crate::{
    access::{self, Doing},
    app::App,
    idempotency::{TRIES, pause_after},
};

/// Something to do in a transaction, perhaps more than once.
pub(crate) trait Change: Sync {
    /// Does it, and says what to answer.
    fn run(
        &self,
        app: &App,
        provider: &Provider,
        connection: &mut Connection,
    ) -> impl Future<Output = ScimResult<Response>> + Send;
}

/// Makes a change in a transaction, again where another one was in the way. A refused one leaves
/// nothing.
pub(crate) async fn change(
    app: &App,
    provider: &Provider,
    change: &impl Change,
) -> ScimResult<Response> {
    let mut tries = 1;
    loop {
        match once(app, provider, change).await {
            Err(error) if error.is_conflict() && tries < TRIES => {
                pause_after(app, tries).await;
                tries += 1;
            }
            done => {
                if done.as_ref().is_err_and(ScimError::is_conflict) {
                    app.metrics.given_up.inc();
                }
                return done;
            }
        }
    }
}

async fn once(app: &App, provider: &Provider, change: &impl Change) -> ScimResult<Response> {
    let mut transaction = app.store.write().await?;
    let provider = provider.again_on(app, transaction.connection()).await?;
    let response = change.run(app, &provider, transaction.connection()).await?;
    transaction.commit().await?;
    app.committed();
    Ok(response)
}

/// A provider at work on a connection.
pub(crate) struct Work<'a> {
    pub(crate) provider: &'a Provider,
    pub(crate) connection: &'a mut Connection,
    pub(crate) at: Timestamp,
}

impl Work<'_> {
    /// One member, if there is such a one for this provider.
    pub(crate) async fn member(&mut self, id: &str) -> ScimResult<ScimUser> {
        let id: UserId = id.parse().map_err(|_| ScimError::not_found())?;
        let found = scim_user(self.connection, self.provider.workspace(), id).await?;
        found.ok_or_else(ScimError::not_found)
    }

    /// Adds a member, or takes one back who was deleted: they have what is told of them now, and
    /// nothing of what they had before.
    pub(crate) async fn create(&mut self, told: &Told) -> ScimResult<ScimUser> {
        let workspace = self.provider.workspace();
        let address = told.user_name.as_str();
        let role = self.role(None, told.role)?;
        let active = told.active != Some(false);
        let status = if active { UserStatus::Live } else { UserStatus::Disabled };
        let name = || told.name.clone().unwrap_or_else(|| address.to_owned());
        let known = scim_user_by_address(self.connection, workspace, address).await?;
        let id = match known {
            Some(known) if !known.profile.deleted => return Err(taken()),
            Some(ScimUser { user: before, .. }) => {
                let email = address.to_owned();
                let after = UserRow { email, name: name(), role, status, ..before.clone() };
                update_user(self.connection, &before, &after, self.at).await?;
                before.id
            }
            None => {
                let row = UserRow {
                    id: UserId::new(Uuid::now_v7()),
                    workspace,
                    email: address.to_owned(),
                    name: name(),
                    role,
                    status,
                    created_at: self.at,
                    updated_at: self.at,
                    view_number: 0,
                    version: 1,
                };
                insert_user(self.connection, &row).await?;
                row.id
            }
        };
        save_profile(self.connection, id, &told.profile).await?;
        self.record(Event::UserCreated, id, role_word(role)).await?;
        self.member(&id.to_string()).await
    }

    /// Makes a member what is told of them. What is not told of role and activity stays.
    pub(crate) async fn update(&mut self, before: &ScimUser, told: &Told) -> ScimResult<ScimUser> {
        let id = before.user.id;
        if fold(&before.user.email) != fold(told.user_name.as_str()) {
            let address = told.user_name.as_str();
            let workspace = self.provider.workspace();
            if scim_user_by_address(self.connection, workspace, address).await?.is_some() {
                return Err(taken());
            }
        }
        let active = told.active.unwrap_or(is_active(before));
        let (ends, begins) = (is_active(before) && !active, !is_active(before) && active);
        let mut role = self.role(Some(before.user.role), told.role)?;
        if begins {
            // Who comes back has no more than this provider can give.
            role = role.min(self.provider.highest_role());
        }
        let role_told = match told.role {
            RoleTold::Nothing => before.profile.role_told,
            RoleTold::None => false,
            RoleTold::This(_) => true,
        };
        let profile = Profile { role_told, ..told.profile.clone() };
        let user = UserRow {
            email: told.user_name.as_str().to_owned(),
            name: told.name.clone().unwrap_or_else(|| before.user.name.clone()),
            role,
            status: if begins { UserStatus::Live } else { before.user.status },
            ..before.user.clone()
        };
        let changed = changed(before, &ScimUser { user: user.clone(), profile: profile.clone() });
        if !changed.is_empty() {
            update_user(self.connection, &before.user, &user, self.at).await?;
            save_profile(self.connection, id, &profile).await?;
            let event = if begins { Event::UserReactivated } else { Event::UserUpdated };
            self.record(event, id, &changed.join(", ")).await?;
        }
        let after = self.member(&id.to_string()).await?;
        if !ends {
            return Ok(after);
        }
        self.end(&after).await?;
        self.member(&id.to_string()).await
    }

    /// Ends all access of a member, who is not there for this provider any more.
    pub(crate) async fn delete(&mut self, member: &ScimUser) -> ScimResult<()> {
        if is_active(member) {
            self.end(member).await?;
        }
        let profile = Profile { deleted: true, ..member.profile.clone() };
        save_profile(self.connection, member.user.id, &profile).await?;
        self.record(Event::UserDeleted, member.user.id, "").await
    }

    async fn end(&mut self, member: &ScimUser) -> ScimResult<()> {
        let user = &member.user;
        if user.role == WorkspaceRole::Owner && user.status == UserStatus::Live {
            let admins = admins_of(self.connection, user.workspace).await?;
            let other = |admin: &UserRow| admin.role == WorkspaceRole::Owner && admin.id != user.id;
            if !admins.iter().any(other) {
                return Err(ScimError::with_status(
                    StatusCode::FORBIDDEN,
                    "This is the last Owner of the workspace, who cannot be deactivated. Name \
                     another Owner first, with: entente-server user set-role.",
                ));
            }
        }
        let doing = Doing::new(None, self.at, &self.provider.origin);
        access::disable(self.connection, user, &doing).await?;
        Ok(doing.finish(self.connection).await?)
    }

    /// The role that a member has after something was told of it.
    fn role(&self, before: Option<WorkspaceRole>, told: RoleTold) -> ScimResult<WorkspaceRole> {
        let highest = self.provider.highest_role();
        let usual = USUAL_ROLE.min(highest);
        let is_above = before.is_some_and(|role| role > highest);
        match (told, before) {
            (RoleTold::This(role), _) if before == Some(role) => Ok(role),
            (RoleTold::This(_), _) if is_above => Err(ScimError::with_status(
                StatusCode::FORBIDDEN,
                format!(
                    "This member has a higher role than {}, the highest that this token gives. It \
                     is changed with: entente-server user set-role.",
                    role_word(highest)
                ),
            )),
            (RoleTold::This(role), _) if role > highest => Err(ScimError::with_status(
                StatusCode::FORBIDDEN,
                format!("This token gives roles up to {}.", role_word(highest)),
            )),
            (RoleTold::This(role), _) => Ok(role),
            (RoleTold::Nothing, Some(role)) => Ok(role),
            (RoleTold::None, Some(role)) if is_above => Ok(role),
            (RoleTold::Nothing | RoleTold::None, _) => Ok(usual),
        }
    }

    async fn record(&mut self, event: Event, subject: UserId, detail: &str) -> ScimResult<()> {
        let name = self.provider.name();
        let activity = NewActivity {
            subject: Some(subject),
            detail: if detail.is_empty() { name.to_owned() } else { format!("{name}: {detail}") },
            ..NewActivity::within(event, self.provider.workspace(), None, self.at)
        };
        record_activity(self.connection, &activity, &self.provider.origin).await?;
        Ok(())
    }
}

fn taken() -> ScimError {
    ScimError::new(
        ScimType::Uniqueness,
        "Another member of this workspace is or was known by this userName.",
    )
}

/// The attributes that differ.
fn changed(before: &ScimUser, after: &ScimUser) -> Vec<&'static str> {
    let (was, is) = (&before.profile, &after.profile);
    let name = |profile: &Profile| {
        (profile.formatted_name.clone(), profile.given_name.clone(), profile.family_name.clone())
    };
    let all = [
        ("userName", before.user.email != after.user.email),
        ("externalId", was.external_id != is.external_id),
        ("name", name(was) != name(is)),
        ("displayName", was.display_name != is.display_name || before.user.name != after.user.name),
        ("emails", was.emails != is.emails),
        ("active", before.user.status != after.user.status),
        ("roles", before.user.role != after.user.role || was.role_told != is.role_told),
    ];
    all.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}
