use anyhow::Result;
use entente_domain::{ApiKeyId, Side, Timestamp, UserId, UserStatus, WorkspaceRole};
use entente_server::{Running, SCOPES, new_key};
use entente_store::{Connection, KeyRow, UserRow, WorkspaceRow, insert_key, insert_user};
use secrecy::SecretString;
use uuid::Uuid;

macro_rules! offices {
    ($($(#[$doc:meta])+ $office:ident = $name:literal, $side:expr, $role:ident, $status:ident;)+) => {
        /// What somebody is in a scene.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Office { $($(#[$doc])+ $office),+ }

        impl Office {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$office),+];

            /// What a failing test calls it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$office => $name),+ }
            }

            /// The side of their workspace; none is elsewhere.
            #[must_use]
            pub const fn side(self) -> Option<Side> {
                match self { $(Self::$office => $side),+ }
            }

            const fn role(self) -> WorkspaceRole {
                match self { $(Self::$office => WorkspaceRole::$role),+ }
            }

            const fn status(self) -> UserStatus {
                match self { $(Self::$office => UserStatus::$status),+ }
            }
        }
    };
}

const HOST: Option<Side> = Some(Side::Host);
const GUEST: Option<Side> = Some(Side::Guest);

// Offices are held by those with the least roles, so that no right comes from the role.
offices! {
    /// A host user without an office, of this role.
    HostGuestUser = "host guest_user", HOST, GuestUser, Live;
    /// A host user without an office, of this role.
    HostLoginOnly = "host login_only", HOST, LoginOnly, Live;
    /// A host user without an office, of this role.
    HostUser = "host user", HOST, User, Live;
    /// A host user without an office, of this role.
    HostAdmin = "host admin", HOST, Admin, Live;
    /// A host user without an office, of this role.
    HostSuperAdmin = "host super_admin", HOST, SuperAdmin, Live;
    /// A host user without an office, of this role.
    HostOwner = "host owner", HOST, Owner, Live;
    /// Sent the request; no Partnership Owner any more.
    Sender = "sender", HOST, GuestUser, Live;
    /// A Partnership Owner without a role on the account.
    PartnershipOwner = "Partnership Owner", HOST, LoginOnly, Live;
    /// An Owner of the account who is no Partnership Owner.
    AccountOwner = "account Owner", HOST, GuestUser, Live;
    /// A Partnership Owner and an Owner of the account, or of the other account only.
    Both = "both Owners", HOST, User, Live;
    /// A Manager of the account on the host's side.
    HostManager = "host Manager", HOST, LoginOnly, Live;
    /// A Collaborator on the host's side who is an Admin.
    HostCollaborator = "host admin Collaborator", HOST, Admin, Live;
    /// A guest user without an office, of this role.
    GuestGuestUser = "guest guest_user", GUEST, GuestUser, Live;
    /// A guest user without an office, of this role.
    GuestLoginOnly = "guest login_only", GUEST, LoginOnly, Live;
    /// A guest user without an office, of this role.
    GuestUser = "guest user", GUEST, User, Live;
    /// A guest user of this role: a Manager of what is shared.
    GuestAdmin = "guest admin", GUEST, Admin, Live;
    /// A guest user of this role: a Manager of what is shared.
    GuestSuperAdmin = "guest super_admin", GUEST, SuperAdmin, Live;
    /// A guest user of this role: a Manager of what is shared.
    GuestOwner = "guest owner", GUEST, Owner, Live;
    /// A Manager of the account on the guest's side; sent the request for access.
    Manager = "Manager", GUEST, GuestUser, Live;
    /// A Collaborator on the guest's side.
    Collaborator = "Collaborator", GUEST, LoginOnly, Live;
    /// A Manager once, a Collaborator now; sent the request for access that was closed.
    Demoted = "demoted Manager", GUEST, User, Live;
    /// The member asked for.
    Asked = "member asked for", GUEST, User, Live;
    /// An Admin of another workspace.
    Stranger = "stranger", None, Owner, Live;
    /// A host Admin who was removed.
    Disabled = "disabled", HOST, Admin, Disabled;
    /// A guest Admin who has not come yet.
    Pending = "pending", GUEST, Admin, Pending;
}

impl Office {
    /// Whether something can be done to them, or depends on them.
    pub(super) const fn matters(self) -> bool {
        match self {
            Self::HostGuestUser
            | Self::HostLoginOnly
            | Self::HostSuperAdmin
            | Self::HostOwner
            | Self::HostCollaborator
            | Self::GuestGuestUser
            | Self::GuestLoginOnly
            | Self::GuestSuperAdmin
            | Self::GuestOwner
            | Self::Stranger
            | Self::Pending => false,
            Self::HostUser
            | Self::HostAdmin
            | Self::Sender
            | Self::PartnershipOwner
            | Self::AccountOwner
            | Self::Both
            | Self::HostManager
            | Self::GuestUser
            | Self::GuestAdmin
            | Self::Manager
            | Self::Collaborator
            | Self::Demoted
            | Self::Asked
            | Self::Disabled => true,
        }
    }
}

/// Somebody in a scene.
#[derive(Debug, Clone)]
pub struct Someone {
    /// What they are.
    pub office: Office,
    /// The user.
    pub user: UserRow,
    /// Their key, with every scope.
    pub key: SecretString,
    pub(super) key_row: KeyRow,
}

/// Adds some people, each with a key.
pub(super) async fn insert(
    connection: &mut Connection,
    server: &Running,
    there: &[Office],
    [host, guest, elsewhere]: [&WorkspaceRow; 3],
    at: Timestamp,
) -> Result<Vec<Someone>> {
    let mut people = Vec::new();
    for office in there.iter().copied() {
        let workspace = match office.side() {
            Some(Side::Host) => host,
            Some(Side::Guest) => guest,
            None => elsewhere,
        };
        let user = UserRow {
            id: UserId::new(Uuid::now_v7()),
            workspace: workspace.id,
            email: format!("{}@{}.example", office.name().replace(' ', "."), workspace.slug),
            name: office.name().into(),
            role: office.role(),
            status: office.status(),
            created_at: at,
            updated_at: at,
            view_number: 0,
            version: 1,
        };
        insert_user(connection, &user).await?;
        let id = ApiKeyId::new(Uuid::now_v7());
        let (key_row, key) = key(connection, server, &user, id, at).await?;
        people.push(Someone { office, user, key, key_row });
    }
    Ok(people)
}

/// Adds a key with every scope.
pub(super) async fn key(
    connection: &mut Connection,
    server: &Running,
    user: &UserRow,
    id: ApiKeyId,
    at: Timestamp,
) -> Result<(KeyRow, SecretString)> {
    let row = KeyRow {
        id,
        user: user.id,
        name: "Test".into(),
        scopes: SCOPES.iter().map(|scope| (*scope).to_owned()).collect(),
        created_at: at,
        expires_at: None,
        revoked_at: None,
        session: None,
    };
    let key = new_key();
    insert_key(connection, &row, &server.secret().hash(&key)).await?;
    Ok((row, key))
}
