//! Secrets in documents: named, never given.

use super::*;
use crate::diagnostic::{Style, render};
use crate::value::Value;

const PRODUCT: &str = "\
kind: Product
name: p
version: v1
roles: [web]
parameters:
  account: {type: account, default: '.\\svc'}
  batch_password: {type: secret, min: 8}
  code: {type: secret, form: security_code, fixed: true}
nodes:
  - {service: Batch, account: \"{{ account }}\", password: \"{{ batch_password }}\", state: running}
  - {manual_step: type-it, instructions: Type it., type_these: [account, code]}
";
const CLIENT: &str = "kind: Client\nname: c\n";
const SITE: &str =
    "kind: Site\nname: s\nclient: c\nproduct: p v1\ntime_zone: Europe/Paris\nservers: {web: {name: W}}\n";
const VALUE: &str = "hunter2-hunter2";

/// Every mistake, and that no word of any says the value.
#[track_caller]
fn unseen(mistakes: &[Diagnostic], expected: &[(&str, u32)]) {
    let found: Vec<(&str, u32)> =
        mistakes.iter().map(|mistake| (mistake.rule.as_str(), mistake.line)).collect();
    assert_eq!(found, expected);
    let shown = format!("{}{mistakes:?}", render(mistakes, Style::Plain));
    assert!(!shown.contains(VALUE) && shown.contains("muster secret set"), "{shown}");
}

fn read_error(product: &str) -> Vec<Diagnostic> {
    read(&[Source { path: "p.yaml".to_owned(), content: product.as_bytes().to_vec() }]).unwrap_err()
}

/// G4, G17: what a manifest holds is which secret, and nothing of the value.
#[test]
fn a_manifest_holds_which_secret_and_a_site_gives_no_value() {
    let site = resolved(&[PRODUCT, CLIENT, SITE], "s");
    let [service, step] = site.servers[0].nodes.as_slice() else { panic!("two nodes") };
    let reference = |name: &str| {
        let version = "v0".parse().unwrap();
        Value::Secret(SecretRef { site: "s".parse().unwrap(), secret: name.parse().unwrap(), version })
    };
    assert_eq!(service.attributes["password"], reference("batch_password"));
    let typed = Value::List(vec![Value::from(r"account=.\svc"), reference("code")]);
    assert_eq!(step.attributes["type_these"], typed);
    let names: Vec<&str> = site.parameters.keys().map(ParameterName::as_str).collect();
    assert_eq!(names, ["account"], "a secret is no settled value");
    let json = serde_json::to_string(&service.attributes["password"]).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), reference("batch_password"));
}

/// G8: in whatever layer it is written, it is refused at its place, and its line is not shown.
#[test]
fn a_value_in_any_layer_is_refused_at_its_place_and_not_shown() {
    let line = format!("parameters: {{batch_password: {VALUE}}}\n");
    let ring = format!("kind: Ring\nname: r\n{line}");
    unseen(&refused(&[PRODUCT, CLIENT, &format!("{SITE}ring: r\n"), &ring]), &[("secret-in-document", 3)]);
    let client = format!("{CLIENT}{line}");
    unseen(&refused(&[PRODUCT, &client, SITE]), &[("secret-in-document", 3)]);
    unseen(&refused(&[PRODUCT, &client]), &[("secret-in-document", 3)]);
    unseen(&refused(&[PRODUCT, CLIENT, &format!("{SITE}{line}")]), &[("secret-in-document", 7)]);
    let server = format!("{{name: W, parameters: {{batch_password: {VALUE}}}}}");
    let site = SITE.replace("{name: W}", &server);
    unseen(&refused(&[PRODUCT, CLIENT, &site]), &[("secret-in-document", 6)]);
}

