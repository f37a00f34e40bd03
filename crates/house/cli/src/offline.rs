//! Questions that need no running server.

use crate::failure::Failure;
use crate::screen::say;
use crate::table::table;

pub async fn routes(options: server::Options) -> Result<(), Failure> {
    let routes = server::routes(&options).await?;
    let rows: Vec<Vec<String>> =
        routes.iter().map(|route| vec![route.door.to_owned(), route.path.clone()]).collect();
    say(table(&["door", "path"], &rows));
    Ok(())
}
