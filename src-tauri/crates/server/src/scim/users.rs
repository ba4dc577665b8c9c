use std::sync::Arc;

use axum::{
    extract::{RawQuery, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use entente_store::{Connection, ScimUser};
use serde_json::{Map, Value as Json};

use super::{
    PATCH_OP, USER,
    auth::{Provider, ScimBody},
    change::{Change, Work, change},
    error::{ScimError, ScimResult},
    list::Parameters,
    patch as patching,
    resource::{self, Projection, Told, canonical},
    schema::{COMMON, MEMBER},
    scim_json,
};
use crate::{app::App, extract::Id};

/// One member.
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    provider: Provider,
    id: Result<Id, crate::error::ApiError>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> ScimResult<Response> {
    let projection = Parameters::of_query(raw.as_deref()).projection()?;
    let Id(id) = id?;
    let connection = &mut *app.store.snapshot().await?;
    let mut work = Work { provider: &provider, connection, at: app.clock.now() };
    let member = work.member(&id).await?;
    if let Some(known) = headers.get(header::IF_NONE_MATCH)
        && names_version(known, &member)
    {
        return Ok(with_etag(StatusCode::NOT_MODIFIED.into_response(), &member));
    }
    Ok(answer(StatusCode::OK, &provider, &member, &projection))
}

/// Adds a member.
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    provider: Provider,
    RawQuery(raw): RawQuery,
    body: ScimBody,
) -> ScimResult<Response> {
    let projection = Parameters::of_query(raw.as_deref()).projection()?;
    let told = Told::read(&canonical(body.told_as(USER)?, &[COMMON, MEMBER]))?;
    change(&app, &provider, &Create { told, projection }).await
}

struct Create {
    told: Told,
    projection: Projection,
}

impl Change for Create {
    async fn run(
        &self,
        app: &App,
        provider: &Provider,
        connection: &mut Connection,
    ) -> ScimResult<Response> {
        let mut work = Work { provider, connection, at: app.clock.now() };
        let member = work.create(&self.told).await?;
        let mut response = answer(StatusCode::CREATED, provider, &member, &self.projection);
        let location = resource::location(&provider.base, &member);
        if let Ok(location) = HeaderValue::try_from(location) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        Ok(response)
    }
}

/// Tells of a member anew.
pub(crate) async fn replace(
    State(app): State<Arc<App>>,
    provider: Provider,
    id: Result<Id, crate::error::ApiError>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
    body: ScimBody,
) -> ScimResult<Response> {
    let projection = Parameters::of_query(raw.as_deref()).projection()?;
    let told = Told::read(&canonical(body.told_as(USER)?, &[COMMON, MEMBER]))?;
    let Id(id) = id?;
    let update = Update { id, headers, projection, what: What::Replace(told) };
    change(&app, &provider, &update).await
}

/// Changes some of what is told of a member.
pub(crate) async fn patch(
    State(app): State<Arc<App>>,
    provider: Provider,
    id: Result<Id, crate::error::ApiError>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
    body: ScimBody,
) -> ScimResult<Response> {
    let projection = Parameters::of_query(raw.as_deref()).projection()?;
    let what = What::Patch(body.told_as(PATCH_OP)?);
    let Id(id) = id?;
    change(&app, &provider, &Update { id, headers, projection, what }).await
}

/// Ends a member's access; they are not there any more until they are created again.
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    provider: Provider,
    id: Result<Id, crate::error::ApiError>,
    headers: HeaderMap,
) -> ScimResult<Response> {
    let Id(id) = id?;
    let projection = Projection::default();
    change(&app, &provider, &Update { id, headers, projection, what: What::Delete }).await
}

/// What is done to one member.
struct Update {
    id: String,
    headers: HeaderMap,
    projection: Projection,
    what: What,
}

enum What {
    Replace(Told),
    Patch(Map<String, Json>),
    Delete,
}

impl Change for Update {
    async fn run(
        &self,
        app: &App,
        provider: &Provider,
        connection: &mut Connection,
    ) -> ScimResult<Response> {
        let mut work = Work { provider, connection, at: app.clock.now() };
        let before = work.member(&self.id).await?;
        if let Some(wanted) = self.headers.get(header::IF_MATCH)
            && !names_version(wanted, &before)
        {
            return Err(ScimError::with_status(
                StatusCode::PRECONDITION_FAILED,
                "The member has changed since that version. Read them again.",
            ));
        }
        let after = match &self.what {
            What::Replace(told) => work.update(&before, told).await?,
            What::Patch(request) => {
                let mut patched = resource::document(&before, &provider.base);
                resource::mark_role(&mut patched);
                patching::apply(&mut patched, request)?;
                work.update(&before, &Told::read(&patched)?).await?
            }
            What::Delete => {
                work.delete(&before).await?;
                return Ok(StatusCode::NO_CONTENT.into_response());
            }
        };
        Ok(answer(StatusCode::OK, provider, &after, &self.projection))
    }
}

fn answer(
    status: StatusCode,
    provider: &Provider,
    member: &ScimUser,
    projection: &Projection,
) -> Response {
    let document = projection.apply(resource::document(member, &provider.base));
    with_etag(scim_json(status, &document), member)
}

fn with_etag(mut response: Response, member: &ScimUser) -> Response {
    if let Ok(etag) = HeaderValue::try_from(resource::etag(member)) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}

/// Whether a list of ETags names the version of a member, weak or strong.
fn names_version(tags: &HeaderValue, member: &ScimUser) -> bool {
    let version = member.user.version.to_string();
    tags.to_str().is_ok_and(|tags| {
        tags.split(',').map(str::trim).any(|tag| {
            tag == "*" || tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"') == version
        })
    })
}
