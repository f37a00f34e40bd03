use std::any::{Any, TypeId};
use std::collections::HashMap;

/// What the transactions of one server remember for those after them, one value of each type; each thread that reads has
/// one of its own. That of changes is emptied whenever anything is rolled back, so nothing in it stands for a row that
/// never came to be.
///
/// Another server's changes do not show in it: remember only what never changes, such as the id of a name.
#[derive(Default)]
pub struct Memo(HashMap<TypeId, Box<dyn Any + Send>>);

impl Memo {
    /// Takes what is remembered out, or an empty value; [`Memo::put`] it back.
    pub fn take<T: Default + Send + 'static>(&mut self) -> T {
        let found = self.0.remove(&TypeId::of::<T>()).and_then(|value| value.downcast().ok());
        found.map(|value| *value).unwrap_or_default()
    }

    pub fn put<T: Send + 'static>(&mut self, value: T) {
        self.0.insert(TypeId::of::<T>(), Box::new(value));
    }

    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }
}
