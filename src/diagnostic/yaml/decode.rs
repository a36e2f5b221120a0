//! Tree -> value: a serde deserializer that hands places to [`Spanned`] and reads scalars by the type asked for.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, Visitor};

use super::tree::{Content, Key, Node};
use crate::diagnostic::{Diagnostic, Diagnostics, SourceText, Span, Spanned};

/// Newtype names by which a type asks this deserializer for more than serde can say.
pub(super) const SPANNED: &str = "$recount::Spanned";
pub(super) const ONE_OR_MANY: &str = "$recount::OneOrMany";
pub(super) const TEXT_OR: &str = "$recount::TextOr";

/// What the deserializer tells the visitor it calls next.
pub(super) struct HandOver {
    pub span: Span,
    pub scalar: bool,
}

thread_local! {
    // serde has no channel from a deserializer to a visitor but this: filled right before `visit_newtype_struct`, taken as its first act.
    static HAND_OVER: RefCell<Option<HandOver>> = const { RefCell::new(None) };
}

/// Place and kind of the node being visited; `None` under another format's deserializer.
pub(super) fn take_hand_over() -> Option<HandOver> {
    HAND_OVER.with(|cell| cell.borrow_mut().take())
}

pub(super) fn decode<T: DeserializeOwned>(root: &Node, source: &Arc<SourceText>) -> Result<T, Diagnostics> {
    T::deserialize(Decoder { node: root, source, as_list: false }).map_err(|error| {
        let span = Span { source: source.clone(), range: error.range.unwrap_or(root.range.clone()) };
        Diagnostic::error("bad-value", error.message).at(Some(span), "cannot be used").into()
    })
}

#[derive(Debug)]
pub(super) struct Failure {
    message: String,
    range: Option<Range<usize>>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl de::Error for Failure {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Failure { message: message.to_string(), range: None }
    }
}

#[derive(Clone, Copy)]
struct Decoder<'a> {
    node: &'a Node,
    source: &'a Arc<SourceText>,
    /// A node that is no list counts as a list of one.
    as_list: bool,
}

impl<'a> Decoder<'a> {
    fn scalar(&self) -> Result<&'a str, Failure> {
        match &self.node.content {
            Content::Scalar { text, .. } => Ok(text),
            _ => Err(self.failure(format!("found {}, wanted a single value", self.node.what()))),
        }
    }

    fn failure(&self, message: String) -> Failure {
        Failure { message, range: Some(self.node.range.clone()) }
    }

    /// Gives an error without a place the place of this node.
    fn placed<T>(&self, result: Result<T, Failure>) -> Result<T, Failure> {
        result.map_err(|f| Failure { range: f.range.or_else(|| Some(self.node.range.clone())), ..f })
    }

    fn number<N: std::str::FromStr>(&self, wanted: &str) -> Result<N, Failure> {
        let text = self.scalar()?;
        text.parse().map_err(|_| self.failure(format!("found {}, wanted {wanted}", self.node.what())))
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident $type:ty, $wanted:literal;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            let value = self.number::<$type>($wanted)?;
            self.placed(visitor.$visit(value))
        }
    )*};
}

