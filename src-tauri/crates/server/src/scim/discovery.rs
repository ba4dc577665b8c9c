//! What of SCIM there is here.

use axum::{extract::RawQuery, http::StatusCode, response::Response};
use serde_json::{Value as Json, json};

use super::{
    MOST_RESULTS, RESOURCE_TYPE, SERVICE_PROVIDER_CONFIG, USER, USER_TYPE,
    auth::Provider,
    error::{ScimError, ScimResult},
    list::{Parameters, list_response},
    resource::roles_up_to,
    schema, scim_json,
};
use crate::{error::ApiError, extract::Id};

/// Which parts of SCIM are supported.
pub(crate) async fn service_provider_config(provider: Provider) -> Response {
    let base = &provider.base;
    scim_json(
        StatusCode::OK,
        &json!({
            "schemas": [SERVICE_PROVIDER_CONFIG],
            "patch": {"supported": true},
            "bulk": {"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
            "filter": {"supported": true, "maxResults": MOST_RESULTS},
            "changePassword": {"supported": false},
            "sort": {"supported": true},
            "etag": {"supported": true},
            "authenticationSchemes": [{
                "type": "oauthbearertoken",
                "name": "Bearer token",
                "description": "A token that the operator made for this identity provider",
                "specUri": "https://www.rfc-editor.org/info/rfc6750",
                "primary": true,
            }],
            "meta": {
                "resourceType": "ServiceProviderConfig",
                "location": format!("{base}/ServiceProviderConfig"),
            },
        }),
    )
}

/// The kinds of resources.
pub(crate) async fn resource_types(
    provider: Provider,
    RawQuery(raw): RawQuery,
) -> ScimResult<Response> {
    all(raw.as_deref(), vec![member_type(&provider.base)])
}

/// One kind of resource.
pub(crate) async fn resource_type(
    provider: Provider,
    id: Result<Id, ApiError>,
) -> ScimResult<Response> {
    one(vec![member_type(&provider.base)], &id?.0)
}

fn member_type(base: &str) -> Json {
    json!({
        "schemas": [RESOURCE_TYPE],
        "id": USER_TYPE,
        "name": USER_TYPE,
        "description": "A member of the workspace",
        "endpoint": "/Users",
        "schema": USER,
        "meta": {
            "resourceType": "ResourceType",
            "location": format!("{base}/ResourceTypes/{USER_TYPE}"),
        },
    })
}

/// What attributes there are.
pub(crate) async fn schemas(provider: Provider, RawQuery(raw): RawQuery) -> ScimResult<Response> {
    all(raw.as_deref(), schema_documents(&provider))
}

/// The attributes of one kind of resource.
pub(crate) async fn schema(provider: Provider, id: Result<Id, ApiError>) -> ScimResult<Response> {
    one(schema_documents(&provider), &id?.0)
}

fn schema_documents(provider: &Provider) -> Vec<Json> {
    schema::documents(&provider.base, &roles_up_to(provider.highest_role()))
}

/// What is to be discovered is not filtered (RFC 7644, section 4).
fn all(raw: Option<&str>, documents: Vec<Json>) -> ScimResult<Response> {
    if Parameters::of_query(raw).get("filter").is_some() {
        let detail = "This list cannot be filtered.";
        return Err(ScimError::with_status(StatusCode::FORBIDDEN, detail));
    }
    let total = u64::try_from(documents.len()).unwrap_or_default();
    Ok(scim_json(StatusCode::OK, &list_response(total, 1, documents)))
}

fn one(documents: Vec<Json>, id: &str) -> ScimResult<Response> {
    let mut documents = documents.into_iter();
    let found = documents.find(|document| document["id"] == id);
    found.map(|found| scim_json(StatusCode::OK, &found)).ok_or_else(ScimError::not_found)
}
