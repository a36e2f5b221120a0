//! Values for templates, copied from whatever holds them.

use minijinja::Value;

pub trait Shown {
    fn shown(&self) -> Value;
}

macro_rules! by_copy {
    ($($ty:ty),*) => {$(
        impl Shown for $ty {
            fn shown(&self) -> Value {
                Value::from(*self)
            }
        }
    )*};
}
by_copy!(bool, u8, u32, u64, usize);

impl Shown for str {
    fn shown(&self) -> Value {
        Value::from(self)
    }
}
impl Shown for String {
    fn shown(&self) -> Value {
        Value::from(self.as_str())
    }
}
impl Shown for Value {
    fn shown(&self) -> Value {
        self.clone()
    }
}
impl<T: Shown + ?Sized> Shown for &T {
    fn shown(&self) -> Value {
        (**self).shown()
    }
}
impl<T: Shown> Shown for Option<T> {
    fn shown(&self) -> Value {
        self.as_ref().map_or_else(|| Value::from(()), Shown::shown)
    }
}
impl<T: Shown> Shown for Vec<T> {
    fn shown(&self) -> Value {
        Value::from(self.iter().map(Shown::shown).collect::<Vec<Value>>())
    }
}

/// A map for a template from names and anything [`Shown`]; takes nothing away from the values.
macro_rules! context {
    (@value $name:ident $value:expr) => { $crate::report::view::Shown::shown(&$value) };
    (@value $name:ident) => { $crate::report::view::Shown::shown(&$name) };
    ($($name:ident $(=> $value:expr)?),* $(,)?) => {
        minijinja::Value::from(std::collections::BTreeMap::<&'static str, minijinja::Value>::from([
            $((stringify!($name), context!(@value $name $($value)?))),*
        ]))
    };
}
pub(super) use context;
