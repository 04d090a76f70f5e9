//! What is there before anybody asked for anything.

use std::sync::Arc;

use canary_core::apply::Clock;
use serde_json::{Value, json};

use super::controllers::Controllers;
use super::object;
use super::serve::Api;
use crate::sandbox::access::{Issuer, Modes, Users, bootstrap};
use crate::sandbox::audit::{AuditLog, time};
use crate::sandbox::entropy::Entropy;
use crate::sandbox::fields::{Writer, updated};
use crate::sandbox::kinds::{Kind, NAMESPACE};
use crate::sandbox::store::Store;

impl Api {
    /// A server with the objects that every cluster begins with. `None`: chance gave no key.
    pub(in crate::sandbox) fn new(
        mut users: Users,
        mut entropy: Entropy,
        clock: Arc<dyn Clock>,
        audit: Arc<AuditLog>,
    ) -> Option<Self> {
        let issuer = Issuer::new(&mut entropy)?;
        let controllers = Controllers::new(&mut users, &mut entropy);
        let mut api = Self {
            store: Store::new(),
            users,
            issuer,
            entropy,
            controllers,
            modes: Modes::new(),
            clock,
            audit,
        };
        for name in ["kube-system", "kube-public", "kube-node-lease", "default"] {
            let body = json!({ "metadata": { "name": name } });
            if let Ok(namespace) = object::decode(&NAMESPACE, &body) {
                api.seed(&NAMESPACE, namespace);
            }
        }
        for (kind, object) in bootstrap() {
            api.seed(kind, object);
        }
        Some(api)
    }

    /// Makes an object as the server itself makes it when it starts.
    fn seed(&mut self, kind: &'static Kind, mut object: Value) {
        let now = time(self.clock.now());
        let writer = Writer {
            manager: "kube-apiserver",
            time: &now,
        };
        updated(kind, None, &mut object, &writer);
        object::prepare(kind, &mut object);
        object["metadata"]["uid"] = self.entropy.uuid().into();
        object["metadata"]["creationTimestamp"] = now.into();
        let name = object["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        self.store.put(kind, "", &name, object);
    }
}
