use anyhow::Result;
use entente_domain::WorkspaceRole;
use entente_server::{NewAccount, add_account};
use entente_store::users_by_id;
use entente_tests::{Ground, World, on_both_engines};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::{Answer, Call, call, request};

on_both_engines![
    an_account_goes_from_its_owner_to_a_colleague_of_the_guest_and_back,
    who_is_removed_or_demoted_takes_what_hung_on_them,
    a_partnership_is_never_ungovernable,
    activity_comes_as_a_table_that_runs_nothing,
    a_guest_is_not_told_where_people_of_the_host_are,
    a_key_is_told_once_and_gives_no_more_than_the_one_that_made_it,
];

/// An active partnership of Globex with Fjord Studio; Hugo is a member of the guest, and Uma owns
/// two accounts.
pub struct Story {
    pub world: World,
    _ground: Ground,
    pub partnership: String,
    pub accounts: Vec<String>,
}

pub const HUGO: &str = "hugo";
pub const IRIS: &str = "iris";

impl Story {
    pub async fn begin(ground: Ground) -> Result<Self> {
        let world = ground.world().await?;
        Self::tell(ground, world).await
    }

    /// The same in a world that is there.
    pub async fn tell(ground: Ground, mut world: World) -> Result<Self> {
        world.add("marit", "Hugo Martin", WorkspaceRole::User).await?;
        world.add("marit", "Iris Moen", WorkspaceRole::LoginOnly).await?;
        let server = world.server.as_ref().expect("it runs");
        let uma = world.person("uma").id;
        let uma = users_by_id(&mut *server.store().read().await?, [uma]).await?.remove(&uma);
        let uma = uma.expect("Uma");
        let mut accounts = Vec::new();
        for (application, label) in [("Mailchimp", "EMEA"), ("Figma", "Brand")] {
            let new = NewAccount {
                owner: &uma,
                application,
                label,
                url: "https://app.example.com/login",
                secrets: &[
                    ("username", SecretString::from("uma@globex.example")),
                    ("password", SecretString::from("correct horse battery staple")),
                ],
            };
            let account = add_account(server.store(), server.vault(), new, server.now()).await?;
            accounts.push(account.id.to_string());
        }
        let partnership = request(&world, "marit").await?;
        let path = format!("/partnerships/{partnership}");
        call(&world, "adam", "POST", &format!("{path}/approve")).version(1).send().await?;
        let terms = call(&world, "marit", "GET", "/terms").send().await?;
        let version = &terms.body["data"]["attributes"]["version"];
        let accept = call(&world, "marit", "POST", &format!("{path}/accept")).version(2);
        let accept = accept.json(json!({"termsVersion": version, "agreed": true})).send().await?;
        assert_eq!(accept.state(), "active", "{accept:?}");
        Ok(Self { world, _ground: ground, partnership, accounts })
    }

    pub async fn get(&self, who: &str, path: &str) -> Result<Answer> {
        call(&self.world, who, "GET", path).send().await
    }

    pub async fn post(&self, who: &str, path: &str, body: Value) -> Result<Answer> {
        call(&self.world, who, "POST", path).json(body).send().await
    }

    pub fn id(&self, first: &str) -> String {
        self.world.person(first).id.to_string()
    }

    /// Uma shares an account, and the guest's Admin receives a role.
    pub async fn share(&self, account: &str, role: &str) -> Result<Answer> {
        let path = format!("/partnerships/{}/accounts", self.partnership);
        self.post("uma", &path, json!({"accountIds": [account], "role": role})).await
    }

    pub async fn ask(&self, account: &str, whom: &[&str], role: &str) -> Result<Answer> {
        let ids: Vec<String> = whom.iter().map(|first| self.id(first)).collect();
        let body = json!({"accountId": account, "userIds": ids, "role": role, "message": "May"});
        self.post("marit", "/access-requests", body).await
    }
}

pub fn ids(answer: &Answer) -> Vec<String> {
    let data = answer.body["data"].as_array().cloned().unwrap_or_default();
    data.iter().filter_map(|found| found["id"].as_str().map(str::to_owned)).collect()
}

