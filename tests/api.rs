//! The public API of the library, item by item, as rustdoc sees it: `tests/api.txt` says what is promised. A change there is
//! a change of the promise. `DMZ_BLESS=1 cargo test --release --test api` writes it anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The text of a piece of HTML.
fn text(html: &str) -> String {
    let pieces = html.split('<').enumerate().map(|(at, piece)| match (at, piece.split_once('>')) {
        (0, _) | (_, None) => piece,
        (_, Some((_, text))) => text,
    });
    let text = pieces.collect::<String>();
    let text = [("&lt;", "<"), ("&gt;", ">"), ("&#39;", "'"), ("&quot;", "\""), ("&amp;", "&"), ("\u{a0}", " ")]
        .iter()
        .fold(text, |text, (from, to)| text.replace(from, to));
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace("( ", "(").replace(", )", ")")
}

/// What is between `start` and `end`, each time.
fn between<'a>(html: &'a str, start: &'a str, end: &'a str) -> impl Iterator<Item = &'a str> {
    html.split(start).skip(1).filter_map(move |piece| piece.split(end).next())
}

fn items(folder: &Path) -> BTreeSet<String> {
    let mut items = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        let [kind, item, "html"] = name.split('.').collect::<Vec<_>>()[..] else { continue };
        let html = fs::read_to_string(entry.path()).unwrap();
        let own = html.split("id=\"trait-implementations\"").next().unwrap();
        if matches!(kind, "fn" | "type" | "constant") {
            items.extend(between(own, "<pre class=\"rust item-decl\">", "</pre>").map(text));
            continue;
        }
        items.insert(format!("{kind} {item}"));
        let fields = between(own, "<span id=\"structfield.", "</span>").filter_map(|piece| piece.split_once("<code>"));
        items.extend(fields.map(|(_, field)| format!("{item}: pub {}", text(field))));
        for part in ["method", "variant"] {
            for piece in between(own, &format!("<section id=\"{part}."), "</section>") {
                let header = between(piece, "code-header\">", if part == "method" { "</h4>" } else { "</h3>" }).next();
                // The number behind a variant depends on the features and is no promise.
                let header = text(header.expect("its header"));
                items.insert(format!("{item}: {}", header.split(" = ").next().unwrap()));
            }
        }
        let implementations = between(&html, "<section id=\"impl-", "</section>").filter_map(|piece| {
            let (name, of) = piece.split('"').next()?.split_once("-for-")?;
            Some((name, of, if piece.contains(" !<") { "!" } else { "" }))
        });
        let ours = ["Clone", "Copy", "Debug", "Default", "Display", "Drop", "Error", "PartialEq", "Send", "Sync"];
        let known = implementations.filter(|(name, ..)| ours.contains(name) || name.starts_with("From%3CError"));
        items.extend(
            known.map(|(name, of, no)| format!("{item}: impl {no}{name} ({})", of.split("%3C").next().unwrap())),
        );
    }
    items
}

#[test]
fn the_public_api_is_what_was_promised() {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("api");
    let mut doc = Command::new(env!("CARGO"));
    doc.args(["doc", "--locked", "--quiet", "--no-deps", "--lib", "--all-features"]).env("CARGO_TARGET_DIR", &target);
    doc.current_dir(env!("CARGO_MANIFEST_DIR")).env("RUSTDOCFLAGS", "-D warnings");
    assert!(doc.status().unwrap().success());
    let there: String = items(&target.join("doc/dmz")).into_iter().map(|item| item + "\n").collect();
    let promised = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api.txt");
    if std::env::var_os("DMZ_BLESS").is_some() {
        return fs::write(promised, there).unwrap();
    }
    assert_eq!(fs::read_to_string(promised).unwrap(), there);
}
