mod access_requests;
mod accounts;
mod partnerships;
mod shared;
mod workspace;

use super::row::Row;

/// All rows, the endpoints in the order of the design's page.
pub(super) fn all() -> Vec<Row> {
    let mut rows = workspace::own();
    rows.extend(partnerships::rows());
    rows.extend(shared::rows());
    rows.extend(accounts::rows());
    rows.extend(access_requests::rows());
    rows.extend(workspace::members());
    rows.extend(workspace::feeds());
    rows.extend(workspace::keys());
    rows
}
