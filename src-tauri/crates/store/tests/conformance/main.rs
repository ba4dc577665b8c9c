//! The store keeps the same promises on both engines.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod access;
mod ground;
mod log;
mod lookups;
mod partnerships;
mod work;

/// What a test comes to.
type Done = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// Makes two tests of each function that takes a [`ground::Ground`]: `sqlite::name` and
/// `postgres::name`.
macro_rules! on_both_engines {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() -> crate::Done {
                let engine = entente_store::Engine::Sqlite;
                super::$name(crate::ground::Ground::new(engine).await?).await
            })+
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() -> crate::Done {
                let engine = entente_store::Engine::Postgres;
                super::$name(crate::ground::Ground::new(engine).await?).await
            })+
        }
    };
}
use on_both_engines;
