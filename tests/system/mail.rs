use std::fs;

use anyhow::{Context as _, Result};
use entente_tests::World;

use crate::{call, request, until};

#[tokio::test]
async fn each_transition_mails_each_recipient_once_as_a_file() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut world = World::start(directory.path()).await?;
    let folder = directory.path().join("server/mail");
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
