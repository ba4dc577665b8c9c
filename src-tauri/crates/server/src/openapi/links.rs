//! Where an answer leads: what can be done next with what it tells of.

use serde_json::{Map, Value, json};

use super::operations;

/// What an answer of one kind leads to: each operation under a path, with its parameters taken from
/// the resource.
struct Way {
    /// The schema of the resource.
    kind: &'static str,
    /// Under which path.
    under: &'static str,
    /// Parameters of the path, and where in the resource they are.
    parameters: &'static [(&'static str, &'static str)],
}

const fn way(
    kind: &'static str,
    under: &'static str,
    parameters: &'static [(&'static str, &'static str)],
) -> Way {
    Way { kind, under, parameters }
}

const WAYS: &[Way] = &[
    way("PartnershipResource", "/api/v1/partnerships/{id}", &[("id", "id")]),
    way(
        "PartnershipResource",
        "/api/v1/partnerships/{id}/owners/{userId}",
        &[("id", "id"), ("userId", "attributes/owners/0/id")],
    ),
    way(
        "SharedAccountResource",
        "/api/v1/partnerships/{id}/accounts/{accountId}",
        &[("id", "attributes/partnershipId"), ("accountId", "attributes/accountId")],
    ),
    way("SharedAccountResource", "/api/v1/accounts/{id}", &[("id", "attributes/accountId")]),
    way("AccountResource", "/api/v1/accounts/{id}", &[("id", "id")]),
    way(
        "AccountUserResource",
        "/api/v1/accounts/{id}/users/{userId}",
        &[("id", "attributes/accountId"), ("userId", "attributes/user/id")],
    ),
    way("AccessRequestResource", "/api/v1/access-requests/{id}", &[("id", "id")]),
    way("UserResource", "/api/v1/users/{id}", &[("id", "id")]),
    way("ApiKeyResource", "/api/v1/api-keys/{id}", &[("id", "id")]),
    way("WebhookResource", "/api/v1/webhooks/{id}", &[("id", "id")]),
];

/// An operation that can be gone to.
struct Target {
    path: String,
    id: String,
    takes_version: bool,
}

pub(super) fn add(document: &mut Value) {
    let targets: Vec<Target> = operations(document)
        .map(|(path, _, operation)| Target {
            path: path.to_owned(),
            id: operation["operationId"].as_str().unwrap_or_default().to_owned(),
            takes_version: super::has_parameter(operation, |one| one["name"] == "If-Match"),
        })
        .collect();
    for (_, _, operation) in operations(document) {
        for (status, answer) in operation["responses"].as_object_mut().into_iter().flatten() {
            if !status.starts_with('2') {
                continue;
            }
            let schema = &answer["content"]["application/json"]["schema"]["$ref"];
            let name = schema.as_str().and_then(|name| name.rsplit('/').next());
            let Some((shape, kind)) = name.and_then(|name| name.split_once('_')) else { continue };
            // Of several, to the first one; a list may have none.
            let at = match shape {
                "Document" => "data",
                "Documents" => "data/0",
                _ => continue,
            };
            let has_version = answer["headers"].get("ETag").is_some();
            let links = links(kind, at, has_version, &targets);
            if !links.is_empty() {
                answer["links"] = links.into();
            }
        }
    }
}

fn links(kind: &str, at: &str, has_version: bool, targets: &[Target]) -> Map<String, Value> {
    let mut links = Map::new();
    for way in WAYS.iter().filter(|way| way.kind == kind) {
        let version = if has_version {
            "$response.header.ETag".to_owned()
        } else {
            format!("\"{{$response.body#/{at}/attributes/version}}\"")
        };
        let parameter = |(name, place): &(&str, &str)| {
            ((*name).to_owned(), json!(format!("$response.body#/{at}/{place}")))
        };
        for target in targets.iter().filter(|target| way.leads_to(&target.path)) {
            let mut parameters: Map<String, Value> = way.parameters.iter().map(parameter).collect();
            if target.takes_version {
                parameters.insert("If-Match".into(), json!(version));
            }
            links.insert(
                target.id.clone(),
                json!({"operationId": target.id, "parameters": parameters}),
            );
        }
    }
    links
}

impl Way {
    /// Whether the path is this one or one of its actions, with no more parameters.
    fn leads_to(&self, path: &str) -> bool {
        path.strip_prefix(self.under)
            .is_some_and(|rest| (rest.is_empty() || rest.starts_with('/')) && !rest.contains('{'))
    }
}
