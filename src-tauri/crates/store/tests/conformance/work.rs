use std::{collections::BTreeSet, future::poll_fn, pin::pin, task::Poll, time::Duration};

use entente_store::{
    Engine, Mail, MailState, Store, StoreError, forget_mails_before, has_due_mail, list_mails,
    mails_by_state, queue_mail, skip_locked, workspace,
};

use crate::{
    Done,
    ground::{Ground, at, run},
    on_both_engines,
};

on_both_engines![
    work_is_one_process_s_until_its_while_is_over_or_it_gives_it_back,
    of_many_who_want_the_same_work_one_gets_it,
    a_mail_is_queued_once_for_each_cause_and_recipient,
    a_mail_is_claimed_by_one,
    a_database_is_opened_by_several_at_once_and_again,
    a_text_is_kept_as_it_is,
    who_goes_away_while_a_transaction_begins_leaves_none_open,
];

async fn who_goes_away_while_a_transaction_begins_leaves_none_open(ground: Ground) -> Done {
    let store = &ground.store;
    let readers = match store.engine() {
        Engine::Sqlite => 4,
        Engine::Postgres => 8,
    };
    for round in 0..8 {
        let made = ground.workspace(&format!("Workspace {round}")).await?;
        // Whoever reads now sees what is there now, whichever connection they have.
        let mut reading = Vec::new();
        for _ in 0..readers {
            reading.push(store.read().await?);
        }
        for connection in &mut reading {
            assert!(workspace(connection, made.id).await?.is_some(), "in round {round}");
        }
        drop(reading);
        for _ in 0..readers {
            begin_and_go(store.snapshot()).await;
            begin_and_go(store.write()).await;
        }
    }
    Ok(())
}

/// Waits for something only until it has begun.
async fn begin_and_go<T>(begun: impl Future<Output = T>) {
    let mut begun = pin!(begun);
    let _ = poll_fn(|context| Poll::Ready(begun.as_mut().poll(context).map(drop))).await;
}

async fn work_is_one_process_s_until_its_while_is_over_or_it_gives_it_back(ground: Ground) -> Done {
    let (one, two) = (&ground.store, Store::open(&ground.url).await?);
    let minute = Duration::from_secs(60);
    assert!(one.lease("work", at(0), minute).await?);
    assert!(!two.lease("work", at(0), minute).await?, "one has it");
    assert!(two.lease("other", at(0), minute).await?, "that is other work");
    assert!(one.lease("work", at(59), minute).await?, "it keeps it");
    assert!(!two.lease("work", at(60), minute).await?, "it was kept");
    assert!(two.lease("work", at(119), minute).await?, "its while is over");
    assert!(!one.lease("work", at(119), minute).await?);
    two.end_leases().await?;
    assert!(one.lease("work", at(119), minute).await?, "it was given back");
    two.close().await;
    Ok(())
}

async fn of_many_who_want_the_same_work_one_gets_it(ground: Ground) -> Done {
    let mut stores = Vec::new();
    for _ in 0..4 {
        stores.push(Store::open(&ground.url).await?);
    }
    let mut tries = Vec::new();
    for number in 0..16 {
        let store = stores[number % stores.len()].clone();
        tries.push(tokio::spawn(async move {
            let has = store.lease("work", at(0), Duration::from_secs(60)).await?;
            Ok::<_, StoreError>(has.then_some(number % 4))
        }));
    }
    let mut holders = BTreeSet::new();
    for attempt in tries {
        holders.extend(attempt.await??);
    }
    assert_eq!(holders.len(), 1, "{holders:?}");
    for store in stores {
        store.close().await;
    }
    Ok(())
}

fn mail(recipient: &str) -> Mail {
    Mail {
        recipient: recipient.into(),
        subject: "Grüße".into(),
        text_body: "One\r\nTwo".into(),
        html_body: "<p>One</p>".into(),
    }
}

