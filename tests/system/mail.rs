use std::{fs, sync::Arc};

use anyhow::{Context as _, Result};
use entente_server::{Config, MailTransport, SmtpConfig, SmtpTls};
use entente_tests::World;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::Mutex,
};

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

/// What came in, as the server of RFC 5321 that it takes to receive a mail.
type Received = Arc<Mutex<Vec<String>>>;

async fn receive(stream: TcpStream, received: Received) -> Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 sink\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let answer: &[u8] = match line.split(' ').next().unwrap_or_default() {
            "DATA" => {
                write.write_all(b"354 go on\r\n").await?;
                let mut mail = String::new();
                while let Some(line) = lines.next_line().await? {
                    if line == "." {
                        break;
                    }
                    mail.push_str(&line);
                    mail.push('\n');
                }
                received.lock().await.push(mail);
                b"250 kept\r\n"
            }
            "QUIT" => b"221 bye\r\n",
            _ => b"250 fine\r\n",
        };
        write.write_all(answer).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_go_over_smtp() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let received = Received::default();
    let keep = received.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(receive(stream, keep.clone()));
        }
    });
    let directory = tempfile::tempdir()?;
    let smtp = SmtpConfig {
        host: "127.0.0.1".into(),
        port,
        tls: SmtpTls::None,
        login: None,
        from: "entente@globex.example".into(),
    };
    let mail = MailTransport::Smtp(smtp);
    let config = Config { mail, ..Config::local(directory.path().to_owned()) };
    let world = World::start_with(config).await?;
    request(&world, "marit").await?;
    let sent = until("two mails", async || {
        let received = received.lock().await;
        (received.len() == 2).then(|| received.clone())
    })
    .await?;
    for mail in sent {
        assert!(
            mail.contains("Subject: Uma Castillo wants to partner with Fjord Studio"),
            "{mail}"
        );
        assert!(mail.contains("Content-Type: multipart/alternative"), "{mail}");
    }
    Ok(())
}