fn events(answer: &Answer) -> Vec<&str> {
    let data = answer.body["data"].as_array().expect("a list");
    data.iter().filter_map(|found| found["attributes"]["event"].as_str()).collect()
}

async fn an_account_goes_from_its_owner_to_a_colleague_of_the_guest_and_back(
    ground: Ground,
) -> Result<()> {
    let story = Story::begin(ground).await?;
    let (account, partnership) = (&story.accounts[0], &story.partnership);
    assert_eq!(story.get("marit", "/accounts").await?.body["data"], json!([]));

    let shared = story.share(account, "account_manager").await?;
    assert_eq!((shared.status, ids(&shared).len()), (201, 1), "{shared:?}");
    let again = story.share(account, "account_manager").await?;
    assert_eq!((again.status, again.code()), (409, "already_shared"));
    let received = story.get("marit", &format!("/accounts/{account}")).await?;
    assert_eq!(received.body["data"]["attributes"]["role"], "account_manager");
    assert_eq!(received.body["data"]["attributes"]["via"]["name"], "Globex");
    assert_eq!(
        received.body["data"]["meta"]["allowedActions"],
        json!(["log_in", "request_access"])
    );
    assert_eq!(story.get(HUGO, &format!("/accounts/{account}")).await?.status, 404);

    let asked = story.ask(account, &[HUGO, IRIS], "account_collaborator").await?;
    assert_eq!((asked.status, ids(&asked).len()), (201, 2), "{asked:?}");
    let twice = story.ask(account, &[HUGO], "account_collaborator").await?;
    assert_eq!(ids(&twice), ids(&asked)[..1], "the pending one is told, not stored twice");
    let waiting = story.get("uma", "/access-requests?filter[awaiting]=me").await?;
    assert_eq!(ids(&waiting), ids(&asked));
    assert_eq!(story.get("adam", "/access-requests").await?.body["data"], json!([]));

    let hugos = &ids(&asked)[0];
    let accept = || call(&story.world, "uma", "POST", &format!("/access-requests/{hugos}/accept"));
    assert_eq!(accept().send().await?.code(), "version_required");
    let accepted = accept().version(1).send().await?;
    assert_eq!(accepted.state(), "accepted", "{accepted:?}");
    let late = accept().version(1).send().await?;
    assert_eq!((late.status, late.code()), (412, "stale_version"));
    assert_eq!(late.body["errors"][0]["meta"]["by"]["name"], "Uma Castillo");
    assert_eq!(late.body["errors"][0]["meta"]["current"]["attributes"]["state"], "accepted");

    let secrets = format!("/accounts/{account}/secrets?filter[secretType]=password");
    let read = call(&story.world, HUGO, "GET", &secrets).header("X-Entente-OS", "Debian 12");
    let read = read.send().await?;
    let value = &read.body["data"][0]["attributes"]["value"];
    assert_eq!(value, "correct horse battery staple", "{read:?}");
    assert_eq!(story.get(IRIS, &secrets).await?.status, 404);
    let activity = story.get("adam", "/activities?filter[event]=account_credential_read").await?;
    let login = &activity.body["data"][0]["attributes"];
    assert_eq!(
        (&login["user"]["name"], &login["os"]),
        (&json!("Hugo Martin"), &json!("Debian 12"))
    );

    let members = story.get("uma", &format!("/partnerships/{partnership}/members")).await?;
    assert_eq!(members.body["meta"]["page"]["total"], 2);
    let impact = story.get("marit", &format!("/partnerships/{partnership}/impact")).await?;
    let impact = &impact.body["data"]["attributes"];
    assert_eq!(
        [&impact["accounts"], &impact["members"], &impact["grants"], &impact["pendingRequests"]],
        [&json!(1), &json!(2), &json!(2), &json!(1)]
    );

    let hugo = format!("/accounts/{account}/users/{}", story.id(HUGO));
    let own = call(&story.world, "uma", "PATCH", &hugo).version(1);
    let own = own.json(json!({"role": "account_owner"})).send().await?;
    assert_eq!((own.status, own.code()), (422, "guest_cannot_own"));
    let promoted = call(&story.world, "uma", "PATCH", &hugo).version(1);
    let promoted = promoted.json(json!({"role": "account_manager"})).send().await?;
    assert_eq!(promoted.body["data"]["attributes"]["role"], "account_manager", "{promoted:?}");
    let by_guest = call(&story.world, "marit", "DELETE", &hugo).send().await?;
    assert_eq!(by_guest.status, 403, "a Manager takes nothing away");

    let member = format!("/partnerships/{partnership}/members/{}", story.id(HUGO));
    let removed = call(&story.world, "adam", "DELETE", &member).send().await?;
    assert_eq!(removed.status, 200, "{removed:?}");
    assert_eq!(story.get(HUGO, &secrets).await?.status, 404);

    let end = format!("/partnerships/{partnership}");
    let version = story.get("adam", &end).await?.etag;
    let end = call(&story.world, "adam", "DELETE", &end).header("If-Match", version).send().await?;
    assert_eq!(end.state(), "removed", "{end:?}");
    assert_eq!(story.get("marit", "/accounts").await?.body["data"], json!([]));
    let iris = story.get("marit", "/access-requests?filter[state]=closed").await?;
    assert_eq!(ids(&iris).len(), 1, "what was pending is closed");
    let owns = story.get("uma", &format!("/accounts/{account}")).await?;
    assert_eq!(owns.body["data"]["attributes"]["role"], "account_owner");
    let told = story.get("adam", "/activities").await?;
    for event in [
        "account_shared_via_partnership",
        "account_access_requested",
        "access_request_accepted",
        "account_access_granted",
        "account_access_changed",
        "account_access_removed",
        "account_removed_from_partnership",
        "access_request_closed",
        "partnership_removed",
    ] {
        assert!(events(&told).contains(&event), "{event} in {:?}", events(&told));
    }
    Ok(())
}

