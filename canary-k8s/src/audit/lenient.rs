//! Reading JSON that may hold anything: a value of the wrong type reads as nothing, the first of repeated keys counts,
//! and nothing but broken syntax fails.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A type that makes something of every JSON value. What it does not name reads as its default.
pub(super) trait Lenient<'de>: Sized + Default {
    /// Reads any value; only broken syntax fails.
    fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any(PhantomData))
    }

    fn text(_: Cow<'de, str>) -> Self {
        Self::default()
    }

    fn number(_: u64) -> Self {
        Self::default()
    }

    fn list<A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }

    fn object<A: MapAccess<'de>>(mut object: A) -> Result<Self, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }
}

/// A value read leniently.
pub(super) struct Field<T>(pub(super) T);

impl<'de, T: Lenient<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::read(deserializer).map(Field)
    }
}

struct Any<T>(PhantomData<T>);

impl<'de, T: Lenient<'de>> Visitor<'de> for Any<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_u64<E>(self, value: u64) -> Result<T, E> {
        Ok(T::number(value))
    }

    fn visit_f64<E>(self, _: f64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_str<E>(self, value: &str) -> Result<T, E> {
        Ok(T::text(Cow::Owned(value.to_owned())))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<T, E> {
        Ok(T::text(Cow::Borrowed(value)))
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<T, A::Error> {
        T::list(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<T, A::Error> {
        T::object(object)
    }
}

impl<'de> Lenient<'de> for Option<Cow<'de, str>> {
    fn text(value: Cow<'de, str>) -> Self {
        Some(value)
    }
}

impl Lenient<'_> for Option<u16> {
    fn number(value: u64) -> Self {
        u16::try_from(value).ok()
    }
}

/// The texts of a list; whatever else is in it is left out.
impl<'de> Lenient<'de> for Vec<Cow<'de, str>> {
    fn list<A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        let mut texts = Self::new();
        while let Some(Field(text)) = list.next_element::<Field<Option<Cow<'de, str>>>>()? {
            texts.extend(text);
        }
        Ok(texts)
    }
}

/// The entries of an object in the order they stand in, repeated keys and all.
impl<'de, T: Lenient<'de>> Lenient<'de> for Vec<(Cow<'de, str>, T)> {
    fn object<A: MapAccess<'de>>(mut object: A) -> Result<Self, A::Error> {
        let mut entries = Self::new();
        while let Some((Field(key), Field(value))) =
            object.next_entry::<Field<Option<Cow<'de, str>>>, Field<T>>()?
        {
            entries.push((key.unwrap_or_default(), value));
        }
        Ok(entries)
    }
}

/// Defines a struct that is read from an object by its keys, leniently.
macro_rules! lenient_object {
    (
        $(#[$meta:meta])*
        struct $name:ident<$life:lifetime> { $($field:ident: $type:ty = $key:literal,)* }
    ) => {
        $(#[$meta])*
        #[derive(Default, Debug)]
        pub(super) struct $name<$life> {
            $(pub(super) $field: $type,)*
        }

        impl<$life> $crate::audit::lenient::Lenient<$life> for $name<$life> {
            fn object<A: serde::de::MapAccess<$life>>(mut object: A) -> Result<Self, A::Error> {
                use $crate::audit::lenient::Field;
                #[derive(Default)]
                struct Seen { $($field: bool,)* }
                let mut this = Self::default();
                let mut seen = Seen::default();
                while let Some(Field(key)) =
                    object.next_key::<Field<Option<std::borrow::Cow<$life, str>>>>()?
                {
                    match key.as_deref() {
                        $(Some($key) if !seen.$field => {
                            seen.$field = true;
                            this.$field = object.next_value::<Field<$type>>()?.0;
                        })*
                        _ => {
                            object.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(this)
            }
        }
    };
}
pub(super) use lenient_object;
