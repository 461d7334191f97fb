//! The tables of image garbage collection.
