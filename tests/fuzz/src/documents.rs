use std::fmt::Debug;

use entente_wire::{
    AcceptAttributes, AccessRequestResource, AccountResource, AccountUserResource,
    ActivityResource, ApiKeyResource, Body, Change, Changes, DeclineAttributes, Document,
    ErrorDocument, FindProvider, IdentityProviderResource, ImpactResource, List, MeResource,
    MemberResource, NewAccessRequests, NewAccountUser, NewApiKey, NewOwner, NewPartnership,
    NewWebhook, PartnershipResource, RevokeToken, RoleAttributes, SecretAttributes, SecretResource,
    SessionResource, ShareAccounts, SharedAccountResource, TermsAttributes, UserResource,
    WebhookResource,
};
use serde::{Serialize, de::DeserializeOwned};

/// Every document of the API: read or refused; what is read is written so that it reads the same.
pub fn wire_documents(data: &[u8]) {
    // What the client reads.
    one::<Document<MeResource>>(data);
    one::<Document<PartnershipResource>>(data);
    one::<Document<AccountResource>>(data);
    one::<Document<ImpactResource>>(data);
    one::<Document<IdentityProviderResource>>(data);
    one::<Document<SecretResource>>(data);
    one::<Document<SessionResource>>(data);
    one::<Document<ApiKeyResource>>(data);
    one::<Document<WebhookResource>>(data);
    one::<TermsAttributes>(data);
    one::<List<PartnershipResource>>(data);
    one::<List<ActivityResource>>(data);
    one::<List<MemberResource>>(data);
    one::<List<SharedAccountResource>>(data);
    one::<List<AccountUserResource>>(data);
    one::<List<AccessRequestResource>>(data);
    one::<List<UserResource>>(data);
    one::<Change>(data);
    one::<Changes>(data);
    one::<ErrorDocument>(data);
    // What the server reads.
    one::<Body<NewPartnership>>(data);
    one::<Body<DeclineAttributes>>(data);
    one::<Body<AcceptAttributes>>(data);
    one::<Body<ShareAccounts>>(data);
    one::<Body<NewOwner>>(data);
    one::<Body<NewAccountUser>>(data);
    one::<Body<RoleAttributes>>(data);
    one::<Body<NewAccessRequests>>(data);
    one::<Body<SecretAttributes>>(data);
    one::<Body<NewApiKey>>(data);
    one::<Body<NewWebhook>>(data);
    one::<Body<FindProvider>>(data);
    one::<Body<RevokeToken>>(data);
}

fn one<T: Serialize + DeserializeOwned + PartialEq>(data: &[u8]) {
    let Ok(read) = serde_json::from_slice::<T>(data) else { return };
    let written = must("it is written", serde_json::to_vec(&read));
    let again: T = must("it reads again", serde_json::from_slice(&written));
    assert!(again == read, "what was written reads differently");
}

fn must<T, E: Debug>(what: &str, result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{what}: {error:?}"),
    }
}
