//! Drift of IIS, of what HTTP.SYS has for it, and of certificates.

use super::*;

const ROOT: &str = "2C2C2C2C2C2C2C2C2C2C2C2C2C2C2C2C2C2C2C2C";
const CA: &str = "3D3D3D3D3D3D3D3D3D3D3D3D3D3D3D3D3D3D3D3D";
const HOSTED: &str = "kinds.example:1026";
const RECORD: &str = "kinds.example:1025";
const HTTPS: &str = "https/*:1025:kinds.example";

fn pool(setting: &str, value: &str) -> Deed {
    Deed::PoolSet { pool: "Kinds".to_owned(), settings: [(setting.to_owned(), value.to_owned())].into() }
}

/// G7, G10, G12, G16: pool, site, applications, virtual directories, binding, SNI, certificate and grant.
pub(super) fn pools_and_sites(field: &Field) -> BTreeSet<Attribute> {
    mend(
        field,
        vec![
            vec![
                (
                    &["app_pool", "Kinds", "idle_timeout_minutes=20"],
                    "iis_app_pool/Kinds idle_timeout_minutes 20 -> 0 (drift)",
                    pool("idle_timeout_minutes", "0"),
                ),
                (
                    &["site", "Kinds", "state=stopped"],
                    "iis_site/Kinds state stopped until IIS starts again -> started (drift)",
                    altered("site", "Kinds", "state", "started"),
                ),
                (
                    &["site", "Kinds", "binding:http/*:1080:=absent"],
                    "iis_binding/Kinds/http/*:1080: exists (absent) -> true (drift)",
                    altered("site", "Kinds", "binding:http/*:1080:", "plain"),
                ),
                (
                    &["http_sys", RECORD, "certificate=F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0"],
                    "iis_binding/Kinds/https/*:1025:kinds.example certificate F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0 -> CN=kinds.example (drift)",
                    altered("http_sys", RECORD, "certificate", OWN),
                ),
                (
                    &["certificate", OWN, r"right:IIS APPPOOL\Kinds=absent"],
                    r"private_key_access/CN=kinds.example rights[IIS APPPOOL\Kinds] (absent) -> read (drift)",
                    altered("key", OWN, r"IIS APPPOOL\Kinds", "read"),
                ),
            ],
            vec![(
                &["site", "Kinds", "starts=false"],
                "iis_site/Kinds state started until IIS starts again -> started (drift)",
                altered("site", "Kinds", "state", "started"),
            )],
            vec![
                (
                    &["site", "Kinds", r"physical_path=D:\x"],
                    r"iis_site/Kinds physical_path D:\x -> C:\Kinds\web (drift)",
                    altered("site", "Kinds", "physical_path", r"C:\Kinds\web"),
                ),
                (
                    &["site", "Kinds", "binding:https/*:1025:kinds.example=plain"],
                    "iis_binding/Kinds/https/*:1025:kinds.example sni false -> true (drift)",
                    altered("site", "Kinds", &format!("binding:{HTTPS}"), "sni"),
                ),
            ],
            vec![(
                &["site", "Kinds", "app_pool=inherited"],
                "iis_site/Kinds app_pool DefaultAppPool -> Kinds (drift)",
                altered("site", "Kinds", "app_pool", "Kinds"),
            )],
            vec![(
                &["site", "Kinds", r"application:/api=C:\other", "application_pool:/api=Kinds"],
                r"iis_site/Kinds applications[/api] C:\other -> C:\Kinds\api (drift)",
                altered("site", "Kinds", "application:/api", r"C:\Kinds\api"),
            )],
            vec![(
                &["site", "Kinds", "application_pool:/api=DefaultAppPool"],
                "iis_site/Kinds application_pools[/api] DefaultAppPool -> Kinds (drift)",
                altered("site", "Kinds", "application_pool:/api", "Kinds"),
            )],
            vec![(
                &["site", "Kinds", "virtual_directory:/help=absent"],
                r"iis_site/Kinds virtual_directories[/help] (absent) -> C:\Kinds\help (drift)",
                altered("site", "Kinds", "virtual_directory:/help", r"C:\Kinds\help"),
            )],
            vec![(
                &["app_pool", "Kinds", "enable_32bit=true"],
                "iis_app_pool/Kinds enable_32bit true -> false (drift)",
                pool("enable_32bit", "false"),
            )],
            vec![(
                &["app_pool", "Kinds", "load_user_profile=false"],
                "iis_app_pool/Kinds load_user_profile false -> true (drift)",
                pool("load_user_profile", "true"),
            )],
            vec![(
                &["app_pool", "Kinds", "managed_runtime_version=v2.0"],
                "iis_app_pool/Kinds managed_runtime_version v2.0 -> v4.0 (drift)",
                pool("managed_runtime_version", "v4.0"),
            )],
        ],
    )
}

/// What is in a store is in that store alone: one that the whole computer trusts again says so by a second row, and a record of
/// HTTP.SYS that looks for its certificate in another store is drift, whatever the thumbprint.
pub(super) fn stores(field: &Field) {
    let twin = &field.agent.twin;
    let (root, ca, hosting) = (format!("root/{ROOT}"), format!("ca/{CA}"), format!("web_hosting/{OWN}"));
    let known = twin.ledger().len();
    twin.set(&["http_sys", HOSTED, "store=my"]);
    twin.set(&["certificate", &hosting, r"right:IIS APPPOOL\Kinds=absent"]);
    twin.set(&["certificate", &root, "absent"]);
    twin.set(&["certificate", &ca, "absent"]);
    let plan = field.approved_plan();
    assert_eq!(
        field.rows(plan),
        [
            &format!(
                "iis_binding/Kinds/https/*:1026:kinds.example certificate {OWN} -> web_hosting/CN=kinds.example (drift)"
            ),
            r"private_key_access/web_hosting/CN=kinds.example rights[IIS APPPOOL\Kinds] (absent) -> read (drift)",
            &format!("certificate/{root} exists (absent) -> true (drift)"),
            &format!(
                "certificate/{root} trusted_by (absent) -> the whole computer, with all that it signs (drift)"
            ),
            "certificate/ca/CN=Kinds CA exists (absent) -> true (drift)",
        ]
    );
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK);
    let effects = [
        altered("http_sys", HOSTED, "certificate", &hosting),
        altered("key", &hosting, r"IIS APPPOOL\Kinds", "read"),
        altered("certificate", &root, "added", r"C:\Kinds\root.cer"),
        altered("certificate", &ca, "added", r"C:\Kinds\ca.cer"),
    ];
    assert_eq!(twin.effects_after(known), effects);
    field.assert_in_sync();
}
