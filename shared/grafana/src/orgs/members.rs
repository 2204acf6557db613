//! Who belongs to an organisation: that of the path, else that of the request.

use auth::{Action, Role};
use axum::extract::{FromRequest, Request, State};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, Uri};
use sourcegate_core::OrgId;
use store::{Refused, Store, User};
use web::{Json, Path};

use super::scope::Place;
use crate::answer::{Answer, ok};
use crate::paging::{Parameters, contains};
use crate::people::{Refusal, named};
use crate::wire::account::Message;
use crate::wire::org::{AboutMember, Member, MemberForm, MembersPage, Named, RoleForm};

/// Lists the members of an organisation.
#[utoipa::path(
    get,
    path = "/api/orgs/{org}/users",
    tag = "orgs",
    operation_id = "listOrgUsers",
    params(
        ("query" = Option<String>, Query, description = "What login, email or name must contain."),
        ("limit" = Option<String>, Query, description = "How many at most."),
    ),
    responses(
        (status = 200, description = "The members", body = Vec<Member<'_>>),
        (status = 400, description = "`orgId is invalid`, or a parameter is no number"),
        (status = 404, description = "`Organization not found`"),
    ),
)]
pub(super) async fn list(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path(place): Path<Place>,
    uri: Uri,
) -> Result<Response, web::Error> {
    let (_, org) = place.permit(&caller, Action::ReadMembers)?;
    let asked = Parameters::of(&uri)?;
    let members = found(&store, org, &asked).await?;
    let limit = asked.number("limit")?.filter(|limit| *limit > 0).unwrap_or(usize::MAX);
    let shown: Vec<_> = members.iter().take(limit).map(|one| Member::new(org, one)).collect();
    Ok(ok(shown).into_response())
}

/// Lists the members of an organisation, a page at a time.
#[utoipa::path(
    get,
    path = "/api/orgs/{org}/users/search",
    tag = "orgs",
    operation_id = "searchOrgUsers",
    params(
        ("query" = Option<String>, Query, description = "What login, email or name must contain."),
        ("perpage" = Option<String>, Query, description = "How many entries a page has; 1,000 unless it is said."),
        ("page" = Option<String>, Query, description = "Which page, from 1."),
    ),
    responses(
        (status = 200, description = "A page", body = MembersPage<'_>),
        (status = 400, description = "`orgId is invalid`, or a parameter is no number"),
        (status = 404, description = "`Organization not found`"),
    ),
)]
pub(super) async fn search(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path(place): Path<Place>,
    uri: Uri,
) -> Result<Response, web::Error> {
    let (_, org) = place.permit(&caller, Action::ReadMembers)?;
    let asked = Parameters::of(&uri)?;
    let page = asked.page()?;
    let members = found(&store, org, &asked).await?;
    Ok(ok(MembersPage {
        total_count: members.len(),
        org_users: page.of(&members).iter().map(|one| Member::new(org, one)).collect(),
        page: page.number,
        per_page: page.size,
    })
    .into_response())
}

/// Names the members of the organisation that the request is about.
#[utoipa::path(
    get,
    path = "/api/org/users/lookup",
    tag = "orgs",
    operation_id = "lookUpOrgUsers",
    params(
        ("query" = Option<String>, Query, description = "What login, email or name must contain."),
        ("limit" = Option<String>, Query, description = "How many at most."),
    ),
    responses(
        (status = 200, description = "The members", body = Vec<Named<'_>>),
        (status = 400, description = "A parameter is no number"),
        (status = 404, description = "`Organization not found`"),
    ),
)]
pub(super) async fn lookup(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    uri: Uri,
) -> Result<Response, web::Error> {
    caller.allow(Action::ReadMembers)?;
    let asked = Parameters::of(&uri)?;
    let members = found(&store, caller.org(), &asked).await?;
    let limit = asked.number("limit")?.filter(|limit| *limit > 0).unwrap_or(usize::MAX);
    let shown: Vec<_> = members.iter().take(limit).map(|(user, _)| Named::from(user)).collect();
    Ok(ok(shown).into_response())
}

/// Lists the members that a request seeks. One that is being deleted has none any more.
async fn found(
    store: &Store,
    org: OrgId,
    asked: &Parameters,
) -> Result<Vec<(User, Role)>, web::Error> {
    store.org(org).await?.ok_or(Refusal::NoOrg)?;
    let mut members = store.members(org).await?;
    members
        .retain(|(user, _)| contains(&[&user.login, &user.email, &user.name], asked.text("query")));
    Ok(members)
}

