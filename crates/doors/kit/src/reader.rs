use http::{HeaderMap, header};
use types::Reader;

/// Says what the request reads for.
const READER: &str = "x-mlwright-run";

/// What a request reads for, so that the data is found again from the run that used it: the header `x-mlwright-run`,
/// or, of clients that set no headers, `mlwright-run-<id>` in `User-Agent` (AWS's put `AWS_SDK_UA_APP_ID` there).
pub fn reader(headers: &HeaderMap) -> Option<Reader> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let given = text(READER).and_then(|value| value.trim().parse().ok());
    given.or_else(|| {
        let clients = [header::USER_AGENT.as_str(), "x-amz-user-agent", "x-lakefs-client"];
        clients.into_iter().find_map(|name| Reader::in_text(text(name)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_comes_before_the_name_of_the_client() {
        let (run, step) = ("0".repeat(31) + "1", "0".repeat(31) + "2");
        let mut headers = HeaderMap::new();
        headers.insert(header::USER_AGENT, format!("aws-cli/2 app/mlwright-step-{step}").parse().unwrap());
        assert_eq!(reader(&headers).unwrap().node(), ("step_run", step));
        headers.insert(READER, run.parse().unwrap());
        assert_eq!(reader(&headers).unwrap().node(), ("run", run));
        assert_eq!(reader(&HeaderMap::new()), None);
    }
}