async fn a_mail_is_queued_once_for_each_cause_and_recipient(ground: Ground) -> Done {
    let mut write = ground.store.write().await?;
    for (cause, to) in [("one", "a@b.co"), ("one", "a@b.co"), ("one", "c@d.co"), ("two", "a@b.co")]
    {
        queue_mail(write.connection(), cause, &mail(to), at(10)).await?;
    }
    write.commit().await?;
    let mut connection = ground.store.read().await?;
    assert_eq!(mails_by_state(&mut connection).await?[0], (MailState::Waiting, 3));
    assert_eq!(list_mails(&mut connection, &[MailState::Waiting]).await?.len(), 3);
    assert_eq!(list_mails(&mut connection, &[]).await?, []);
    assert!(!has_due_mail(&mut connection, at(9)).await?);
    assert!(has_due_mail(&mut connection, at(10)).await?);
    Ok(())
}

async fn a_mail_is_claimed_by_one(ground: Ground) -> Done {
    const MAILS: usize = 12;
    let mut write = ground.store.write().await?;
    for number in 0..MAILS {
        let to = format!("a{number}@b.co");
        queue_mail(write.connection(), "cause", &mail(&to), at(10)).await?;
    }
    write.commit().await?;
    let mut workers = Vec::new();
    for _ in 0..4 {
        let store = ground.store.clone();
        workers.push(tokio::spawn(async move {
            let mut claimed = Vec::new();
            // A worker that finds a row taken by another comes back.
            for _ in 0..MAILS * 4 {
                match store.claim_mail(at(20), at(80)).await {
                    Ok(Some(mail)) => claimed.push(mail),
                    Ok(None) => {}
                    Err(error) => assert!(error.is_conflict() || error.is_busy(), "{error}"),
                }
            }
            claimed
        }));
    }
    let mut claimed = Vec::new();
    for worker in workers {
        claimed.extend(worker.await?);
    }
    let distinct: BTreeSet<_> = claimed.iter().map(|mail| &mail.id).collect();
    assert_eq!((claimed.len(), distinct.len()), (MAILS, MAILS));
    ground.store.mail_sent(&claimed[0], at(30)).await?;
    let mut upkeep = ground.store.upkeep().await?;
    assert_eq!(forget_mails_before(upkeep.connection(), at(30)).await?, 0);
    assert_eq!(forget_mails_before(upkeep.connection(), at(31)).await?, 1);
    upkeep.commit().await?;
    let expected = match ground.store.engine() {
        Engine::Sqlite => "",
        Engine::Postgres => " FOR UPDATE SKIP LOCKED",
    };
    assert_eq!(skip_locked(&*ground.store.read().await?), expected);
    Ok(())
}

async fn a_database_is_opened_by_several_at_once_and_again(ground: Ground) -> Done {
    ground.store.ping().await?;
    let opened: Vec<_> = (0..4)
        .map(|_| {
            let url = ground.url.clone();
            tokio::spawn(async move { Store::open(&url).await })
        })
        .collect();
    for store in opened {
        let store = store.await??;
        assert_eq!(store.epoch(), ground.store.epoch());
        store.close().await;
        assert!(store.read().await.is_err(), "it is closed");
    }
    ground.store.ping().await?;
    let bad = Store::open("mysql://localhost/entente").await.expect_err("not one of both");
    assert!(matches!(bad, StoreError::Address(_)), "{bad}");
    // What tells of a store tells nothing of its address.
    let told = format!("{:?}", ground.store);
    assert!(!told.contains(&ground.url), "{told}");
    Ok(())
}

async fn a_text_is_kept_as_it_is(ground: Ground) -> Done {
    let odd = "<b>%s</b> \u{202e}שלום\r\n\t'\"\\ \u{1f600} ".repeat(400);
    let text = Mail { text_body: odd.clone(), ..mail("a@b.co") };
    let mut write = ground.store.write().await?;
    queue_mail(write.connection(), "cause", &text, at(1)).await?;
    write.commit().await?;
    let claimed = ground.store.claim_mail(at(1), at(2)).await?.expect("a mail");
    assert_eq!(claimed.mail.text_body, odd);
    // A NUL is no text for PostgreSQL: whoever takes texts from outside refuses it before.
    let nul = Mail { text_body: "a\0b".into(), ..mail("c@d.co") };
    let mut write = ground.store.write().await?;
    let kept = queue_mail(write.connection(), "cause", &nul, at(1)).await;
    assert_eq!(kept.is_ok(), ground.store.engine() == Engine::Sqlite);
    drop(write);
    let mut write = ground.store.write().await?;
    assert_eq!(run(write.connection(), "UPDATE meta SET value = value").await?, 1, "one epoch");
    Ok(())
}