impl<'de> Deserializer<'de> for Decoder<'_> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.node.content {
            Content::Scalar { text, .. } => self.placed(visitor.visit_str(text)),
            Content::List(_) => self.deserialize_seq(visitor),
            Content::Map(_) => self.deserialize_map(visitor),
        }
    }

    numbers! {
        deserialize_i8 visit_i8 i8, "a whole number";
        deserialize_i16 visit_i16 i16, "a whole number";
        deserialize_i32 visit_i32 i32, "a whole number";
        deserialize_i64 visit_i64 i64, "a whole number";
        deserialize_u8 visit_u8 u8, "a whole number from 0 to 255";
        deserialize_u16 visit_u16 u16, "a whole number from 0 to 65535";
        deserialize_u32 visit_u32 u32, "a whole number of at least 0";
        deserialize_u64 visit_u64 u64, "a whole number of at least 0";
        deserialize_f32 visit_f32 f32, "a number";
        deserialize_f64 visit_f64 f64, "a number";
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.scalar()? {
            "true" => self.placed(visitor.visit_bool(true)),
            "false" => self.placed(visitor.visit_bool(false)),
            _ => Err(self.failure(format!("found {}, wanted `true` or `false`", self.node.what()))),
        }
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_str(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let text = self.scalar()?;
        self.placed(visitor.visit_str(text))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        if self.node.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        if self.node.is_null() {
            self.placed(visitor.visit_unit())
        } else {
            Err(self.failure(format!("found {}, wanted nothing", self.node.what())))
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Failure> {
        if name == SPANNED || name == TEXT_OR {
            let span = Span { source: self.source.clone(), range: self.node.range.clone() };
            let scalar = matches!(self.node.content, Content::Scalar { .. });
            HAND_OVER.with(|cell| *cell.borrow_mut() = Some(HandOver { span, scalar }));
        }
        let result = visitor.visit_newtype_struct(Decoder { as_list: name == ONE_OR_MANY, ..self });
        self.placed(result)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.node.content {
            Content::List(items) => self.placed(visitor.visit_seq(Items { items: items.iter(), source: self.source })),
            _ if self.as_list => {
                self.placed(visitor.visit_seq(Items { items: std::slice::from_ref(self.node).iter(), source: self.source }))
            }
            _ => Err(self.failure(format!("found {}, wanted a list", self.node.what()))),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(self, _: &'static str, _: usize, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.node.content {
            Content::Map(entries) => self.placed(visitor.visit_map(Entries { entries: entries.iter(), value: None, source: self.source })),
            _ if self.node.is_empty() => self.placed(visitor.visit_map(Entries { entries: [].iter(), value: None, source: self.source })),
            _ => Err(self.failure(format!("found {}, wanted a mapping", self.node.what()))),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, Failure> {
        let result = match &self.node.content {
            Content::Scalar { text, .. } => visitor.visit_enum(IntoDeserializer::<Failure>::into_deserializer(text.as_str())),
            Content::Map(entries) if entries.len() == 1 => {
                visitor.visit_enum(Variant { key: &entries[0].0, value: Decoder { node: &entries[0].1, as_list: false, ..self } })
            }
            _ => Err(self.failure(format!("found {}, wanted one name or a mapping with one key", self.node.what()))),
        };
        self.placed(result)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! { bytes byte_buf }
}

struct Items<'a> {
    items: std::slice::Iter<'a, Node>,
    source: &'a Arc<SourceText>,
}

impl<'de> de::SeqAccess<'de> for Items<'_> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Failure> {
        let Some(node) = self.items.next() else { return Ok(None) };
        seed.deserialize(Decoder { node, source: self.source, as_list: false }).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Entries<'a> {
    entries: std::slice::Iter<'a, (Key, Node)>,
    value: Option<&'a Node>,
    source: &'a Arc<SourceText>,
}

impl<'de> de::MapAccess<'de> for Entries<'_> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Failure> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        self.value = Some(value);
        let node = Node { range: key.range.clone(), content: Content::Scalar { text: key.text.clone(), plain: false } };
        seed.deserialize(Decoder { node: &node, source: self.source, as_list: false }).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        let Some(node) = self.value.take() else { return Err(de::Error::custom("a value was asked for before its key")) };
        seed.deserialize(Decoder { node, source: self.source, as_list: false })
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

struct Variant<'a> {
    key: &'a Key,
    value: Decoder<'a>,
}

impl<'de, 'a> de::EnumAccess<'de> for Variant<'a> {
    type Error = Failure;
    type Variant = Decoder<'a>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Decoder<'a>), Failure> {
        let name = IntoDeserializer::<Failure>::into_deserializer(self.key.text.as_str());
        let value = seed.deserialize(name).map_err(|f| Failure { range: f.range.or_else(|| Some(self.key.range.clone())), ..f })?;
        Ok((value, self.value))
    }
}

impl<'de> de::VariantAccess<'de> for Decoder<'_> {
    type Error = Failure;

    fn unit_variant(self) -> Result<(), Failure> {
        if self.node.is_null() { Ok(()) } else { Err(self.failure(format!("found {}, wanted nothing", self.node.what()))) }
    }
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Failure> {
        seed.deserialize(self)
    }
    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_seq(visitor)
    }
    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_map(visitor)
    }
}

impl<'de, T: de::Deserialize<'de>> de::Deserialize<'de> for Spanned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Place<T>(PhantomData<T>);
        impl<'de, T: de::Deserialize<'de>> Visitor<'de> for Place<T> {
            type Value = Spanned<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Spanned<T>, D::Error> {
                let span = take_hand_over().map(|h| h.span);
                Ok(Spanned { value: T::deserialize(deserializer)?, span })
            }
        }
        deserializer.deserialize_newtype_struct(SPANNED, Place(PhantomData))
    }
}