/// What is refused before anybody knows that it is a secret is not shown either: a code of digits is no number (G8).
#[test]
fn a_value_that_is_a_number_to_some_readers_is_refused_and_not_shown() {
    for code in ["0123456789", "1_234_567_890", "12:34:56:78:90"] {
        let mistakes = read_error(&format!("{SITE}parameters: {{code: {code}}}\n"));
        assert_eq!(mistakes.len(), 1, "{mistakes:?}");
        assert_eq!(mistakes[0].line, 7);
        let shown = format!("{}{mistakes:?}", render(&mistakes, Style::Plain));
        assert!(!shown.contains(code), "{shown}");
    }
}

#[test]
fn a_product_gives_no_value_either() {
    let with = |old: &str, new: &str| read_error(&PRODUCT.replace(old, new));
    let default = format!("min: 8, default: {VALUE}");
    unseen(&with("min: 8", &default), &[("secret-in-document", 7)]);
    let force = format!("min: 8, force: [{{when: 'true', value: {VALUE}, reason: r}}]");
    unseen(&with("min: 8", &force), &[("secret-in-document", 7)]);
    unseen(&with("\"{{ batch_password }}\"", VALUE), &[("secret-in-document", 10)]);
    unseen(&with("\"{{ batch_password }}\"", "\"x{{ batch_password }}\""), &[("secret-in-document", 10)]);
}

/// Nothing that is shown, compared or named is made of a secret.
#[test]
fn no_text_condition_or_name_is_made_of_a_secret() {
    for (old, new) in [
        ("Type it.", "'Type {{ code }}.'"),
        ("service: Batch", "service: \"{{ code }}\""),
        ("default: '.\\svc'", "default: \"{{ code }}\""),
        ("state: running", "state: running, when: code == 'default'"),
    ] {
        let rules: Vec<String> =
            read_error(&PRODUCT.replace(old, new)).into_iter().map(|mistake| mistake.rule).collect();
        assert_eq!(rules, ["secret-in-text"], "{new}");
    }
    let site = format!("{SITE}parameters: {{account: \"{{{{ code }}}}\"}}\n");
    assert_eq!(rules(&refused(&[PRODUCT, CLIENT, &site])), ["secret-in-text"]);
}

#[test]
fn a_secret_stands_where_one_is_taken() {
    let with = |old: &str, new: &str| -> Vec<String> {
        read_error(&PRODUCT.replace(old, new)).into_iter().map(|mistake| mistake.rule).collect()
    };
    assert_eq!(with("{{ batch_password }}", "{{ account }}"), ["not-a-secret"]);
    assert_eq!(with("{{ batch_password }}", "{{ batch_pasword }}"), ["not-a-secret", "unknown-parameter"]);
    assert_eq!(with("account: \"{{ account }}\", ", ""), ["missing-key"]);
    assert_eq!(with("form: security_code", "form: security_cod"), ["unknown-form"]);
    assert_eq!(with("min: 8", "min: 0"), ["empty-range"]);
    assert_eq!(with("type: account", "type: account, form: security_code"), ["key-of-another-type"]);
}

#[test]
fn why_a_secret_has_its_value_is_not_the_documents_to_say() {
    let documents = documents(&[PRODUCT, CLIENT, SITE]);
    let explained =
        explain(&documents, Revision(1), &"s".parse().unwrap(), &"code".parse().unwrap()).unwrap_err();
    assert!(explained.to_string().contains("muster secret list s"), "{explained}");
}

#[test]
fn a_clients_own_key_is_read_and_a_mistyped_one_refused() {
    let key = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
    let client = format!("{CLIENT}secret_recipient: {key}\n");
    let documents = documents(&[&client]);
    let (_, read) = documents.client(&"c".parse().unwrap()).unwrap();
    assert_eq!(read.secret_recipient.as_ref().map(ToString::to_string), Some(key.to_owned()));
    let mistyped = format!("{CLIENT}secret_recipient: {}\n", key.replace("ql3z7", "ql3z8"));
    assert_eq!(rules(&read_error(&mistyped)), ["invalid-name"]);
}
