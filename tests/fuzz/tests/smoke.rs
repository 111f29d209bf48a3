//! A short smoke of every check, without a fuzzer: its seeds, and mixtures of them that are the same each time.

#[path = "../../support/random.rs"]
mod random;

use dmz_fuzz::checks::*;
use random::Random;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How many inputs each check gets.
const INPUTS: usize = 30_000;

/// As long as the fuzzer's (`scripts/torture`).
const LENGTH: usize = 256;

/// A piece of a seed, some bytes, or both, a few times.
fn mixture(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut data = Vec::new();
    for _ in 0..=random.below(4) {
        let seed = random.of(seeds);
        let start = random.below(seed.len() + 1);
        let end = start + random.below(seed.len() - start + 1);
        data.extend_from_slice(if random.below(3) == 0 { seed } else { &seed[start..end] });
        if random.below(2) == 0 {
            data.extend(random.bytes(4));
        }
    }
    if random.below(2) == 0 && !data.is_empty() {
        let place = random.below(data.len());
        data[place] = random.number() as u8;
    }
    data.truncate(LENGTH);
    data
}

fn smoke(name: &str, check: impl Fn(&[u8])) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/seeds/").to_owned() + name;
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let seeds: Vec<Vec<u8>> = files.into_iter().map(|file| fs::read(file).unwrap()).collect();
    let mut random = Random::new();
    let mixtures = (0..INPUTS).map(|_| mixture(&mut random, &seeds));
    for data in seeds.iter().cloned().chain(mixtures) {
        let done = catch_unwind(AssertUnwindSafe(|| check(&data)));
        assert!(done.is_ok(), "{name}: {}", data.escape_ascii());
    }
}

#[test]
fn any_words_are_options_with_their_values() {
    smoke("words", words::check);
}

#[test]
fn any_value_is_taken_as_it_is_meant_or_refused() {
    smoke("values", values::check);
}

#[test]
fn any_pidfile_is_one_number_or_none() {
    smoke("pidfile", pidfile::check);
}

#[test]
fn any_message_says_what_its_lines_say() {
    smoke("notify", notify::check);
}

#[test]
fn any_options_have_a_plan_in_the_right_order() {
    smoke("plan", plan::check);
}

#[test]
fn any_account_files_give_a_user_what_they_say() {
    // SAFETY: no arguments.
    if unsafe { libc::geteuid() } != 0 {
        assert_ne!(std::env::var("DMZ_TESTS").as_deref(), Ok("all"), "skipped: needs root");
        return eprintln!("skipped: needs root, for a mount namespace of its own");
    }
    smoke("accounts", accounts::check);
}
