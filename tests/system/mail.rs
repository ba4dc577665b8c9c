use std::fs;

use anyhow::{Context as _, Result};
use entente_store::{MailState, list_mails};
use entente_tests::{Ground, on_both_engines};
use serde_json::json;

use crate::{
    access::{HUGO, IRIS, Story, ids},
    call, request, until,
};

on_both_engines![
    each_transition_mails_each_recipient_once_as_a_file,
    what_is_done_to_access_makes_one_mail_for_each_whom_it_concerns
];

async fn each_transition_mails_each_recipient_once_as_a_file(ground: Ground) -> Result<()> {
    let mut world = ground.world().await?;
    let folder = ground.path().join("server/mail");
    let mails = || -> Vec<String> {
        let files = fs::read_dir(&folder).into_iter().flatten().flatten();
        let mut mails: Vec<String> = files
            .filter(|file| file.path().extension().is_some_and(|end| end == "eml"))
            .filter_map(|file| fs::read_to_string(file.path()).ok())
            // Without the soft line breaks of RFC 2045 (6.7).
            .map(|mail| mail.replace("=\r\n", "").replace("=\n", ""))
            .collect();
        mails.sort();
        mails
    };
    let to = |mails: &[String], address: &str| {
        mails.iter().filter(|mail| mail.contains(&format!("To: {address}"))).count()
    };
    let id = request(&world, "marit").await?;
    // Both Admins of the host; nobody of the guest.
    let sent = until("two mails", async || Some(mails()).filter(|mails| mails.len() == 2)).await?;
    for admin in ["adam@globex.example", "olivia@globex.example"] {
        assert_eq!(to(&sent, admin), 1);
    }
    assert!(sent[0].contains("They film our product launch"), "the reason is for the host");
    assert!(sent[0].contains(&format!("entente://partnerships/{id}")), "a link that opens it");

    call(&world, "adam", "POST", &format!("/partnerships/{id}/approve")).version(1).send().await?;
    let sent =
        until("three mails", async || Some(mails()).filter(|mails| mails.len() == 3)).await?;
    assert_eq!(to(&sent, "marit@fjord-studio.example"), 1);
    let asked = sent.iter().find(|mail| mail.contains("To: marit")).context("the guest's")?;
    assert!(!asked.contains("film our product"), "the reason is not for the guest");

    // A restart sends nothing again.
    let address = world.server.as_ref().expect("it runs").address();
    world.stop().await?;
    world.restart(address).await?;
    let decline = call(&world, "marit", "POST", &format!("/partnerships/{id}/decline"));
    decline.version(2).send().await?;
    let sent = until("four mails", async || Some(mails()).filter(|mails| mails.len() >= 4)).await?;
    assert_eq!((sent.len(), to(&sent, "uma@globex.example")), (4, 1));
    Ok(())
}

impl Story {
    /// The mails that were not told of before: to whom, and what.
    async fn new_mails(
        &self,
        told: &mut Vec<String>,
        folder: &str,
    ) -> Result<Vec<(String, String)>> {
        let server = self.world.server.as_ref().context("it runs")?;
        let mut connection = server.store().read().await?;
        let all = list_mails(&mut connection, MailState::ALL).await?;
        drop(connection);
        let mut new = Vec::new();
        for mail in all {
            if told.contains(&mail.id) {
                continue;
            }
            told.push(mail.id.clone());
            let path = format!("{folder}/{}.eml", mail.id);
            let text = until("a file", async || fs::read_to_string(&path).ok()).await?;
            let text = text.replace("=\r\n", "");
            let first = mail.recipient.split('@').next().unwrap_or_default();
            new.push((first.to_owned(), text));
        }
        new.sort();
        Ok(new)
    }
}

fn names(mails: &[(String, String)]) -> Vec<&str> {
    mails.iter().map(|(name, _)| name.as_str()).collect()
}

