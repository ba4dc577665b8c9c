//! The full tables of who may do what with shared accounts, roles, access requests and members,
//! against those of the design, written out by hand.

#![allow(clippy::expect_used, reason = "a test may panic")]

#[path = "common/access.rs"]
mod access;
#[path = "common/people.rs"]
mod people;

use access::*;
use entente_domain::{
    AccountAction, AccountRole, Action, Actor, GrantAction, Management, Partnership, PartnershipId,
    RequestAction, RequestState, SendPolicy, StateName, UserStatus, WorkspaceRole,
    allowed_account_actions, allowed_grant_actions, allowed_management, allowed_request_actions,
    is_partnership_owner, may_have_api_keys, may_manage_webhooks, may_remove_member, may_send,
    may_unshare, sees_access_request, sees_account, sees_all_members, sees_grant, sees_impact,
    sees_member, sees_shared_account,
};
use people::*;
use uuid::Uuid;

/// What somebody may, as the letters of a cell in the order of the alphabet.
type Letters<'a> = &'a dyn Fn(&Actor) -> Vec<char>;

/// Holds each cell of a table against what the policy says. `-` is nothing.
fn hold(table: &str, rows: &[(String, Letters<'_>)]) {
    let mut lines = table.lines().filter(|line| !line.trim().is_empty());
    let head: Vec<&str> = lines.next().expect("a head").split_whitespace().collect();
    assert_eq!(head, columns().iter().map(|column| column.name).collect::<Vec<_>>());
    let mut cells = 0;
    for (name, letters) in rows {
        let line: Vec<&str> = lines.next().expect("a row").split_whitespace().collect();
        assert_eq!((line[0], line.len() - 1), (name.as_str(), head.len()), "the row {name}");
        for (cell, column) in line[1..].iter().zip(columns()) {
            let mut found = letters(&column.actor);
            found.sort_unstable();
            let found: String = found.into_iter().collect();
            assert_eq!(found, cell.replace('-', ""), "{name}, {}", column.name);
            cells += 1;
        }
    }
    assert_eq!(lines.next(), None);
    assert_eq!(cells, rows.len() * columns().len());
}

/// Every situation that the states distinguish, by name.
fn situations() -> Vec<(String, Partnership)> {
    let approved = || done(requested(), &host_admin(), Action::Approve);
    let late = at(100 * 86_400);
    let expired = |p: Partnership| p.expire(late).expect("past its deadline").partnership;
    let all = [
        ("awaiting_approval", requested()),
        ("awaiting_acceptance", approved()),
        ("active", active()),
        ("declined_by_host", done(requested(), &host_admin(), Action::Decline)),
        ("declined_by_guest", done(approved(), &guest_admin(), Action::Decline)),
        ("withdrawn", done(approved(), &sender(), Action::Withdraw)),
        ("expired_unapproved", expired(requested())),
        ("expired_approved", expired(approved())),
        ("removed", done(active(), &guest_admin(), Action::Remove)),
    ];
    all.map(|(name, partnership)| (name.to_owned(), partnership)).into()
}

/// d dismiss a Partnership Owner, h share accounts, i see what a removal would take away, m see the
/// members with access, n name a Partnership Owner, s see the account among those shared, u take it
/// out.
const PARTNERSHIP: &str = "
                    hGU hLO hU hA    hSA   hO    sender powner pownerGU aowner aownerLO both  hmanager hcollab hAcollab gGU gLO gU gA gSA gO gAmanager manager managerGU collab demoted asked stranger disabled pending
awaiting_approval   -   -   -  dn    dn    dn    -      -      -        -      -        -     -        -       dn       -   -   -  -  -   -  -         -       -         -      -       -     -        -        -
awaiting_acceptance -   -   -  dn    dn    dn    -      -      -        -      -        -     -        -       dn       -   -   -  -  -   -  -         -       -         -      -       -     -        -        -
active              -   -   -  dimn  dimn  dimn  -      himsu  himsu    -      -        himsu -        -       dimns    -   -   -  i  i   i  is        s       s         s      s       -     -        -        -
declined_by_host    -   -   -  -     -     -     -      -      -        -      -        -     -        -       -        -   -   -  -  -   -  -         -       -         -      -       -     -        -        -
declined_by_guest   -   -   -  dn    dn    dn    -      -      -        -      -        -     -        -       dn       -   -   -  -  -   -  -         -       -         -      -       -     -        -        -
withdrawn           -   -   -  -     -     -     -      -      -        -      -        -     -        -       -        -   -   -  -  -   -  -         -       -         -      -       -     -        -        -
expired_unapproved  -   -   -  dn    dn    dn    -      -      -        -      -        -     -        -       dn       -   -   -  -  -   -  -         -       -         -      -       -     -        -        -
expired_approved    -   -   -  dn    dn    dn    -      -      -        -      -        -     -        -       dn       -   -   -  -  -   -  -         -       -         -      -       -     -        -        -
removed             -   -   -  -     -     -     -      -      -        -      -        -     -        -       -        -   -   -  -  -   -  -         -       -         -      -       -     -        -        -
one_owner           -   -   -  imn   imn   imn   -      himsu  -        -      -        -     -        -       imns     -   -   -  i  i   i  is        s       s         s      s       -     -        -        -
no_owner            -   -   -  imn   imn   imn   -      -      -        -      -        -     -        -       imns     -   -   -  i  i   i  is        s       s         s      s       -     -        -        -
";

#[test]
fn every_cell_of_managing_a_partnership_is_as_designed() {
    let mut scenes: Vec<(String, Scene)> = situations()
        .into_iter()
        .map(|(name, partnership)| (name, Scene::of(partnership)))
        .collect();
    scenes.push(("one_owner".into(), Scene::of(active()).managed_by(&["powner"])));
    scenes.push(("no_owner".into(), Scene::of(active()).managed_by(&[])));
    let letters: Vec<_> =
        scenes.iter().map(|(_, scene)| |by: &Actor| managing(scene, by)).collect();
    let rows: Vec<(String, Letters<'_>)> = scenes
        .iter()
        .zip(&letters)
        .map(|((name, _), letters)| (name.clone(), letters as Letters<'_>))
        .collect();
    hold(PARTNERSHIP, &rows);
}

fn managing(scene: &Scene, by: &Actor) -> Vec<char> {
    let partnership = &scene.partnership;
    let listed = allowed_management(by, partnership);
    let mut letters: Vec<char> = listed
        .into_iter()
        .map(|action| match action {
            Management::ShareAccounts => 'h',
            Management::SeeMembers => 'm',
            Management::NameOwner => 'n',
            Management::DismissOwner => 'd',
        })
        .collect();
    letters.extend(sees_impact(by, partnership).then_some('i'));
    letters.extend(may_unshare(by, partnership).then_some('u'));
    letters.extend(sees_shared_account(by, partnership, scene.grant_of(by)).then_some('s'));
    letters
}

/// a give a host user a role, l log in, q ask for access for others, v see the account.
const ACCOUNT: &str = "
           hGU hLO hU hA hSA hO sender powner pownerGU aowner aownerLO both hmanager hcollab hAcollab gGU gLO gU gA gSA gO gAmanager manager managerGU collab demoted asked stranger disabled pending
governed   -   -   -  -  -   -  -      -      -        alv    alv      alv  lv       lv      lv       -   -   -  -  -   -  lqv       lqv     lqv       lv     lv      -     -        -        -
ungoverned -   -   -  av av  av -      -      -        -      -        -    lv       lv      alv      -   -   -  -  -   -  lqv       lqv     lqv       lv     lv      -     -        -        -
";

#[test]
fn every_cell_of_an_account_is_as_designed() {
    let governed = Scene::of(active());
    let ungoverned = governed.clone().owned_by(&[]);
    hold(
        ACCOUNT,
        &[
            ("governed".into(), &|by| with_account(&governed, by)),
            ("ungoverned".into(), &|by| with_account(&ungoverned, by)),
        ],
    );
}

fn with_account(scene: &Scene, by: &Actor) -> Vec<char> {
    let own = scene.grant_of(by);
    let mut letters: Vec<char> =
        allowed_account_actions(by, &scene.account, own, scene.through(own))
            .into_iter()
            .map(|action| match action {
                AccountAction::LogIn => 'l',
                AccountAction::RequestAccess => 'q',
                AccountAction::AddUser => 'a',
            })
            .collect();
    letters.extend(sees_account(by, &scene.account, own).then_some('v'));
    letters
}

/// Whose role: c change it, r take it away, v see it. `last_owner` is the only one; an account
/// without an Owner is `ungoverned`.
const ROLES: &str = "
                    hGU hLO hU hA  hSA hO  sender powner pownerGU aowner aownerLO both hmanager hcollab hAcollab gGU gLO gU gA gSA gO gAmanager manager managerGU collab demoted asked stranger disabled pending
owner               -   -   -  -   -   -   -      -      -        crv    crv      crv  v        -       -        -   -   -  -  -   -  -         -       -         -      -       -     -        -        -
last_owner          -   -   -  -   -   -   -      -      -        v      -        -    v        -       -        -   -   -  -  -   -  -         -       -         -      -       -     -        -        -
hmanager            -   -   -  -   -   -   -      -      -        crv    crv      crv  v        -       -        -   -   -  -  -   -  -         -       -         -      -       -     -        -        -
hcollab             -   -   -  -   -   -   -      -      -        crv    crv      crv  v        v       -        -   -   -  -  -   -  -         -       -         -      -       -     -        -        -
gAmanager           -   -   -  rv  rv  rv  -      rv     rv       crv    crv      crv  -        -       rv       -   -   -  -  -   -  v         v       v         -      -       -     -        -        -
manager             -   -   -  rv  rv  rv  -      rv     rv       crv    crv      crv  -        -       rv       -   -   -  -  -   -  v         v       v         -      -       -     -        -        -
collab              -   -   -  rv  rv  rv  -      rv     rv       crv    crv      crv  -        -       rv       -   -   -  -  -   -  v         v       v         v      -       -     -        -        -
ungoverned_hcollab  -   -   -  crv crv crv -      -      -        -      -        -    v        v       crv      -   -   -  -  -   -  -         -       -         -      -       -     -        -        -
ungoverned_collab   -   -   -  crv crv crv -      rv     rv       -      -        rv   -        -       crv      -   -   -  -  -   -  v         v       v         v      -       -     -        -        -
unmanaged_collab    -   -   -  rv  rv  rv  -      -      -        crv    crv      crv  -        -       rv       -   -   -  -  -   -  v         v       v         v      -       -     -        -        -
";

#[test]
fn every_cell_of_a_role_on_an_account_is_as_designed() {
    let scene = Scene::of(active());
    let last = scene.clone().owned_by(&["aowner"]);
    let ungoverned = scene.clone().owned_by(&[]);
    let unmanaged = scene.clone().managed_by(&[]);
    hold(
        ROLES,
        &[
            ("owner".into(), &|by| with_role(&scene, by, "aowner")),
            ("last_owner".into(), &|by| with_role(&last, by, "aowner")),
            ("hmanager".into(), &|by| with_role(&scene, by, "hmanager")),
            ("hcollab".into(), &|by| with_role(&scene, by, "hcollab")),
            ("gAmanager".into(), &|by| with_role(&scene, by, "gAmanager")),
            ("manager".into(), &|by| with_role(&scene, by, "manager")),
            ("collab".into(), &|by| with_role(&scene, by, "collab")),
            ("ungoverned_hcollab".into(), &|by| with_role(&ungoverned, by, "hcollab")),
            ("ungoverned_collab".into(), &|by| with_role(&ungoverned, by, "collab")),
            ("unmanaged_collab".into(), &|by| with_role(&unmanaged, by, "collab")),
        ],
    );
}

fn with_role(scene: &Scene, by: &Actor, of: &str) -> Vec<char> {
    let grant = scene.role_of(of);
    let through = scene.through(Some(&grant));
    let mut letters: Vec<char> = allowed_grant_actions(by, &scene.account, &grant, through)
        .into_iter()
        .map(|action| match action {
            GrantAction::ChangeRole => 'c',
            GrantAction::Remove => 'r',
        })
        .collect();
    let own = scene.grant_of(by);
    letters.extend(sees_grant(by, &scene.account, own, &grant, through).then_some('v'));
    letters
}

/// a accept, d decline, v see it. A request is closed when its Manager is demoted.
const REQUESTS: &str = "
                   hGU hLO hU hA  hSA hO  sender powner pownerGU aowner aownerLO both hmanager hcollab hAcollab gGU gLO gU gA gSA gO gAmanager manager managerGU collab demoted asked stranger disabled pending
pending            -   -   -  -   -   -   -      -      -        adv    adv      adv  -        -       -        -   -   -  -  -   -  -         v       -         -      -       -     -        -        -
accepted           -   -   -  -   -   -   -      -      -        v      v        v    -        -       -        -   -   -  -  -   -  -         v       -         -      -       -     -        -        -
declined           -   -   -  -   -   -   -      -      -        v      v        v    -        -       -        -   -   -  -  -   -  -         v       -         -      -       -     -        -        -
closed             -   -   -  -   -   -   -      -      -        v      v        v    -        -       -        -   -   -  -  -   -  -         -       -         -      v       -     -        -        -
ungoverned_pending -   -   -  adv adv adv -      -      -        -      -        -    -        -       adv      -   -   -  -  -   -  -         v       -         -      -       -     -        -        -
ungoverned_closed  -   -   -  v   v   v   -      -      -        -      -        -    -        -       v        -   -   -  -  -   -  -         -       -         -      v       -     -        -        -
";

#[test]
fn every_cell_of_an_access_request_is_as_designed() {
    let scene = Scene::of(active());
    let ungoverned = scene.clone().owned_by(&[]);
    let (manager, demoted) = ("manager", "demoted");
    hold(
        REQUESTS,
        &[
            ("pending".into(), &|by| with_request(&scene, by, manager, RequestState::Pending)),
            ("accepted".into(), &|by| with_request(&scene, by, manager, RequestState::Accepted)),
            ("declined".into(), &|by| with_request(&scene, by, manager, RequestState::Declined)),
            ("closed".into(), &|by| with_request(&scene, by, demoted, RequestState::Closed)),
            ("ungoverned_pending".into(), &|by| {
                with_request(&ungoverned, by, manager, RequestState::Pending)
            }),
            ("ungoverned_closed".into(), &|by| {
                with_request(&ungoverned, by, demoted, RequestState::Closed)
            }),
        ],
    );
}

fn with_request(scene: &Scene, by: &Actor, sent_by: &str, state: RequestState) -> Vec<char> {
    let request = scene.request(sent_by, state);
    let mut letters: Vec<char> = allowed_request_actions(by, &scene.account, &request)
        .into_iter()
        .map(|action| match action {
            RequestAction::Accept => 'a',
            RequestAction::Decline => 'd',
        })
        .collect();
    letters.extend(sees_access_request(by, &scene.account, &request).then_some('v'));
    letters
}

/// Of the own workspace: h have webhooks, k have API keys, m see all members, s send a request, S send one where the
/// workspace lets `user` and above. The rest is whom they can remove: g guest_user, l login_only, u
/// user, a admin, p super_admin, o owner.
const WORKSPACE: &[(WorkspaceRole, &str, &str)] = &[
    (WorkspaceRole::GuestUser, "s", ""),
    (WorkspaceRole::LoginOnly, "s", ""),
    (WorkspaceRole::User, "kmsS", ""),
    (WorkspaceRole::Admin, "hkmsS", "glua"),
    (WorkspaceRole::SuperAdmin, "hkmsS", "gluap"),
    (WorkspaceRole::Owner, "hkmsS", "gluapo"),
];

#[test]
fn every_cell_of_a_workspace_is_as_designed() {
    let mut cells = 0;
    for (role, may, removes) in WORKSPACE {
        for status in UserStatus::ALL {
            let by = Actor { status: *status, ..actor(HOST, 1, *role) };
            let live = *status == UserStatus::Live;
            let mut found = String::new();
            found.extend(may_manage_webhooks(&by).then_some('h'));
            found.extend(may_have_api_keys(&by).then_some('k'));
            found.extend(sees_all_members(&by).then_some('m'));
            found.extend(may_send(&by, SendPolicy::AnyRole).then_some('s'));
            found.extend(may_send(&by, SendPolicy::UsersAndAbove).then_some('S'));
            assert_eq!(found, if live { *may } else { "" }, "{by:?}");
            for (their_role, initial) in WorkspaceRole::ALL.iter().zip("gluapo".chars()) {
                for theirs in UserStatus::ALL {
                    let member = Actor { status: *theirs, ..actor(HOST, 2, *their_role) };
                    let may = live && removes.contains(initial) && *theirs != UserStatus::Disabled;
                    assert_eq!(may_remove_member(&by, &member, false), may, "{by:?}, {member:?}");
                    assert!(!may_remove_member(&by, &member, true), "the identity provider does");
                    let own = live && sees_all_members(&by);
                    assert_eq!(sees_member(&by, member.user, member.workspace), own);
                    let foreign = actor(GUEST, 2, *their_role);
                    assert!(!may_remove_member(&by, &foreign, false));
                    assert!(!sees_member(&by, foreign.user, foreign.workspace));
                    cells += 1;
                }
            }
            assert_eq!(sees_member(&by, by.user, by.workspace), live, "oneself");
            assert!(!may_remove_member(&by, &by, false), "not oneself");
        }
    }
    assert_eq!(cells, 6 * 3 * 6 * 3);
}

/// All scenes of the tables, and some that there cannot be.
fn scenes() -> Vec<Scene> {
    let mut scenes: Vec<Scene> =
        situations().into_iter().map(|(_, partnership)| Scene::of(partnership)).collect();
    scenes.push(Scene::of(active()).managed_by(&[]));
    scenes.push(Scene::of(active()).owned_by(&[]));
    scenes.push(Scene::of(active()).owned_by(&["aowner"]));
    // The database was tampered with: there are Owners, and none of them can act.
    scenes.push(Scene::of(active()).owned_by(&["disabled"]));
    scenes
}

/// Everything that somebody may in a scene, as words.
fn all_that(by: &Actor, scene: &Scene) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut add = |what: &str, letters: Vec<char>| {
        all.extend(letters.into_iter().map(|letter| format!("{what}/{letter}")));
    };
    add("partnership", managing(scene, by));
    add("account", with_account(scene, by));
    for column in columns() {
        if scene.grant_of(&column.actor).is_some() {
            add(column.name, with_role(scene, by, column.name));
        }
    }
    for state in RequestState::ALL {
        for sent_by in ["manager", "demoted"] {
            add(state.as_str(), with_request(scene, by, sent_by, *state));
        }
    }
    all
}

#[test]
fn who_is_not_live_or_a_stranger_may_nothing_whatever_they_were() {
    for scene in scenes() {
        for column in columns() {
            for status in [UserStatus::Pending, UserStatus::Disabled] {
                let by = Actor { status, ..column.actor };
                assert_eq!(all_that(&by, &scene), [""; 0], "{status} {}", column.name);
                assert!(!is_partnership_owner(&by, &scene.partnership));
                assert!(!scene.account.is_governed_by(&by));
            }
            for role in WorkspaceRole::ALL {
                let by = Actor { role: *role, ..actor(STRANGER, 61, *role) };
                assert_eq!(all_that(&by, &scene), [""; 0], "a stranger's {role}");
            }
        }
    }
}

#[test]
fn what_can_be_done_to_something_is_seen() {
    for scene in scenes() {
        for column in columns() {
            let all = all_that(&column.actor, &scene);
            for what in ["account", "pending", "manager", "collab", "hcollab", "aowner"] {
                let done = all.iter().any(|one| one.starts_with(&format!("{what}/")));
                let seen = all.contains(&format!("{what}/v"));
                assert_eq!(done, seen, "{what} by {}: {all:?}", column.name);
            }
        }
    }
}

#[test]
fn an_account_is_never_ungovernable_and_never_governed_by_a_guest() {
    for scene in scenes() {
        for column in columns() {
            let by = column.actor;
            let governs = scene.account.is_governed_by(&by);
            if scene.account.owners.is_empty() {
                let host_admin = by.is_live_admin() && by.workspace == scene.partnership.host;
                assert_eq!(governs, host_admin, "{}", column.name);
            } else {
                let owns = by.is_live() && column.role == Some(AccountRole::Owner);
                let stayed = scene.account.owners.contains(&by.user);
                assert_eq!(governs, owns && stayed, "{}", column.name);
            }
            assert!(!(governs && by.workspace == scene.partnership.guest), "{}", column.name);
        }
    }
}

#[test]
fn whoever_governs_an_account_can_do_everything_to_a_role_but_take_the_last_owner() {
    for scene in scenes() {
        for column in columns() {
            let by = column.actor;
            for grant in &scene.grants {
                let through = scene.through(Some(grant));
                let actions = allowed_grant_actions(&by, &scene.account, grant, through);
                let is_last = scene.account.owners.iter().eq([&grant.user]);
                let there = through.is_none_or(|p| p.state.name() == StateName::Active);
                if scene.account.is_governed_by(&by) && !is_last && there {
                    assert_eq!(actions, GrantAction::ALL, "{}", column.name);
                }
                if is_last || !there {
                    assert_eq!(actions, [], "{}", column.name);
                }
            }
        }
    }
}

#[test]
fn nothing_is_done_through_a_partnership_that_is_not_active() {
    for scene in scenes() {
        if scene.partnership.state.name() == StateName::Active {
            continue;
        }
        for column in columns() {
            let by = column.actor;
            let all = all_that(&by, &scene);
            for what in ["partnership/h", "partnership/m", "partnership/s", "partnership/u"] {
                assert!(!all.iter().any(|one| one == what), "{what} by {}", column.name);
            }
            if by.workspace == scene.partnership.guest {
                let acts = all.iter().filter(|one| !one.ends_with("/v"));
                assert_eq!(acts.count(), 0, "{}: {all:?}", column.name);
            }
        }
    }
}

#[test]
fn a_role_counts_only_on_its_account_for_its_user_and_through_its_partnership() {
    let scene = Scene::of(active());
    let nobody = scene.actor("gU");
    let manager = scene.role_of("manager");
    assert!(!sees_account(&nobody, &scene.account, Some(&manager)), "of somebody else");
    assert!(!sees_shared_account(&nobody, &scene.partnership, Some(&manager)));
    let through = Some(&scene.partnership);
    assert_eq!(allowed_account_actions(&nobody, &scene.account, Some(&manager), through), []);
    let collab = scene.role_of("collab");
    assert!(!sees_grant(&nobody, &scene.account, Some(&manager), &collab, through));

    // Another active partnership is not the one that the role came through.
    let other =
        Partnership { id: PartnershipId::new(Uuid::from_u128(101)), ..scene.partnership.clone() };
    let by = scene.actor("manager");
    let logs_in = allowed_account_actions(&by, &scene.account, Some(&manager), Some(&other));
    assert_eq!(logs_in, []);
    let owner = scene.actor("powner");
    let hcollab = scene.role_of("hcollab");
    assert_eq!(allowed_grant_actions(&owner, &scene.account, &hcollab, Some(&other)), []);
    assert_eq!(allowed_grant_actions(&owner, &scene.account, &collab, Some(&other)), []);
    assert!(!sees_grant(&owner, &scene.account, None, &hcollab, through));
}
