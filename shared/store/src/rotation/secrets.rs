//! The same for the secrets of the Perses dialect.

use sourcegate_core::{Document, DocumentId, OrgId, Rev};

use super::{MOST_TRIES, Pass, Values, numbers_of};
use crate::documents::document_item;
use crate::item::text;
use crate::read::pause;
use crate::seal::Binding;
use crate::table::{Key, Table};
use crate::write::{Condition, Outcome, Write};
use crate::{Admin, Error, Sealed, Vault};

impl Admin {
    pub(super) async fn reseal_secret(
        &self,
        org: OrgId,
        id: &DocumentId,
        vault: &Vault,
        pass: &mut Pass,
    ) -> Result<(), Error> {
        for round in 0..MOST_TRIES {
            if round > 0 {
                pause(round.min(4)).await;
            }
            let key = Key::sealed_document(org, id);
            // Deleted since.
            let Some(item) = self.store().get(&key).await? else { return Ok(()) };
            let Some(secret) = self.store().located_secret(org, id, None).await? else {
                pass.numbers.extend(numbers_of(&item, u32::MAX));
                pass.leave(&key.sk, None, &"belongs to no secret");
                return Ok(());
            };
            let Some(sealed) = secret.sealed.clone() else { continue };
            let mut tried = Pass::default();
            let public = self.store().public_key(org).await?;
            let deployment = self.store().deployment();
            let binding = Binding::of_secret(deployment, &secret.document, &secret.spec);
            let values = Values { org, place: &key.sk, sealed: &sealed, binding: &binding };
            let anew = self.anew(&values, (&public, vault), &mut tried).await?;
            let written = match anew {
                Some(anew) => self.write_secret(&secret.document, &anew).await?,
                None => true,
            };
            if written {
                pass.resealed += tried.resealed;
                pass.left.append(&mut tried.left);
                pass.numbers.append(&mut tried.numbers);
                return Ok(());
            }
        }
        Err(Error::Busy)
    }

    /// Writes them beside their secret if that is as it was; false if somebody was faster.
    async fn write_secret(&self, secret: &Document, sealed: &Sealed) -> Result<bool, Error> {
        let after = Document { rev: Rev::new(), sec_rev: Some(sealed.rev), ..secret.clone() };
        let unchanged = Condition::Equals("rev", text(secret.rev));
        let values = sealed.item_at(&Key::sealed_document(secret.org, &secret.id));
        let writes = [
            Write::put(Table::Registry, document_item(&after)).only_if(unchanged),
            Write::put(Table::Registry, values),
        ];
        writes.iter().try_for_each(Write::check_size)?;
        // Where the answer of an earlier try was lost, the next round finds nothing more to do.
        Ok(matches!(self.store().transact(&writes).await?, Outcome::Written))
    }
}
