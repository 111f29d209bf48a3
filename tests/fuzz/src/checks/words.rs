//! Any words: the parser ends, gives every option a value of the right kind, and takes nothing that is not there.

use crate::cli::options::OPTIONS;
use crate::cli::parse::Parser;
use crate::with_vector;

pub fn check(data: &[u8]) {
    with_vector(data, |arguments| {
        let all: Vec<Vec<u8>> = arguments.map(|word| word.as_c_str().to_bytes().to_vec()).collect();
        let mut parser = Parser::new(arguments);
        let mut options = 0;
        while let Ok(Some(opt)) = parser.next() {
            options += 1;
            assert!(options <= data.len(), "it ends");
            let entry = OPTIONS.iter().find(|entry| entry.opt == opt).expect("an option of the table");
            let value = parser.value.as_c_str().to_bytes();
            match entry.value {
                "" => assert!(value.is_empty(), "{} takes no value", entry.long),
                text if text.starts_with('[') => {}
                _ => assert!(!value.is_empty(), "{} needs a value", entry.long),
            }
            assert!(all.iter().any(|word| word.ends_with(value)), "a value is one of the words, or its end");
        }
        let rest: Vec<Vec<u8>> = parser.words.map(|word| word.as_c_str().to_bytes().to_vec()).collect();
        assert!(all.ends_with(&rest), "the program and its arguments are the last words");
    });
}
