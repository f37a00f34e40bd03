//! Who may depend on whom.

use super::Breach;
use super::tree::{Kind, Package, Tree};

const FLOORS: [&str; 4] = ["ground", "stages", "doors", "house"];

/// The lifecycle. A stage may use the stages before it.
const STAGES: [&str; 21] = [
    "repositories",
    "tables",
    "datasets",
    "curation",
    "features",
    "tracking",
    "traces",
    "models",
    "tuning",
    "pipelines",
    "packages",
    "predictions",
    "evaluation",
    "reports",
    "review",
    "serving",
    "gateway",
    "monitoring",
    "governance",
    "automation",
    "webhooks",
];

/// Library (or prefix with `*`), the crates that may depend on it, and why. Tests may use the starred owners' too.
const OWNERS: &[(&str, &[&str], &str)] = &[
    (
        "rusqlite",
        &["ground/ledger", "house/importer"],
        "only the ledger knows a database (and the importer other programs' ones): use ledger::write, record or read",
    ),
    (
        "postgres",
        &["ground/ledger", "house/importer"],
        "only the ledger knows a database (and the importer other programs' ones): use ledger::write, record or read",
    ),
    (
        "tokio-postgres",
        &["ground/ledger"],
        "only the ledger knows a database: use ledger::write, record or read",
    ),
    ("deadpool*", &["ground/ledger"], "only the ledger knows a database: use ledger::write, record or read"),
    (
        "reqwest",
        &["ground/outbound"],
        "only outbound opens a connection to somewhere else: use outbound::Client",
    ),
    ("ort", &["ground/runtimes"], "only runtimes runs a model: use runtimes::Runtime"),
    ("object_store", &["ground/blobs"], "only blobs knows where objects are kept: use blobs::Blobs"),
    ("ring", &["ground/vault"], "only vault knows ciphers: use vault::Vault"),
    ("datafusion*", &["ground/query"], "only query reaches DataFusion: use its trait"),
];

/// Libraries that know HTTP or a wire format: not below the doors.
const WIRE: &[&str] = &["axum", "axum-extra", "tower-http", "hyper", "hyper-util", "tonic", "utoipa"];

fn floor(package: &Package) -> Option<usize> {
    let (floor, _) = package.floor_and_name()?;
    FLOORS.iter().position(|known| *known == floor)
}

/// Every dependency of `package` on another crate of the workspace.
fn inside<'a>(tree: &'a Tree, package: &'a Package) -> impl Iterator<Item = &'a Package> {
    let found = |name: &str| tree.packages.iter().find(|other| other.name == name);
    package.dependencies.iter().filter_map(move |dependency| found(&dependency.name))
}

pub fn floors(tree: &Tree) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for package in tree.packages.iter().filter(|package| package.folder != "xtask") {
        let Some(own) = floor(package) else {
            let hint = "crates live in crates/{ground,stages,doors,house}/<name>";
            breaches.push(Breach::new(&package.folder, format!("{} stands on no floor", package.name), hint));
            continue;
        };
        for other in inside(tree, package) {
            if floor(other).is_none_or(|theirs| theirs > own) {
                breaches.push(Breach::new(
                    format!("{}/Cargo.toml", package.folder),
                    format!("{} depends on {}, which is above it", package.name, other.name),
                    "dependencies point down: house > doors > stages > ground; send what flows back through events or a port",
                ));
            }
        }
    }
    breaches
}

pub fn stages(tree: &Tree) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let order = |package: &Package| {
        let (floor, name) = package.floor_and_name()?;
        (floor == "stages").then(|| STAGES.iter().position(|stage| *stage == name))
    };
    for package in &tree.packages {
        let Some(own) = order(package) else { continue };
        let Some(own) = own else {
            let hint = "give it its place in the lifecycle: STAGES in xtask/src/tidy/dependencies.rs";
            breaches.push(Breach::new(
                &package.folder,
                format!("{} is an unknown stage", package.name),
                hint,
            ));
            continue;
        };
        for other in inside(tree, package) {
            if let Some(Some(theirs)) = order(other)
                && theirs >= own
            {
                breaches.push(Breach::new(
                    format!("{}/Cargo.toml", package.folder),
                    format!("stage {} depends on the later stage {}", package.name, other.name),
                    "append an event that the later stage reads, or define a port here that house fills",
                ));
            }
        }
    }
    breaches
}