async fn who_is_removed_or_demoted_takes_what_hung_on_them(ground: Ground) -> Result<()> {
    let story = Story::begin(ground).await?;
    let account = &story.accounts[0];
    story.share(account, "account_manager").await?;
    let asked = story.ask(account, &[HUGO, IRIS], "account_collaborator").await?;
    let path = format!("/access-requests/{}/accept", ids(&asked)[0]);
    call(&story.world, "uma", "POST", &path).version(1).send().await?;

    // The last guest member of an account who goes takes the share along.
    let users = format!("/accounts/{account}/users");
    let marit = format!("{users}/{}", story.id("marit"));
    let demoted = call(&story.world, "uma", "PATCH", &marit).version(1);
    let demoted = demoted.json(json!({"role": "account_collaborator"})).send().await?;
    assert_eq!(demoted.status, 200, "{demoted:?}");
    let path = format!("/access-requests/{}/accept", ids(&asked)[1]);
    let late = call(&story.world, "uma", "POST", &path).version(2).send().await?;
    assert_eq!((late.status, late.code()), (409, "wrong_state"), "{late:?}");
    assert_eq!(late.body["errors"][0]["meta"]["current"]["attributes"]["state"], "closed");
    let refused = story.ask(account, &[IRIS], "account_collaborator").await?;
    assert_eq!((refused.status, refused.code()), (403, "forbidden"));

    for who in [HUGO, "marit"] {
        let gone = call(&story.world, "uma", "DELETE", &format!("{users}/{}", story.id(who)));
        assert_eq!(gone.send().await?.status, 200);
    }
    let shared = format!("/partnerships/{}/accounts", story.partnership);
    assert_eq!(story.get("uma", &shared).await?.body["data"], json!([]));

    // A guest's Admin removes a member, and all access of theirs ends.
    story.share(account, "account_manager").await?;
    let asked = story.ask(account, &[HUGO], "account_collaborator").await?;
    let hugo = format!("/users/{}", story.id(HUGO));
    let self_removal = call(&story.world, HUGO, "DELETE", &hugo).send().await?;
    assert_eq!(self_removal.status, 403);
    let removed = call(&story.world, "marit", "DELETE", &hugo).send().await?;
    assert_eq!(removed.body["data"]["attributes"]["status"], "disabled", "{removed:?}");
    let request = story.get("marit", "/access-requests?filter[state]=closed").await?;
    assert!(ids(&request).contains(&ids(&asked)[0]));
    let again = call(&story.world, "marit", "DELETE", &hugo).send().await?;
    assert_eq!((again.status, again.code()), (409, "wrong_state"));
    Ok(())
}

