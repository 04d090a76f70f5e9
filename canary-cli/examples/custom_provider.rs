//! A third provider in one file: decoy files in a folder, and the whole command line for them.
//!
//! ```toml
//! [files]
//! folder = "shared"
//!
//! [file.passwords]
//! name = "passwords.txt"
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use async_trait::async_trait;
use canary_cli::providers::Connect;
use canary_cli::{CliRunner, CommandError};
use canary_core::apply::{Call, Found, Made, Realize, RealizeError};
use canary_core::catalog::{Catalog, Checking, FieldRule, LowerError, Lowering, Proof};
use canary_core::check::Note;
use canary_core::config::{Canary, FieldShape, KindShape, Shape, Table, TableShape};
use canary_core::detect::{Meaning, Mention, Planted, Tripwire};
use canary_core::disguise::{Alphabet, Digester, Filler};
use canary_core::engine::Provider;
use canary_core::graph::{Address, Handle, Input, Lifetime, ProviderId, Resource};
use canary_core::ledger::Verb;
use canary_core::observe::{
    Gap, Look, Object, Observe, Observed, Place, Reason, Scope, Seen, Site, Version,
};

const KIND: &str = "File";

fn id() -> ProviderId {
    ProviderId::new("files")
}

struct FileCatalog;

fn plain_name(text: &str) -> Result<(), String> {
    match text.contains('/') || text.starts_with('.') || text.is_empty() {
        true => Err("it must be a plain file name".into()),
        false => Ok(()),
    }
}

fn text(name: &'static str, shape: Shape, required: bool) -> TableShape {
    let field = FieldShape {
        name,
        shape,
        required,
        about: "",
    };
    TableShape {
        fields: vec![field],
        exclusive: vec![],
        one_needed: vec![],
    }
}

impl Catalog for FileCatalog {
    fn provider(&self) -> ProviderId {
        id()
    }

    fn section(&self) -> TableShape {
        text("folder", Shape::Text, true)
    }

    fn kinds(&self) -> Vec<KindShape> {
        vec![KindShape {
            kind: "file",
            about: "A file that nobody opens.",
            table: text("name", Shape::Checked(plain_name), true),
        }]
    }

    fn proofs(&self, _kind: &str) -> Vec<(String, Proof)> {
        vec![(KIND.into(), Proof::Derived)]
    }

    fn scopes(&self, _canary: &Canary) -> BTreeSet<Scope> {
        BTreeSet::from([Scope {
            kind: KIND.into(),
            scope: None,
        }])
    }

    fn handle(&self, _canary: &Canary, path: &str) -> Result<Handle, String> {
        plain_name(path)?;
        Ok(handle(path))
    }

    fn lower(&self, canary: &Canary, cx: &Lowering<'_>) -> Result<Vec<Resource>, Vec<LowerError>> {
        let handle = handle(canary.table.text("name").unwrap_or_default());
        let password = Filler::new(cx.keys, &handle, canary.generation).text(
            "password",
            20,
            Alphabet::Alphanumeric,
        );
        Ok(vec![Resource {
            address: Address::of(canary.id.clone()),
            provider: id(),
            handle,
            generation: canary.generation,
            fields: BTreeMap::from([("content".to_owned(), Input::Secret(password))]),
            after: BTreeSet::new(),
            written: None,
            lifetime: Lifetime::Current,
            active: false,
            remarks: BTreeMap::new(),
        }])
    }

    fn incarnations(&self, canary: &Canary, cx: &Lowering<'_>) -> Vec<Resource> {
        self.lower(canary, cx).unwrap_or_default()
    }

    fn proves(&self, resource: &Resource, object: &Object, cx: &Lowering<'_>) -> bool {
        let Some(Input::Secret(value)) = resource.fields.get("content") else {
            return false;
        };
        let digest = Seen::Digest(cx.keys.digester().digest(value.expose()));
        object
            .fields
            .as_ref()
            .and_then(|fields| fields.get("content"))
            == Some(&digest)
    }

    fn observable(&self, _kind: &str) -> bool {
        true
    }

    fn field_rule(&self, _kind: &str, _field: &str, _declared: bool) -> FieldRule {
        FieldRule::InPlace
    }

    fn tripwires(&self, planted: &Planted) -> Vec<Tripwire> {
        vec![Tripwire {
            mention: Mention::Object {
                group: "files".into(),
                resource: "file".into(),
                namespace: String::new(),
                name: planted.handle.name.clone(),
            },
            meaning: Meaning::Content,
            address: planted.address.clone(),
            labels: None,
            fields: BTreeMap::new(),
        }]
    }

    fn notes(&self, _cx: &Checking<'_>) -> Vec<Note> {
        Vec::new()
    }
}