pub fn doors(tree: &Tree) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let door = |package: &Package| package.folder.strip_prefix("crates/doors/").map(str::to_owned);
    for package in &tree.packages {
        let Some(own) = door(package) else { continue };
        for other in inside(tree, package) {
            let Some(theirs) = door(other) else { continue };
            let shared = theirs == "kit" || theirs.starts_with("wire-");
            if !shared || own == "kit" {
                breaches.push(Breach::new(
                    format!("{}/Cargo.toml", package.folder),
                    format!("door {own} uses door {theirs}"),
                    "doors share nothing but kit and wire-*; move what both need into a stage or a wire-* crate",
                ));
            }
        }
    }
    breaches
}

pub fn owners(tree: &Tree) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for package in &tree.packages {
        let place = format!("{}/Cargo.toml", package.folder);
        let own = package.folder.strip_prefix("crates/").unwrap_or(&package.folder);
        if own == "xtask" && !package.dependencies.is_empty() {
            let hint = "xtask depends on the standard library only, so that it starts at once";
            breaches.push(Breach::new(place, "xtask has dependencies", hint));
            continue;
        }
        for dependency in package.dependencies.iter().filter(|d| d.kind != Kind::Dev) {
            let name = dependency.name.as_str();
            let matches = |pattern: &str| match pattern.strip_suffix('*') {
                Some(prefix) => name.starts_with(prefix),
                None => name == pattern,
            };
            for (pattern, allowed, hint) in OWNERS {
                if matches(pattern) && !allowed.contains(&own) {
                    breaches.push(Breach::new(&place, format!("{} depends on {name}", package.name), hint));
                }
            }
            if WIRE.contains(&name) && floor(package).is_some_and(|floor| floor < 2) {
                let hint = "stages and ground never know HTTP or wire formats: convert in the door";
                breaches.push(Breach::new(&place, format!("{} depends on {name}", package.name), hint));
            }
        }
    }
    breaches
}

#[cfg(test)]
mod tests {
    use super::super::sample::{house, package, with};
    use super::*;

    fn changed(folder: &str, dependencies: &[&str]) -> Tree {
        let mut packages = house();
        packages.retain(|p| p.folder != folder);
        packages.push(package(folder, dependencies));
        with(packages)
    }

    #[test]
    fn a_house_in_order_passes() {
        let tree = with(house());
        for check in [floors, stages, doors, owners] {
            assert_eq!(check(&tree), vec![]);
        }
    }

    #[test]
    fn a_stage_that_imports_a_later_one_fails() {
        let breaches = stages(&changed("crates/stages/tracking", &["mlwright-models"]));
        assert_eq!(breaches.len(), 1, "{breaches:?}");
        assert_eq!(breaches[0].what, "stage mlwright-tracking depends on the later stage mlwright-models");
    }

    #[test]
    fn a_stage_that_imports_a_later_one_in_its_tests_fails() {
        assert_eq!(stages(&changed("crates/stages/tracking", &["dev:mlwright-models"])).len(), 1);
    }

    #[test]
    fn a_stage_outside_the_lifecycle_fails() {
        assert_eq!(stages(&changed("crates/stages/magic", &[])).len(), 1);
    }

    #[test]
    fn a_door_that_uses_another_fails() {
        let breaches = doors(&changed("crates/doors/oip", &["mlwright-kit", "mlwright-door-mlflow"]));
        assert_eq!(breaches.len(), 1, "{breaches:?}");
        assert_eq!(breaches[0].what, "door oip uses door mlflow");
    }

    #[test]
    fn ground_that_imports_a_stage_fails() {
        assert_eq!(floors(&changed("crates/ground/ledger", &["mlwright-datasets"])).len(), 1);
    }

    #[test]
    fn a_stage_that_imports_a_door_fails() {
        assert_eq!(floors(&changed("crates/stages/models", &["mlwright-door-mlflow"])).len(), 1);
    }

    #[test]
    fn a_crate_on_no_floor_fails() {
        assert_eq!(floors(&changed("crates/attic", &[])).len(), 1);
    }

    #[test]
    fn a_library_outside_its_owner_fails_unless_a_test_needs_it() {
        for library in ["rusqlite", "postgres", "reqwest", "ort", "object_store", "datafusion-common"] {
            assert_eq!(owners(&changed("crates/stages/models", &[library])).len(), 1, "{library}");
            assert_eq!(owners(&changed("crates/stages/models", &[&format!("dev:{library}")])).len(), 0);
        }
    }

    #[test]
    fn http_below_the_doors_fails() {
        assert_eq!(owners(&changed("crates/stages/models", &["axum"])).len(), 1);
        assert_eq!(owners(&changed("crates/ground/types", &["utoipa"])).len(), 1);
        assert_eq!(owners(&changed("crates/doors/oip", &["axum"])).len(), 0);
    }

    #[test]
    fn xtask_with_a_dependency_fails() {
        assert_eq!(owners(&changed("xtask", &["serde"])).len(), 1);
    }
}
