//! Reading documents, proven on good and bad ones.

use proptest::prelude::*;

use super::*;
use crate::check::check;
use crate::diagnostic::{Style, render};
use crate::limits::{DOCUMENT_DEPTH, DOCUMENT_ERRORS, DOCUMENT_SIZE_BYTES};

const PRODUCT: &str = include_str!("../../../../deploy/examples/sxa/product.yaml");
const RING: &str = include_str!("../../../../deploy/examples/sxa/ring-pilot.yaml");
const CLIENT: &str = include_str!("../../../../deploy/examples/sxa/client-dupont.yaml");
const SITE: &str = include_str!("../../../../deploy/examples/sxa/site-dupont-prod.yaml");
const TWIN: &str = include_str!("../../../../deploy/examples/sxa/twin-dup-web01.yaml");

fn source(path: &str, content: impl Into<Vec<u8>>) -> Source {
    Source { path: path.to_owned(), content: content.into() }
}

fn good(text: &str) -> Vec<Document> {
    read(&[source("good.yaml", text)]).unwrap_or_else(|found| panic!("{}", render(&found, Style::Plain)))
}

fn bad(content: impl Into<Vec<u8>>) -> Vec<Diagnostic> {
    read(&[source("bad.yaml", content)]).expect_err("nothing was refused")
}

/// The rules that are broken, each with its place.
fn rules(found: &[Diagnostic]) -> Vec<String> {
    found.iter().map(|mistake| format!("{}:{} {}", mistake.line, mistake.column, mistake.rule)).collect()
}

/// A small site with something more, or something else, in it.
fn site(rest: &str) -> String {
    format!(
        "kind: Site\nname: s\nclient: c\nproduct: p v1\ntime_zone: Europe/Paris\nservers: {{web: {{name: W}}}}\n{rest}"
    )
}

/// A small product with these nodes.
fn product(nodes: &str) -> String {
    format!(
        "kind: Product\nname: p\nversion: v1\nroles: [web]\nparameters:\n  on_it: {{type: boolean, default: true}}\nnodes:\n{nodes}\n"
    )
}

#[test]
fn the_example_is_read_and_its_twin_is_passed_over() {
    let files =
        [source("p", PRODUCT), source("r", RING), source("c", CLIENT), source("s", SITE), source("t", TWIN)];
    let documents = read(&files).unwrap();
    let keys: Vec<String> = documents.iter().map(|document| document.key().to_string()).collect();
    assert_eq!(keys, ["Product sxa 2022-r2", "Ring pilot", "Client dupont", "Site dupont-prod"]);
    assert_eq!(documents[0].source(), &files[0]);
    let Body::Product(product) = documents[0].body() else { panic!("{:?}", documents[0]) };
    assert!(product.parameters[&"language".parse().unwrap()].fixed, "G4");
}

#[test]
fn every_mistake_of_every_file_is_said_at_once() {
    let bomb = {
        let levels =
            (1..10).map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 9].join(", ")));
        "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned() + &levels.collect::<String>()
    };
    let utf16: Vec<u8> = "\u{feff}kind: Client\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let product = product(
        r#"  - package: good
    version: 6.0
  - package: 'Bank Format'
    verison: "6.0"
  - iis_app_pool: Trésorerie
    enable_32bit: yes
  - package: good
    version: "6.1"
  - http_probe: probe
    url: {{ url }}
    expect_status: 200
  - service: s
    state: runing
    when: colour
  - servise: t
    state: running
  - file: relative.txt
    content: "{{ on_it"
    server: sql"#,
    );
    let site = "kind: Site\nname: Dupont Prod\nclient: dupont\nproduct: sxa\nrings: pilot\ntime_zone: Romance Standard Time\nservers:\n  web: {name: DUP_WEB01}\n  sql: {name: A}\n  app: {name: a}\nparameters:\n  a: 22:00\n  b: yes\n  c: 6.0\n  d:\n  e: {{ a }}\n  E: x\n";
    let files = [
        source("alias-bomb.yaml", bomb),
        source("binary.yaml", b"MZ\x90\x00\x03\x00\x00\x00\x04".as_slice()),
        source("code-page.yaml", b"kind: Client\nname: dupont\ndescription: Soci\xe9t\xe9\n".as_slice()),
        source("deep.yaml", "a: ".to_owned() + &"[".repeat(100)),
        source("empty.yaml", ""),
        source("comments.yaml", "# nothing\n\n"),
        source("huge.yaml", vec![b' '; usize::try_from(DOCUMENT_SIZE_BYTES).unwrap() + 1]),
        source("kind.yaml", "kind: Sight\nname: x\n"),
        source("list.yaml", "- a\n- b\n"),
        source("nul.yaml", "kind: Client\nname: a\0b\n"),
        source("product.yaml", product),
        source("site.yaml", site),
        source("tab.yaml", "kind: Client\nname: x\nparameters:\n\ta: b\n"),
        source("tag.yaml", "kind: Client\nname: !!str x\n"),
        source("twice.yaml", "kind: Client\nname: dupont\nname: dupond\n"),
        source("two.yaml", "kind: Client\nname: dupont\n---\nkind: Client\nname: dupont\n"),
        source("utf-16.yaml", utf16),
    ];
    let found = read(&files).unwrap_err();
    insta::assert_snapshot!(render(&found, Style::Plain));
    for file in &files {
        assert!(found.iter().any(|mistake| mistake.path == file.path), "nothing about {}", file.path);
    }
    assert!(found.iter().all(|mistake| !mistake.problem.is_empty() && !mistake.advice.is_empty()));
}