async fn a_partnership_is_never_ungovernable(ground: Ground) -> Result<()> {
    let story = Story::begin(ground).await?;
    let path = format!("/partnerships/{}", story.partnership);
    let owners = format!("{path}/owners");
    let uma = format!("{owners}/{}", story.id("uma"));
    let last = call(&story.world, "adam", "DELETE", &uma).send().await?;
    assert_eq!((last.status, last.code()), (409, "last_owner"), "{last:?}");
    let stranger = story.post("adam", &owners, json!({"userId": story.id("marit")})).await?;
    assert_eq!((stranger.status, stranger.code()), (422, "unknown_user"));
    let by_user = story.post("uma", &owners, json!({"userId": story.id("adam")})).await?;
    assert_eq!(by_user.status, 403);
    let named = story.post("adam", &owners, json!({"userId": story.id("olivia")})).await?;
    assert_eq!(named.body["data"]["attributes"]["owners"].as_array().map(Vec::len), Some(2));
    assert_eq!(call(&story.world, "adam", "DELETE", &uma).send().await?.status, 200);

    // The only Owner of an account and of the partnership leaves: the Admins govern.
    let account = &story.accounts[0];
    let gone = call(&story.world, "adam", "DELETE", &format!("/users/{}", story.id("uma")));
    assert_eq!(gone.send().await?.status, 200);
    let seen = story.get("adam", &format!("/accounts/{account}")).await?;
    assert_eq!(seen.body["data"]["meta"]["allowedActions"], json!(["add_user"]), "{seen:?}");
    let body = json!({"userId": story.id("olivia"), "role": "account_owner"});
    let owner = story.post("adam", &format!("/accounts/{account}/users"), body).await?;
    assert_eq!(owner.status, 201, "{owner:?}");
    assert_eq!(story.get("adam", &format!("/accounts/{account}")).await?.status, 404);
    Ok(())
}

