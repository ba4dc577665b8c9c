//! Tests of the whole; see system/ and desktop/.