#[test]
fn line_ends_and_a_byte_order_mark_make_no_difference() {
    for text in [PRODUCT, RING, CLIENT, SITE] {
        let crlf = text.replace('\n', "\r\n");
        assert_eq!(good(text), good(&crlf));
        assert_eq!(good(text), good(&format!("\u{feff}{crlf}")));
        assert_ne!(good(text)[0].digest(), good(&crlf)[0].digest(), "the text is kept as it is");
    }
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_line() {
    let found = bad("\u{feff}kind: Sight\n");
    assert_eq!(
        (rules(&found), found[0].source.as_str()),
        (vec!["1:7 unknown-document-kind".to_owned()], "kind: Sight")
    );
    assert_eq!(good(&format!("\u{feff}---\n{CLIENT}"))[0].source().content.first(), Some(&b'-'));
}

#[test]
fn a_document_reads_the_same_from_its_own_text() {
    let file = format!("\u{feff}# head\n---\n{CLIENT}--- # next\n{SITE}...\n# end\n---\n{PRODUCT}");
    let documents = good(&file.replace('\n', "\r\n"));
    assert_eq!(documents.len(), 3);
    for document in documents {
        let again = read(std::slice::from_ref(document.source())).unwrap();
        assert_eq!(again[0], document);
        assert_eq!((again[0].digest(), again[0].source()), (document.digest(), document.source()));
    }
}

#[test]
fn documents_of_a_file_are_cut_without_loss() {
    let file = format!("# head\n---\n{CLIENT}---\n{SITE}");
    let texts: Vec<u8> = good(&file).iter().flat_map(|document| document.source().content.clone()).collect();
    assert_eq!(texts, file.as_bytes());
}

#[test]
fn the_second_document_of_a_file_is_said_by_the_lines_of_the_file() {
    let found = bad(format!("# head\n{CLIENT}---\nkind: Client\nname: x\ncolour: red\n"));
    let lines = u32::try_from(CLIENT.lines().count()).unwrap();
    assert_eq!(rules(&found), [format!("{}:1 unknown-key", lines + 5)]);
    assert_eq!(found[0].source, "colour: red");
}

#[test]
fn a_mistake_in_one_document_hides_none_in_the_next() {
    let found = bad("kind: [\n---\nkind: Client\nname: A\n");
    assert_eq!(rules(&found)[1..], ["4:7 invalid-name"]);
}

#[test]
fn equal_documents_in_other_words_are_equal() {
    let one = good("kind: Client\nname: c\nparameters: {a: [x, 1], b: 'z'}\n");
    let other = good("# why\nparameters:\n  b: z\n  a:\n  - \"x\"\n  - 1\nname: c\nkind: Client\n");
    assert_eq!(one, other);
    assert_ne!(one, good("kind: Client\nname: c\nparameters: {a: [x, 2], b: 'z'}\n"));
}

#[test]
fn an_alias_repeats_a_value() {
    let one = good("kind: Client\nname: c\nparameters: {a: &x [p, q], b: *x}\n");
    assert_eq!(one, good("kind: Client\nname: c\nparameters: {a: [p, q], b: [p, q]}\n"));
}

#[test]
fn a_value_that_could_be_two_things_is_refused_with_how_to_write_it() {
    let cases = [
        ("6.0", "unclear-number"),
        ("1e3", "unclear-number"),
        ("0x1F", "unclear-number"),
        ("007", "unclear-number"),
        ("1_000", "unclear-number"),
        (".5", "unclear-number"),
        ("99999999999999999999", "unclear-number"),
        ("22:00", "unclear-time"),
        ("1:30:00", "unclear-time"),
        ("yes", "boolean-word"),
        ("Off", "boolean-word"),
        ("True", "boolean-word"),
        ("", "no-value"),
        ("~", "no-value"),
        ("{{ port }}", "unquoted-expression"),
        ("{{ port }}-x", "unquoted-expression"),
        ("{a: b}", "wrong-type"),
    ];
    for (value, rule) in cases {
        let found = bad(site(&format!("parameters:\n  a: {value}\n")));
        assert_eq!(found.len(), 1, "{value}: {found:?}");
        assert_eq!((found[0].line, found[0].rule.as_str()), (8, rule), "{value}");
    }
    for value in [
        "'6.0'",
        "6.0.0.1397",
        "4.3.005",
        "-5",
        "0",
        "'22:00'",
        "'yes'",
        "true",
        "2022-r2",
        "yesterday",
        "C:\\Data",
        "v1.0",
    ] {
        good(&site(&format!("parameters:\n  a: {value}\n")));
    }
}

#[test]
fn attributes_are_checked_by_the_table_of_kinds() {
    let cases = [
        ("package: a\n    version: 6.0", "9:14 unquoted-number"),
        ("package: a\n    version: 7", "9:14 unquoted-number"),
        ("package: a\n    version: a b", "9:14 wrong-value"),
        ("package: a", "8:5 missing-key"),
        ("package: a\n    version: v1\n    secret_arguments: {P: plain}", "10:27 secret-in-document"),
        ("package: a\n    version: v1\n    secret_arguments: [a]", "10:23 wrong-type"),
        ("package: a\n    version: v1\n    response_file: [a]", "10:20 wrong-type"),
        ("package: a b\n    version: v1", "8:14 invalid-name"),
        ("package: a\n    version: v1\n    guide: G26", "10:12 invalid-name"),
        ("package: a\n    version: v1\n    time_limit_seconds: 0", "10:25 wrong-value"),
        ("package: a\n    version: v1\n    arguments: /quiet", "10:16 wrong-type"),
        ("package: a\n    version: v1\n    restart: later", "10:14 wrong-value"),
        ("certificate: Root/CN=a", "8:18 invalid-name"),
        ("certificate: my/CN=a", "8:18 invalid-name"),
        ("private_key_access: root/CN=a\n    rights: {a: read}", "8:25 invalid-name"),
        ("package: a\n    version: v1\n    service: b", "10:5 two-kinds"),
        ("package: a\n    version: v1\n    when: '{{ on_it }}'", "10:11 braces-in-when"),
        ("package: a\n    version: v1\n    when: on_it and", "10:11 expression-syntax"),
        ("package: a\n    version: v1\n    when: of_it", "10:11 unknown-parameter"),
        ("package: a\n    version: '{{ on_it.x.y | upper }}'", "9:14 expression-syntax"),
        ("package: a\n    version: '{{ 2 * 2 }}'", "9:14 expression-syntax"),
        ("package: a\n    version: v1\n    server: sql", "10:13 unknown-role"),
        ("iis_app_pool: a\n    enable_32bit: 'true'", "9:19 wrong-type"),
        ("iis_app_pool: a\n    enable_32bit: no", "9:19 boolean-word"),
        ("iis_app_pool: é\n    enable_32bit: true", "8:19 invalid-name"),
        ("file: 'C:\\x'\n    content: yes", "9:14 unquoted-boolean"),
        ("file: 'C:\\x'\n    content: ''\n    rights: {a: write}", "10:13 wrong-value"),
        ("file: 'C:\\x'\n    content: ''\n    rights: [a]", "10:13 wrong-type"),
        ("http_probe: a\n    url: http://x\n    expect_status: []", "10:20 wrong-value"),
        ("http_probe: a\n    url: http://x\n    expect_status: [99]", "10:20 wrong-value"),
        ("manual_step: a\n    instructions: x\n    type_these: [port]", "10:18 unknown-parameter"),
        ("service: a\n    start: delayed", "9:12 wrong-value"),
        ("service: a\n    first_failure: reboot", "9:20 wrong-value"),
        ("service: a\n    later_failures: program", "9:21 wrong-value"),
        ("service: a\n    failures_reset_seconds: always", "9:29 wrong-value"),
        ("service: a\n    failures_reset_seconds: true", "9:29 wrong-value"),
        ("service: a\n    failures_reset_seconds: 31536001", "9:29 wrong-value"),
        ("service: a\n    failures_reset_seconds: [1]", "9:29 wrong-type"),
    ];
    for (node, rule) in cases {
        let found = bad(product(&format!("  - {node}")));
        assert_eq!(rules(&found), [rule], "{node}");
    }
    for reset in ["0", "31536000", "never", "'{{ 1 + 1 }}'"] {
        good(&product(&format!("  - service: a\n    failures_reset_seconds: {reset}")));
    }
    for restart in ["required", "ignored"] {
        good(&product(&format!("  - {{package: a, version: v1, restart: {restart}}}")));
    }
    good(&product(
        "  - {certificate: root/CN=a}\n  - {private_key_access: web_hosting/CN=a, rights: {a: read}}",
    ));
}

#[test]
fn g1_a_preflight_comes_before_anything_and_its_sizes_are_whole() {
    good(&product(
        "  - {preflight: web, free_disk_gib: {C: 20, 'D:\\Data': 50, \"E:\": 1}, free_ports: [80]}",
    ));
    let rule = |node: &str| {
        let found = bad(product(&format!("  - {node}")));
        found.into_iter().map(|mistake| mistake.rule).collect::<Vec<_>>()
    };
    assert_eq!(rule("{preflight: web, elevated: true, needs: [file/x]}"), ["before-anything"]);
    assert_eq!(rule("{preflight: web, elevated: true, provided_by: x}"), ["before-anything"]);
    assert_eq!(rule("{preflight: web, elevated: true, members: exact}"), ["members-exact"]);
    assert_eq!(rule("{preflight: web, free_disk_gib: {C: 0}}"), ["wrong-value"]);
    assert_eq!(rule("{preflight: web, free_disk_gib: {C: 65537}}"), ["wrong-value"]);
    assert_eq!(rule("{preflight: web, free_disk_gib: {Data: 5}}"), ["wrong-value"]);
    assert_eq!(rule("{preflight: web, free_disk_gib: {C: much}}"), ["wrong-type"]);
    assert_eq!(rule("{preflight: web, free_disk_gib: [C]}"), ["wrong-type"]);
    assert_eq!(rule("{preflight: web, free_ports: [70000]}"), ["wrong-value"]);
}

#[test]
fn parameters_are_checked_by_their_types() {
    let cases = [
        ("{type: strung}", "unknown-type"),
        ("{type: port, default: 0}", "wrong-type"),
        ("{type: port, default: '80'}", "wrong-type"),
        ("{type: port, min: 1}", "key-of-another-type"),
        ("{type: integer, min: 3, max: 2}", "empty-range"),
        ("{type: enum}", "missing-key"),
        ("{type: enum, values: [a], default: b}", "wrong-type"),
        ("{type: string, pattern: '('}", "invalid-pattern"),
        ("{type: string, pattern: '[a-z]+', default: A}", "wrong-type"),
        ("{type: windows_path, default: 'Data'}", "wrong-type"),
        ("{type: account, default: svc}", "wrong-type"),
        ("{type: host_name, default: a_b}", "wrong-type"),
        ("{type: iis_name, default: a b}", "wrong-type"),
        ("{type: list, default: a}", "wrong-type"),
        ("{type: boolean, default: yes}", "boolean-word"),
        ("{type: port, default: '{{ a + 1 }}'}", "unknown-parameter"),
        ("{type: port, fixed: 1}", "wrong-type"),
    ];
    for (declaration, rule) in cases {
        let text = product("  - service: s\n    state: running")
            .replace("{type: boolean, default: true}", declaration);
        let found = bad(text);
        assert_eq!(
            found.iter().map(|mistake| mistake.rule.as_str()).collect::<Vec<_>>(),
            [rule],
            "{declaration}"
        );
    }
    for declaration in [
        r"{type: windows_path, default: 'D:\Data\x'}",
        r"{type: windows_path, default: '\\server\share'}",
        r"{type: account, default: 'NT SERVICE\x'}",
        "{type: account, default: svc@dupont.example}",
        "{type: list, default: [a, b]}",
        "{type: integer, min: 1, default: 1}",
    ] {
        good(
            &product("  - service: s\n    state: running")
                .replace("{type: boolean, default: true}", declaration),
        );
    }
}

#[test]
fn a_time_zone_is_an_iana_name_in_its_own_spelling() {
    let zone = |zone: &str| site("").replace("Europe/Paris", zone);
    assert_eq!(bad(zone("europe/paris"))[0].advice, "did you mean `Europe/Paris`?");
    assert_eq!(rules(&bad(zone("Romance Standard Time"))), ["5:12 unknown-time-zone"]);
    good(&zone("UTC"));
}

#[test]
fn depth_and_size_are_bounded() {
    let depth = usize::try_from(DOCUMENT_DEPTH).unwrap();
    assert_eq!(bad("- ".repeat(depth + 1) + "x")[0].rule, "too-deep");
    assert_eq!(bad("- ".repeat(depth) + "x")[0].rule, "wrong-type");
    // An alias counts as deep as what it repeats.
    let alias =
        format!("a: &a {}x{}\nb: {}*a{}\n", "[".repeat(20), "]".repeat(20), "[".repeat(20), "]".repeat(20));
    assert_eq!(bad(alias)[0].rule, "too-deep");
    assert_eq!(bad("a: &a [*a]\n")[0].rule, "recursive-alias");
    assert_eq!(bad("[x, ".to_owned() + &"x,".repeat(100_000) + "]")[0].rule, "too-many-values");
}

#[test]
fn mistakes_without_end_are_counted() {
    let keys: String = (0..500).map(|n| format!("key{n}: x\n")).collect();
    let found = bad(site(&keys));
    assert_eq!(found.len() as u64, DOCUMENT_ERRORS + 1);
    assert_eq!(found.last().unwrap().problem, "400 more mistakes in this document are not shown");
}

#[test]
fn a_terminal_is_not_steered_by_what_it_shows() {
    let found = bad(site("\"\\e[31mred\": x\n"));
    assert_eq!(rules(&found), ["7:1 unknown-key"]);
    assert!(!render(&found, Style::Plain).contains('\u{1b}'));
    assert!(render(&found, Style::Colour).contains('\u{1b}'));
}

#[test]
fn an_overlay_replaces_whole_documents_and_says_which() {
    let mut documents: Documents = good(&format!("{CLIENT}---\n{SITE}")).into_iter().collect();
    assert_eq!(documents.overlay(good(CLIENT)), []);
    let changed =
        documents.overlay(good(&format!("{}---\nkind: Client\nname: martin\n", CLIENT.replace("fr", "en"))));
    let changed: Vec<String> = changed.iter().map(DocumentKey::to_string).collect();
    assert_eq!(changed, ["Client dupont", "Client martin"]);
    assert_eq!(documents.len(), 3, "nothing is deleted");
    assert_eq!(documents.sites().map(|site| site.as_str()).collect::<Vec<_>>(), ["dupont-prod"]);
}

/// Text that a parser of YAML finds interesting.
fn yaml_like() -> impl Strategy<Value = String> {
    let words = [
        "kind: ",
        "Product",
        "Site",
        "name: ",
        "nodes:\n",
        "- ",
        "  ",
        "\n",
        "\r\n",
        "package: ",
        "{",
        "}",
        "[",
        "]",
        "{{ ",
        " }}",
        ": ",
        "? ",
        "---\n",
        "...\n",
        "%YAML 1.2\n",
        "&a ",
        "*a",
        "!!str ",
        "|\n",
        ">-\n",
        "'",
        "\"",
        "#",
        "\t",
        "é",
        ",",
        "<<: ",
        "x",
        "1",
        "when: ",
        "\u{feff}",
        "parameters:\n",
        "version: ",
    ];
    proptest::collection::vec(proptest::sample::select(words.to_vec()), 0..60)
        .prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn no_bytes_make_reading_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        read(&[source("x", bytes)]).unwrap_or_default();
    }

    #[test]
    fn no_text_makes_reading_panic(text in yaml_like()) {
        read(&[source("x", text)]).unwrap_or_default();
    }

    /// A slip of the hand in a good document is refused or is a good document; it never panics, and what is accepted
    /// reads the same from its own text.
    #[test]
    fn a_slip_of_the_hand_is_refused_or_good(at in 0.0..1.0_f64, cut in 0_usize..40, put in yaml_like()) {
        let characters: Vec<char> = PRODUCT.chars().collect();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in a short text")]
        let at = (at * characters.len() as f64) as usize;
        let rest = characters.iter().skip(at + cut);
        let text: String = characters.iter().take(at).copied().chain(put.chars()).chain(rest.copied()).collect();
        match read(&[source("p", text), source("c", CLIENT), source("s", SITE)]) {
            Ok(documents) => {
                for document in &documents {
                    prop_assert_eq!(&read(std::slice::from_ref(document.source())).unwrap()[0], document);
                }
                check(&documents.into_iter().collect());
            }
            Err(found) => {
                prop_assert!(!found.is_empty());
                render(&found, Style::Colour);
            }
        }
    }
}
