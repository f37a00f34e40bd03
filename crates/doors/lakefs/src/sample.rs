//! `sample_data`: what a new repository holds to try things with. lakeFS puts in a table of lakes, a picture and
//! texts; these are of the same names and kinds, and made here.

use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use columns::Table;
use futures::StreamExt as _;
use repositories::{Condition, NewCommit, Protection, Repository};
use types::Actor;

use crate::errors::Failure;
use crate::{State, upload};

/// `sampleRepoCommitMsg`.
const MESSAGE: &str = "Add sample data";
const LAKES: usize = 100_000;
/// As many as lakeFS has.
const PICTURES: u32 = 29;

/// Fills the default branch, commits, and protects it.
pub(crate) async fn fill(state: &State, actor: &Actor, repository: &Repository) -> Result<(), Failure> {
    let files = files(repository)?;
    for (path, content_type, bytes) in files {
        let body = futures::stream::once(async move { Ok(Bytes::from(bytes)) }).boxed();
        let received = state.repositories.receive(body, &[]).await?;
        let now = state.ledger.clock().now();
        let object = upload::object(received, Some(content_type.to_owned()), Default::default(), now);
        let (name, branch) = (&repository.name, &repository.default_branch);
        state.repositories.stage(actor, name, branch, &path, object, Condition::default()).await?;
    }
    let new = NewCommit { message: MESSAGE.to_owned(), ..NewCommit::default() };
    state.repositories.commit(actor, &repository.name, &repository.default_branch, new).await?;
    let rule = Protection { pattern: repository.default_branch.clone(), staging: true, commits: true };
    Ok(state.repositories.set_protections(actor, &repository.name, vec![rule]).await?)
}

/// Path, content type, content.
type File = (String, &'static str, Vec<u8>);

fn files(repository: &Repository) -> Result<Vec<File>, Failure> {
    let broken = |error: &dyn std::fmt::Display| {
        Failure::new(http::StatusCode::INTERNAL_SERVER_ERROR, format!("cannot make the sample data: {error}"))
    };
    let lakes = lakes().and_then(|table| table.to_parquet()).map_err(|error| broken(&error))?;
    let mut files: Vec<File> = vec![
        ("README.md".into(), "text/markdown", readme(repository).into_bytes()),
        ("data/lakes.source.md".into(), "text/markdown", SOURCE.into()),
        ("lakes.parquet".into(), "application/vnd.apache.parquet", lakes),
    ];
    for number in 1..=PICTURES {
        let picture = picture(number).map_err(|error| broken(&error))?;
        files.push((format!("images/depths-{number:02}.png"), "image/png", picture));
    }
    Ok(files)
}

const SOURCE: &str = "# Lakes\n\n`lakes.parquet` is made up: names and depths are drawn by a fixed generator, so that every \
    repository with sample data holds the same table.\n";

fn readme(repository: &Repository) -> String {
    let (name, branch) = (&repository.name, &repository.default_branch);
    format!(
        "# {name}\n\nSample data to try branches with.\n\n\
         - `lakes.parquet`: {LAKES} lakes with country and depth in metres\n\
         - `images/`: pictures\n\n\
         Make a branch, change the table there, look at the difference, and merge:\n\n\
         ```python\nimport lakefs\n\nrepo = lakefs.repository(\"{name}\")\n\
         branch = repo.branch(\"denmark\").create(source_reference=\"{branch}\")\n\
         branch.object(\"lakes.parquet\").upload(...)\n\
         branch.commit(\"Only Danish lakes\")\nprint(list(repo.branch(\"{branch}\").diff(branch)))\n\
         branch.merge_into(repo.branch(\"{branch}\"))\n```\n"
    )
}

/// The same numbers every time (Knuth's MMIX generator).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() as usize) % end
    }
}

fn lakes() -> Result<Table, columns::Error> {
    const COUNTRIES: [&str; 12] = [
        "Canada", "Finland", "Sweden", "Norway", "Denmark", "Germany", "Poland", "Japan", "Chile", "Kenya",
        "Italy", "Mexico",
    ];
    const FIRST: [&str; 8] = ["Great", "Little", "Blue", "Long", "Upper", "Lower", "Stone", "Silver"];
    const SECOND: [&str; 8] = ["Trout", "Pine", "Heron", "Moon", "Bear", "Reed", "Glacier", "Birch"];
    let mut numbers = Numbers(0x1a4e5);
    let (mut ids, mut names, mut countries, mut depths) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for id in 1..=LAKES {
        ids.push(id as i64);
        names.push(format!("{} {} Lake", FIRST[numbers.below(8)], SECOND[numbers.below(8)]));
        countries.push(COUNTRIES[numbers.below(12)].to_owned());
        // Most lakes are shallow.
        let share = numbers.next() as f64 / f64::from(1u32 << 31);
        depths.push(0.5 + 180.0 * share * share * share);
    }
    Table::new(vec![
        ("Hylak_id".to_owned(), Arc::new(arrow::array::Int64Array::from(ids)) as arrow::array::ArrayRef),
        ("Lake_name".to_owned(), Arc::new(arrow::array::StringArray::from(names))),
        ("Country".to_owned(), Arc::new(arrow::array::StringArray::from(countries))),
        ("Depth_m".to_owned(), Arc::new(arrow::array::Float64Array::from(depths))),
    ])
}

/// A picture of 96 × 64 grey pixels that get darker below a surface; `number` moves the waves.
fn picture(number: u32) -> std::io::Result<Vec<u8>> {
    const WIDTH: u32 = 96;
    const HEIGHT: u32 = 64;
    let mut rows = Vec::new();
    for y in 0..HEIGHT {
        // No filter.
        rows.push(0);
        for x in 0..WIDTH {
            let wave = f64::from(x) / 9.0 + f64::from(number);
            let surface = 20.0 + 6.0 * wave.sin();
            rows.push(if f64::from(y) < surface { 235 } else { 200 - (y * 2) as u8 });
        }
    }
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    zlib.write_all(&rows)?;
    let mut header = Vec::new();
    header.extend_from_slice(&WIDTH.to_be_bytes());
    header.extend_from_slice(&HEIGHT.to_be_bytes());
    // 8 bits of grey, the one compression, the one filter method, not interlaced.
    header.extend_from_slice(&[8, 0, 0, 0, 0]);
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [(b"IHDR", header), (b"IDAT", zlib.finish()?), (b"IEND", Vec::new())] {
        let mut sum = flate2::Crc::new();
        sum.update(kind);
        sum.update(&data);
        png.extend_from_slice(&(data.len() as u32).to_be_bytes());
        png.extend_from_slice(kind);
        png.extend_from_slice(&data);
        png.extend_from_slice(&sum.sum().to_be_bytes());
    }
    Ok(png)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_big_enough_to_be_worth_a_branch_and_the_picture_is_one() {
        let table = lakes().unwrap();
        assert_eq!(table.rows(), LAKES);
        assert!(table.to_parquet().unwrap().len() > 512 << 10);
        let png = picture(1).unwrap();
        assert!(png.starts_with(b"\x89PNG") && png.ends_with(&[0xae, 0x42, 0x60, 0x82]), "the sum of IEND");
    }
}