/// Makes a user a member of an organisation.
#[utoipa::path(
    post,
    path = "/api/orgs/{org}/users",
    tag = "orgs",
    operation_id = "addOrgUser",
    request_body = MemberForm,
    responses(
        (status = 200, description = "`User added to organization`", body = AboutMember),
        (status = 400, description = "`orgId is invalid`, or a field is missing or no role"),
        (status = 404, description = "`User not found` or `Organization not found`"),
        (status = 409, description = "`User is already member of this organization`", body = AboutMember),
    ),
)]
pub(super) async fn add(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path(place): Path<Place>,
    request: Request,
) -> Result<Response, web::Error> {
    let (permit, org) = place.permit(&caller, Action::AddMembers)?;
    let Json(form): Json<MemberForm> = Json::from_request(request, &()).await?;
    let who = form.login_or_email.filter(|who| !who.is_empty());
    let who = who.ok_or(Refusal::Required("LoginOrEmail"))?;
    let role = role(form.role)?;
    store.org(org).await?.ok_or(Refusal::NoOrg)?;
    let user = store.user_named(who.trim()).await?.ok_or(Refusal::NoMember)?;
    let about = |message| AboutMember { message, user_id: user.id };
    match store.add_member(&permit, org, &user, role).await {
        Ok(()) => Ok(ok(about("User added to organization")).into_response()),
        Err(store::Error::Refused(Refused::Member(_))) => {
            let body = about("User is already member of this organization");
            Ok(Answer(StatusCode::CONFLICT, body).into_response())
        }
        Err(error) => Err(named(error, |refused| {
            matches!(refused, Refused::NoUser).then_some(Refusal::NoMember)
        })),
    }
}

/// Gives a member another role.
#[utoipa::path(
    patch,
    path = "/api/orgs/{org}/users/{user}",
    tag = "orgs",
    operation_id = "updateOrgUser",
    request_body = RoleForm,
    responses(
        (status = 200, description = "`Organization user updated`", body = Message),
        (status = 400, description = "A number of the path is invalid, no such role, or the last administrator"),
        (status = 404, description = "`User not found` or `Organization not found`"),
    ),
)]
pub(super) async fn change(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path(place): Path<Place>,
    request: Request,
) -> Result<Response, web::Error> {
    let (permit, org) = place.permit(&caller, Action::WriteMembers)?;
    let Json(form): Json<RoleForm> = Json::from_request(request, &()).await?;
    let (user, role) = (place.member()?, role(form.role)?);
    store
        .set_role(&permit, org, user, role)
        .await
        .map_err(|error| named(error, |refused| member(refused, Refusal::LastAdminLess)))?;
    Ok(ok(Message::from("Organization user updated")).into_response())
}

/// Puts a member out of an organisation.
#[utoipa::path(
    delete,
    path = "/api/orgs/{org}/users/{user}",
    tag = "orgs",
    operation_id = "removeOrgUser",
    responses(
        (status = 200, description = "`User removed from organization`", body = Message),
        (status = 400, description = "A number of the path is invalid, or the last administrator"),
        (status = 404, description = "`User not found` or `Organization not found`"),
    ),
)]
pub(super) async fn remove(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Path(place): Path<Place>,
) -> Result<Response, web::Error> {
    let (permit, org) = place.permit(&caller, Action::RemoveMembers)?;
    store
        .remove_member(&permit, org, place.member()?)
        .await
        .map_err(|error| named(error, |refused| member(refused, Refusal::LastAdminOut)))?;
    Ok(ok(Message::from("User removed from organization")).into_response())
}

/// Who is no member here is as absent as who does not exist: of others' users nothing is told.
fn member(refused: &Refused, last_admin: Refusal) -> Option<Refusal> {
    match refused {
        Refused::NoUser | Refused::NotAMember(_) => Some(Refusal::NoMember),
        Refused::LastAdmin(_) => Some(last_admin),
        _ => None,
    }
}

fn role(text: Option<String>) -> Result<Role, Refusal> {
    let text = text.filter(|text| !text.is_empty()).ok_or(Refusal::Required("Role"))?;
    Role::parse(&text).ok_or(Refusal::Role)
}
