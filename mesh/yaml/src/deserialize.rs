//! Trees to values. An error of a type's own conversion (`#[serde(try_from = …)]`) points at the value that it refused.

use std::fmt;

use serde::de::value::{MapDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::node::{Content, Node};
use crate::source::Span;

pub(crate) fn deserialize<T: DeserializeOwned>(node: &Node) -> Result<T, Diagnostics> {
    T::deserialize(Reader(node)).map_err(|refusal| {
        let span = refusal.span.unwrap_or_else(|| node.head());
        Diagnostic::error(refusal.message, span, "").into()
    })
}

/// Why a type refused a value, and where that value is.
#[derive(Debug)]
struct Refusal {
    message: String,
    span: Option<Span>,
}

impl Refusal {
    /// The innermost node is the one to point at: it is told first.
    fn at(mut self, node: &Node) -> Refusal {
        self.span.get_or_insert_with(|| node.head());
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

impl serde::de::Error for Refusal {
    fn custom<T: fmt::Display>(message: T) -> Refusal {
        Refusal {
            message: message.to_string(),
            span: None,
        }
    }
}

/// A node as serde reads it.
#[derive(Clone, Copy)]
struct Reader<'de>(&'de Node);

impl<'de> IntoDeserializer<'de, Refusal> for Reader<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Refusal;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        let value = match &self.0.content {
            Content::Null => visitor.visit_unit(),
            Content::Boolean(boolean) => visitor.visit_bool(*boolean),
            Content::Number(number) => number.deserialize_any(visitor).map_err(serde::de::Error::custom),
            Content::Text(text) => visitor.visit_str(text),
            Content::Sequence(items) => {
                SeqDeserializer::new(items.iter().map(Reader)).deserialize_any(visitor)
            }
            Content::Mapping(mapping) => {
                let entries = mapping
                    .entries()
                    .iter()
                    .map(|entry| (entry.key.name.as_str(), Reader(&entry.value)));
                MapDeserializer::new(entries).deserialize_any(visitor)
            }
        };
        value.map_err(|refusal| refusal.at(self.0))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        let value = if self.0.is_null() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        };
        value.map_err(|refusal| refusal.at(self.0))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        visitor
            .visit_newtype_struct(self)
            .map_err(|refusal| refusal.at(self.0))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        let access = match &self.0.content {
            Content::Mapping(mapping) => match mapping.entries() {
                [entry] => Variant {
                    name: &entry.key.name,
                    value: Some(&entry.value),
                },
                _ => {
                    return Err(
                        <Refusal as serde::de::Error>::custom("expected exactly one variant").at(self.0),
                    );
                }
            },
            Content::Text(name) => Variant { name, value: None },
            _ => {
                return Err(
                    <Refusal as serde::de::Error>::custom("expected the name of a variant").at(self.0),
                );
            }
        };
        visitor.visit_enum(access).map_err(|refusal| refusal.at(self.0))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// The variant of an externally tagged enum: its name, and its value where it has one.
struct Variant<'de> {
    name: &'de str,
    value: Option<&'de Node>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Refusal;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Refusal> {
        let name: StrDeserializer<'de, Refusal> = self.name.into_deserializer();
        seed.deserialize(name).map(|variant| (variant, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = Refusal;

    fn unit_variant(self) -> Result<(), Refusal> {
        match self.value {
            Some(value) if !value.is_null() => Err(self.missing("takes no value")),
            _ => Ok(()),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Refusal> {
        seed.deserialize(self.value("needs a value")?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Refusal> {
        self.value("needs a list")?.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        self.value("needs fields")?.deserialize_any(visitor)
    }
}

impl<'de> Variant<'de> {
    fn value(&self, what: &str) -> Result<Reader<'de>, Refusal> {
        self.value.map(Reader).ok_or_else(|| self.missing(what))
    }

    fn missing(&self, what: &str) -> Refusal {
        serde::de::Error::custom(format!("`{}` {what}", self.name))
    }
}