async fn activity_comes_as_a_table_that_runs_nothing(ground: Ground) -> Result<()> {
    let story = Story::begin(ground).await?;
    let server = story.world.server.as_ref().expect("it runs");
    let uma = story.world.person("uma").id;
    let uma = users_by_id(&mut *server.store().read().await?, [uma]).await?.remove(&uma);
    let new = NewAccount {
        owner: &uma.expect("Uma"),
        application: "=HYPERLINK(\"http://evil\")",
        label: "one, \"two\"",
        url: "https://app.example.com",
        secrets: &[],
    };
    let account = add_account(server.store(), server.vault(), new, server.now()).await?;
    story.share(&account.id.to_string(), "account_collaborator").await?;
    let url = format!("{}/api/v1/activities", story.world.url());
    let csv = reqwest::Client::new().get(url).bearer_auth(story.world.key("adam"));
    let csv = csv.header("Accept", "text/csv").send().await?;
    assert!(csv.headers()["content-type"].to_str()?.starts_with("text/csv"));
    let text = csv.text().await?;
    let mut lines = text.split("\r\n");
    assert_eq!(lines.next(), Some("Time,Event,Account,App,User,Location,OS,Device"));
    let shared = lines.find(|line| line.contains("Account Shared")).expect("a row");
    assert!(shared.contains(r#""one, ""two""","'=HYPERLINK(""http://evil"")","#), "{shared}");
    assert!(shared.contains("Uma Castillo <uma@globex.example>,"), "{shared}");
    Ok(())
}

async fn a_guest_is_not_told_where_people_of_the_host_are(ground: Ground) -> Result<()> {
    let story = Story::begin(ground).await?;
    let account = &story.accounts[0];
    let shares = format!("/partnerships/{}/accounts", story.partnership);
    let body = json!({"accountIds": [account], "role": "account_manager"});
    fn told(call: Call<'_>) -> Call<'_> {
        call.header("X-Entente-OS", "Debian 12").header("X-Entente-Device", "ThinkPad")
    }
    let shared = told(call(&story.world, "uma", "POST", &shares).json(body)).send().await?;
    assert_eq!(shared.status, 201, "{shared:?}");
    let secrets = format!("/accounts/{account}/secrets");
    assert_eq!(told(call(&story.world, "marit", "GET", &secrets)).send().await?.status, 200);

    let origin = async |who: &str, event: &str| -> Result<[Value; 3]> {
        let path = format!("/activities?filter[event]={event}");
        let found = story.get(who, &path).await?.body["data"][0]["attributes"].take();
        assert_eq!(found["event"], *event, "{who} is told of it");
        Ok(["location", "os", "device"].map(|name| found[name].clone()))
    };
    let known = ["127.0.0.1", "Debian 12", "ThinkPad"].map(Value::from);
    let [by_host, by_guest] = ["account_shared_via_partnership", "account_credential_read"];
    assert_eq!(origin("adam", by_host).await?, known);
    assert_eq!(origin("adam", by_guest).await?, known, "the host tracks who uses its accounts");
    assert_eq!(origin("marit", by_guest).await?, known, "their own");
    assert_eq!(origin("marit", by_host).await?, [Value::Null, Value::Null, Value::Null]);

    let url = format!("{}/api/v1/activities", story.world.url());
    let csv = reqwest::Client::new().get(url).bearer_auth(story.world.key("marit"));
    let csv = csv.header("Accept", "text/csv").send().await?.text().await?;
    let row = |label: &str| csv.lines().find(|line| line.contains(label)).expect("a row");
    assert!(row("Account Shared").ends_with("<uma@globex.example>,,,"), "{csv}");
    assert!(row("Account Login").ends_with(",127.0.0.1,Debian 12,ThinkPad"), "{csv}");
    Ok(())
}

async fn a_key_is_told_once_and_gives_no_more_than_the_one_that_made_it(
    ground: Ground,
) -> Result<()> {
    let story = Story::begin(ground).await?;
    let narrow = json!({"name": "Script", "scopes": ["partnerships:read", "api_keys:write"]});
    let made = story.post("uma", "/api-keys", narrow).await?;
    assert_eq!(made.status, 201, "{made:?}");
    let secret = made.body["data"]["attributes"]["secret"].as_str().expect("told").to_owned();
    let listed = story.get("uma", "/api-keys").await?;
    assert!(!listed.body.to_string().contains(&secret));
    let url = |path: &str| format!("{}/api/v1{path}", story.world.url());
    let http = reqwest::Client::new();
    let ask = |path: &str| http.get(url(path)).header("X-API-Key", &secret).send();
    assert_eq!(ask("/partnerships").await?.status(), 200);
    assert_eq!(ask("/accounts").await?.status(), 401, "the scope is missing");
    let wider = http.post(url("/api-keys")).header("X-API-Key", &secret);
    let wider = wider.json(&json!({"name": "More", "scopes": ["accounts:read"]})).send().await?;
    assert_eq!(wider.status(), 422);
    let revoke = format!("/api-keys/{}", made.id());
    assert_eq!(call(&story.world, "adam", "DELETE", &revoke).send().await?.status, 404);
    assert_eq!(call(&story.world, "uma", "DELETE", &revoke).send().await?.status, 200);
    assert_eq!(ask("/partnerships").await?.status(), 401);
    assert_eq!(story.get(IRIS, "/api-keys").await?.status, 403, "below user there are none");
    Ok(())
}
