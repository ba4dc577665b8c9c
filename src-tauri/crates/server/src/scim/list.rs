use std::sync::Arc;

use axum::{
    extract::{RawQuery, State},
    http::StatusCode,
    response::Response,
};
use entente_store::{ScimSort, count_scim_users, list_scim_users};
use serde_json::{Map, Value as Json, json};

use super::{
    LIST_RESPONSE, MOST_RESULTS, SEARCH_REQUEST,
    auth::{Provider, ScimBody},
    condition::{condition, sort_key},
    error::{ScimError, ScimResult, ScimType},
    filter::{parse, parse_path},
    resource::{Projection, document},
    scim_json,
};
use crate::app::App;

/// How many members an answer has where no number is asked for.
pub(crate) const USUAL_RESULTS: u32 = 100;

/// What a request for resources can say, in its query or in its body. What is not known is not an
/// error in SCIM.
#[derive(Debug, Default)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(crate) fn of_query(raw: Option<&str>) -> Self {
        let pairs = url::form_urlencoded::parse(raw.unwrap_or_default().as_bytes());
        Self(pairs.into_owned().collect())
    }

    fn of_body(body: Map<String, Json>) -> ScimResult<Self> {
        let text = |value: Json| match value {
            Json::String(text) => Some(text),
            Json::Number(number) => Some(number.to_string()),
            Json::Array(names) => {
                let names: Option<Vec<&str>> = names.iter().map(Json::as_str).collect();
                names.map(|names| names.join(","))
            }
            Json::Null => Some(String::new()),
            Json::Bool(_) | Json::Object(_) => None,
        };
        let mut parameters = Vec::new();
        for (name, value) in body {
            let bad = || {
                let detail = format!("The value of {name} cannot be read.");
                ScimError::new(ScimType::InvalidValue, detail)
            };
            let text = text(value).ok_or_else(bad)?;
            parameters.push((name, text));
        }
        Ok(Self(parameters))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    pub(crate) fn projection(&self) -> ScimResult<Projection> {
        Projection::read(self.get("attributes"), self.get("excludedAttributes"))
    }

    fn number(&self, name: &str) -> ScimResult<Option<i64>> {
        let parse = |text: &str| {
            let detail = format!("The value of {name} must be a whole number.");
            text.parse().map_err(|_| ScimError::new(ScimType::InvalidValue, detail))
        };
        self.get(name).map(parse).transpose()
    }
}

/// The members that a query asks for.
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    provider: Provider,
    RawQuery(raw): RawQuery,
) -> ScimResult<Response> {
    find(&app, &provider, &Parameters::of_query(raw.as_deref())).await
}

/// The same, asked for in a body.
pub(crate) async fn search(
    State(app): State<Arc<App>>,
    provider: Provider,
    body: ScimBody,
) -> ScimResult<Response> {
    find(&app, &provider, &Parameters::of_body(body.told_as(SEARCH_REQUEST)?)?).await
}

async fn find(app: &App, provider: &Provider, parameters: &Parameters) -> ScimResult<Response> {
    let projection = parameters.projection()?;
    let condition = match parameters.get("filter") {
        Some(text) => {
            let filter = parse(text).map_err(|why| {
                ScimError::new(ScimType::InvalidFilter, format!("The filter {why}."))
            })?;
            Some(condition(&filter)?)
        }
        None => None,
    };
    let sort = sort(parameters)?;
    let start = parameters.number("startIndex")?.unwrap_or(1).max(1);
    let start = u64::try_from(start).unwrap_or(1);
    let count = parameters.number("count")?.map_or(USUAL_RESULTS, |count| {
        u32::try_from(count.max(0)).unwrap_or(MOST_RESULTS).min(MOST_RESULTS)
    });
    let workspace = provider.workspace();
    let mut connection = app.store.snapshot().await?;
    let total = count_scim_users(&mut connection, workspace, condition.as_ref()).await?;
    let members = if count == 0 {
        Vec::new()
    } else {
        let condition = condition.as_ref();
        list_scim_users(&mut connection, workspace, condition, sort, start - 1, count).await?
    };
    let resources = members.iter().map(|member| projection.apply(document(member, &provider.base)));
    Ok(scim_json(StatusCode::OK, &list_response(total, start, resources.collect())))
}

fn sort(parameters: &Parameters) -> ScimResult<Option<ScimSort>> {
    let descending = match parameters.get("sortOrder") {
        None => false,
        Some(order) if order.eq_ignore_ascii_case("ascending") => false,
        Some(order) if order.eq_ignore_ascii_case("descending") => true,
        Some(_) => {
            let detail = "The sortOrder is ascending or descending.";
            return Err(ScimError::new(ScimType::InvalidValue, detail));
        }
    };
    let Some(by) = parameters.get("sortBy") else { return Ok(None) };
    let path = parse_path(by)
        .map_err(|why| ScimError::new(ScimType::InvalidPath, format!("The sortBy {why}.")))?;
    Ok(Some(ScimSort { key: sort_key(&path.path)?, descending }))
}

/// A list as SCIM has it; `start` counts from 1.
pub(crate) fn list_response(total: u64, start: u64, resources: Vec<Json>) -> Json {
    json!({
        "schemas": [LIST_RESPONSE],
        "totalResults": total,
        "startIndex": start,
        "itemsPerPage": resources.len(),
        "Resources": resources,
    })
}
