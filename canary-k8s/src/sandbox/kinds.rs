//! The kinds that are served.

use super::shape::{Field, Shape};

/// A kind and how it is served.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) group: &'static str,
    pub(super) name: &'static str,
    pub(super) plural: &'static str,
    pub(super) namespaced: bool,
    /// A PUT on nothing makes it.
    pub(super) create_on_update: bool,
    /// A DELETE gives the object, not a Status.
    pub(super) gives_deleted: bool,
    /// Fields beside `metadata`.
    pub(super) fields: &'static [Field],
}

/// The only version of each group.
pub(super) const VERSION: &str = "v1";
/// The group of roles and bindings.
pub(super) const RBAC: &str = "rbac.authorization.k8s.io";

const TEXT: Shape = Shape::Text;
const BYTES: Shape = Shape::Bytes;
const TEXTS: Shape = Shape::List(&TEXT);

/// What of metadata people write, and what therefore has owners.
pub(super) const METADATA: &[Field] = &[
    ("annotations", Shape::Map(&TEXT)),
    ("finalizers", Shape::Set),
    ("generateName", Shape::Text),
    ("labels", Shape::Map(&TEXT)),
    (
        "ownerReferences",
        Shape::Keyed {
            key: "uid",
            item: &Shape::Whole(&[
                ("apiVersion", Shape::Text),
                ("blockOwnerDeletion", Shape::Flag),
                ("controller", Shape::Flag),
                ("kind", Shape::Text),
                ("name", Shape::Text),
                ("uid", Shape::Text),
            ]),
        },
    ),
];

const REFERENCE: Shape = Shape::Whole(&[
    ("apiVersion", Shape::Text),
    ("fieldPath", Shape::Text),
    ("kind", Shape::Text),
    ("name", Shape::Text),
    ("namespace", Shape::Text),
    ("resourceVersion", Shape::Text),
    ("uid", Shape::Text),
]);

const RULES: Field = (
    "rules",
    Shape::List(&Shape::Struct(&[
        ("apiGroups", TEXTS),
        ("nonResourceURLs", TEXTS),
        ("resourceNames", TEXTS),
        ("resources", TEXTS),
        ("verbs", TEXTS),
    ])),
);

const BINDING: &[Field] = &[
    (
        "roleRef",
        Shape::Whole(&[
            ("apiGroup", Shape::Text),
            ("kind", Shape::Text),
            ("name", Shape::Text),
        ]),
    ),
    (
        "subjects",
        Shape::List(&Shape::Struct(&[
            ("apiGroup", Shape::Text),
            ("kind", Shape::Text),
            ("name", Shape::Text),
            ("namespace", Shape::Text),
        ])),
    ),
];

const fn core(name: &'static str, plural: &'static str, fields: &'static [Field]) -> Kind {
    Kind {
        group: "",
        name,
        plural,
        namespaced: true,
        create_on_update: false,
        gives_deleted: false,
        fields,
    }
}

const fn rbac(
    name: &'static str,
    plural: &'static str,
    namespaced: bool,
    fields: &'static [Field],
) -> Kind {
    Kind {
        group: RBAC,
        name,
        plural,
        namespaced,
        create_on_update: true,
        gives_deleted: false,
        fields,
    }
}

pub(super) static NAMESPACE: Kind = Kind {
    namespaced: false,
    gives_deleted: true,
    ..core(
        "Namespace",
        "namespaces",
        &[
            ("spec", Shape::Struct(&[("finalizers", TEXTS)])),
            ("status", Shape::Struct(&[("phase", Shape::Text)])),
        ],
    )
};

pub(super) static SECRET: Kind = core(
    "Secret",
    "secrets",
    &[
        ("data", Shape::Map(&BYTES)),
        ("immutable", Shape::Flag),
        ("stringData", Shape::Map(&TEXT)),
        ("type", Shape::Text),
    ],
);

pub(super) static CONFIG_MAP: Kind = core(
    "ConfigMap",
    "configmaps",
    &[
        ("binaryData", Shape::Map(&BYTES)),
        ("data", Shape::Map(&TEXT)),
        ("immutable", Shape::Flag),
    ],
);

pub(super) static SERVICE_ACCOUNT: Kind = Kind {
    gives_deleted: true,
    ..core(
        "ServiceAccount",
        "serviceaccounts",
        &[
            ("automountServiceAccountToken", Shape::Flag),
            (
                "imagePullSecrets",
                Shape::List(&Shape::Struct(&[("name", Shape::Text)])),
            ),
            (
                "secrets",
                Shape::Keyed {
                    key: "name",
                    item: &REFERENCE,
                },
            ),
        ],
    )
};

pub(super) static ROLE: Kind = rbac("Role", "roles", true, &[RULES]);
pub(super) static CLUSTER_ROLE: Kind = rbac(
    "ClusterRole",
    "clusterroles",
    false,
    &[
        (
            "aggregationRule",
            Shape::Struct(&[(
                "clusterRoleSelectors",
                Shape::List(&Shape::Struct(&[("matchLabels", Shape::Map(&TEXT))])),
            )]),
        ),
        RULES,
    ],
);
pub(super) static ROLE_BINDING: Kind = rbac("RoleBinding", "rolebindings", true, BINDING);
pub(super) static CLUSTER_ROLE_BINDING: Kind =
    rbac("ClusterRoleBinding", "clusterrolebindings", false, BINDING);

static ALL: [&Kind; 8] = [
    &NAMESPACE,
    &SECRET,
    &CONFIG_MAP,
    &SERVICE_ACCOUNT,
    &ROLE,
    &CLUSTER_ROLE,
    &ROLE_BINDING,
    &CLUSTER_ROLE_BINDING,
];

impl Kind {
    /// The kind that a path names.
    pub(super) fn find(group: &str, version: &str, plural: &str) -> Option<&'static Self> {
        ALL.into_iter()
            .find(|kind| kind.group == group && version == VERSION && kind.plural == plural)
    }

    /// As `apiVersion` has it.
    pub(super) fn api_version(&self) -> String {
        match self.group {
            "" => VERSION.to_owned(),
            group => format!("{group}/{VERSION}"),
        }
    }

    /// As errors about the collection name it: `roles.rbac.authorization.k8s.io`.
    pub(super) fn qualified_plural(&self) -> String {
        qualified(self.plural, self.group)
    }

    /// As errors about the content name it: `Role.rbac.authorization.k8s.io`.
    pub(super) fn qualified_name(&self) -> String {
        qualified(self.name, self.group)
    }
}

/// A name with its group, where there is one.
pub(super) fn qualified(name: &str, group: &str) -> String {
    match group {
        "" => name.to_owned(),
        group => format!("{name}.{group}"),
    }
}
