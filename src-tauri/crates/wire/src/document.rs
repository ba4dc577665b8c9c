use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use serde_json::Value;

/// What a resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ResourceType {
    /// See [`crate::PartnershipAttributes`].
    Partnership,
    /// See [`crate::UserAttributes`], and [`crate::MeAttributes`] for `GET /me`.
    User,
    /// See [`crate::TermsAttributes`].
    Terms,
    /// See [`crate::AccountAttributes`].
    Account,
    /// See [`crate::AccountUserAttributes`].
    AccountUser,
    /// See [`crate::SharedAccountAttributes`].
    SharedAccount,
    /// See [`crate::MemberAttributes`].
    Member,
    /// See [`crate::ImpactAttributes`].
    Impact,
    /// See [`crate::AccessRequestAttributes`].
    AccessRequest,
    /// See [`crate::SecretAttributes`].
    Secret,
    /// See [`crate::ActivityAttributes`].
    Activity,
    /// See [`crate::ApiKeyAttributes`].
    ApiKey,
    /// See [`crate::IdentityProviderAttributes`].
    IdentityProvider,
    /// See [`crate::SessionAttributes`].
    Session,
    /// See [`crate::WebhookAttributes`].
    Webhook,
    /// Never sent: what a reader has for a type that is newer than itself.
    #[serde(other)]
    Unrecognized,
}

/// A document with one resource: `{"data": {...}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Document<R> {
    /// The resource.
    pub data: R,
}

/// What a [`Document`] with several resources looks like, for the description of the API.
#[cfg(feature = "openapi")]
#[derive(Debug, utoipa::ToSchema)]
pub struct Documents<R> {
    /// The resources.
    pub data: Vec<R>,
}

/// One resource: `{"id", "type", "attributes", "meta": {"allowedActions": [...]}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource<A> {
    /// A UUID; the version for terms.
    pub id: String,
    /// What it is.
    pub r#type: ResourceType,
    /// Its facts.
    pub attributes: A,
    /// What the caller can do with it.
    #[serde(default)]
    pub meta: ResourceMeta,
}

impl<A> Resource<A> {
    /// Whether the server listed an action, by its word on the wire.
    #[must_use]
    pub fn allows(&self, action: &str) -> bool {
        self.meta.allowed_actions.iter().any(|allowed| allowed == action)
    }
}

/// What the caller can do with a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceMeta {
    /// The actions that the server would not refuse now. Words, not an enum: a client passes over
    /// those it does not know.
    #[cfg_attr(feature = "openapi", schema(example = json!(["approve", "decline"])))]
    pub allowed_actions: Vec<String>,
}

/// A list: `{"data": [...], "links": {...}, "meta": {"page": {...}}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct List<R> {
    /// The resources of this page.
    pub data: Vec<R>,
    /// Where this and the neighbouring pages are.
    pub links: Links,
    /// About the list.
    pub meta: ListMeta,
}

/// Relative, percent-encoded references.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Links {
    /// This page.
    #[serde(rename = "self")]
    pub this: String,
    /// The next page, by cursor; none on the last.
    pub next: Option<String>,
    /// The page before; none on the first.
    pub previous: Option<String>,
}

/// About a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ListMeta {
    /// Its pages.
    pub page: PageMeta,
}

/// A list's pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PageMeta {
    /// The most resources that one page can hold.
    pub max_size: u32,
    /// How many resources the whole list has.
    pub total: u64,
}

/// A request's body: `{"data": {"attributes": {...}}}`, or the attributes alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body<A>(pub A);

impl<'de, A: DeserializeOwned> Deserialize<'de> for Body<A> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut value = Value::deserialize(from)?;
        let attributes = match value.get_mut("data") {
            Some(data) => match data.get_mut("attributes") {
                Some(attributes) => attributes.take(),
                None => Value::Object(serde_json::Map::new()),
            },
            None => value,
        };
        serde_json::from_value(attributes).map(Self).map_err(serde::de::Error::custom)
    }
}

impl<A: Serialize> Serialize for Body<A> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Data<'a, A> {
            data: Attributes<'a, A>,
        }
        #[derive(Serialize)]
        struct Attributes<'a, A> {
            attributes: &'a A,
        }
        Data { data: Attributes { attributes: &self.0 } }.serialize(to)
    }
}
