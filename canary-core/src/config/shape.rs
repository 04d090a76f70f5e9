//! What a table of the configuration may hold, as data.

use std::borrow::Cow;

/// Says what is wrong with a text, or nothing. Lowercase, without a full stop, fits after "is not …: ".
pub type Check = fn(&str) -> Result<(), String>;

/// The type of a field.
#[derive(Clone, Debug)]
pub enum Shape {
    /// Any text.
    Text,
    /// A text that passes a check, as in a name.
    Checked(Check),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// The address of a canary of one of these kinds: an edge.
    CanaryOf(Cow<'static, [&'static str]>),
    /// A whole number in a range, both ends included.
    Integer(i64, i64),
    /// `true` or `false`.
    Boolean,
    /// A length of time: a number and `s`, `m`, `h` or `d`, as in `90d`.
    Duration,
    /// A day, as in `2027-03-01`, without quotes.
    Date,
    /// A list of such values.
    List(Box<Self>),
    /// A list of such values, of which a single one may stand without brackets. Read as a list.
    OneOrMore(Box<Self>),
    /// A table from text to text; keys pass the check.
    TextMap(Check),
    /// In the table of a provider: a table of its own that declares something to plan, as `[aws.listener]` does. Its
    /// address is that of a canary of the kind of the provider's name, as in `aws.listener`.
    Declaration(Box<TableShape>),
}

impl Shape {
    /// The address of a canary of one of these kinds.
    #[must_use]
    pub const fn canary_of(kinds: &'static [&'static str]) -> Self {
        Self::CanaryOf(Cow::Borrowed(kinds))
    }
}

/// One field of a table.
#[derive(Clone, Debug)]
pub struct FieldShape {
    /// Its key.
    pub name: &'static str,
    /// Its type.
    pub shape: Shape,
    /// Whether it must be there.
    pub required: bool,
    /// One sentence for the schema and the documentation.
    pub about: &'static str,
}

/// A table.
#[derive(Clone, Debug)]
pub struct TableShape {
    /// Its fields. Anything else is an error.
    pub fields: Vec<FieldShape>,
    /// Pairs of fields that exclude each other.
    pub exclusive: Vec<(&'static str, &'static str)>,
    /// Groups of which at least one field must be there.
    pub one_needed: Vec<&'static [&'static str]>,
}

/// A kind of canary: the table `[KIND.LABEL]`.
#[derive(Clone, Debug)]
pub struct KindShape {
    /// The word in the configuration, as in `secret`.
    pub kind: &'static str,
    /// One sentence.
    pub about: &'static str,
    /// Its table, without the fields that all kinds share (`generation`, `keep_retired`).
    pub table: TableShape,
}

/// What all providers together let a configuration say.
#[derive(Clone, Debug, Default)]
pub struct Vocabulary {
    /// Each provider's own table and its kinds of canaries.
    pub providers: Vec<(crate::graph::ProviderId, TableShape, Vec<KindShape>)>,
}

impl Vocabulary {
    /// Says nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a provider's words.
    #[must_use]
    pub fn with(
        mut self,
        provider: crate::graph::ProviderId,
        section: TableShape,
        kinds: Vec<KindShape>,
    ) -> Self {
        self.providers.push((provider, section, kinds));
        self
    }

    /// A kind by its word, with its provider.
    #[must_use]
    pub fn kind(&self, word: &str) -> Option<(&crate::graph::ProviderId, &KindShape)> {
        self.kinds().find(|(_, kind)| kind.kind == word)
    }

    /// All kinds, each with its provider.
    pub fn kinds(&self) -> impl Iterator<Item = (&crate::graph::ProviderId, &KindShape)> {
        self.providers
            .iter()
            .flat_map(|(provider, _, kinds)| kinds.iter().map(move |kind| (provider, kind)))
    }
}
