//! What an embedding program awaits on any thread.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use entente_server::{Config, DemoOptions, Server, open_demo, seed};

fn on_any_thread<T: Send>(future: T) -> T {
    future
}

#[tokio::test]
async fn a_server_starts_and_is_seeded_on_any_thread() {
    let data = tempfile::tempdir().expect("a directory");
    let start = on_any_thread(Server::start(Config::local(data.path().to_owned())));
    let server = start.await.expect("it starts");
    drop(on_any_thread(seed(&server, DemoOptions::default())));
    on_any_thread(server.stop()).await;
    let demo = data.path().join("demo");
    let (server, facts) = on_any_thread(open_demo(&demo)).await.expect("the sample");
    assert!(!facts.users.is_empty());
    on_any_thread(server.stop()).await;
}