async fn what_is_done_to_access_makes_one_mail_for_each_whom_it_concerns(
    ground: Ground,
) -> Result<()> {
    let story = Story::begin(ground).await?;
    let folder = story.world.config.data.join("mail").display().to_string();
    let mut told = Vec::new();
    story.new_mails(&mut told, &folder).await?;
    let (first, second) = (&story.accounts[0], &story.accounts[1]);

    let path = format!("/partnerships/{}/accounts", story.partnership);
    let both = json!({"accountIds": [first, second], "role": "account_manager"});
    assert_eq!(story.post("uma", &path, both).await?.status, 201);
    let mails = story.new_mails(&mut told, &folder).await?;
    assert_eq!(names(&mails), ["marit"], "one for two accounts");
    for words in ["2 accounts", "EMEA", "Brand", &format!("entente://accounts/{first}")] {
        assert!(mails[0].1.contains(words), "{words}: {}", mails[0].1);
    }

    let asked = story.ask(first, &[HUGO, IRIS], "account_collaborator").await?;
    let mails = story.new_mails(&mut told, &folder).await?;
    assert_eq!(names(&mails), ["uma"], "the account's Owner, once for two members");
    for words in ["Hugo Martin", "Iris Moen", "> May", &format!("entente://accounts/{first}")] {
        assert!(mails[0].1.contains(words), "{words}: {}", mails[0].1);
    }
    // Asked again, nobody is told again.
    story.ask(first, &[HUGO, IRIS], "account_collaborator").await?;
    assert_eq!(names(&story.new_mails(&mut told, &folder).await?), [""; 0]);

    let [hugos, iriss] = &ids(&asked)[..] else { panic!("two requests") };
    let decide = async |id: &str, how: &str| {
        let path = format!("/access-requests/{id}/{how}");
        call(&story.world, "uma", "POST", &path).version(1).send().await
    };
    assert_eq!(decide(hugos, "accept").await?.state(), "accepted");
    let mails = story.new_mails(&mut told, &folder).await?;
    assert_eq!(names(&mails), ["hugo", "marit"]);
    assert!(mails[0].1.contains("Subject: You now have access to Mailchimp, EMEA"));
    assert!(mails[1].1.contains("Subject: Hugo Martin now has access to Mailchimp, EMEA"));
    assert_eq!(decide(iriss, "decline").await?.state(), "declined");
    let mails = story.new_mails(&mut told, &folder).await?;
    assert_eq!(names(&mails), ["iris", "marit"]);
    assert!(mails.iter().all(|(_, mail)| mail.contains("was declined for")), "{mails:?}");
    // Refused decisions tell nobody.
    assert_eq!(decide(hugos, "decline").await?.status, 412);
    assert_eq!(names(&story.new_mails(&mut told, &folder).await?), [""; 0]);

    // A colleague gets a role of the Owner, who needs not be told.
    let users = format!("/accounts/{first}/users");
    let new = json!({"userId": story.id("adam"), "role": "account_collaborator"});
    assert_eq!(story.post("uma", &users, new).await?.status, 201);
    assert_eq!(names(&story.new_mails(&mut told, &folder).await?), ["adam"]);

    let remove = format!("{users}/{}", story.id(HUGO));
    assert_eq!(call(&story.world, "uma", "DELETE", &remove).send().await?.status, 200);
    let mails = story.new_mails(&mut told, &folder).await?;
    assert_eq!(names(&mails), ["hugo"]);
    assert!(mails[0].1.contains("Subject: Your access to Mailchimp, EMEA has ended"));

    let asked = story.ask(second, &[HUGO], "account_collaborator").await?;
    decide(&ids(&asked)[0], "accept").await?;
    story.new_mails(&mut told, &folder).await?;
    let path = format!("/partnerships/{}", story.partnership);
    let version = story.get("uma", &path).await?.body["data"]["attributes"]["version"].to_string();
    let removal = call(&story.world, "adam", "DELETE", &path).header("If-Match", version);
    assert_eq!(removal.send().await?.state(), "removed");
    let mails = story.new_mails(&mut told, &folder).await?;
    assert_eq!(names(&mails), ["adam", "hugo", "marit", "olivia", "uma"], "one for each");
    for (name, mail) in &mails {
        let is_hugos = mail.contains("Subject: Your access to Figma, Brand has ended");
        assert_eq!(is_hugos, name == "hugo", "{mail}");
    }
    Ok(())
}
