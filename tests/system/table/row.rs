use entente_domain::{Actor, Side, UserStatus};
use entente_tests::scene::{Facts, Scene, Told};
use entente_wire::ErrorCode;
use serde_json::Value;

use super::{caller::Caller, shown::Shown};

/// What a cell comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expect {
    /// It is done.
    Done,
    /// It is not there, or not theirs to see: told alike.
    NotFound,
    /// They are none of those who may.
    Forbidden,
    /// Something in the body is not there, or not theirs to see.
    Unknown(ErrorCode),
    /// Its state does not allow it.
    WrongState(ErrorCode),
    /// They are not told who they are.
    Unauthorized(ErrorCode),
}

/// What is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// What becomes of a partnership.
    Partnership,
    /// Who has access to an account.
    Access,
}

/// What somebody sees of what is asked for.
pub(super) type Shows = Box<dyn Fn(&Scene, &Facts, &Actor) -> Shown + Send + Sync>;
/// What is different afterwards.
pub(super) type Effect = Box<dyn Fn(&Scene, &Actor, &mut Facts) + Send + Sync>;

/// What depends on the scene and on who asks.
type By<T> = Box<dyn Fn(&Scene, &Actor) -> T + Send + Sync>;

/// A row of the table: an endpoint, and what it is asked about.
pub(super) struct Row {
    pub(super) method: &'static str,
    /// As the server's own document has it, without the prefix.
    pub(super) template: &'static str,
    /// What tells it from other rows of the same endpoint.
    pub(super) about: String,
    /// What a key needs; nothing is for every key.
    pub(super) scope: &'static str,
    pub(super) path: Box<dyn Fn(&Scene) -> String + Send + Sync>,
    pub(super) body: By<Value>,
    pub(super) expect: By<Expect>,
    pub(super) shows: Option<Shows>,
    pub(super) effect: Option<Effect>,
    /// Whether what it does is new, and answered so.
    pub(super) creates: bool,
    /// Whether what it does leaves the situation what it is.
    pub(super) keeps: bool,
    /// What it decides: a refusal of that is an entry in the audit.
    pub(super) decides: Option<Decision>,
}

impl Row {
    pub(super) fn new(method: &'static str, template: &'static str, scope: &'static str) -> Self {
        Self {
            method,
            template,
            about: String::new(),
            scope,
            path: Box::new(move |_| template.to_owned()),
            body: Box::new(|_, _| Value::Null),
            expect: Box::new(|_, _| Expect::Done),
            shows: None,
            effect: None,
            creates: false,
            keeps: false,
            decides: None,
        }
    }

    pub(super) fn about(self, about: impl Into<String>) -> Self {
        Self { about: about.into(), ..self }
    }

    pub(super) fn path(self, path: impl Fn(&Scene) -> String + Send + Sync + 'static) -> Self {
        Self { path: Box::new(path), ..self }
    }

    pub(super) fn body(
        self,
        body: impl Fn(&Scene, &Actor) -> Value + Send + Sync + 'static,
    ) -> Self {
        Self { body: Box::new(body), ..self }
    }

    pub(super) fn expect(
        self,
        expect: impl Fn(&Scene, &Actor) -> Expect + Send + Sync + 'static,
    ) -> Self {
        Self { expect: Box::new(expect), ..self }
    }

    pub(super) fn shows(
        self,
        shows: impl Fn(&Scene, &Facts, &Actor) -> Shown + Send + Sync + 'static,
    ) -> Self {
        Self { shows: Some(Box::new(shows)), ..self }
    }

    pub(super) fn does(
        self,
        effect: impl Fn(&Scene, &Actor, &mut Facts) + Send + Sync + 'static,
    ) -> Self {
        Self { effect: Some(Box::new(effect)), ..self }
    }

    pub(super) fn creates(self) -> Self {
        Self { creates: true, ..self }
    }

    pub(super) fn keeps_the_situation(self) -> Self {
        Self { keeps: true, ..self }
    }

    pub(super) fn decides(self, decision: Decision) -> Self {
        Self { decides: Some(decision), ..self }
    }

    /// What a caller's cell comes to.
    pub(super) fn expected(&self, scene: &Scene, caller: Caller) -> Expect {
        let user = &scene.someone(caller.office()).user;
        match caller {
            Caller::Office(_) if user.status != UserStatus::Live => {
                Expect::Unauthorized(ErrorCode::UserDisabled)
            }
            Caller::Lacking if !self.scope.is_empty() => {
                Expect::Unauthorized(ErrorCode::InsufficientScope)
            }
            Caller::Office(_) | Caller::Lacking => (self.expect)(scene, &user.actor()),
            Caller::NoKey => Expect::Unauthorized(ErrorCode::MissingCredentials),
            Caller::UnknownKey | Caller::RevokedKey => {
                Expect::Unauthorized(ErrorCode::InvalidCredentials)
            }
            Caller::ExpiredKey => Expect::Unauthorized(ErrorCode::ExpiredCredentials),
        }
    }

    /// The entry in the audit of a refused attempt to decide. What they may not see, nobody can have
    /// decided.
    pub(super) fn refusal_told(&self, scene: &Scene, cell: (Caller, Expect)) -> Option<Told> {
        let (caller, expect) = cell;
        match expect {
            Expect::Forbidden | Expect::WrongState(_) => {}
            Expect::Done | Expect::NotFound | Expect::Unknown(_) | Expect::Unauthorized(_) => {
                return None;
            }
        }
        let account = match self.decides? {
            Decision::Partnership => None,
            Decision::Access => Some(scene.account),
        };
        Some(Told { account, guest_sees: caller.office().side() == Some(Side::Guest) })
    }
}