fn handle(name: &str) -> Handle {
    Handle {
        kind: KIND.into(),
        scope: None,
        name: name.into(),
    }
}

struct Folder(PathBuf);

impl Folder {
    fn object(&self, name: &str, digester: Option<&Digester>) -> Option<Object> {
        let path = self.0.join(name);
        let meta = fs::metadata(&path).ok().filter(fs::Metadata::is_file)?;
        let fields = digester.and_then(|digester| {
            let digest = Seen::Digest(digester.digest(&fs::read(&path).ok()?));
            Some(BTreeMap::from([("content".to_owned(), digest)]))
        });
        Some(Object {
            created: jiff::Timestamp::from_second(meta.ctime()).ok(),
            field_names: BTreeSet::from(["content".to_owned()]),
            fields,
            ..Object::of(Version {
                uid: meta.ino().to_string(),
                revision: format!("{}.{}", meta.mtime(), meta.mtime_nsec()),
            })
        })
    }

    fn touch(&self, call: &Call) -> std::io::Result<()> {
        let path = self.0.join(&call.handle.name);
        let content = call.content.get("content").map(|content| content.expose());
        let content = content.unwrap_or_default();
        match call.verb {
            // Never over anything that is there.
            Verb::Create => {
                use std::io::Write as _;
                fs::OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .open(path)?
                    .write_all(content)
            }
            Verb::Update => fs::write(path, content),
            Verb::Delete => match fs::remove_file(path) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
                result => result,
            },
        }
    }
}

#[async_trait]
impl Observe for Folder {
    async fn site(&self) -> Result<Site, Gap> {
        let gap = |error: std::io::Error| Gap {
            provider: id(),
            place: Place::Site,
            reason: Reason::Failed,
            detail: error.to_string(),
        };
        let meta = fs::metadata(&self.0).map_err(gap)?;
        Ok(Site {
            id: format!("{}:{}", meta.dev(), meta.ino()),
            name: self.0.display().to_string(),
            ..Site::default()
        })
    }

    async fn principal(&self) -> Option<String> {
        None
    }

    async fn observe(&self, look: &Look) -> Observed {
        let mut observed = Observed {
            at: look.at,
            ..Observed::default()
        };
        let objects = observed.objects.entry(id()).or_default();
        let names = fs::read_dir(&self.0).into_iter().flatten().flatten();
        for name in names.filter_map(|entry| entry.file_name().into_string().ok()) {
            let handle = handle(&name);
            let seen = self.object(&name, None);
            let moved = seen.as_ref().is_some_and(|seen| {
                look.known
                    .get(&handle)
                    .is_some_and(|known| known.as_ref() != Some(&seen.version))
            });
            let full = (moved || look.full.contains(&handle)).then_some(&look.digester);
            objects.extend(self.object(&name, full).map(|object| (handle, object)));
        }
        let all = Scope {
            kind: KIND.into(),
            scope: None,
        };
        observed.listed.insert(id(), BTreeSet::from([all]));
        observed
    }
}

#[async_trait]
impl Realize for Folder {
    async fn realize(&self, call: &Call) -> Result<Made, RealizeError> {
        let handle = call.handle.clone();
        let there = self
            .object(&call.handle.name, None)
            .map(|object| object.version);
        if call.verb != Verb::Create && there.is_some() && there != call.have {
            return Err(RealizeError::Changed { handle });
        }
        match self.touch(call) {
            Ok(()) => Ok(Made {
                object: self.object(&call.handle.name, Some(&call.digester)),
                ..Made::default()
            }),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                Err(RealizeError::Exists { handle })
            }
            Err(error) => Err(RealizeError::Refused {
                handle,
                detail: error.to_string(),
            }),
        }
    }

    async fn find(&self, call: &Call) -> Result<Found, RealizeError> {
        let object = self.object(&call.handle.name, Some(&call.digester));
        Ok(object.map_or(Found::Absent, |object| Found::There(Box::new(object))))
    }

    async fn outputs_of(&self, _call: &Call, object: &Object) -> Result<Made, RealizeError> {
        Ok(Made {
            object: Some(object.clone()),
            ..Made::default()
        })
    }
}

struct Files;

#[async_trait]
impl Connect for Files {
    fn catalog(&self) -> Arc<dyn Catalog> {
        Arc::new(FileCatalog)
    }

    async fn connect(&self, section: &Table) -> Result<Provider, CommandError> {
        let folder = Arc::new(Folder(section.text("folder").unwrap_or(".").into()));
        Ok(Provider {
            catalog: self.catalog(),
            observe: Some(Arc::new(Folder(folder.0.clone()))),
            realize: Some(folder),
        })
    }
}

fn main() -> ExitCode {
    CliRunner::new().provider(Box::new(Files)).run()
}
