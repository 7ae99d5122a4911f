//! What a package may say of itself, and what is refused.

use serde_json::json;

use super::*;

fn read(attributes: serde_json::Value) -> Result<Package, String> {
    let node = json!({"id": "package/xcs", "attributes": attributes});
    Package::of(&serde_json::from_value(node).unwrap()).map_err(|(problem, _)| problem)
}

fn sha() -> String {
    "0f".repeat(32)
}

#[test]
fn g2_a_package_is_known_by_one_thing_at_most() {
    assert_eq!(read(json!({"version": "6"})).unwrap(), Package::named("xcs"));
    let code = "{1b2c3d4e-0000-4000-8000-00000000000F}";
    let package = read(json!({"upgrade_code": code})).unwrap();
    assert_eq!(package.known_by, KnownBy::UpgradeCode(code.parse().unwrap()));
    let both = read(json!({"upgrade_code": code, "display_name": "X"})).unwrap_err();
    assert!(both.contains("`upgrade_code` and `display_name`"), "{both}");
    for wrong in
        ["1b2c3d4e-0000-4000-8000-00000000000F", "{1b2c3d4e}", "{1b2c3d4e-0000-4000-8000-00000000000G}"]
    {
        assert!(read(json!({"product_code": wrong})).unwrap_err().contains("no code"), "{wrong}");
    }
    let package = read(json!({"service_name": "XcsServer"})).unwrap();
    assert_eq!(package.known_by, KnownBy::Service("XcsServer".to_owned()));
    for wrong in [r"SYSTEM\X", " X", "a/b"] {
        assert!(read(json!({"service_name": wrong})).unwrap_err().contains("no key name"), "{wrong}");
    }
    assert!(read(json!({"display_name": "*"})).unwrap_err().contains("every package's"));
}

#[test]
fn a_display_name_is_whole_or_a_beginning() {
    let name = |text: &str| DisplayName(text.to_owned());
    assert!(name("XRT Common Services").names("xrt common services"));
    assert!(!name("XRT Common Services").names("XRT Common Services 6"));
    assert!(name("XRT Common*").names("XRT Common Services 6"));
}

#[test]
fn a_medium_has_a_path_a_digest_and_an_ending() {
    let medium = |path: &str| read(json!({"medium": path, "medium_sha256": sha(), "display_name": "X"}));
    let package = medium(r"C:\Media\XCS 6.MSI").unwrap();
    assert_eq!(package.medium.unwrap().kind(), MediumKind::Msi);
    assert_eq!(medium(r"\\nas\media\setup.exe").unwrap().medium.unwrap().kind(), MediumKind::Exe);
    assert!(medium(r"C:\Media\setup.cmd").unwrap_err().contains("no .msi and no .exe"));
    assert!(medium("setup.exe").unwrap_err().contains("no absolute path"));
    let alone = read(json!({"medium": r"C:\a.msi"})).unwrap_err();
    assert!(alone.ends_with("has `medium` and no `medium_sha256`"), "{alone}");
    assert!(read(json!({"medium_sha256": sha()})).unwrap_err().ends_with("no `medium`"));
    let short = json!({"medium": r"C:\a.msi", "medium_sha256": "0f"});
    assert!(read(short).unwrap_err().contains("medium_sha256"));
}

#[test]
fn g18_what_a_medium_installs_can_be_found_again() {
    let medium = json!({"medium": r"C:\a.exe", "medium_sha256": sha()});
    let error = read(medium.clone()).unwrap_err();
    assert!(error.ends_with("nothing by which Windows knows it"), "{error}");
    let code = "{1b2c3d4e-0000-4000-8000-00000000000F}";
    for (name, value) in [
        ("upgrade_code", code),
        ("product_code", code),
        ("display_name", "XCS*"),
        ("service_name", "XcsServer"),
        ("version_of_file", r"C:\XCS\xcs.exe"),
    ] {
        let mut known = medium.clone();
        known[name] = json!(value);
        assert!(read(known).is_ok(), "{name}");
    }
}

#[test]
fn windows_installer_is_told_properties_and_nothing_else() {
    let msi = |argument: &str| {
        read(
            json!({"medium": r"C:\a.msi", "medium_sha256": sha(), "display_name": "X", "arguments": [argument]}),
        )
    };
    for right in ["INSTALLDIR=C:\\Program Files\\XRT", "ADDLOCAL=A,B", "_X.1=", "TRANSFORMS=a.mst"] {
        assert!(msi(right).is_ok(), "{right}");
    }
    for wrong in
        [r"DIR=C:\Program Files\", "/qb", "installdir=C:\\X", "REBOOT=Force", "A=\"b\"", "A", "=b", "1A=b"]
    {
        assert!(msi(wrong).is_err(), "{wrong}");
    }
    let exe = json!({"medium": r"C:\a.exe", "medium_sha256": sha(), "display_name": "X", "arguments": [r#"/v"/qn""#, "/s"]});
    assert_eq!(read(exe).unwrap().arguments, [r#"/v"/qn""#, "/s"]);
}

#[test]
fn answers_and_secrets_go_to_the_installer_and_are_named_by_rows() {
    let secret = |name: &str| json!({"site": "dupont-prod", "secret": name, "version": 3});
    let answers = json!(["[DB]\npassword=", secret("db_password"), "\nagain=", secret("db_password")]);
    let package = read(json!({"arguments": ["/f1%RESPONSE_FILE%"], "response_file": answers})).unwrap();
    assert_eq!(package.response_file.unwrap().len(), 4);
    let alone = read(json!({"response_file": answers})).unwrap_err();
    assert!(alone.contains("none of its `arguments` names it"), "{alone}");
    let nothing = read(json!({"arguments": ["/f1%RESPONSE_FILE%"]})).unwrap_err();
    assert!(nothing.ends_with("has no `response_file`"), "{nothing}");

    let named = |name: &str, medium: &str| {
        let arguments = json!([[name, secret("db_password")]]);
        read(
            json!({"medium": medium, "medium_sha256": sha(), "display_name": "X", "secret_arguments": arguments}),
        )
    };
    assert_eq!(named("DBPASSWORD", r"C:\a.msi").unwrap().before_secret("DBPASSWORD"), "DBPASSWORD=");
    assert_eq!(named("/P=", r"C:\a.exe").unwrap().before_secret("/P="), "/P=");
    assert!(named("password", r"C:\a.msi").is_err() && named("REBOOT", r"C:\a.msi").is_err());
    assert!(named("/P=\"", r"C:\a.exe").unwrap_err().contains("with a quote in it"));

    let attributes = json!({"response_file": answers, "secret_arguments": [["/P=", secret("code")]]});
    let node = serde_json::from_value(json!({"id": "package/xcs", "attributes": attributes})).unwrap();
    let rows: Vec<String> = handed(&node).iter().map(|(path, secret)| format!("{path} {secret}")).collect();
    assert_eq!(rows, ["response_file[db_password] v3", "secret_arguments[/P=] v3"]);
}
