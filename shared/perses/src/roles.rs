//! Roles and who is bound to them: documents as all others are, written where nobody writes data sources.

use axum::Router;
use sourcegate_core::DocumentKind;
use store::Store;

use crate::documents;

/// Makes the routes of the kinds that say who may do what.
pub fn router(store: Store) -> Router {
    documents::routes(store, DocumentKind::gives_rights)
}
