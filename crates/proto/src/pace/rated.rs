//! What a connection has for its rates.

#[cfg(feature = "rates")]
use alloc::boxed::Box;
#[cfg(not(feature = "rates"))]
use core::marker::PhantomData;

/// What only a connection with rates has. Without the feature `rates` it is always
/// absent, and the compiler leaves out all that would be done with it.
#[derive(Debug)]
pub(crate) struct Rated<T> {
    #[cfg(feature = "rates")]
    value: Option<Box<T>>,
    #[cfg(not(feature = "rates"))]
    value: PhantomData<T>,
}

#[cfg(feature = "rates")]
impl<T> Rated<T> {
    pub(crate) const NONE: Self = Self { value: None };

    pub(crate) fn new(make: impl FnOnce() -> Option<T>) -> Self {
        Self { value: make().map(Box::new) }
    }

    #[inline]
    pub(crate) fn get(&self) -> Option<&T> {
        self.value.as_deref()
    }

    #[inline]
    pub(crate) fn get_mut(&mut self) -> Option<&mut T> {
        self.value.as_deref_mut()
    }
}

#[cfg(not(feature = "rates"))]
impl<T> Rated<T> {
    pub(crate) const NONE: Self = Self { value: PhantomData };

    pub(crate) fn new(_: impl FnOnce() -> Option<T>) -> Self {
        Self::NONE
    }

    pub(crate) fn get(&self) -> Option<&T> {
        None
    }

    pub(crate) fn get_mut(&mut self) -> Option<&mut T> {
        None
    }
}
