use mlwright_serving as serving;
use runtimes::TensorData;
use serving::{Combine, Deploy, Error, Graph, Member, NewVariant, Step};
use types::Uid;

use crate::house::{COMPONENTS, House, rows};

fn member(model: &str, version: i64, model_version: Uid, weight: f64) -> Member {
    Member { model: model.into(), version, model_version, weight }
}

fn ensemble(combine: Combine, one: Uid, two: Uid, weights: [f64; 2]) -> Graph {
    let members = vec![member("cancer", 1, one, weights[0]), member("cancer", 2, two, weights[1])];
    Graph(vec![Step { combine: Some(combine), members }])
}

async fn deploy(house: &House, endpoint: &str, graph: Graph) -> Result<serving::Revision, Error> {
    let main = graph.main().unwrap().model_version;
    let variant = NewVariant { graph: Some(graph), ..NewVariant::new(main, 1.0) };
    let deploy = Deploy { endpoint: endpoint.into(), variants: vec![variant], causes: Vec::new() };
    house.serving.deploy(&house.actor, deploy).await
}

fn numbers(answer: &serving::Answer, name: &str) -> Vec<f64> {
    let found = answer.outputs.iter().find(|o| o.name == name).unwrap();
    found.data.to_f64().unwrap()
}

ledger::db_test! {
    components: COMPONENTS;

    async fn an_ensemble_answers_with_the_mean_or_the_vote_and_is_back_after_a_restart(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        let one = house.version("cancer", "cancer_logreg.onnx").await;
        let two = house.version("cancer", "cancer_logreg_2.onnx").await;
        for (endpoint, version) in [("one", one), ("two", two)] {
            house.deploy(endpoint, &[(version, 1.0)]).await.unwrap();
        }
        let (a, b) = (house.ask("one").await.unwrap(), house.ask("two").await.unwrap());
        let (pa, pb) = (numbers(&a, "probabilities"), numbers(&b, "probabilities"));
        let revision = deploy(&house, "e", ensemble(Combine::Weighted, one, two, [1.0, 3.0])).await.unwrap();
        assert_eq!(revision.variants[0].name, "graph");
        let blended = house.ask("e").await.unwrap();
        let expected: Vec<f64> =
            pa.iter().zip(&pb).map(|(x, y)| f64::from(((x + 3.0 * y) / 4.0) as f32)).collect();
        assert_eq!(numbers(&blended, "probabilities"), expected);
        assert_eq!(blended.outputs.len(), 1, "a mean of labels makes no sense");
        assert_eq!(blended.version, 1, "the first member of the last step stands for the graph");
        deploy(&house, "vote", ensemble(Combine::Vote, one, two, [1.0, 2.0])).await.unwrap();
        let voted = house.ask("vote").await.unwrap();
        assert_eq!(voted.outputs[0].data, b.outputs.iter().find(|o| o.name == voted.outputs[0].name).unwrap().data);

        let again = crate::house::start(&house.ledger, &house.blobs, &house.log).await;
        assert_eq!(again.get(&house.actor, "e").unwrap().revision, revision);
        assert_eq!(again.get(&house.actor, "e").unwrap().runtimes[0].engine, "graph");
        let graph = house
            .ledger
            .lineage(house.actor.workspace, "endpoint_revision", &revision.uid.hex(), ledger::Direction::Causes, 1)
            .await
            .unwrap();
        assert_eq!(graph.nodes.iter().filter(|n| n.kind == "model_version").count(), 2);
    }

    async fn a_graph_that_does_not_fit_is_refused_and_the_old_revision_serves(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        let one = house.version("cancer", "cancer_logreg.onnx").await;
        let iris = house.version("iris", "iris_forest.onnx").await;
        house.deploy("e", &[(one, 1.0)]).await.unwrap();
        let step = |model: &str, version: Uid| Step { combine: None, members: vec![member(model, 1, version, 1.0)] };
        let chain = Graph(vec![step("cancer", one), step("iris", iris)]);
        let error = deploy(&house, "e", chain).await.unwrap_err();
        assert!(matches!(error, Error::BadVariants { .. }), "{error}");
        assert!(error.to_string().contains("step 2, iris 1: it takes `X`"), "{error}");
        let odd = ensemble(Combine::Mean, one, iris, [1.0, 1.0]);
        let error = deploy(&house, "e", odd).await.unwrap_err();
        assert!(error.to_string().contains("step 1, iris 1: it takes `X` (float32 [any, 4])"), "{error}");
        assert_eq!(house.serving.get(&house.actor, "e").unwrap().revision.number, 1);
        let answer = house.ask_with("e", None, None, rows(2)).await.unwrap();
        assert!(answer.outputs.iter().any(|o| matches!(o.data, TensorData::F32(_))));
    }
}
