use std::time::Duration;

use entente_store::Connection;
use rand::RngExt as _;

use crate::{app::App, error::ApiResult};

/// How often a transaction that met another one is tried.
const TRIES: u32 = 12;

/// Something to do in a transaction, perhaps more than once: for what no caller with a key asks. What
/// they ask is an [`crate::idempotency::Attempt`].
pub(crate) trait Task: Sync {
    type Done: Send;

    /// Does it; an error leaves nothing of it.
    fn run(
        &self,
        app: &App,
        connection: &mut Connection,
    ) -> impl Future<Output = ApiResult<Self::Done>> + Send;
}

/// Does a task in a transaction and commits it, again where another one was in the way.
pub(crate) async fn in_transaction<T: Task>(app: &App, task: &T) -> ApiResult<T::Done> {
    let mut tries = 1;
    loop {
        match once(app, task).await {
            Err(error) if error.is_conflict() && tries < TRIES => {
                let wait = rand::rng().random_range(0..=2_u64 << tries.min(6));
                tokio::time::sleep(Duration::from_millis(wait)).await;
                tries += 1;
            }
            done => return done,
        }
    }
}

async fn once<T: Task>(app: &App, task: &T) -> ApiResult<T::Done> {
    let mut transaction = app.store.write().await?;
    let done = task.run(app, transaction.connection()).await?;
    transaction.commit().await?;
    Ok(done)
}
