//! Whether a site is the one that was planted in.

use super::{EngineError, Kept};
use crate::graph::ProviderId;
use crate::ledger::Ledger;
use crate::observe::Site;

/// The site as the ledger knows it, when it is the same; so that everything derived stays what it was, and facts too.
pub(super) fn guard(ledger: &Ledger, id: &ProviderId, found: Site) -> Result<Site, EngineError> {
    let Some(expected) = ledger.sites.get(id) else {
        return Ok(found);
    };
    if !expected.is(&found) {
        return Err(EngineError::OtherSite {
            kept: Kept::Ledger,
            provider: id.clone(),
            expected: Box::new(expected.clone()),
            found: Box::new(found),
        });
    }
    // Two operators may reach one place by two addresses, and call it by two names. What is planted says what was
    // written down first, or they would rewrite it in turn. Another authority means that the place was set up anew.
    let mut facts = found.facts;
    if expected.aliases == found.aliases {
        facts.extend(expected.facts.clone());
    }
    Ok(Site {
        id: expected.id.clone(),
        facts,
        ..found
    })
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    fn site(server: &str, authority: &str) -> Site {
        Site {
            id: "uid".into(),
            aliases: BTreeSet::from([authority.to_owned()]),
            facts: BTreeMap::from([("server".to_owned(), server.to_owned())]),
            ..Site::default()
        }
    }

    #[test]
    fn the_address_that_was_written_down_stays_while_the_authority_is_the_same() {
        let id = ProviderId::new("kubernetes");
        let mut ledger = Ledger::default();
        let server =
            |ledger: &Ledger, found| guard(ledger, &id, found).unwrap().facts["server"].clone();
        assert_eq!(server(&ledger, site("a", "ca:1")), "a");
        ledger.sites.insert(id.clone(), site("a", "ca:1"));
        assert_eq!(server(&ledger, site("b", "ca:1")), "a");
        assert_eq!(server(&ledger, site("b", "ca:2")), "b");
    }
}
