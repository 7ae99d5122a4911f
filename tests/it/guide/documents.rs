//! What the guide demands of names, ports, codes, features and addresses: refused at the door, with the place and the reason.

use muster_tests::cli::code;
use muster_tests::field::Field;

use super::{dupont, martin};

/// A site of the guide whose documents are stored; no server is there.
fn stored(mut field: Field) -> Field {
    field.controller.serve().unwrap();
    field.push().expect(code::OK);
    field
}

/// Asserts that the documents are refused with these words, and puts them back.
#[track_caller]
fn refused(field: &Field, old: &str, new: &str, words: &[&str]) {
    field.edit(old, new);
    field.push().expect(code::REJECTED).says(words);
    field.edit(new, old);
}

/// Asserts what a parameter of a site is, and the words about where it comes from.
#[track_caller]
fn explained(field: &Field, parameter: &str, words: &[&str]) {
    field.cli.ok(&format!("explain {} {parameter}", field.scene.site)).says(words);
}

#[test]
fn g5_names_have_no_space_and_no_accent_and_the_pool_keeps_the_name_of_its_site() {
    let field = stored(martin());
    explained(&field, "app_pool", &["Tresorerie"]);
    let name = "  iis_site_name: Tresorerie ";
    refused(&field, name, "  iis_site_name: Trésorerie ", &["site-martin-prod.yaml:17", "iis_site_name"]);
    refused(&field, name, "  iis_site_name: Ma Tresorerie ", &["site-martin-prod.yaml:17", "iis_site_name"]);
    refused(
        &field,
        "  tenant: MARTIN\n",
        "  tenant: MARTIN ET FILS\n",
        &["site-martin-prod.yaml:14", "tenant"],
    );
    let other = "  iis_site_name: Tresorerie\n  app_pool: Autre ";
    refused(&field, name, other, &["the IIS site and its pool keep one name (G5)"]);
}

#[test]
fn g6_the_other_ports_follow_the_first_and_no_two_of_a_server_are_the_same() {
    let field = stored(martin());
    for (parameter, port) in
        [("port", "2025"), ("batch_port", "2026"), ("odata_port", "2027"), ("pwa_port", "2028")]
    {
        explained(&field, parameter, &[port]);
    }
    // Each can be set by hand; the ones after it still follow the first.
    field.edit("  port: 2025 ", "  port: 2025\n  batch_port: 3000 ");
    field.push().expect(code::OK);
    explained(&field, "batch_port", &["3000"]);
    explained(&field, "odata_port", &["2027"]);
    refused(
        &field,
        "batch_port: 3000",
        "batch_port: 2027",
        &["batch_port", "odata_port", "2027", "martin-prod"],
    );
    // No second site can come to these ports: a computer belongs to one.
    let second = std::fs::read_to_string(field.documents().join("site-martin-prod.yaml")).unwrap();
    let second = second.replace("name: martin-prod", "name: martin-test");
    std::fs::write(field.documents().join("site-martin-test.yaml"), second).unwrap();
    field.push().expect(code::REJECTED).says(&["MAR-SRV01 belongs to Site martin-prod already"]);
}

#[test]
fn g8_a_code_is_default_or_ten_characters_without_accents_and_is_shown_nowhere() {
    let field = stored(martin());
    for wrong in ["Nine-char", "Pass\u{e9}-partout-long"] {
        let ran = field.set_secret("security_code", wrong).expect(code::USAGE);
        ran.says(&["at least 10 characters or symbols without accents", "G8"]);
        assert!(!ran.said().contains(wrong), "{}", ran.said());
    }
    field.cli.ok("secret list martin-prod").says(&["security_code", "NOT SET"]);
    field.set_secret("security_code", "default").expect(code::OK);
    field.set_secret("security_code", "0123456789").expect(code::OK);
    for given in ["0123456789", "'0123456789'", "Pass\u{e9}-partout-long"] {
        field.edit("  tenant: MARTIN\n", &format!("  tenant: MARTIN\n  security_code: {given}\n"));
        let ran = field.push().expect(code::REJECTED);
        ran.says(&["site-martin-prod.yaml:15:18", "security_code", "(not shown)"]);
        assert!(!ran.said().contains(given.trim_matches('\'')), "{}", ran.said());
        field.edit(&format!("  security_code: {given}\n"), "");
    }
}

#[test]
fn g9_treasury_brings_odata_with_its_reason_and_a_renamed_folder_is_a_warning() {
    let field = stored(dupont());
    explained(&field, "odata", &["true", "Treasury needs OData (G9)"]);
    refused(&field, "  pwa: true ", "  pwa: true\n  odata: false ", &["odata", "Treasury needs OData (G9)"]);
    field.edit("  pwa: true ", "  pwa: true\n  install_path: 'D:\\Apps\\Sage' ");
    let ran = field.push().expect(code::OK);
    ran.says(&["the last part of install_path is the site's name; the vendor says not to rename it (G9)"]);
}

#[test]
fn g10_the_odata_address_carries_the_odata_port_and_the_pwa_has_a_certificate() {
    let field = stored(dupont());
    explained(&field, "odata_url", &["https://sxa.dupont.example:1027/odata"]);
    explained(&field, "https", &["true", "the PWA needs a secure address (G10)"]);
    let wrong = "  pwa: true\n  odata_url: https://sxa.dupont.example:1026/odata ";
    refused(
        &field,
        "  pwa: true ",
        wrong,
        &["the OData address that the PWA is given carries the OData port (G10)"],
    );
    let subject = "  certificate_subject: CN=sxa.dupont.example\n";
    refused(&field, subject, "", &["HTTPS, and with it the PWA, needs certificate_subject (G7, G10)"]);
}
